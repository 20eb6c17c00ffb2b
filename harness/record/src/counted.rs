//! How much an upstream has been asked so far: what is shown while it works, before anybody reads its rows.

use serde::{Deserialize, Serialize};

/// What an upstream has counted since it was started or set back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamCounts {
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// How many requests have come.
    pub requests: u64,
    /// How many of them are open now.
    pub open: u64,
    /// How many were open at once at most.
    pub peak: u64,
    /// How many were answered 429.
    pub limited: u64,
    /// How many were answered with another error, or not whole although the caller stayed.
    pub errors: u64,
    /// What came with each of its keys, in the order of the world. Of labels with one secret the first counts.
    pub keys: Vec<KeyCounts>,
}

/// What came with one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCounts {
    /// Its label.
    pub label: String,
    /// How many requests came with it.
    pub requests: u64,
    /// How many of them were answered 429.
    pub limited: u64,
}
