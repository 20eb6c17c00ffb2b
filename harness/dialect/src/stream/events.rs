//! The frames of a streamed answer, ready to be sent.

use std::ops::Range;

use crate::answer::Answer;
use crate::stream::course::{Course, Event, Telling};
use crate::stream::{StreamShape, UsagePlace};
use crate::{anthropic, openai};

/// The frames of one streamed answer, each whole with its empty line.
#[derive(Clone, Debug)]
pub struct StreamEvents {
    writer: EventWriter,
    course: Course,
}

/// One frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What to send.
    pub bytes: Vec<u8>,
    /// What it says.
    pub kind: FrameKind,
    /// Which part of the answer's text it carries.
    pub text: Range<usize>,
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// That an answer begins.
    Opening,
    /// That a block of the answer begins or ends.
    Block,
    /// A piece of the text.
    Content,
    /// A piece of a call of a tool.
    Tool,
    /// Why the answer ended.
    Finish,
    /// What the answer cost.
    Usage,
    /// Nothing.
    Ping,
    /// That the stream is complete.
    End,
}

/// The writer of a dialect's events.
#[derive(Clone, Debug)]
pub(crate) enum EventWriter {
    Openai(openai::EventWriter),
    Anthropic(anthropic::EventWriter),
}

impl StreamEvents {
    pub(crate) fn new(writer: EventWriter, answer: Answer, shape: StreamShape) -> Self {
        Self { writer, course: Course::new(answer, shape) }
    }

    /// The answer that is told.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        &self.course.answer
    }

    /// What the next frame will say; none after the last.
    #[must_use]
    pub fn next_kind(&self) -> Option<FrameKind> {
        self.course.next_kind()
    }

    /// Whether the last frame has been taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next_kind().is_none()
    }
}

impl Iterator for StreamEvents {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let kind = self.next_kind()?;
        let begin = self.course.told_text();
        let (event, telling) = self.course.tell();
        let bytes = telling.shape.framing.apply(self.writer.write(event, telling));
        self.course.advance(&self.writer);
        Some(Frame { bytes, kind, text: begin..self.course.told_text() })
    }
}

impl FrameKind {
    /// Whether it carries something of the answer itself, and not only what surrounds it.
    #[must_use]
    pub fn is_content(self) -> bool {
        matches!(self, Self::Content | Self::Tool)
    }
}

impl EventWriter {
    /// Whether the dialect has blocks: events that begin and end a text or a call of a tool.
    pub(super) fn has_blocks(&self) -> bool {
        matches!(self, Self::Anthropic(_))
    }

    /// Whether the stream has an event for the usage alone.
    pub(super) fn has_usage(&self, shape: StreamShape) -> bool {
        let placed = matches!(shape.usage, UsagePlace::Usual | UsagePlace::EveryEvent);
        matches!(self, Self::Openai(_)) && shape.include_usage && placed
    }

    fn write(&self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        match self {
            Self::Openai(writer) => writer.write(event, telling),
            Self::Anthropic(writer) => writer.write(event, telling),
        }
    }
}
