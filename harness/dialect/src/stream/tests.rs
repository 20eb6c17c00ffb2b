//! Streams of every shape, written by a dialect and read back by its reader.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::{
    Answer, Cause, Dialect, ErrorBody, ErrorName, Finish, Frame, FrameKind, Framing, Refusal, Serving, Shape,
    SseFramer, StreamEvent, StreamShape, ToldUsage, ToolCall, Usage, UsagePlace,
};

const SERVING: Serving<'static> = Serving { id: "id-1", created: 1_700_000_000, model: "chat" };
const USAGE: Usage = Usage { input: 9, cache_read: 100, cache_write: 20, output: 12, reasoning: 4 };

fn answers() -> [Answer; 4] {
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

fn shapes() -> Vec<StreamShape> {
    let mut shapes = Vec::new();
    for contents in [None, NonZeroU32::new(1), NonZeroU32::new(7), NonZeroU32::new(10_000)] {
        for framing in [Framing::Usual, Framing::Crlf, Framing::Tight, Framing::Comments] {
            for (include_usage, pings) in [(true, false), (false, true), (true, true)] {
                let usage = UsagePlace::Usual;
                shapes.push(StreamShape { include_usage, contents, usage, pings, framing });
            }
        }
    }
    shapes
}

/// What a client makes of a stream.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    text: String,
    tools: BTreeMap<u32, ToolCall>,
    finish: Option<String>,
    usage: Option<ToldUsage>,
    /// How many events said something of the usage.
    usages: usize,
    ended: bool,
    errors: Vec<ErrorBody>,
    unreadable: usize,
}

fn hear(dialect: Dialect, stream: &[u8]) -> Heard {
    let mut heard = Heard::default();
    let mut framer = SseFramer::new(100_000);
    framer
        .push(stream, |event| match dialect.read_event(event) {
            StreamEvent::Piece(piece) => {
                assert!(!heard.ended, "a piece behind the end");
                heard.text.push_str(piece.text.as_deref().unwrap_or_default());
                for tool in piece.tools {
                    let call = heard.tools.entry(tool.index).or_default();
                    call.id.push_str(tool.id.as_deref().unwrap_or_default());
                    call.name.push_str(tool.name.as_deref().unwrap_or_default());
                    call.arguments.push_str(tool.arguments.as_deref().unwrap_or_default());
                }
                heard.finish = piece.finish.map(Into::into).or(heard.finish.take());
                if let Some(usage) = piece.usage {
                    heard.usage.get_or_insert_default().update(usage);
                    heard.usages += 1;
                }
            }
            StreamEvent::Error => heard.errors.push(ErrorBody::read(None, event.data)),
            StreamEvent::End => heard.ended = true,
            StreamEvent::Silent => {}
            StreamEvent::Unreadable => heard.unreadable += 1,
        })
        .unwrap();
    assert_eq!((framer.is_unfinished(), framer.strays()), (false, 0));
    heard
}

fn frames(dialect: Dialect, answer: &Answer, shape: StreamShape) -> Vec<Frame> {
    dialect.stream_events(answer.clone(), &SERVING, shape).collect()
}

fn bytes(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.bytes.clone()).collect()
}

/// What a dialect can tell of the usage: Anthropic does not say which tokens were spent on reasoning.
fn tellable(dialect: Dialect) -> Usage {
    if dialect == Dialect::Anthropic { Usage { reasoning: 0, ..USAGE } } else { USAGE }
}

#[test]
fn a_stream_of_any_shape_tells_the_whole_answer() {
    for dialect in Dialect::ALL {
        for answer in answers() {
            for shape in shapes() {
                let heard = hear(*dialect, &bytes(&frames(*dialect, &answer, shape)));
                let context = format!("{dialect:?} {shape:?} {answer:?}");
                assert_eq!(heard.text, *answer.text, "{context}");
                assert!(heard.tools.values().eq(answer.tools.iter()), "{context}: {:?}", heard.tools);
                let finish = heard.finish.as_deref().and_then(|word| dialect.finish(word));
                assert_eq!(finish, Some(answer.finish), "{context}");
                assert_eq!((heard.ended, heard.unreadable), (true, 0), "{context}");
                let told = heard.usage.map(ToldUsage::usage);
                let asked = shape.include_usage || *dialect == Dialect::Anthropic;
                assert_eq!(told, asked.then_some(tellable(*dialect)), "{context}");
            }
        }
    }
}

