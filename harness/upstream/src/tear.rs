//! How a reply's body goes wrong, once it has come to the place where it does.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use scenario::StreamEnd;

use crate::answer::Unanswered;
use crate::connection::{Connection, Fate};
use crate::pause::{Pause, after};

/// The end of a body that goes wrong.
pub(crate) struct Tear {
    end: StreamEnd,
    /// What comes last, or again and again; empty for an end without anything.
    last: Bytes,
    /// Until the next of what comes again and again.
    pause: Option<Pause>,
    /// Ready when the upstream stops.
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What stands where an event should.
const GARBAGE: &[u8] = b"\xff\xfe{\"choices\":[{\x00 this is no event \n\n]]]\n\n";

/// From one ping of an end that is nothing but pings to the next.
const BETWEEN_PINGS: Duration = Duration::from_millis(100);

/// What an end can tell, as the dialect writes it. A plain body has nothing but an error to tell.
#[derive(Debug, Default)]
pub(crate) struct LastWords {
    pub(crate) error: Vec<u8>,
    /// What says that a stream is complete.
    pub(crate) marker: Vec<u8>,
    /// What says nothing.
    pub(crate) ping: Vec<u8>,
}

impl Tear {
    /// `stopped` is ready when the upstream stops.
    pub(crate) fn new(end: StreamEnd, stopped: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { end, last: Bytes::new(), pause: None, stopped: Box::pin(stopped) }
    }

    /// Says with what words it ends, before it does.
    pub(crate) fn say(&mut self, words: LastWords) {
        self.last = match self.end {
            StreamEnd::Error => words.error.into(),
            // Some providers end a stream behind each error as they end a sound one.
            StreamEnd::ErrorThenDone if words.error.ends_with(&words.marker) => words.error.into(),
            StreamEnd::ErrorThenDone => [words.error, words.marker].concat().into(),
            StreamEnd::Garbage => Bytes::from_static(GARBAGE),
            StreamEnd::Pings => words.ping.into(),
            StreamEnd::End | StreamEnd::Close | StreamEnd::Reset | StreamEnd::Stall => Bytes::new(),
        };
    }

    /// Whether the body still ends as HTTP wants it.
    pub(crate) fn is_orderly(&self) -> bool {
        !matches!(self.end, StreamEnd::Close | StreamEnd::Reset | StreamEnd::Stall | StreamEnd::Pings)
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
            StreamEnd::Stall => return self.poll_stopped(context),
            StreamEnd::Pings => {
                if let Poll::Ready(end) = self.poll_stopped(context) {
                    return Poll::Ready(end);
                }
                // A plain body has no pings, and stalls.
                return if self.last.is_empty() {
                    Poll::Pending
                } else {
                    self.poll_ping(context, connection)
                };
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

    /// Nothing comes until the upstream stops.
    fn poll_stopped(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Unanswered>>> {
        ready!(self.stopped.as_mut().poll(context));
        Poll::Ready(Some(Err(Unanswered)))
    }

    fn poll_ping(
        &mut self,
        context: &mut Context<'_>,
        connection: &Connection,
    ) -> Poll<Option<Result<Bytes, Unanswered>>> {
        let pause = self.pause.get_or_insert_with(|| Pause::until(after(Instant::now(), BETWEEN_PINGS)));
        ready!(Pin::new(pause).poll(context));
        self.pause = None;
        connection.give(&self.last, false, |_| {});
        Poll::Ready(Some(Ok(self.last.clone())))
    }
}

impl fmt::Debug for Tear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tear").field("end", &self.end).finish_non_exhaustive()
    }
}
