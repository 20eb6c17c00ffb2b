//! The course of a streamed answer: which event follows which, and how much of the answer is told.

use crate::answer::{Answer, ToolCall, Usage};
use crate::stream::cutter::{Cutter, fragment};
use crate::stream::{EventWriter, FrameKind, StreamShape, UsagePlace};

/// How far a stream is.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) answer: Answer,
    shape: StreamShape,
    cutter: Cutter,
    next: Step,
    /// How much of the text is told.
    told: usize,
    /// Which call of a tool is told.
    tool: usize,
    /// How much of its arguments is told.
    told_arguments: usize,
    /// How much of the text and all arguments is told, and how much there is.
    content: (usize, usize),
    /// Whether a ping comes before the next step.
    ping_due: bool,
}

/// What is told next, in the order of telling. A dialect has not all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Open,
    TextBegin,
    Text,
    TextEnd,
    ToolBegin,
    Arguments,
    ToolEnd,
    Finish,
    Usage,
    End,
    Over,
}

/// An event that a dialect writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    Open,
    TextBegin,
    Text(&'a str),
    TextEnd,
    ToolBegin,
    Arguments(&'a str),
    ToolEnd,
    Finish,
    Usage,
    End,
    Ping,
}

/// What an event is a part of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) shape: StreamShape,
    /// The number of the call of a tool, among the calls.
    pub(crate) tool: usize,
    /// What the answer has cost with this event.
    pub(crate) so_far: Usage,
    /// Whether nothing with content follows, though it does in the events before.
    last_content: bool,
}

impl<'a> Telling<'a> {
    /// The call of a tool that the event belongs to.
    pub(crate) fn call(&self) -> Option<&'a ToolCall> {
        self.answer.tools.get(self.tool)
    }

    /// The usage that stands on an event because of the stream's shape, and not because the provider puts it there.
    pub(crate) fn placed_usage(&self, event: Event<'_>) -> Option<Usage> {
        let here = match self.shape.usage_place() {
            UsagePlace::Usual | UsagePlace::Nowhere => false,
            UsagePlace::EveryEvent => !matches!(event, Event::Usage | Event::End | Event::Ping),
            UsagePlace::LastContent => self.last_content,
            UsagePlace::Finish => event == Event::Finish,
        };
        here.then_some(self.so_far)
    }
}

impl Course {
    pub(super) fn new(answer: Answer, shape: StreamShape) -> Self {
        let arguments: usize = answer.tools.iter().map(|tool| tool.arguments.len()).sum();
        Self {
            shape,
            cutter: Cutter::new(&answer.text, shape.contents),
            next: Step::Open,
            told: 0,
            tool: 0,
            told_arguments: 0,
            content: (0, answer.text.len() + arguments),
            ping_due: false,
            answer,
        }
    }

    /// Goes to the first event that the dialect has.
    pub(super) fn begin(&mut self, writer: &EventWriter) {
        if !writer.has(self.next, self.shape) {
            self.go_on(writer);
        }
    }

    /// How much of the text is told.
    pub(super) fn told_text(&self) -> usize {
        self.told
    }

    /// The shape of the stream.
    pub(super) fn shape(&self) -> StreamShape {
        self.shape
    }

    /// What the next frame will say; none after the last.
    pub(super) fn next_kind(&self) -> Option<FrameKind> {
        if self.ping_due {
            return Some(FrameKind::Ping);
        }
        Some(match self.next {
            Step::Open => FrameKind::Opening,
            Step::TextBegin | Step::TextEnd | Step::ToolEnd => FrameKind::Block,
            Step::Text => FrameKind::Content,
            Step::ToolBegin | Step::Arguments => FrameKind::Tool,
            Step::Finish => FrameKind::Finish,
            Step::Usage => FrameKind::Usage,
            Step::End => FrameKind::End,
            Step::Over => return None,
        })
    }

