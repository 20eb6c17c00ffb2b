//! What may stand between a body and whoever reads it, and change its bytes as they pass.

use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;

/// Changes one body, piece by piece.
pub(crate) trait Rewriter: Send {
    /// What a piece becomes, which may be nothing for now.
    fn piece(&mut self, piece: Bytes) -> Bytes;

    /// What comes behind the last piece.
    fn end(&mut self) -> Bytes {
        Bytes::new()
    }
}

/// A rewriter at work.
pub(crate) struct Rewriting {
    by: Box<dyn Rewriter>,
    has_ended: bool,
}

impl Rewriting {
    pub(crate) fn by(by: Box<dyn Rewriter>) -> Self {
        Self { by, has_ended: false }
    }

    /// Whether nothing comes any more: what lies beneath is not to be polled again.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What becomes of what was polled beneath.
    pub(crate) fn polled<E>(
        &mut self,
        polled: Poll<Option<Result<Frame<Bytes>, E>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let piece = match polled {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => self.by.piece(data),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            },
            Poll::Ready(None) => {
                self.has_ended = true;
                let end = self.by.end();
                return Poll::Ready((!end.is_empty()).then(|| Ok(Frame::data(end))));
            }
            other => return other,
        };
        if piece.is_empty() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl std::fmt::Debug for Rewriting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rewriting").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}