#[test]
fn a_frame_says_what_it_carries() {
    for dialect in Dialect::ALL {
        for answer in answers() {
            for shape in shapes() {
                let mut events = dialect.stream_events(answer.clone(), &SERVING, shape);
                let mut told = 0;
                while let Some(kind) = events.next_kind() {
                    let frame = events.next().unwrap();
                    assert_eq!(frame.kind, kind);
                    assert_eq!(frame.text.start, told);
                    assert_eq!(frame.text.is_empty(), kind != FrameKind::Content, "{kind:?}");
                    told = frame.text.end;
                    let heard = hear(*dialect, &frame.bytes);
                    assert_eq!(heard.text, answer.text[frame.text.clone()], "{kind:?}");
                    assert_eq!(heard.ended, kind == FrameKind::End);
                }
                assert_eq!(told, answer.text.len());
                assert!(events.is_over() && events.next().is_none());
            }
        }
    }
}

#[test]
fn a_text_comes_in_as_many_contents_as_are_wanted() {
    let [_, words, ..] = answers();
    for dialect in Dialect::ALL {
        for (contents, expected) in [(None, 5), (NonZeroU32::new(3), 3), (NonZeroU32::new(1_000), 22)] {
            let shape = StreamShape { contents, ..StreamShape::default() };
            let frames = frames(*dialect, &words, shape);
            let found = frames.iter().filter(|frame| frame.kind.is_content()).count();
            assert_eq!(found, expected, "{dialect:?} {contents:?}");
        }
    }
}

