//! Faults in the choice of keys, in cooldowns and in retries.

use std::time::Duration;

use tokio::time::Instant;

use crate::exchange::{
    BackoffSettings, KeyChoice, Next, OpenKeysInTurn, Pick, RetryPolicy, RetryWhatMayHelp, Walk,
};
use crate::pool::{Choosing, Pool, Strategy};
use crate::provider::{Failure, HintPolicy, HonourHints, Limit};

/// Stays with a key that has just been refused.
pub(super) struct LimitedKeyAgain;

impl KeyChoice for LimitedKeyAgain {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing, now: Instant) -> Option<Pick> {
        match walk.last_refused() {
            Some(key) => Some(Pick::Repeat(key)),
            None => OpenKeysInTurn.choose(pool, walk, how, now),
        }
    }
}

/// Spends retries on a limit instead of moving on.
pub(super) struct RetryOnLimitedKey;

impl RetryPolicy for RetryOnLimitedKey {
    fn after(&self, failure: Failure) -> Next {
        match failure {
            Failure::Limited { .. } | Failure::SlowDown { .. } => Next::Again { no_sooner: Duration::ZERO },
            other => RetryWhatMayHelp.after(other),
        }
    }
}

/// Looks at cooldowns for the first attempt of an exchange only, as a loop over a list of keys taken once does.
pub(super) struct EveryKeyOnceBegun;

impl KeyChoice for EveryKeyOnceBegun {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing, now: Instant) -> Option<Pick> {
        let sound = OpenKeysInTurn.choose(pool, walk, how, now);
        if walk.has_begun() && !matches!(sound, Some(Pick::Fresh(_))) {
            return pool.next_enabled(|key| walk.has_tried(key)).map(Pick::Fresh).or(sound);
        }
        sound
    }
}

/// Lets the layer beneath make every attempt as often as the whole exchange may.
pub(super) struct TwoLayers;

impl RetryPolicy for TwoLayers {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn sends_for_each_attempt(&self, retries: u32) -> u32 {
        retries.saturating_add(1)
    }
}

/// Tries so many keys and no more.
pub(super) struct FewKeys;

const FEW: usize = 3;

impl KeyChoice for FewKeys {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing, now: Instant) -> Option<Pick> {
        if walk.count_tried() < FEW { OpenKeysInTurn.choose(pool, walk, how, now) } else { None }
    }
}

/// Takes keys one after the other, whatever their weights.
pub(super) struct NoWeights;

impl KeyChoice for NoWeights {
    fn strategy(&self, _set: Strategy) -> Strategy {
        Strategy::RoundRobin
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Chooses slowly, one request after the other.
pub(super) struct SlowChoice;

impl KeyChoice for SlowChoice {
    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing, now: Instant) -> Option<Pick> {
        // Blocks on purpose, as a look-up in a database in the middle of a request does.
        std::thread::sleep(Duration::from_millis(20));
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

/// Sleeps before it moves to another key.
pub(super) struct PauseBetweenKeys;

impl RetryPolicy for PauseBetweenKeys {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn before_another_key(&self, _failure: Failure) -> Duration {
        Duration::from_secs(1)
    }
}

/// Retries what the provider found wrong.
pub(super) struct RetryWrongRequests;

impl RetryPolicy for RetryWrongRequests {
    fn after(&self, failure: Failure) -> Next {
        match failure {
            Failure::Final => Next::Again { no_sooner: Duration::ZERO },
            other => RetryWhatMayHelp.after(other),
        }
    }
}

/// Waits equally long each time.
pub(super) struct EqualWaits;

impl RetryPolicy for EqualWaits {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn wait(&self, _spread: Duration, set: &BackoffSettings) -> Duration {
        set.base
    }
}

/// Tells clients to come back soon, whatever is known.
pub(super) struct ShortHints;

impl RetryPolicy for ShortHints {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn told_wait(&self, _first: Duration) -> Duration {
        Duration::from_secs(1)
    }
}

/// Closes no key for its rate. A spike still closes it, as without a hint: only the hint is disregarded.
pub(super) struct IgnoreHints;

impl HintPolicy for IgnoreHints {
    fn cooldown(&self, limit: Limit, _hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        match limit {
            Limit::Rate => Duration::ZERO,
            Limit::Spike | Limit::Failures | Limit::Account => HonourHints.cooldown(limit, None, lasts),
        }
    }

    fn probes(&self, _set: u32) -> Option<u32> {
        None
    }
}

/// Lets the latest hint count, also when it is the shorter one.
pub(super) struct LatestHint;

impl HintPolicy for LatestHint {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn end(&self, _running: Option<Instant>, later: Instant) -> Instant {
        later
    }
}

/// Trusts a key as soon as its cooldown is over.
pub(super) struct NoProbes;

impl HintPolicy for NoProbes {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn probes(&self, _set: u32) -> Option<u32> {
        None
    }
}

/// Takes a request for less traffic as the limit of one key, which is over at once.
pub(super) struct NoSlowDown;

impl HintPolicy for NoSlowDown {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        match limit {
            Limit::Spike => Duration::ZERO,
            other => HonourHints.cooldown(other, hint, lasts),
        }
    }

    fn probes(&self, _set: u32) -> Option<u32> {
        None
    }

    fn slows_down(&self) -> bool {
        false
    }
}

/// Keeps keys closed long after the provider has recovered.
pub(super) struct LongCooldowns;

impl HintPolicy for LongCooldowns {
    fn cooldown(&self, _limit: Limit, _hint: Option<Duration>, _lasts: Option<Duration>) -> Duration {
        Duration::from_secs(60)
    }
}

/// Keeps what it knows of keys to itself.
pub(super) struct TellNobody;

impl HintPolicy for TellNobody {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn tells_others(&self) -> bool {
        false
    }
}
