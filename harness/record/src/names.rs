//! Names that rows refer to by number: upstreams, keys, script entries, traffic, models, error codes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::fact::{Fact, FactSender};

/// A name's number within one trial's evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameId(pub u16);

impl NameId {
    /// Stands in a row where there is no name.
    pub const NONE: Self = Self(u16::MAX);

    /// Whether there is a name at all.
    #[must_use]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }
}

/// Gives names their numbers and writes each new one into the evidence, before any row can refer to it.
///
/// Names are few and are asked for while things are set up, so a lock is no cost; a hot path keeps the numbers it got.
#[derive(Clone, Debug)]
pub struct NameTable {
    known: Arc<Mutex<HashMap<String, NameId>>>,
    facts: FactSender,
}

impl NameTable {
    /// An empty table that announces its names to `facts`.
    #[must_use]
    pub fn new(facts: FactSender) -> Self {
        Self { known: Arc::default(), facts }
    }

    /// The number of a name. A trial with more than 65,535 different names gets [`NameId::NONE`] for the rest.
    #[must_use]
    pub fn id(&self, text: &str) -> NameId {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = known.get(text) {
            return *id;
        }
        let id = match u16::try_from(known.len()) {
            Ok(number) if number < u16::MAX => NameId(number),
            _ => return NameId::NONE,
        };
        self.facts.send(Fact::Entry(Box::new(Entry::Name { id, text: text.to_owned() })));
        known.insert(text.to_owned(), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::fact_channel;

    #[test]
    fn a_name_keeps_its_number_and_is_announced_once() {
        let (sender, facts) = fact_channel();
        let names = NameTable::new(sender);
        let first = names.id("first");
        assert_ne!(first, names.id("second"));
        assert_eq!(first, names.id("first"));
        drop(names);
        assert_eq!(facts.iter().count(), 2);
    }
}
