//! The decisions about streams: what is read of them before they are passed on, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::provider::Patience;

/// Decides how a provider's stream is taken.
pub(crate) trait StreamPolicy: Send + Sync {
    /// Whether a stream is an answer only from its first content on. Before that a failure is one like any other.
    fn waits_for_content(&self) -> bool {
        true
    }

    /// Whether what cannot be read as an answer is none.
    fn knows_answers(&self) -> bool {
        true
    }

    /// What a client gets after the last event of a stream that broke, and then a clean end. Absent: its connection
    /// breaks as well.
    fn instead_of_a_break(&self) -> Option<Bytes> {
        None
    }

    /// How often a stream that breaks is asked for again from the top.
    fn begins_again(&self) -> u32 {
        0
    }

    /// How long a stream may take as a whole, where its parts may take so long. Absent: as long as it goes on.
    fn whole_within(&self, _parts: &Patience) -> Option<Duration> {
        None
    }

    /// What a stream holds until its client has read it. Absent: nothing is shared by streams.
    fn shared_writers(&self) -> Option<&Arc<Semaphore>> {
        None
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WholeStreams;

impl StreamPolicy for WholeStreams {}
