//! A streamed answer: its frames at their times, and where it breaks off.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dialect::{Frame, FrameKind, RefusalReply, StreamEvents, TextHash, Usage};
use record::AttemptRow;
use scenario::{Framing, StreamShape};

use crate::answer::Unanswered;
use crate::connection::Connection;
use crate::deed::BreakPlace;
use crate::draw::{Draws, Purpose};
use crate::frames::Frames;
use crate::pause::{Pacer, after};
use crate::tear::Tear;

/// A streamed answer.
#[derive(Debug)]
pub(crate) struct PacedEvents {
    frames: Frames,
    shape: StreamShape,
    draws: Draws,
    /// What is left of a frame that is sent byte by byte.
    split: Bytes,
    hash: TextHash,
    contents: u64,
    /// How many bytes of it have been given away.
    sent: u64,
    /// When the next content is due; none before the first look.
    due: Option<Instant>,
    pacer: Pacer,
    breaks: Option<Break>,
}

/// Where and how a stream breaks off.
#[derive(Debug)]
pub(crate) struct Break {
    pub(crate) place: BreakPlace,
    /// When it breaks off, for one that does so after a time; none before the first look.
    at: Option<Instant>,
    pacer: Pacer,
    /// The error that is told, for the ends that tell one.
    error: RefusalReply,
    tear: Tear,
    /// After so long it goes on.
    lasts: Option<Duration>,
    /// When it goes on; none before it breaks off.
    until: Option<Instant>,
    torn: bool,
}

impl Break {
    pub(crate) fn new(
        place: BreakPlace,
        error: RefusalReply,
        (tear, lasts): (Tear, Option<Duration>),
    ) -> Self {
        Self { place, at: None, pacer: Pacer::default(), error, tear, lasts, until: None, torn: false }
    }

    /// Breaks off here. What has come of the events decides how the dialect tells the end.
    fn begin(&mut self, frames: &mut Frames) {
        if !std::mem::replace(&mut self.torn, true) {
            self.tear.say(frames.last_words(&self.error));
        }
    }

    /// Whether it is over, for one that does not last.
    fn poll_over(&mut self, context: &mut Context<'_>, connection: &Connection) -> Poll<()> {
        let Some(lasts) = self.lasts else { return Poll::Pending };
        let until = *self.until.get_or_insert_with(|| after(Instant::now(), lasts));
        self.pacer.poll_until(until, connection.metronome(), context)
    }

    /// Whether the time has come, for one that breaks off after a time.
    fn poll_time(&mut self, context: &mut Context<'_>, connection: &Connection) -> Poll<()> {
        let BreakPlace::After(wait) = self.place else { return Poll::Pending };
        let at = *self.at.get_or_insert_with(|| after(Instant::now(), wait));
        self.pacer.poll_until(at, connection.metronome(), context)
    }
}

impl PacedEvents {
    pub(crate) fn new(
        events: StreamEvents,
        (shape, draws): (StreamShape, Draws),
        breaks: Option<Break>,
    ) -> Self {
        Self {
            frames: Frames::new(events, &shape),
            shape,
            draws,
            split: Bytes::new(),
            hash: TextHash::default(),
            contents: 0,
            sent: 0,
            due: None,
            pacer: Pacer::default(),
            breaks,
        }
    }

    /// Whether nothing more will come.
    pub(crate) fn is_over(&self) -> bool {
        self.breaks.is_none() && self.split.is_empty() && self.frames.next_kind().is_none()
    }

