//! Tokens by the classes that are priced apart. No token is in two classes, but for those of reasoning, which are output
//! as well.

use serde::Serialize;

/// The tokens of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tokens {
    /// Input that was in no cache.
    pub(crate) input: u64,
    /// Input that was read from the cache.
    pub(crate) cache_read: u64,
    /// Input that was written to the cache.
    pub(crate) cache_write: u64,
    /// Output, that of reasoning included.
    pub(crate) output: u64,
    /// How much of the output was spent on reasoning.
    pub(crate) reasoning: u64,
}

impl Tokens {
    /// Input, wherever it came from.
    pub(crate) fn all_input(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }
}
