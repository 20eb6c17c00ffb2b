//! A provider's bytes, as they come in from the wire.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::WirePolicy;
use crate::rewrite::Rewriting;

/// What is still to come of a body.
#[derive(Debug)]
pub(super) struct Coming {
    /// Absent once it was let go of.
    rest: Option<Incoming>,
    rewriting: Option<Rewriting>,
    lets_go: bool,
}

impl Coming {
    pub(super) fn new(rest: Incoming, policy: &dyn WirePolicy) -> Self {
        let rewriting = policy.rewriter().map(Rewriting::by);
        Self { rest: Some(rest), rewriting, lets_go: policy.lets_go() }
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { rest, rewriting, .. } = &mut *self;
        if rewriting.as_ref().is_some_and(Rewriting::has_ended) {
            return Poll::Ready(None);
        }
        let Some(rest) = rest else { return Poll::Ready(None) };
        let polled = Pin::new(rest).poll_frame(cx);
        match rewriting {
            None => polled,
            Some(rewriting) => rewriting.polled(polled, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rewriting.is_none() && self.rest.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.rewriting, &self.rest) {
            (None, Some(rest)) => rest.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        if !self.lets_go && !self.is_end_stream() {
            std::mem::forget(self.rest.take());
        }
    }
}