    /// The next event. Its content counts as told. With `whole_calls` the beginning of a call tells all its arguments.
    pub(super) fn tell(&mut self, whole_calls: bool) -> (Event<'_>, Telling<'_>) {
        let Self { answer, cutter, told, told_arguments, content, .. } = self;
        let event = match self.next {
            _ if self.ping_due => Event::Ping,
            Step::Open => Event::Open,
            Step::TextBegin => Event::TextBegin,
            Step::Text => {
                let rest = &answer.text[*told..];
                let piece = &rest[..cutter.next(rest)];
                *told += piece.len();
                content.0 += piece.len();
                Event::Text(piece)
            }
            Step::TextEnd => Event::TextEnd,
            Step::ToolBegin => {
                if whole_calls {
                    *told_arguments = answer.tools.get(self.tool).map_or(0, |tool| tool.arguments.len());
                    content.0 += *told_arguments;
                }
                Event::ToolBegin
            }
            Step::Arguments => {
                let rest = answer.tools.get(self.tool).map_or("", |tool| &tool.arguments[*told_arguments..]);
                let piece = &rest[..fragment(rest)];
                *told_arguments += piece.len();
                content.0 += piece.len();
                Event::Arguments(piece)
            }
            Step::ToolEnd => Event::ToolEnd,
            Step::Finish => Event::Finish,
            Step::Usage => Event::Usage,
            Step::End | Step::Over => Event::End,
        };
        let (told, all) = *content;
        let call = whole_calls.then_some(self.tool);
        let last_content = is_last_content(event, answer, (told, all), call);
        let so_far = if event == Event::Finish { answer.usage } else { share(answer.usage, told, all) };
        (event, Telling { answer, shape: self.shape, tool: self.tool, so_far, last_content })
    }

    /// Goes to the next event that the dialect has.
    pub(super) fn advance(&mut self, writer: &EventWriter) {
        if std::mem::take(&mut self.ping_due) {
            return;
        }
        self.go_on(writer);
        self.ping_due = self.shape.pings && self.next != Step::Over;
    }

    fn go_on(&mut self, writer: &EventWriter) {
        loop {
            self.next = self.following();
            if writer.has(self.next, self.shape) {
                break;
            }
        }
    }

    fn following(&mut self) -> Step {
        match self.next {
            Step::Open if !self.answer.text.is_empty() => Step::TextBegin,
            Step::TextBegin => Step::Text,
            Step::Text if self.told < self.answer.text.len() => Step::Text,
            Step::Text => Step::TextEnd,
            Step::Open | Step::TextEnd => self.tool_or_finish(),
            Step::ToolBegin | Step::Arguments => {
                let arguments = self.answer.tools.get(self.tool).map_or(0, |tool| tool.arguments.len());
                if self.told_arguments < arguments { Step::Arguments } else { Step::ToolEnd }
            }
            Step::ToolEnd => {
                (self.tool, self.told_arguments) = (self.tool + 1, 0);
                self.tool_or_finish()
            }
            Step::Finish => Step::Usage,
            Step::Usage => Step::End,
            Step::End | Step::Over => Step::Over,
        }
    }

    fn tool_or_finish(&self) -> Step {
        if self.tool < self.answer.tools.len() { Step::ToolBegin } else { Step::Finish }
    }
}

/// Whether no event with content follows one with which so much of the content is told. `call` is the number of a call that is
/// told whole: such a one is content even without arguments.
fn is_last_content(
    event: Event<'_>,
    answer: &Answer,
    (told, all): (usize, usize),
    call: Option<usize>,
) -> bool {
    let calls_follow = call.is_some() && !answer.tools.is_empty();
    match event {
        Event::ToolBegin => call.is_some_and(|call| call + 1 == answer.tools.len()),
        Event::Text(_) => told == all && !calls_follow,
        Event::Arguments(_) => told == all,
        Event::Finish => all == 0 && !calls_follow,
        _ => false,
    }
}

/// What has been spent when so much of the content is told.
fn share(usage: Usage, told: usize, all: usize) -> Usage {
    let of = |tokens: u32| (u64::from(tokens) * told as u64 / all.max(1) as u64) as u32;
    Usage { output: of(usage.output), reasoning: of(usage.reasoning), ..usage }
}
