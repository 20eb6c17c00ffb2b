//! The body of a reply: whole, a stream of events at their times, or one that breaks off.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::answer::Unanswered;
use crate::connection::Connection;
use crate::paced_events::PacedEvents;
use crate::pause::{Pause, after};
use crate::service::Sending;
use crate::tear::Tear;

/// A body that tells its connection what it gives away.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    connection: Arc<Connection>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// All of it, until it has been taken, and whether its length is told beforehand.
    Whole(Bytes, bool),
    Events(Box<PacedEvents>),
    Torn(Box<TornBody>),
    File(Sending),
}

/// A plain body that breaks off.
#[derive(Debug)]
pub(crate) struct TornBody {
    /// What comes of it.
    pub(crate) begin: Bytes,
    /// How long the whole would be.
    pub(crate) length: usize,
    /// From what comes of it to its end.
    pub(crate) wait: Duration,
    /// After how long what is left comes, for one that goes on.
    pub(crate) rest: Option<(Duration, Bytes)>,
    pub(crate) tear: Tear,
    pub(crate) pause: Option<Pause>,
}

impl ReplyBody {
    pub(crate) fn whole(connection: Arc<Connection>, body: Bytes, is_measured: bool) -> Self {
        Self { connection, content: Content::Whole(body, is_measured) }
    }

    pub(crate) fn events(connection: Arc<Connection>, events: PacedEvents) -> Self {
        Self { connection, content: Content::Events(Box::new(events)) }
    }

    pub(crate) fn torn(connection: Arc<Connection>, torn: TornBody) -> Self {
        Self { connection, content: Content::Torn(Box::new(torn)) }
    }

    pub(crate) fn file(connection: Arc<Connection>, sending: Sending) -> Self {
        Self { connection, content: Content::File(sending) }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Unanswered;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unanswered>>> {
        let Self { connection, content } = self.get_mut();
        let piece = match content {
            Content::Whole(body, _) if body.is_empty() => None,
            Content::Whole(body, _) => {
                let body = std::mem::take(body);
                connection.give(&body, true, |_| {});
                Some(Ok(body))
            }
            Content::Events(events) => ready!(events.poll_piece(context, connection)),
            Content::Torn(torn) => ready!(torn.poll_piece(context, connection)),
            Content::File(sending) => match ready!(sending.poll_bytes(context)) {
                None => None,
                Some(Ok(bytes)) => {
                    connection.give(&bytes, sending.left() == 0, |_| {});
                    Some(Ok(bytes))
                }
                // A file that cannot be read any more ends the reply before its announced end.
                Some(Err(_)) => Some(Err(Unanswered)),
            },
        };
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(body, _) => body.is_empty(),
            Content::Events(events) => events.is_over(),
            Content::Torn(_) => false,
            Content::File(sending) => sending.left() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body, true) => SizeHint::with_exact(body.len() as u64),
            Content::Torn(torn) if !torn.tear.is_orderly() => SizeHint::with_exact(torn.length as u64),
            Content::File(sending) => SizeHint::with_exact(sending.left()),
            Content::Whole(..) | Content::Events(_) | Content::Torn(_) => SizeHint::default(),
        }
    }
}

impl TornBody {
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        connection: &Arc<Connection>,
    ) -> Poll<Option<Result<Bytes, Unanswered>>> {
        if !self.begin.is_empty() {
            let begin = std::mem::take(&mut self.begin);
            connection.give(&begin, false, |_| {});
            return Poll::Ready(Some(Ok(begin)));
        }
        if !self.wait.is_zero() {
            ready!(self.poll_pause(self.wait, context));
            self.wait = Duration::ZERO;
        }
        let Some((lasts, _)) = self.rest else { return self.tear.poll_end(context, connection) };
        if self.poll_pause(lasts, context).is_pending() {
            // What the tear has to say meanwhile it says of a stream alone.
            return Poll::Pending;
        }
        let rest = self.rest.as_mut().map(|(_, rest)| std::mem::take(rest)).unwrap_or_default();
        connection.give(&rest, true, |_| {});
        self.rest = Some((Duration::ZERO, Bytes::new()));
        Poll::Ready((!rest.is_empty()).then_some(Ok(rest)))
    }

    fn poll_pause(&mut self, wait: Duration, context: &mut Context<'_>) -> Poll<()> {
        let pause = self.pause.get_or_insert_with(|| Pause::until(after(Instant::now(), wait)));
        ready!(Pin::new(pause).poll(context));
        self.pause = None;
        Poll::Ready(())
    }
}
