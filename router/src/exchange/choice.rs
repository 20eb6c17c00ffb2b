//! Which key an attempt is made with.

use tokio::time::Instant;

use super::Walk;
use crate::growth::{Prediction, grows_to_the_limit};
use crate::pool::{Choosing, KeyIndex, Pool, Strategy};

/// Decides on the key of the next attempt.
pub(crate) trait KeyChoice: Send + Sync {
    /// How keys are spread, as the settings say or otherwise.
    fn strategy(&self, set: Strategy) -> Strategy {
        set
    }

    /// Whether the limits of the settings are kept.
    fn heeds_limits(&self) -> bool {
        true
    }

    /// Whether other keys are preferred to one of which little is left.
    fn heeds_headroom(&self) -> bool {
        true
    }

    /// What tells that the use of a key grows towards its limit.
    fn prediction(&self) -> Prediction {
        grows_to_the_limit
    }

    /// Whether a session stays at its key.
    fn heeds_sessions(&self) -> bool {
        true
    }

    /// The next key of this walk, or nothing when no attempt should be made. Called with the pool locked, so it must
    /// not wait.
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick>;
}

/// A chosen key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    /// Not tried yet in this exchange. Moving to it costs no retry.
    Fresh(KeyIndex),
    /// Tried before and not refused, so it is worth a retry.
    Repeat(KeyIndex),
}

/// The sound choice: open keys in turn, untried ones first, never one that was refused in this exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenKeysInTurn;

impl KeyChoice for OpenKeysInTurn {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        if let Some(key) = pool.next_open(now, how, |key| walk.has_tried(key)) {
            return Some(Pick::Fresh(key));
        }
        pool.next_open(now, how, |key| walk.was_refused(key)).map(Pick::Repeat)
    }
}
