//! Faults in what follows a failure: retries, other providers, waits.

use std::sync::OnceLock;
use std::time::Duration;

use super::Defect;
use super::keys::EveryKeyOnceBegun;
use crate::exchange::{BackoffSettings, Next, QueueSettings, RetryPolicy, RetryWhatMayHelp};
use crate::policy::Policies;
use crate::provider::{Failure, Unfit};

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "multiplies-retries",
        about: "the retries of the client library beneath ran inside the router's own loop, so that \
                the two numbers multiplied and one request cost many more attempts than were \
                configured",
        cites: "BerriAI/litellm#7130, BerriAI/litellm#7262, HKUDS/nanobot#2760",
        switch_on: |sound| Policies {
            choice: Box::new(EveryKeyOnceBegun),
            retry: Box::new(TwoLayers),
            ..sound
        },
    },
    Defect {
        name: "makes-one-attempt-too-many",
        about: "the configured retries were counted from the attempt after the first one, so that a request cost \
                one attempt more than was allowed",
        cites: "BerriAI/litellm#12358",
        switch_on: |sound| Policies { retry: Box::new(OneMore), ..sound },
    },
    Defect {
        name: "sleeps-before-the-next-key",
        about: "the wait that was meant for the limited key was slept before the next key was tried",
        cites: "maximhq/bifrost#3491, jpsnover/ai-triad-research#1593",
        switch_on: |sound| Policies { retry: Box::new(PauseBetweenKeys), ..sound },
    },
    Defect {
        name: "hints-one-second",
        about: "with all keys limited the client was told a fixed wait, far earlier than any key was \
                free",
        cites: "BerriAI/litellm#27823, ArsalanDotMe/switchboard-go#5",
        switch_on: |sound| Policies { retry: Box::new(ShortHints), ..sound },
    },
    Defect {
        name: "retries-wrong-requests",
        about: "a request that the provider had found wrong was sent again until the retries were \
                used up",
        cites: "BerriAI/litellm#23546",
        switch_on: |sound| Policies { retry: Box::new(RetryWrongRequests), ..sound },
    },
    Defect {
        name: "waits-equally-long",
        about: "the wait between attempts was the same each time and for every client, so that those \
                who failed together came back together",
        cites: "OpenAI's guide to rate limits",
        switch_on: |sound| Policies { retry: Box::new(EqualWaits), ..sound },
    },
    Defect {
        name: "falls-back-anyway",
        about: "another model was asked although the request had said that it wanted no other one",
        cites: "BerriAI/litellm#19077",
        switch_on: |sound| Policies { retry: Box::new(OtherModelsAnyway), ..sound },
    },
    Defect {
        name: "lets-everybody-wait",
        about: "requests beyond the queue were held as well, until their clients gave up",
        cites: "BerriAI/litellm#13541",
        switch_on: |sound| Policies { retry: Box::new(EndlessQueue), ..sound },
    },
    Defect {
        name: "never-falls-back",
        about: "the next provider in the declared order was not asked when the one before it had failed",
        cites: "envoyproxy/ai-gateway#1866, Portkey-AI/gateway#165",
        switch_on: |sound| Policies { retry: Box::new(FirstOrNone), ..sound },
    },
    Defect {
        name: "waits-by-the-first-hint",
        about: "the wait before a retry was taken from the first error that there was, and later ones were \
                not looked at",
        cites: "BerriAI/litellm#20722",
        switch_on: |sound| Policies { retry: Box::new(FirstHintForAll::default()), ..sound },
    },
    Defect {
        name: "sleeps-out-long-hints",
        about: "a wait of ten minutes was slept out, while the client hung",
        cites: "OpenHikmah/openhikmah-web#588",
        switch_on: |sound| Policies { retry: Box::new(SleepsAnythingOut), ..sound },
    },
    Defect {
        name: "tells-the-worst-cause",
        about: "with one key limited and the others revoked, the client was told that nothing can be done",
        cites: "BerriAI/litellm#2487",
        switch_on: |sound| Policies { retry: Box::new(WorstCause), ..sound },
    },
    Defect {
        name: "goes-round-in-circles",
        about: "a chain of fallbacks that leads back to itself was followed again and again",
        cites: "BerriAI/litellm#7091, BerriAI/litellm#19985, BerriAI/litellm#35303",
        switch_on: |sound| Policies { retry: Box::new(RoundAndRound), ..sound },
    },
    Defect {
        name: "takes-too-long-for-an-outage",
        about: "a prompt that was too long for one model was put to the fallback for outages, whose window \
                was no larger",
        cites: "BerriAI/litellm#31557, BerriAI/litellm#10793",
        switch_on: |sound| Policies { retry: Box::new(NotMinding(Unfit::TooLong)), ..sound },
    },
    Defect {
        name: "takes-refused-content-for-an-outage",
        about: "what one provider refused for its content was carried to the next",
        cites: "BerriAI/litellm#40406",
        switch_on: |sound| Policies { retry: Box::new(NotMinding(Unfit::Content)), ..sound },
    },
    Defect {
        name: "lets-nobody-wait",
        about: "what could not be served at once was refused, although there was a line to wait in",
        cites: "multi-API manager: a hundred concurrent requests without an error",
        switch_on: |sound| Policies { retry: Box::new(NoQueue), ..sound },
    },
];

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

