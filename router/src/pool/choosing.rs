//! How a key is chosen, and how a key that was closed comes back.

use std::time::Duration;

use serde::Deserialize;

use super::{Claim, Session};

/// How requests are spread over open keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strategy {
    /// By weight, evenly mixed: with equal weights one after the other.
    #[default]
    Weighted,
    /// One after the other, whatever their weights.
    RoundRobin,
    /// The first open one, in the order of the settings.
    InOrder,
    /// The one with the fewest requests that are not over, of several the one whose turn is next.
    LeastBusy,
    /// The one that answered fastest of late, reckoned with what it has under way.
    LowestLatency,
}

impl Strategy {
    /// Whether it goes by the requests that are not over.
    pub(crate) fn counts_open(self) -> bool {
        matches!(self, Self::LeastBusy | Self::LowestLatency)
    }
}

/// When a key is left alone, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CooldownSettings {
    /// How long a limited key is left alone when the provider does not say.
    pub(crate) lasts: Option<Duration>,
    /// After so many failures in a row that say nothing about the key it is left alone, too.
    pub(crate) failures: Option<u32>,
    /// How many requests at once may try whether a key is back.
    pub(crate) probes: u32,
}

impl Default for CooldownSettings {
    fn default() -> Self {
        Self { lasts: None, failures: None, probes: 1 }
    }
}

/// What one choice goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choosing<'a> {
    pub(crate) strategy: Strategy,
    /// Absent: a key that comes back is trusted at once.
    pub(crate) probes: Option<u32>,
    /// Absent: keys have no limits but the provider's.
    pub(crate) claim: Option<Claim<'a>>,
    /// Absent: the request belongs to none, or any key is as good as any other.
    pub(crate) session: Option<Session>,
}
