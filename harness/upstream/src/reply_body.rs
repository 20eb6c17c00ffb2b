//! The body of a reply: whole, or a stream of events at their times.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dialect::openai::{self, DONE_EVENT, StreamWriter, Usage};
use http_body::{Body, Frame, SizeHint};

use crate::connection::Connection;
use crate::pause::{Pause, after};

/// A body that tells its connection what it gives away.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    connection: Arc<Connection>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// All of it, until it has been taken.
    Whole(Bytes),
    Events(Box<PacedEvents>),
}

/// A streamed answer.
#[derive(Debug)]
pub(crate) struct PacedEvents {
    pub(crate) writer: StreamWriter,
    pub(crate) text: Arc<str>,
    /// The usage, if it was asked for.
    pub(crate) usage: Option<Usage>,
    /// From the head to the first event.
    pub(crate) first_event: Duration,
    /// From one word to the next. The event of the role comes with the first word, and what ends a stream with the last.
    pub(crate) gap: Duration,
    pub(crate) progress: Progress,
}

/// How far a stream is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    next: Next,
    /// How much of the text has been told.
    told: usize,
    /// When the next event is due; none before the first.
    due: Option<Instant>,
    pause: Option<Pause>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Role,
    Piece,
    Finish,
    Usage,
    Done,
    Nothing,
}

impl ReplyBody {
    pub(crate) fn whole(connection: Arc<Connection>, body: Bytes) -> Self {
        Self { connection, content: Content::Whole(body) }
    }

    pub(crate) fn events(connection: Arc<Connection>, events: PacedEvents) -> Self {
        Self { connection, content: Content::Events(Box::new(events)) }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { connection, content } = self.get_mut();
        let piece = match content {
            Content::Whole(body) => std::mem::take(body),
            Content::Events(events) => ready!(events.poll_event(context)),
        };
        if piece.is_empty() {
            return Poll::Ready(None);
        }
        connection.give(&piece, content.is_over());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Content::Events(_) => SizeHint::default(),
        }
    }
}

impl Content {
    fn is_over(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_empty(),
            Self::Events(events) => events.progress.next == Next::Nothing,
        }
    }
}

impl PacedEvents {
    /// The next event when it is due; nothing after the last.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        if matches!(self.progress.next, Next::Role | Next::Piece) {
            ready!(self.poll_due(context));
        }
        Poll::Ready(self.event())
    }

    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.first_event.is_zero() && self.gap.is_zero() {
            return Poll::Ready(());
        }
        let now = Instant::now();
        let due = *self.progress.due.get_or_insert_with(|| after(now, self.first_event));
        if now < due {
            let pause = self.progress.pause.get_or_insert_with(|| Pause::until(due));
            ready!(Pin::new(pause).poll(context));
        }
        self.progress.pause = None;
        Poll::Ready(())
    }

    fn event(&mut self) -> Bytes {
        let progress = &mut self.progress;
        match progress.next {
            Next::Role => {
                progress.next = if self.text.is_empty() { Next::Finish } else { Next::Piece };
                self.writer.role().into()
            }
            Next::Piece => {
                let rest = &self.text[progress.told..];
                let piece = openai::pieces(rest).next().unwrap_or(rest);
                progress.told += piece.len();
                if progress.told == self.text.len() {
                    progress.next = Next::Finish;
                }
                progress.due = progress.due.map(|due| after(due, self.gap));
                self.writer.piece(piece).into()
            }
            Next::Finish => {
                progress.next = if self.usage.is_some() { Next::Usage } else { Next::Done };
                self.writer.finish().into()
            }
            Next::Usage => {
                progress.next = Next::Done;
                self.writer.usage(self.usage.unwrap_or_default()).into()
            }
            Next::Done => {
                progress.next = Next::Nothing;
                Bytes::from_static(DONE_EVENT)
            }
            Next::Nothing => Bytes::new(),
        }
    }
}
