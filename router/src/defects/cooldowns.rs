//! Faults in cooldowns.

use std::time::Duration;

use tokio::time::Instant;

use super::Defect;
use crate::policy::Policies;
use crate::provider::{Failure, HintPolicy, HonourHints, Limit};

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "ignores-retry-after",
        about: "the provider's Retry-After was read and passed on but not honoured, so the next \
                request was sent with the limited key again",
        cites: "maximhq/bifrost#6971, diegosouzapw/OmniRoute#14573",
        switch_on: |sound| Policies { hints: Box::new(IgnoreHints), ..sound },
    },
    Defect {
        name: "keeps-the-latest-hint",
        about: "the hint that came last replaced the one before it, so that a short one ended a long \
                cooldown early",
        cites: "BerriAI/litellm#40130",
        switch_on: |sound| Policies { hints: Box::new(LatestHint), ..sound },
    },
    Defect {
        name: "trusts-a-key-at-once",
        about: "everything that had waited for a key was sent as soon as its cooldown was over",
        cites: "future-agi/future-agi#2693",
        switch_on: |sound| Policies { hints: Box::new(NoProbes), ..sound },
    },
    Defect {
        name: "keeps-cooldowns-to-itself",
        about: "each instance learned of limited keys by itself, so that two of them asked such a key twice as often",
        cites: "BerriAI/litellm#34836",
        switch_on: |sound| Policies { hints: Box::new(TellNobody), ..sound },
    },
    Defect {
        name: "takes-slow-down-for-a-key-limit",
        about: "`slow_down` was taken for the limit of one key, so that the next key was asked at \
                once and the traffic never fell",
        cites: "OpenAI's guide to rate limits and error codes",
        switch_on: |sound| Policies { hints: Box::new(NoSlowDown), ..sound },
    },
    Defect {
        name: "takes-every-limit-for-a-spike",
        about: "each 429 was taken for the provider's word on growth, so that one key that was used up slowed down \
                what went to all the others",
        cites: "rotation suite: a 429 with nothing left is no spike",
        switch_on: |sound| Policies { hints: Box::new(SpikesOnly), ..sound },
    },
    Defect {
        name: "keeps-keys-closed",
        about: "a key stayed closed for a fixed minute, long after the provider had recovered",
        cites: "BerriAI/litellm#35303, BerriAI/litellm#26015",
        switch_on: |sound| Policies { hints: Box::new(LongCooldowns), ..sound },
    },
    Defect {
        name: "rests-for-all-models",
        about: "a 429 that one model met took the key out for all the models that it had room for",
        cites: "diegosouzapw/OmniRoute#14573",
        switch_on: |sound| Policies { hints: Box::new(RestsForAllModels), ..sound },
    },
    Defect {
        name: "knows-keys-by-their-model",
        about: "what was known of a key was kept for the model that had learned it, so that a revoked key was \
                offered again for every other one",
        cites: "lingyuins/octopus#94",
        switch_on: |sound| Policies { hints: Box::new(AccountsOfOneModel), ..sound },
    },
    Defect {
        name: "cools-keys-for-wrong-requests",
        about: "a request that the provider found wrong counted against the key, so that one client's \
                mistakes took it from all",
        cites: "BerriAI/litellm#40718, BerriAI/litellm#40958",
        switch_on: |sound| Policies { hints: Box::new(WrongRequestsCount), ..sound },
    },
    Defect {
        name: "never-closes-failing-keys",
        about: "a key that answered every request with a server error stayed in use",
        cites: "BerriAI/litellm#34836",
        switch_on: |sound| Policies { hints: Box::new(FailuresDoNotCount), ..sound },
    },
    Defect {
        name: "closes-keys-at-the-first-failure",
        about: "one failure took a key out of use, whatever number the settings say",
        cites: "BerriAI/litellm#40958",
        switch_on: |sound| Policies { hints: Box::new(OneFailureIsEnough), ..sound },
    },
    Defect {
        name: "takes-dead-keys-for-limited",
        about: "a key that was revoked or out of money was taken for one that is limited for a moment, and \
                was asked again and again",
        cites: "maximhq/bifrost#3491, diegosouzapw/OmniRoute#1772, BerriAI/litellm#16092",
        switch_on: |sound| Policies { hints: Box::new(DeadKeysRestShortly), ..sound },
    },
];

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

/// Takes the limit of one key for a word on growth.
pub(super) struct SpikesOnly;

impl HintPolicy for SpikesOnly {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn taken_for(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Limited { hint } => Failure::SlowDown { hint },
            other => other,
        }
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

/// Takes what is said of an account for a word on one model.
pub(super) struct AccountsOfOneModel;

impl HintPolicy for AccountsOfOneModel {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn rests_for_the_account(&self) -> bool {
        false
    }
}

/// Takes a wrong request for a failure of its key.
pub(super) struct WrongRequestsCount;

impl HintPolicy for WrongRequestsCount {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn counts(&self, failure: Failure) -> bool {
        matches!(failure, Failure::Transient { .. } | Failure::Final)
    }
}

/// Looks away when a key fails.
pub(super) struct FailuresDoNotCount;

impl HintPolicy for FailuresDoNotCount {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn most_failures(&self, _set: Option<u32>) -> Option<u32> {
        None
    }
}

/// Forgives nothing.
pub(super) struct OneFailureIsEnough;

impl HintPolicy for OneFailureIsEnough {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn most_failures(&self, _set: Option<u32>) -> Option<u32> {
        Some(1)
    }
}

/// Hopes for dead keys.
pub(super) struct DeadKeysRestShortly;

impl HintPolicy for DeadKeysRestShortly {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        HonourHints.cooldown(limit, hint, lasts)
    }

    fn rest_of_the_dead(&self) -> Duration {
        Duration::from_secs(1)
    }
}
