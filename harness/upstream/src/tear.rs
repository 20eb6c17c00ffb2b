//! How a reply's body goes wrong, once it has come to the place where it does.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use scenario::StreamEnd;

use crate::answer::Unanswered;
use crate::connection::{Connection, Fate};

/// The end of a body that goes wrong.
pub(crate) struct Tear {
    end: StreamEnd,
    /// What comes last; empty for an end without anything.
    last: Bytes,
    /// Ready when the upstream stops.
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What stands where an event should.
const GARBAGE: &[u8] = b"\xff\xfe{\"choices\":[{\x00 this is no event \n\n]]]\n\n";

impl Tear {
    /// `error` is what an end tells that tells an error, `marker` is what says that a stream is complete.
    pub(crate) fn new(
        end: StreamEnd,
        (error, marker): (Vec<u8>, &[u8]),
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let last = match end {
            StreamEnd::Error => error.into(),
            StreamEnd::ErrorThenDone => [error.as_slice(), marker].concat().into(),
            StreamEnd::Garbage => Bytes::from_static(GARBAGE),
            StreamEnd::End | StreamEnd::Close | StreamEnd::Reset | StreamEnd::Stall => Bytes::new(),
        };
        Self { end, last, stopped: Box::pin(stopped) }
    }

    /// Whether the body still ends as HTTP wants it.
    pub(crate) fn is_orderly(&self) -> bool {
        !matches!(self.end, StreamEnd::Close | StreamEnd::Reset | StreamEnd::Stall)
    }

    /// Ends the body.
    pub(crate) fn poll_end(
        &mut self,
        context: &mut Context<'_>,
        connection: &Arc<Connection>,
    ) -> Poll<Option<Result<Bytes, Unanswered>>> {
        let fate = match self.end {
            StreamEnd::Close => Fate::Close,
            StreamEnd::Reset => Fate::Reset,
            StreamEnd::Stall => {
                ready!(self.stopped.as_mut().poll(context));
                return Poll::Ready(Some(Err(Unanswered)));
            }
            StreamEnd::End | StreamEnd::Error | StreamEnd::ErrorThenDone | StreamEnd::Garbage => {
                let last = std::mem::take(&mut self.last);
                if last.is_empty() {
                    connection.give(&[], true, |_| {});
                    return Poll::Ready(None);
                }
                connection.give(&last, false, |_| {});
                return Poll::Ready(Some(Ok(last)));
            }
        };
        // What was given before must be seen before the connection goes.
        ready!(connection.poll_sent(context));
        connection.meets(fate);
        Poll::Ready(Some(Err(Unanswered)))
    }
}

impl fmt::Debug for Tear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tear").field("end", &self.end).finish_non_exhaustive()
    }
}