#[test]
fn the_usage_stands_where_it_is_placed() {
    use FrameKind::{Block, Content, Finish, Opening, Tool, Usage};
    type Case = (Dialect, bool, UsagePlace, &'static [FrameKind]);
    let cases: [Case; 11] = [
        (Dialect::Openai, true, UsagePlace::Usual, &[Usage]),
        (Dialect::Openai, false, UsagePlace::Usual, &[]),
        (Dialect::Openai, true, UsagePlace::EveryEvent, &[Opening, Content, Tool, Finish, Usage]),
        (Dialect::Openai, false, UsagePlace::EveryEvent, &[Opening, Content, Tool, Finish]),
        (Dialect::Openai, true, UsagePlace::Finish, &[Finish]),
        (Dialect::Openai, true, UsagePlace::Nowhere, &[]),
        (Dialect::Anthropic, false, UsagePlace::Usual, &[Opening, Finish]),
        (Dialect::Anthropic, true, UsagePlace::EveryEvent, &[Opening, Block, Content, Tool, Finish]),
        (Dialect::Anthropic, true, UsagePlace::Finish, &[Finish]),
        (Dialect::Anthropic, true, UsagePlace::Nowhere, &[]),
        (Dialect::Anthropic, false, UsagePlace::Nowhere, &[]),
    ];
    let [both, ..] = answers();
    for (dialect, include_usage, usage, places) in cases {
        let shape = StreamShape { include_usage, usage, ..StreamShape::default() };
        for frame in frames(dialect, &both, shape) {
            let said = String::from_utf8_lossy(&frame.bytes).contains("\"usage\":{");
            assert_eq!(said, places.contains(&frame.kind), "{dialect:?} {usage:?} {:?}", frame.kind);
        }
    }
}

#[test]
fn the_usage_can_stand_on_the_last_content() {
    let shape = StreamShape { usage: UsagePlace::LastContent, ..StreamShape::default() };
    let [both, words, _, empty] = answers();
    for dialect in Dialect::ALL {
        for (answer, kind) in
            [(&both, FrameKind::Tool), (&words, FrameKind::Content), (&empty, FrameKind::Finish)]
        {
            let frames = frames(*dialect, answer, shape);
            let last = frames.iter().rposition(|frame| frame.kind == kind);
            let told: Vec<usize> = (0..frames.len())
                .filter(|index| hear(*dialect, &frames[*index].bytes).usage.is_some())
                .collect();
            assert_eq!(told, Vec::from_iter(last), "{dialect:?} {kind:?}");
            let heard = hear(*dialect, &bytes(&frames));
            assert_eq!(heard.usage.map(ToldUsage::usage), Some(tellable(*dialect)), "{dialect:?} {kind:?}");
        }
    }
}

#[test]
fn a_usage_on_every_event_counts_up_to_the_whole() {
    let shape = StreamShape { usage: UsagePlace::EveryEvent, ..StreamShape::default() };
    let [both, ..] = answers();
    for dialect in Dialect::ALL {
        let frames = frames(*dialect, &both, shape);
        let told = frames.iter().filter_map(|frame| hear(*dialect, &frame.bytes).usage?.output);
        let told: Vec<u32> = told.collect();
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!((told.first(), told.last()), (Some(&0), Some(&USAGE.output)), "{told:?}");
        assert_eq!(hear(*dialect, &bytes(&frames)).usage.map(ToldUsage::usage), Some(tellable(*dialect)));
    }
}

#[test]
fn pings_stand_between_the_events_and_not_behind_the_end() {
    let [both, ..] = answers();
    for dialect in Dialect::ALL {
        let plain = frames(*dialect, &both, StreamShape::default());
        let pinged = frames(*dialect, &both, StreamShape { pings: true, ..StreamShape::default() });
        assert_eq!(pinged.len(), 2 * plain.len() - 1);
        let (even, odd): (Vec<_>, Vec<_>) = pinged.iter().enumerate().partition(|(index, _)| index % 2 == 0);
        assert!(even.into_iter().map(|(_, frame)| frame).eq(&plain), "{dialect:?}");
        assert!(odd.into_iter().all(|(_, frame)| frame.kind == FrameKind::Ping), "{dialect:?}");
    }
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_told_in_the_provider_s_way() {
    let [_, words, ..] = answers();
    let now = std::time::UNIX_EPOCH;
    for error in ErrorName::ALL {
        let refusal = Refusal { cause: Cause::Named(*error), hints: &[], now, request_id: "req_1" };
        for (dialect, shape, begin) in [
            (Dialect::Openai, Shape::Openai, "data: {\"error\":{"),
            (Dialect::Anthropic, Shape::Anthropic, "event: error\ndata: {\"type\":\"error\",\"error\":{"),
        ] {
            let frame = dialect.error_frame(&refusal);
            assert!(frame.starts_with(begin.as_bytes()), "{error:?}");
            let mut stream = bytes(&frames(dialect, &words, StreamShape::default())[..3]);
            stream.extend_from_slice(&Framing::Crlf.apply(frame));
            let heard = hear(dialect, &stream);
            assert_eq!(heard.errors, [ErrorBody::read(None, &dialect.refusal(&refusal).body)]);
            assert_eq!((heard.errors[0].shape, heard.ended), (shape, false));
            stream.extend_from_slice(dialect.end_frame());
            assert!(hear(dialect, &stream).ended, "an error, and an end as if nothing had been");
        }
    }
}

#[test]
fn a_stream_of_one_dialect_ends_in_no_other() {
    let [both, ..] = answers();
    for (dialect, other) in [(Dialect::Openai, Dialect::Anthropic), (Dialect::Anthropic, Dialect::Openai)] {
        let heard = hear(other, &bytes(&frames(dialect, &both, StreamShape::default())));
        assert_eq!((heard.ended, heard.text.as_str()), (false, ""), "{dialect:?} as {other:?}");
        assert!(heard.unreadable > 0);
    }
}

#[test]
fn a_plain_answer_is_read_back_whole() {
    for dialect in Dialect::ALL {
        for answer in answers() {
            let body = dialect.answer_body(&answer, &SERVING);
            let read = dialect.read_answer(&body).unwrap();
            assert_eq!(read.text.as_deref().unwrap_or_default(), &*answer.text, "{dialect:?}");
            assert_eq!(read.finish.as_deref().and_then(|word| dialect.finish(word)), Some(answer.finish));
            assert_eq!(read.usage.map(ToldUsage::usage), Some(tellable(*dialect)));
            assert_eq!(read.tools.len(), answer.tools.len());
            for (read, call) in read.tools.iter().zip(answer.tools.iter()) {
                assert_eq!((&read.id, &read.name), (&call.id, &call.name));
                // Where there are no arguments, Anthropic has an empty object.
                let written = if call.arguments.is_empty() && *dialect == Dialect::Anthropic {
                    "{}"
                } else {
                    &call.arguments
                };
                assert_eq!(read.arguments, written, "{dialect:?}");
            }
        }
    }
}