    /// The next piece when it is due; nothing after the last.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        connection: &Arc<Connection>,
    ) -> Poll<Option<Result<Bytes, Unanswered>>> {
        if !self.split.is_empty() {
            // Each piece goes out by itself, or the machine would join them again.
            ready!(connection.poll_sent(context));
            return Poll::Ready(Some(Ok(self.split_piece(connection))));
        }
        if self.poll_break(context, connection).is_ready()
            && let Some(breaks) = &mut self.breaks
        {
            breaks.begin(&mut self.frames);
            if breaks.poll_over(context, connection).is_pending() {
                return breaks.tear.poll_end(context, connection);
            }
            self.breaks = None;
            self.due = self.due.map(|due| due.max(Instant::now()));
        }
        let Some(kind) = self.frames.next_kind() else {
            // Only a stream that was to break off later comes here, since others say that they are over.
            connection.give(&[], true, |_| {});
            return Poll::Ready(None);
        };
        if kind == FrameKind::Opening || kind.is_content() {
            ready!(self.poll_due(context, connection));
        }
        Poll::Ready(self.frame(connection).map(Ok))
    }

    /// Whether it breaks off here.
    fn poll_break(&mut self, context: &mut Context<'_>, connection: &Connection) -> Poll<()> {
        let Some(breaks) = &mut self.breaks else { return Poll::Pending };
        if breaks.torn {
            return Poll::Ready(());
        }
        let kind = self.frames.next_kind();
        match breaks.place {
            BreakPlace::After(_) => breaks.poll_time(context, connection),
            // A share was worked out before the stream began.
            BreakPlace::Share(_) => Poll::Ready(()),
            BreakPlace::Bytes(bytes) if self.sent >= bytes || kind.is_none() => Poll::Ready(()),
            BreakPlace::Bytes(_) => Poll::Pending,
            BreakPlace::Contents(contents) => {
                let opened = kind != Some(FrameKind::Opening);
                let told = matches!(kind, None | Some(FrameKind::Finish | FrameKind::Usage | FrameKind::End));
                if opened && (self.contents >= contents || told) { Poll::Ready(()) } else { Poll::Pending }
            }
        }
    }

    fn poll_due(&mut self, context: &mut Context<'_>, connection: &Connection) -> Poll<()> {
        if self.shape.first_event.is_none() && self.shape.gap.is_none() {
            return Poll::Ready(());
        }
        let first =
            || after(Instant::now(), self.draws.nth_duration(Purpose::Gaps, 0, &self.shape.first_event));
        let due = *self.due.get_or_insert_with(first);
        self.pacer.poll_until(due, connection.metronome(), context)
    }

    fn frame(&mut self, connection: &Connection) -> Option<Bytes> {
        let mut frame = self.frames.next()?;
        let cut = self.room().filter(|room| *room < frame.bytes.len());
        if let Some(room) = cut {
            frame.bytes.truncate(room);
        } else {
            self.tell(&frame);
        }
        let hash = if self.hash == TextHash::default() { 0 } else { self.hash.value() };
        let reported = frame.usage.filter(|_| cut.is_none()).map(reported);
        let note = |row: &mut AttemptRow| {
            row.text_hash = hash;
            if let Some((input, output)) = reported {
                (row.input_tokens, row.output_tokens) = (input, output);
            }
        };
        self.sent += frame.bytes.len() as u64;
        let mut bytes = Bytes::from(frame.bytes);
        if self.shape.framing.0.contains(&Framing::Split) {
            self.split = bytes.split_off(1.min(bytes.len()));
        }
        connection.give(&bytes, self.is_over(), note);
        Some(bytes)
    }

    /// How many bytes may still come before it breaks off, for one that does so after so many.
    fn room(&self) -> Option<usize> {
        let BreakPlace::Bytes(bytes) = self.breaks.as_ref()?.place else { return None };
        usize::try_from(bytes.saturating_sub(self.sent)).ok()
    }

    /// A whole frame is told.
    fn tell(&mut self, frame: &Frame) {
        if let Some(text) = self.frames.text_of(frame) {
            self.hash.add(text);
        }
        if frame.kind.is_content() {
            self.contents += 1;
            let gap = self.draws.nth_duration(Purpose::Gaps, self.contents, &self.shape.gap);
            self.due = self.due.map(|due| after(due, gap));
        }
    }

    fn split_piece(&mut self, connection: &Connection) -> Bytes {
        let piece = self.split.split_to(1);
        connection.give(&piece, self.is_over(), |_| {});
        piece
    }
}

/// The tokens that a frame reports, if it reports any.
fn reported(usage: Usage) -> (u32, u32) {
    (u32::try_from(usage.whole_input()).unwrap_or(u32::MAX), usage.output)
}

/// How long a plain answer waits before it breaks off.
pub(crate) fn plain_wait(place: BreakPlace) -> Duration {
    match place {
        BreakPlace::After(wait) => wait,
        BreakPlace::Contents(_) | BreakPlace::Share(_) | BreakPlace::Bytes(_) => Duration::ZERO,
    }
}
