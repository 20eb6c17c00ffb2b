//! Faults in the choice of keys.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Defect;
use super::retries::RetryOnLimitedKey;
use crate::exchange::{KeyChoice, OpenKeysInTurn, Pick, Walk};
use crate::policy::Policies;
use crate::pool::{Choosing, Pool, Strategy};

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "retries-the-same-key",
        about: "after a 429 the rate-limited key was tried again until the retries were used up, \
                although other keys were untried, and the 429 went to the client",
        cites: "maximhq/bifrost#2654, bestruirui/octopus#245",
        switch_on: |sound| Policies {
            choice: Box::new(LimitedKeyAgain),
            retry: Box::new(RetryOnLimitedKey),
            ..sound
        },
    },
    Defect {
        name: "gives-up-after-three-keys",
        about: "a request was given up after a fixed number of keys, although an untried one worked",
        cites: "maximhq/bifrost#5876",
        switch_on: |sound| Policies { choice: Box::new(FewKeys), ..sound },
    },
    Defect {
        name: "ignores-weights",
        about: "the weights of the settings were read and not used, so that all keys got the same \
                share",
        cites: "BerriAI/litellm#33329",
        switch_on: |sound| Policies { choice: Box::new(NoWeights), ..sound },
    },
    Defect {
        name: "looks-up-keys-slowly",
        about: "each request looked its key up in a slow store, one request after the other",
        cites: "BerriAI/litellm#13541",
        switch_on: |sound| Policies { choice: Box::new(SlowChoice), ..sound },
    },
    Defect {
        name: "retries-on-disabled-keys",
        about: "a key that the operator had disabled was still taken when a request was tried again",
        cites: "QuantumNous/new-api#2899",
        switch_on: |sound| Policies { choice: Box::new(DisabledKeysOnceBegun), ..sound },
    },
    Defect {
        name: "disregards-limits",
        about: "the limits that the settings give each key were read and not kept",
        cites: "BerriAI/litellm#10555, BerriAI/litellm#6288",
        switch_on: |sound| Policies { choice: Box::new(NoLimits), ..sound },
    },
    Defect {
        name: "forgets-sessions",
        about: "requests of one session were spread over all keys like any others",
        cites: "maximhq/bifrost#2654",
        switch_on: |sound| Policies { choice: Box::new(NoSessions), ..sound },
    },
    Defect {
        name: "uses-keys-to-their-last",
        about: "what the provider said was left of a key was not looked at, so that it was used until it \
                answered 429, although others had more",
        cites: "diegosouzapw/OmniRoute#4907",
        switch_on: |sound| Policies { choice: Box::new(NoHeadroom), ..sound },
    },
    Defect {
        name: "takes-the-first-key-for-idle",
        about: "the strategy that prefers who is idle went on loading the first one",
        cites: "BerriAI/litellm#37622, BerriAI/litellm#1273",
        switch_on: |sound| Policies { choice: Box::new(FirstIsIdle), ..sound },
    },
    Defect {
        name: "always-begins-with-the-first-key",
        about: "every request was given to the first key that was open, and the others stood idle",
        cites: "BerriAI/litellm#1273, BerriAI/litellm#37622",
        switch_on: |sound| Policies { choice: Box::new(FirstInLine), ..sound },
    },
    Defect {
        name: "looks-through-all-keys",
        about: "each choice looked at every key, so that many keys made every request slow",
        cites: "BerriAI/litellm#873, BerriAI/litellm#20502",
        switch_on: |sound| Policies { choice: Box::new(LooksThroughAll), ..sound },
    },
    Defect {
        name: "remembers-every-request",
        about: "each request was kept in a list that the next one was looked up in, so that the router \
                became slower the longer it ran",
        cites: "BerriAI/litellm#1360",
        switch_on: |sound| Policies { choice: Box::new(RemembersAll::default()), ..sound },
    },
];

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

/// Takes keys in their order, whatever the settings say.
pub(super) struct FirstInLine;

impl KeyChoice for FirstInLine {
    fn strategy(&self, _set: Strategy) -> Strategy {
        Strategy::InOrder
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Looks at each key, and takes its time for it.
pub(super) struct LooksThroughAll;

impl KeyChoice for LooksThroughAll {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        let looked_at = Cell::new(0);
        pool.next_enabled(|_| {
            looked_at.update(|keys| keys + 1);
            true
        });
        std::thread::sleep(Duration::from_micros(60) * looked_at.get());
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Looks through all requests that there ever were.
#[derive(Default)]
pub(super) struct RemembersAll(AtomicU32);

impl KeyChoice for RemembersAll {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        let earlier = self.0.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(2) * earlier);
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}
