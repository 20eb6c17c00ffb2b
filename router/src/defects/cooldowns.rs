//! Faults in cooldowns.

use std::time::Duration;

use tokio::time::Instant;

use crate::provider::{HintPolicy, HonourHints, Limit};

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

/// Keeps a key that is limited for one model from all of them.
pub(super) struct RestsForAllModels;

impl HintPolicy for RestsForAllModels {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn rests_for_one_model(&self) -> bool {
        false
    }
}
