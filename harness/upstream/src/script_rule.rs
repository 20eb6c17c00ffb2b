//! An entry of the script, made ready: which requests it takes, and what it does with them.

use std::sync::atomic::{AtomicU32, Ordering};

use record::NameId;
use scenario::{Condition, ConnectionFate, Deed, Reply, ScriptEntry, Share};

use crate::asked::Asked;
use crate::deed::DeedRule;
use crate::draw::Purpose;
use crate::preparation::Preparation;
use crate::questions::{Questions, asks_for_path};

/// An entry of the script.
#[derive(Debug)]
pub(crate) struct ScriptRule {
    pub(crate) name: NameId,
    pub(crate) deed: DeedRule,
    /// Whether it asks for the path or the method.
    pub(crate) by_path: bool,
    when: Option<Condition>,
    only: Only,
    /// How many requests have come to it.
    came: AtomicU32,
}

/// Which of the requests that come to an entry it takes.
#[derive(Clone, Copy, Debug)]
enum Only {
    All,
    First(u32),
    Every(u32),
    /// A share of them. Which ones depends on the seed, the upstream, the entry's number that is given here, the key and how
    /// often that was used: however many connections there are, the same uses of a key are taken.
    Chance(Share, u32),
}

impl ScriptRule {
    /// An entry, made ready. `normal` is what the upstream replies otherwise.
    ///
    /// # Errors
    /// What cannot be done as the scenario says, in words.
    pub(crate) fn new(
        entry: &ScriptEntry,
        normal: &Reply,
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        let name = &entry.name.value;
        if entry.deed() == Some(Deed::Connection(ConnectionFate::Refuse)) {
            return Err(format!(
                "`script: {name}` cannot have `connection: refuse`, since a request that the script sees has been let in: \
                 write it under `timeline:`, or write `connection: reset`"
            ));
        }
        Ok(Self {
            name: preparation.names.id(name),
            by_path: asks_for_path(entry.when.as_ref()),
            when: entry.when.clone(),
            only: match (entry.first, entry.every, entry.once, entry.chance) {
                (Some(first), ..) => Only::First(first),
                (None, Some(every), ..) => Only::Every(every.max(1)),
                (None, None, true, _) => Only::First(1),
                (None, None, false, Some(chance)) => {
                    Only::Chance(chance, (preparation.seed_of(name) >> 32) as u32)
                }
                (None, None, false, None) => Only::All,
            },
            came: AtomicU32::new(0),
            deed: DeedRule::new(entry.deed(), (name, normal), preparation)?,
        })
    }

    /// Whether it decides about a request. Only what counts uses up its room, so that a look at the list of models does not.
    pub(crate) fn takes(&self, asked: &Asked<'_>, questions: &Questions, counts: bool) -> bool {
        if !questions.met(self.when.as_ref(), asked) {
            return false;
        }
        let number = || counts.then(|| self.came.fetch_add(1, Ordering::Relaxed).saturating_add(1));
        match self.only {
            Only::All => true,
            Only::First(first) => {
                // Without the look beforehand the count would come round in a long run.
                self.came.load(Ordering::Relaxed) < first && number().is_some_and(|number| number <= first)
            }
            Only::Every(every) => number().is_some_and(|number| number.is_multiple_of(every)),
            Only::Chance(share, entry) => {
                let draws = asked.seat.draws(asked.key.number);
                counts && draws.happens(Purpose::Chance, entry.into(), share)
            }
        }
    }
}
