//! The frames of a streamed answer, ready to be sent.

use std::ops::Range;

use crate::answer::{Answer, Usage};
use crate::framer::StreamFormat;
use crate::refusal::RefusalReply;
use crate::stream::course::{Course, Event, Step, Telling};
use crate::stream::{StreamShape, UsagePlace};
use crate::{anthropic, gemini, ollama, openai, responses};

/// A comment: what a stream of server-sent events can say that says nothing.
pub(crate) const COMMENT: &[u8] = b": ping\n\n";

/// The frames of one streamed answer, each whole with its empty line.
#[derive(Clone, Debug)]
pub struct StreamEvents {
    writer: EventWriter,
    course: Course,
    /// Whether a frame has been taken.
    begun: bool,
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
    /// The usage that it tells, which replaces what was told before.
    pub usage: Option<Usage>,
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
    Gemini(gemini::EventWriter),
    Ollama(ollama::EventWriter),
    Responses(Box<responses::EventWriter>),
}

impl StreamEvents {
    pub(crate) fn new(writer: EventWriter, answer: Answer, shape: StreamShape) -> Self {
        let mut course = Course::new(answer, shape);
        course.begin(&writer);
        Self { writer, course, begun: false }
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

    /// The frame of an error here, in the provider's own way. What a refusal tells in headers is not told. vLLM ends the
    /// stream behind it as if nothing had been.
    #[must_use]
    pub fn error_frame(&mut self, refusal: &RefusalReply) -> Vec<u8> {
        let body = &refusal.body;
        let frame = match &mut self.writer {
            EventWriter::Openai(writer) => writer.error_frame(body),
            EventWriter::Anthropic(_) => anthropic::error_frame(body),
            EventWriter::Gemini(writer) => writer.error_frame(body),
            EventWriter::Ollama(_) => ollama::error_frame(body),
            EventWriter::Responses(writer) => writer.error_frame(refusal),
        };
        self.framed(frame)
    }

    /// The frame that says here that the stream is complete, whatever was told of the answer; empty where a stream just ends.
    #[must_use]
    pub fn end_frame(&mut self) -> Vec<u8> {
        let frame = match &mut self.writer {
            EventWriter::Openai(_) => openai::END_FRAME.to_vec(),
            EventWriter::Anthropic(_) => anthropic::END_FRAME.to_vec(),
            EventWriter::Gemini(writer) => writer.end_frame(),
            EventWriter::Ollama(writer) => writer.end_frame(),
            EventWriter::Responses(writer) => writer.end_frame(),
        };
        self.framed(frame)
    }

    /// A frame that says nothing.
    #[must_use]
    pub fn ping_frame(&self) -> Vec<u8> {
        self.framed(match &self.writer {
            EventWriter::Openai(_) | EventWriter::Responses(_) => COMMENT.to_vec(),
            EventWriter::Gemini(writer) => writer.ping_frame().to_vec(),
            EventWriter::Anthropic(_) => anthropic::PING_FRAME.to_vec(),
            EventWriter::Ollama(_) => b"\n".to_vec(),
        })
    }

    fn framed(&self, frame: Vec<u8>) -> Vec<u8> {
        self.course.shape().framing.apply(self.writer.format(), frame)
    }
}

impl Iterator for StreamEvents {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let kind = self.next_kind()?;
        let begin = self.course.told_text();
        let format = self.writer.format();
        let (event, telling) = self.course.tell(self.writer.tells_calls_whole());
        let usage = self.writer.usage(event, telling);
        let framing = telling.shape.framing;
        let mut bytes = self.writer.write(event, telling);
        if framing.strangers && self.begun {
            bytes.splice(..0, self.writer.stranger());
        }
        let bytes = framing.apply(format, bytes);
        self.begun = true;
        self.course.advance(&self.writer);
        Some(Frame { bytes, kind, text: begin..self.course.told_text(), usage })
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
    fn format(&self) -> StreamFormat {
        match self {
            Self::Ollama(_) => StreamFormat::Lines,
            Self::Gemini(writer) => writer.format(),
            Self::Openai(_) | Self::Anthropic(_) | Self::Responses(_) => StreamFormat::Events,
        }
    }

    /// Whether the dialect has an event for a step.
    pub(super) fn has(&self, step: Step, shape: StreamShape) -> bool {
        match step {
            Step::Open => !matches!(self, Self::Gemini(_) | Self::Ollama(_)),
            Step::TextBegin | Step::TextEnd | Step::ToolEnd => {
                matches!(self, Self::Anthropic(_) | Self::Responses(_))
            }
            Step::Usage => {
                let placed = matches!(shape.usage_place(), UsagePlace::Usual | UsagePlace::EveryEvent);
                matches!(self, Self::Openai(_)) && shape.include_usage && placed
            }
            Step::End => matches!(self, Self::Openai(_) | Self::Anthropic(_)),
            Step::Text | Step::ToolBegin | Step::Arguments | Step::Finish | Step::Over => true,
        }
    }

    /// Whether a call of a tool is told in one event, and not in fragments.
    fn tells_calls_whole(&self) -> bool {
        match self {
            Self::Gemini(_) | Self::Ollama(_) => true,
            Self::Openai(writer) => writer.tells_calls_whole(),
            Self::Anthropic(_) | Self::Responses(_) => false,
        }
    }

    /// The usage that an event tells.
    fn usage(&self, event: Event<'_>, telling: Telling<'_>) -> Option<Usage> {
        match self {
            Self::Openai(writer) => writer.usage(event, telling),
            Self::Anthropic(_) => anthropic::event_usage(event, telling),
            Self::Gemini(_) => gemini::event_usage(event, telling),
            Self::Ollama(_) => ollama::event_usage(event, telling),
            Self::Responses(_) => responses::event_usage(event, telling),
        }
    }

    /// An event of an unknown type, which a client that keeps up with its provider leaves alone. It carries what the
    /// official libraries need to read it at all.
    fn stranger(&mut self) -> Vec<u8> {
        match self {
            Self::Openai(writer) => writer.stranger(),
            Self::Anthropic(_) => anthropic::STRANGER.to_vec(),
            Self::Gemini(writer) => writer.stranger(),
            // The official libraries take no line without a message.
            Self::Ollama(_) => Vec::new(),
            Self::Responses(writer) => writer.stranger(),
        }
    }

    fn write(&mut self, event: Event<'_>, telling: Telling<'_>) -> Vec<u8> {
        match self {
            Self::Openai(writer) => writer.write(event, telling),
            Self::Anthropic(writer) => writer.write(event, telling),
            Self::Gemini(writer) => writer.write(event, telling),
            Self::Ollama(writer) => writer.write(event, telling),
            Self::Responses(writer) => writer.write(event, telling),
        }
    }
}
