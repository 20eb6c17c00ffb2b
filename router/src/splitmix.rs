//! Numbers that look random: for jitter and for ids, never for secrets.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A splitmix sequence. One serves all exchanges; it holds no lock, and no number comes twice.
#[derive(Debug)]
pub(crate) struct Splitmix(AtomicU64);

impl Splitmix {
    /// Seeded by the system, so that two routers started together differ.
    pub(crate) fn from_system() -> Self {
        Self::with_seed(RandomState::new().hash_one(0u8))
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number: a plain counter, mixed well enough for jitter.
    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
