//! What an exchange has done so far: keys tried, keys refused, retries left.

use crate::pool::KeyIndex;

/// The path of one exchange through a pool.
#[derive(Debug)]
pub(crate) struct Walk {
    tried: Vec<KeyIndex>,
    /// Tried keys whose provider would not serve them: they are not tried again in this exchange.
    refused: Vec<KeyIndex>,
    retries_left: u32,
    retries_spent: u32,
}

impl Walk {
    pub(crate) fn new(retries: u32) -> Self {
        Self { tried: Vec::new(), refused: Vec::new(), retries_left: retries, retries_spent: 0 }
    }

    pub(crate) fn has_begun(&self) -> bool {
        !self.tried.is_empty()
    }

    pub(crate) fn has_tried(&self, key: KeyIndex) -> bool {
        self.tried.contains(&key)
    }

    /// How many keys were tried.
    pub(crate) fn count_tried(&self) -> usize {
        self.tried.len()
    }

    pub(super) fn was_refused(&self, key: KeyIndex) -> bool {
        self.refused.contains(&key)
    }

    /// The key of the latest refusal.
    pub(crate) fn last_refused(&self) -> Option<KeyIndex> {
        self.refused.last().copied()
    }

    pub(crate) fn tries(&mut self, key: KeyIndex) {
        if !self.has_tried(key) {
            self.tried.push(key);
        }
    }

    pub(crate) fn refuses(&mut self, key: KeyIndex) {
        self.refused.push(key);
    }

    /// Uses up one retry and says which one it is, from 0 on, or nothing when none is left.
    pub(super) fn spend_retry(&mut self) -> Option<u32> {
        self.retries_left = self.retries_left.checked_sub(1)?;
        self.retries_spent += 1;
        Some(self.retries_spent - 1)
    }
}
