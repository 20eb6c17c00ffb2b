//! How long a retry waits: exponential with full jitter, so that clients which failed together do not come back
//! together.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);

/// A source of waits. One serves all exchanges; it holds no lock.
#[derive(Debug)]
pub(crate) struct Backoff {
    state: AtomicU64,
}

impl Backoff {
    /// Seeded by the system, so that two routers started together differ.
    pub(crate) fn from_system() -> Self {
        Self::with_seed(RandomState::new().hash_one(0u8))
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// The wait before a retry, counted from 0: anywhere between nothing and a bound that doubles each time.
    pub(crate) fn wait(&self, retry: u32) -> Duration {
        let bound = BASE.saturating_mul(2u32.saturating_pow(retry)).min(CAP);
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random() % (nanos + 1))
    }

    /// The next number of the splitmix sequence, which mixes a plain counter well enough for jitter.
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_fill_a_range_that_doubles_up_to_a_cap() {
        let backoff = Backoff::with_seed(7);
        for (retry, bound) in [(0, 100), (1, 200), (2, 400), (4, 1_600), (5, 2_000), (60, 2_000)] {
            let waits: Vec<u128> = (0..500).map(|_| backoff.wait(retry).as_millis()).collect();
            assert!(waits.iter().all(|&wait| wait <= bound), "retry {retry}");
            assert!(waits.iter().any(|&wait| wait < bound / 10), "retry {retry}");
            assert!(waits.iter().any(|&wait| wait > bound * 9 / 10), "retry {retry}");
        }
    }
}