/// Counts retries from the second attempt on.
pub(super) struct OneMore;

impl RetryPolicy for OneMore {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn retries(&self, set: u32) -> u32 {
        set.saturating_add(1)
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

/// Takes the first provider's failure for the last word.
pub(super) struct FirstOrNone;

impl RetryPolicy for FirstOrNone {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn falls_back(&self) -> bool {
        false
    }
}

/// Asks other models also for a client that wants no other one.
pub(super) struct OtherModelsAnyway;

impl RetryPolicy for OtherModelsAnyway {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn heeds_opting_out(&self) -> bool {
        false
    }
}

/// Lets everybody wait, for as long as it takes.
pub(super) struct EndlessQueue;

impl RetryPolicy for EndlessQueue {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn queue(&self, _set: QueueSettings) -> QueueSettings {
        QueueSettings { max: u32::MAX, wait: Duration::from_secs(60 * 60) }
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

/// Waits as long as the first error has ever said.
#[derive(Default)]
pub(super) struct FirstHintForAll(OnceLock<Option<Duration>>);

impl RetryPolicy for FirstHintForAll {
    fn after(&self, failure: Failure) -> Next {
        match failure {
            Failure::Transient { hint } => {
                RetryWhatMayHelp.after(Failure::Transient { hint: *self.0.get_or_init(|| hint) })
            }
            other => RetryWhatMayHelp.after(other),
        }
    }
}

/// Sleeps for as long as it is told to.
pub(super) struct SleepsAnythingOut;

impl RetryPolicy for SleepsAnythingOut {
    fn after(&self, failure: Failure) -> Next {
        match failure {
            Failure::Transient { hint: Some(wait) } => Next::Again { no_sooner: wait },
            other => RetryWhatMayHelp.after(other),
        }
    }
}

/// Sees the worst.
pub(super) struct WorstCause;

impl RetryPolicy for WorstCause {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn is_hopeful(&self) -> bool {
        false
    }
}

/// Begins a chain again where it ends.
pub(super) struct RoundAndRound;

impl RetryPolicy for RoundAndRound {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn rounds(&self) -> usize {
        10
    }
}

/// Takes what a provider found wrong with a request for an outage.
pub(super) struct NotMinding(Unfit);

impl RetryPolicy for NotMinding {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn minds(&self, unfit: Unfit) -> bool {
        unfit != self.0
    }
}

/// Has a line in which nobody stands.
pub(super) struct NoQueue;

impl RetryPolicy for NoQueue {
    fn after(&self, failure: Failure) -> Next {
        RetryWhatMayHelp.after(failure)
    }

    fn queue(&self, set: QueueSettings) -> QueueSettings {
        QueueSettings { max: 0, ..set }
    }
}
