//! What whoever hands a row over is given: it is over when the row is in the file.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::standing::Counters;

/// A row on its way. It may be dropped by whoever need not wait for it.
#[derive(Debug, Default)]
pub(crate) struct Receipt(Option<(oneshot::Receiver<()>, Arc<Counters>)>);

/// An answer is not held back for longer, whatever the disk does.
const LONGEST_HOLD: Duration = Duration::from_millis(250);

impl Receipt {
    pub(super) fn new(kept: oneshot::Receiver<()>, counters: &Arc<Counters>) -> Self {
        Self(Some((kept, Arc::clone(counters))))
    }

    /// Returns when the row is in the file, or when that takes too long. Once it did nobody waits any more until the
    /// ledger has caught up.
    pub(crate) async fn kept(self) {
        let Some((kept, counters)) = self.0 else { return };
        if !matches!(timeout(LONGEST_HOLD, kept).await, Ok(Ok(()))) {
            counters.unconfirmed.fetch_add(1, Ordering::Relaxed);
            if !counters.is_behind.swap(true, Ordering::Relaxed) {
                tracing::warn!("the ledger is behind: answers are let go before their rows are in it");
            }
        }
    }
}
