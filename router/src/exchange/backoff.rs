//! How long a retry waits: exponential with full jitter, so that clients which failed together do not come back
//! together.

use std::time::Duration;

use crate::splitmix::Splitmix;

/// How long the waits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackoffSettings {
    /// The bound of the first wait; each further one is twice as high.
    pub(crate) base: Duration,
    /// The bound that is never exceeded.
    pub(crate) max: Duration,
    /// Whether a wait lies anywhere below its bound, and not at it.
    pub(crate) jitter: bool,
}

impl Default for BackoffSettings {
    /// Wide enough to spread a crowd over several windows of a provider's, short enough not to be felt.
    fn default() -> Self {
        Self { base: Duration::from_millis(200), max: Duration::from_secs(2), jitter: true }
    }
}

/// A source of waits. One serves all exchanges; it holds no lock.
#[derive(Debug)]
pub(crate) struct Backoff {
    random: Splitmix,
}

impl Backoff {
    /// Seeded by the system, so that two routers started together differ.
    pub(crate) fn from_system() -> Self {
        Self { random: Splitmix::from_system() }
    }

    #[cfg(test)]
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self { random: Splitmix::with_seed(seed) }
    }

    /// The wait before a retry, counted from 0: anywhere between nothing and a bound that doubles each time.
    pub(crate) fn wait(&self, retry: u32, set: &BackoffSettings) -> Duration {
        let bound = set.base.saturating_mul(2u32.saturating_pow(retry)).min(set.max);
        if !set.jitter {
            return bound;
        }
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.random.next() % (nanos + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_fill_a_range_that_doubles_up_to_a_cap() {
        let (backoff, set) = (Backoff::with_seed(7), BackoffSettings::default());
        for (retry, bound) in [(0, 200), (1, 400), (2, 800), (3, 1_600), (4, 2_000), (60, 2_000)] {
            let waits: Vec<u128> = (0..500).map(|_| backoff.wait(retry, &set).as_millis()).collect();
            assert!(waits.iter().all(|&wait| wait <= bound), "retry {retry}");
            assert!(waits.iter().any(|&wait| wait < bound / 10), "retry {retry}");
            assert!(waits.iter().any(|&wait| wait > bound * 9 / 10), "retry {retry}");
            let exact = backoff.wait(retry, &BackoffSettings { jitter: false, ..set });
            assert_eq!(exact.as_millis(), bound, "retry {retry}");
        }
    }
}
