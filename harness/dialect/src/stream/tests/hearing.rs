//! Streams of every shape, written by a dialect and read back by its reader: what the tests share.

pub(super) use std::num::NonZeroU32;
pub(super) use std::time::UNIX_EPOCH;

pub(super) use crate::{
    Answer, Cause, Dialect, ErrorBody, ErrorName, Finish, Frame, FrameKind, Framer, Framing, LineEnd,
    Refusal, RefusalReply, Serving, Shape, StreamEvent, StreamFormat, StreamShape, Surface, ToldUsage,
    ToolCall, ToolCalls, Usage, UsagePlace,
};

/// What is spoken: a dialect on a surface.
pub(super) type Spoken = (Dialect, Surface);

/// Everything that is streamed.
pub(super) const SPOKEN: [Spoken; 11] = [
    (Dialect::Openai, Surface::Chat),
    (Dialect::Anthropic, Surface::Chat),
    (Dialect::Azure, Surface::Chat),
    (Dialect::Vllm, Surface::Chat),
    (Dialect::Gemini, Surface::Chat),
    (Dialect::Ollama, Surface::Chat),
    (Dialect::OllamaV1, Surface::Chat),
    (Dialect::Openai, Surface::Responses),
    (Dialect::Azure, Surface::Responses),
    (Dialect::Vllm, Surface::Responses),
    (Dialect::Ollama, Surface::Responses),
];

pub(super) const SERVING: Serving<'static> = Serving { id: "id-1", created: 1_700_000_000, model: "chat" };
pub(super) const USAGE: Usage =
    Usage { input: 9, cache_read: 100, cache_write: 20, output: 12, reasoning: 4, total: None };

pub(super) fn answers() -> [Answer; 4] {
    let call = |id: &str, arguments: &str| ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: arguments.into(),
    };
    let words = Answer { text: "Grün ist 😀 \"so\"\nweiter".into(), usage: USAGE, ..Answer::default() };
    let tools = vec![call("a", r#"{"city":"Zürich","days":3}"#), call("b", ""), call("c", "{}")].into();
    let calls = Answer { finish: Finish::ToolUse, tools, text: "".into(), ..words.clone() };
    [
        Answer { tools: calls.tools.clone(), finish: Finish::ToolUse, ..words.clone() },
        words,
        calls,
        Answer { usage: USAGE, finish: Finish::ContentFilter, ..Answer::default() },
    ]
}

/// Each way to write lines by itself, and all of them together.
pub(super) fn framings() -> [Framing; 8] {
    let usual = Framing::default();
    [
        usual,
        Framing { line_end: LineEnd::Crlf, ..usual },
        Framing { line_end: LineEnd::Cr, ..usual },
        Framing { tight: true, ..usual },
        Framing { comments: true, ..usual },
        Framing { multi_line: true, ..usual },
        Framing { strangers: true, ..usual },
        Framing {
            line_end: LineEnd::Crlf,
            tight: true,
            comments: true,
            multi_line: true,
            strangers: true,
            split: true,
        },
    ]
}

pub(super) fn shapes() -> Vec<StreamShape> {
    let mut shapes = Vec::new();
    for contents in [None, NonZeroU32::new(1), NonZeroU32::new(7), NonZeroU32::new(10_000)] {
        for framing in framings() {
            for (include_usage, pings) in [(true, false), (false, true), (true, true)] {
                shapes.push(StreamShape {
                    include_usage,
                    contents,
                    pings,
                    framing,
                    ..StreamShape::default()
                });
            }
        }
    }
    shapes
}

/// What a client makes of a stream.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Heard {
    pub(super) text: String,
    pub(super) tools: ToolCalls,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<ToldUsage>,
    pub(super) ended: bool,
    pub(super) errors: Vec<ErrorBody>,
    pub(super) unreadable: usize,
}

pub(super) fn hear(spoken: Spoken, stream: &[u8]) -> Heard {
    hear_in_pieces(spoken, stream, stream.len().max(1))
}

pub(super) fn hear_in_pieces((dialect, surface): Spoken, stream: &[u8], piece: usize) -> Heard {
    let mut heard = Heard::default();
    let mut framer = Framer::new(100_000);
    framer.reset(dialect.stream_format(surface));
    for bytes in stream.chunks(piece) {
        let read = framer.push(bytes, |event| match dialect.read_event(surface, event) {
            StreamEvent::Piece(piece) => {
                assert!(!heard.ended, "a piece behind the end");
                heard.text.push_str(piece.text.as_deref().unwrap_or_default());
                piece.tools.iter().for_each(|tool| heard.tools.add(tool));
                heard.finish = piece.finish.map(Into::into).or(heard.finish.take());
                if let Some(usage) = piece.usage {
                    heard.usage.get_or_insert_default().update(usage);
                }
                heard.ended = piece.ends;
            }
            StreamEvent::Error => heard.errors.push(ErrorBody::read(None, event.data)),
            StreamEvent::End => heard.ended = true,
            StreamEvent::Silent => {}
            StreamEvent::Unreadable => heard.unreadable += 1,
        });
        read.unwrap();
    }
    assert_eq!((framer.is_unfinished(), framer.strays()), (false, 0));
    heard
}

pub(super) fn frames((dialect, surface): Spoken, answer: &Answer, shape: StreamShape) -> Vec<Frame> {
    dialect.stream_events(surface, answer.clone(), &SERVING, shape).collect()
}

pub(super) fn bytes(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.bytes.clone()).collect()
}

/// What can be told of the usage. What is told in no class of its own is told as input.
pub(super) fn tellable((dialect, surface): Spoken) -> Usage {
    let Usage { input, cache_read, cache_write, .. } = USAGE;
    match (dialect, surface) {
        (_, Surface::Responses) | (Dialect::Openai | Dialect::Azure | Dialect::Anthropic, _) => USAGE,
        (Dialect::Gemini | Dialect::GeminiList, _) => {
            Usage { input: input + cache_write, cache_write: 0, ..USAGE }
        }
        (Dialect::Vllm, _) => Usage { input: input + cache_write, cache_write: 0, reasoning: 0, ..USAGE },
        (Dialect::Ollama | Dialect::OllamaV1, _) => {
            let input = input + cache_read + cache_write;
            Usage { input, cache_read: 0, cache_write: 0, reasoning: 0, ..USAGE }
        }
    }
}

/// Whether the usage is told only if it is asked for.
pub(super) fn tells_when_asked((dialect, surface): Spoken) -> bool {
    surface == Surface::Chat && !matches!(dialect, Dialect::Anthropic | Dialect::Gemini | Dialect::Ollama)
}

/// The finish as a client can know it: Ollama's own chat has no word for what a filter held back.
pub(super) fn knowable(spoken: Spoken, finish: Finish) -> Finish {
    let filtered = spoken == (Dialect::Ollama, Surface::Chat) && finish == Finish::ContentFilter;
    if filtered { Finish::Stop } else { finish }
}

/// The calls as they can be told: an object has no blanks around it, and where there are no arguments it is empty.
pub(super) fn told_calls((dialect, surface): Spoken, answer: &Answer, whole: bool) -> Vec<ToolCall> {
    let as_object = match (dialect, surface) {
        (_, Surface::Responses) => false,
        (Dialect::Gemini | Dialect::GeminiList | Dialect::Ollama, _) => true,
        (Dialect::Anthropic, _) => whole,
        _ => false,
    };
    let told = |call: &ToolCall| {
        let empty = as_object && call.arguments.is_empty();
        ToolCall { arguments: if empty { "{}".into() } else { call.arguments.clone() }, ..call.clone() }
    };
    answer.tools.iter().map(told).collect()
}
