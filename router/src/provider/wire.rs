//! The decisions about what goes over the wire to a provider and what is taken from it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::sync::Semaphore;

use crate::rewrite::Rewriter;

/// Decides what becomes of requests and answers between the router and the wire.
pub(crate) trait WirePolicy: Send + Sync {
    /// The request of one attempt as it is sent.
    fn sending(&self, _request: &mut Request<Bytes>) {}

    /// The headers of an answer as they are taken in.
    fn came(&self, _headers: &mut HeaderMap) {}

    /// Who changes the bytes of an answer as they come in. Absent: nobody.
    fn rewriter(&self) -> Option<Box<dyn Rewriter>> {
        None
    }

    /// What an attempt holds until its answer begins. Absent: nothing is shared by providers.
    fn shared_line(&self) -> Option<&Arc<Semaphore>> {
        None
    }

    /// Whether the provider's connection is let go of when an answer is over before its end.
    fn lets_go(&self) -> bool {
        true
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsItIs;

impl WirePolicy for AsItIs {}
