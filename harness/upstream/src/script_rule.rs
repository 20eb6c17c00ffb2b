//! An entry of the script, made ready: which requests it takes, and what it does with them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use record::NameId;
use scenario::{Axes, Axis, Condition, ConnectionFate, Deed, Reply, ScriptEntry, Share};

use crate::asked::Asked;
use crate::deed::DeedRule;
use crate::draw::place_number;
use crate::preparation::Preparation;
use crate::questions::{Questions, asks_for_path};

/// An entry of the script.
#[derive(Debug)]
pub(crate) struct ScriptRule {
    pub(crate) name: NameId,
    pub(crate) deed: DeedRule,
    /// Whether it asks for the path or the method.
    pub(crate) by_path: bool,
    /// Whether a service does what it was asked all the same.
    pub(crate) takes_effect: bool,
    pub(crate) when: Option<Condition>,
    only: Only,
    came: Came,
}

/// Which of the requests that come to an entry it takes.
#[derive(Clone, Copy, Debug)]
enum Only {
    All,
    First(u32),
    Every(u32),
    /// A share of them. Which ones depends on the seed, the upstream, the entry, the key and the request's ordinal there.
    Chance(Share, u32),
}

/// How many requests have come to an entry.
#[derive(Debug)]
enum Came {
    InAll(AtomicU32),
    /// By what is counted by itself.
    By(Axes, Mutex<HashMap<(NameId, String), u32>>),
}

/// So many counts are kept. What comes beyond them is counted together, so that no caller fills the memory with models.
const MOST_COUNTS: usize = 10_000;

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
            takes_effect: entry.takes_effect,
            when: entry.when.clone(),
            only: match (entry.first, entry.every, entry.once, entry.chance) {
                (Some(first), ..) => Only::First(first),
                (None, Some(every), ..) => Only::Every(every.max(1)),
                (None, None, true, _) => Only::First(1),
                (None, None, false, Some(chance)) => Only::Chance(chance, place_number(name)),
                (None, None, false, None) => Only::All,
            },
            came: Came::new(&entry.per),
            deed: DeedRule::new(entry.deed(), (name, normal), preparation)?,
        })
    }

    /// Whether it decides about a request. Only what counts uses up its room, so that a look at the list of models does not.
    pub(crate) fn takes(&self, asked: &Asked<'_>, questions: &Questions, counts: bool) -> bool {
        if !questions.met(self.when.as_ref(), asked) {
            return false;
        }
        match self.only {
            Only::All => true,
            Only::First(first) => counts && self.came.number(asked, Some(first)) <= first,
            Only::Every(every) => counts && self.came.number(asked, None).is_multiple_of(every),
            Only::Chance(share, place) => counts && asked.draws().happens_at(place, share),
        }
    }
}

impl ScriptRule {
    /// Why it does not take a request that meets its condition.
    pub(crate) fn room(&self) -> &'static str {
        match self.only {
            Only::First(_) => "it had taken as many requests as it takes",
            Only::Every(_) => "it takes only every so-manieth of the requests that it is for",
            Only::Chance(..) => "chance let the request pass",
            Only::All => "it is for requests to a model",
        }
    }
}

impl Came {
    fn new(per: &Axes) -> Self {
        if per.0.is_empty() {
            Self::InAll(AtomicU32::new(0))
        } else {
            Self::By(per.clone(), Mutex::default())
        }
    }

    /// The number of a request, which is thereby counted. Beyond `enough` nothing is counted in all, or the count would come
    /// round in a long run.
    fn number(&self, asked: &Asked<'_>, enough: Option<u32>) -> u32 {
        match self {
            Self::InAll(came) => {
                if let Some(enough) = enough
                    && came.load(Ordering::Relaxed) >= enough
                {
                    return u32::MAX;
                }
                came.fetch_add(1, Ordering::Relaxed).saturating_add(1)
            }
            Self::By(per, counts) => {
                let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                let mut place = (NameId::NONE, String::new());
                for axis in &per.0 {
                    match axis {
                        Axis::Key => place.0 = asked.seat.name,
                        Axis::Model => {
                            place.1 = asked.chat.map(|chat| chat.model.to_string()).unwrap_or_default();
                        }
                    }
                }
                if counts.len() >= MOST_COUNTS && !counts.contains_key(&place) {
                    place = (NameId::NONE, String::new());
                }
                let count = counts.entry(place).or_insert(0);
                *count = count.saturating_add(1);
                *count
            }
        }
    }
}
