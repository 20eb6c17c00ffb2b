//! Faults in what follows a failure: retries, other providers, waits.

use std::time::Duration;

use crate::exchange::{BackoffSettings, Next, QueueSettings, RetryPolicy, RetryWhatMayHelp};
use crate::provider::Failure;

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
