//! Whether a failed attempt is followed by another one.

use std::time::Duration;

use super::{BackoffSettings, QueueSettings};
use crate::provider::{Failure, Unfit};

/// Decides what follows a failure.
pub(crate) trait RetryPolicy: Send + Sync {
    /// What to do after a failure.
    fn after(&self, failure: Failure) -> Next;

    /// How long a move to another key waits: not at all, for the wait of the one key says nothing about the next.
    fn before_another_key(&self, _failure: Failure) -> Duration {
        Duration::ZERO
    }

    /// The wait before a retry, of which `spread` is the one that the settings give.
    fn wait(&self, spread: Duration, _set: &BackoffSettings) -> Duration {
        spread
    }

    /// What a client is told to wait when no key is open before `first`.
    fn told_wait(&self, first: Duration) -> Duration {
        first
    }

    /// Whether the client is told of the most hopeful key, and not of the one that is the worst off.
    fn is_hopeful(&self) -> bool {
        true
    }

    /// Whether a fault that a provider found with a request is one, and no outage.
    fn minds(&self, _unfit: Unfit) -> bool {
        true
    }

    /// How often the chain of providers is gone through.
    fn rounds(&self) -> usize {
        1
    }

    /// Whether another provider is asked when one has failed.
    fn falls_back(&self) -> bool {
        true
    }

    /// Whether other models are left alone for a client that wants no other one.
    fn heeds_opting_out(&self) -> bool {
        true
    }

    /// How many requests wait for a key and for how long, of which `set` is what the settings say.
    fn queue(&self, set: QueueSettings) -> QueueSettings {
        set
    }

    /// How often an exchange may be tried again, of which `set` is what the settings say.
    fn retries(&self, set: u32) -> u32 {
        set
    }

    /// How often the layer beneath may send for one attempt. More than once means that two layers retry and that
    /// their numbers multiply, so a sound policy leaves it at one.
    fn sends_for_each_attempt(&self, _retries: u32) -> u32 {
        1
    }
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another key, at once and without costing a retry.
    AnotherKey,
    /// One retry, after a backoff of at least this time.
    Again { no_sooner: Duration },
    /// Nothing: the failure is the answer.
    Stop,
}

/// The sound policy: refused keys are left for others, passing troubles are retried, the rest is the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryWhatMayHelp;

/// A longer hint is not slept out: the client is told the hint and may do better with it.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl RetryPolicy for RetryWhatMayHelp {
    fn after(&self, failure: Failure) -> Next {
        match failure {
            Failure::Limited { .. }
            | Failure::SlowDown { .. }
            | Failure::Exhausted
            | Failure::KeyRejected => Next::AnotherKey,
            Failure::Transient { hint } => match hint.unwrap_or_default() {
                hint if hint > LONGEST_WAIT => Next::Stop,
                hint => Next::Again { no_sooner: hint },
            },
            Failure::Final => Next::Stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_failure() {
        let hint = Some(Duration::from_secs(1));
        let again = |millis| Next::Again { no_sooner: Duration::from_millis(millis) };
        let cases = [
            (Failure::Limited { hint }, Next::AnotherKey),
            (Failure::SlowDown { hint }, Next::AnotherKey),
            (Failure::Exhausted, Next::AnotherKey),
            (Failure::KeyRejected, Next::AnotherKey),
            (Failure::Transient { hint: None }, again(0)),
            (Failure::Transient { hint }, again(1_000)),
            (Failure::Transient { hint: Some(Duration::from_secs(600)) }, Next::Stop),
            (Failure::Final, Next::Stop),
        ];
        for (failure, expected) in cases {
            assert_eq!(RetryWhatMayHelp.after(failure), expected, "{failure:?}");
        }
        assert_eq!(RetryWhatMayHelp.sends_for_each_attempt(3), 1);
    }
}
