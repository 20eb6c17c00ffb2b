//! Faults in the choice of keys.

use std::time::Duration;

use tokio::time::Instant;

use crate::exchange::{KeyChoice, OpenKeysInTurn, Pick, Walk};
use crate::pool::{Choosing, Pool, Strategy};

/// Stays with a key that has just been refused.
pub(super) struct LimitedKeyAgain;

impl KeyChoice for LimitedKeyAgain {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        match walk.last_refused() {
            Some(key) => Some(Pick::Repeat(key)),
            None => OpenKeysInTurn.choose(pool, walk, how, now),
        }
    }
}

/// Takes a key that the operator disabled, when others have failed.
pub(super) struct DisabledKeysOnceBegun;

impl KeyChoice for DisabledKeysOnceBegun {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        let disabled = || pool.next_disabled(|key| walk.has_tried(key)).map(Pick::Fresh);
        let again = if walk.has_begun() { disabled() } else { None };
        again.or_else(|| OpenKeysInTurn.choose(pool, walk, how, now))
    }
}

/// Looks at cooldowns for the first attempt of an exchange only, as a loop over a list of keys taken once does.
pub(super) struct EveryKeyOnceBegun;

impl KeyChoice for EveryKeyOnceBegun {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        let sound = OpenKeysInTurn.choose(pool, walk, how, now);
        if walk.has_begun() && !matches!(sound, Some(Pick::Fresh(_))) {
            return pool.next_enabled(|key| walk.has_tried(key)).map(Pick::Fresh).or(sound);
        }
        sound
    }
}

/// Tries so many keys and no more.
pub(super) struct FewKeys;

const FEW: usize = 3;

impl KeyChoice for FewKeys {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        if walk.count_tried() < FEW { OpenKeysInTurn.choose(pool, walk, how, now) } else { None }
    }
}

/// Takes keys one after the other, whatever their weights.
pub(super) struct NoWeights;

impl KeyChoice for NoWeights {
    fn strategy(&self, _set: Strategy) -> Strategy {
        Strategy::RoundRobin
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Uses keys as much as it likes, whatever the settings say.
pub(super) struct NoLimits;

impl KeyChoice for NoLimits {
    fn heeds_limits(&self) -> bool {
        false
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Takes the first key for the least busy one.
pub(super) struct FirstIsIdle;

impl KeyChoice for FirstIsIdle {
    fn strategy(&self, set: Strategy) -> Strategy {
        if set == Strategy::LeastBusy { Strategy::InOrder } else { set }
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Uses a key to its last, whatever the provider says of what is left.
pub(super) struct NoHeadroom;

impl KeyChoice for NoHeadroom {
    fn heeds_headroom(&self) -> bool {
        false
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Takes the next key for every request of a session.
pub(super) struct NoSessions;

impl KeyChoice for NoSessions {
    fn heeds_sessions(&self) -> bool {
        false
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Chooses slowly, one request after the other.
pub(super) struct SlowChoice;

impl KeyChoice for SlowChoice {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        // Blocks on purpose, as a look-up in a database in the middle of a request does.
        std::thread::sleep(Duration::from_millis(20));
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}
