//! Faults in the relay of streams.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::stream::StreamPolicy;

/// Takes a stream's head for a success.
pub(super) struct HeadIsSuccess;

impl StreamPolicy for HeadIsSuccess {
    fn waits_for_content(&self) -> bool {
        false
    }
}

/// Ends a stream as if it were complete, whatever became of it.
pub(super) struct EndsAnyway;

impl StreamPolicy for EndsAnyway {
    fn instead_of_a_break(&self) -> Option<Bytes> {
        Some(Bytes::from_static(b"data: [DONE]\n\n"))
    }
}

/// Asks for a broken stream again, and passes on what comes behind what came.
pub(super) struct FromTheTop;

impl StreamPolicy for FromTheTop {
    fn begins_again(&self) -> bool {
        true
    }
}

/// Has a few writers for all streams, each of which is kept by the client that it writes to.
pub(super) struct FewWriters(Arc<Semaphore>);

const WRITERS: usize = 4;

impl FewWriters {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(WRITERS)))
    }
}

impl StreamPolicy for FewWriters {
    fn shared_writers(&self) -> Option<&Arc<Semaphore>> {
        Some(&self.0)
    }
}
