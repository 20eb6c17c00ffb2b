//! Replies of the scenario that could not be made: a mistake of the scenario, which no verdict on a target may follow from.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The mistakes of a trial, each told once. Copies share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mistakes(Arc<Mutex<BTreeSet<String>>>);

/// So many are kept: whoever mends these sees the others in the next run.
const MOST: usize = 20;

/// How much of one is kept.
const LONGEST: usize = 500;

impl Mistakes {
    /// Takes one in, if it is new and there is room.
    pub(crate) fn tell(&self, mistake: &str) {
        let mut told = self.told();
        if told.len() < MOST {
            told.insert(mistake[..mistake.floor_char_boundary(LONGEST)].to_owned());
        }
    }

    /// All that have been told so far, in the order of the alphabet.
    pub(crate) fn all(&self) -> Vec<String> {
        self.told().iter().cloned().collect()
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_told_once_and_there_is_an_end_to_them() {
        let mistakes = Mistakes::default();
        for text in ["b", "a", "b"] {
            mistakes.clone().tell(text);
        }
        assert_eq!(mistakes.all(), ["a", "b"]);
        for number in 0..100 {
            mistakes.tell(&format!("{number}{}", "é".repeat(1_000)));
        }
        assert_eq!(mistakes.all().len(), MOST);
        assert!(mistakes.all().iter().all(|text| text.len() <= LONGEST));
    }
}
