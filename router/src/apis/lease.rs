//! The right to send one request to an API with one key, counted against its limits from the moment it is given.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Api;
use crate::provider::HeldKey;

/// Dropped without a word it counts as sent, since nobody knows better.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) api: Arc<Api>,
    pub(super) key: HeldKey,
    pub(super) is_probe: bool,
    /// The number of its use, until it is over.
    pub(super) number: Option<u64>,
}

impl Lease {
    /// Takes in that the request has its answer, and what that says of the API's use, in millionths, and for how long.
    pub(super) fn answered(&mut self, told: Option<(u64, Duration)>) {
        let Some(number) = self.number.take() else { return };
        self.api.answered(self.key.index(), number, told, Instant::now());
    }

    /// Takes in that no byte was sent.
    pub(super) fn never_sent(&mut self) {
        let Some(number) = self.number.take() else { return };
        self.api.never_sent(self.key.index(), number);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.answered(None);
        if self.is_probe {
            self.api.end_probe(self.key.index());
        }
    }
}
