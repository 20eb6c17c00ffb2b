//! Messages as a client reads them: the plain answer, the events of a stream.

use serde::Deserialize;
use serde_json::Value;

use crate::answer::ToolCall;
use crate::framer::RawEvent;
use crate::json::Text;
use crate::reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece, add_text};
use crate::request::tokens;

/// Reads the body of a successful response; none if it is no message.
pub(crate) fn read_answer(body: &[u8]) -> Option<ReadAnswer<'_>> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let blocks = body.content.filter(|_| body.kind.is_some_and(|kind| kind.0 == "message"))?;
    let mut answer = ReadAnswer {
        finish: body.stop_reason.map(|text| text.0),
        usage: body.usage.map(ToldUsage::from),
        ..ReadAnswer::default()
    };
    for block in blocks {
        match block.kind.as_ref().map(|kind| kind.0.as_ref()) {
            Some("text") => add_text(&mut answer.text, block.text),
            Some("tool_use") => answer.tools.push(block.call()),
            _ => {}
        }
    }
    Some(answer)
}

/// Reads an event. As for the official clients, an event without a name is none of this dialect, and a kind of event that
/// is not known says nothing.
pub(crate) fn read_event<'a>(event: RawEvent<'a>) -> StreamEvent<'a> {
    match event.name {
        b"error" => return StreamEvent::Error,
        b"" => return StreamEvent::Unreadable,
        _ => {}
    }
    let Ok(data) = serde_json::from_slice::<EventData<'a>>(event.data) else {
        return StreamEvent::Unreadable;
    };
    if data.kind.as_ref().is_none_or(|kind| kind.0.as_bytes() != event.name) {
        return StreamEvent::Unreadable;
    }
    match event.name {
        b"message_stop" => StreamEvent::End,
        b"message_start" | b"content_block_start" | b"content_block_delta" | b"message_delta" => {
            StreamEvent::Piece(data.piece())
        }
        _ => StreamEvent::Silent,
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(default)]
    input: Option<Value>,
}

impl Block<'_> {
    fn call(self) -> ToolCall {
        let text = |text: Option<Text<'_>>| text.map_or_else(String::new, |text| text.0.into_owned());
        let arguments = self.input.map_or_else(String::new, |input| input.to_string());
        ToolCall { id: text(self.id), name: text(self.name), arguments }
    }
}

/// The data of all events that say something; each takes what it has.
#[derive(Deserialize)]
struct EventData<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    message: Option<Begun<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
}

/// The message of the first event.
#[derive(Deserialize)]
struct Begun<'a> {
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Text<'a>>,
}

impl<'a> EventData<'a> {
    fn piece(self) -> Piece<'a> {
        let index = Some(self.index.unwrap_or(0));
        let delta = self.delta.unwrap_or_default();
        let (finish, begun) =
            self.message.map_or((None, None), |message| (message.stop_reason, message.usage));
        let (text, call) = match self.content_block {
            Some(block) if block.kind.as_ref().is_some_and(|kind| kind.0 == "tool_use") => {
                let (id, name) = (block.id.map(|text| text.0), block.name.map(|text| text.0));
                (None, Some(ToolPiece { index, id, name, arguments: None }))
            }
            block => (block.and_then(|block| block.text), None),
        };
        let arguments = delta.partial_json.map(|text| text.0);
        let arguments =
            arguments.map(|text| ToolPiece { index, arguments: Some(text), ..ToolPiece::default() });
        Piece {
            text: delta.text.or(text).map(|text| text.0),
            tools: call.into_iter().chain(arguments).collect(),
            finish: delta.stop_reason.or(finish).map(|text| text.0),
            usage: self.usage.or(begun).map(ToldUsage::from),
            ends: false,
        }
    }
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

impl From<Usage> for ToldUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input_tokens.map(tokens),
            cache_read: usage.cache_read_input_tokens.map(tokens),
            cache_write: usage.cache_creation_input_tokens.map(tokens),
            output: usage.output_tokens.map(tokens),
            reasoning: usage.output_tokens_details.and_then(|details| details.thinking_tokens).map(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn an_answer_is_read_whatever_else_stands_in_it() {
        let body = br#"{"id":"m","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"hm"},
            {"type":"text","text":"two\n"},{"type":"tool_use","id":"t","name":"look","input":{"b":1,"a":[2]}},
            {"type":"text","text":"lines"}],"stop_reason":"tool_use","container":null,
            "usage":{"input_tokens":3,"cache_read_input_tokens":20,"output_tokens":5,"output_tokens_details":{"thinking_tokens":2},"server_tool_use":{"x":1}}}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!(answer.text.as_deref(), Some("two\nlines"));
        assert_eq!(answer.finish.as_deref(), Some("tool_use"));
        let arguments = r#"{"b":1,"a":[2]}"#.to_owned();
        assert_eq!(answer.tools, [ToolCall { id: "t".into(), name: "look".into(), arguments }]);
        let usage = ToldUsage {
            input: Some(3),
            cache_read: Some(20),
            cache_write: None,
            output: Some(5),
            reasoning: Some(2),
        };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn one_text_is_not_copied() {
        let answer =
            read_answer(br#"{"type":"message","content":[{"type":"text","text":"plain"}]}"#).unwrap();
        assert!(matches!(answer.text, Some(Cow::Borrowed("plain"))));
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"type":"message"}"#,
            r#"{"content":[]}"#,
            r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
            r#"{"choices":[{"message":{"content":"x"}}]}"#,
        ] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
        let empty = read_answer(br#"{"type":"message","content":[]}"#).unwrap();
        assert_eq!((empty.text, empty.usage), (None, None));
    }

    #[test]
    fn the_events_of_a_stream_are_told_apart() {
        let piece = StreamEvent::Piece;
        let input = ToldUsage { input: Some(9), output: Some(1), ..ToldUsage::default() };
        let output = ToldUsage { output: Some(7), ..ToldUsage::default() };
        let call = ToolPiece {
            index: Some(1),
            id: Some("t".into()),
            name: Some("look".into()),
            ..ToolPiece::default()
        };
        let arguments = ToolPiece { index: Some(1), arguments: Some("{\"a".into()), ..ToolPiece::default() };
        let cases = [
            (
                "message_start",
                r#"{"type":"message_start","message":{"stop_reason":null,"usage":{"input_tokens":9,"output_tokens":1}}}"#,
                piece(Piece { usage: Some(input), ..Piece::default() }),
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                piece(Piece { text: Some("".into()), ..Piece::default() }),
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"look","input":{}}}"#,
                piece(Piece { tools: vec![call], ..Piece::default() }),
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a b"}}"#,
                piece(Piece { text: Some("a b".into()), ..Piece::default() }),
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}"#,
                piece(Piece { tools: vec![arguments], ..Piece::default() }),
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#, StreamEvent::Silent),
            (
                "message_delta",
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
                piece(Piece { finish: Some("end_turn".into()), usage: Some(output), ..Piece::default() }),
            ),
            ("message_stop", r#"{"type":"message_stop"}"#, StreamEvent::End),
            ("ping", r#"{"type":"ping"}"#, StreamEvent::Silent),
            ("novelty", r#"{"type":"novelty","delta":{"text":"x"}}"#, StreamEvent::Silent),
            ("error", r#"{"type":"error","error":{"type":"overloaded_error"}}"#, StreamEvent::Error),
            ("", r#"{"type":"message_stop"}"#, StreamEvent::Unreadable),
            ("message_stop", r#"{"type":"message_delta"}"#, StreamEvent::Unreadable),
            ("message_stop", "[DONE]", StreamEvent::Unreadable),
            ("message_start", "{\"type\":", StreamEvent::Unreadable),
        ];
        for (name, data, expected) in cases {
            let event = RawEvent { name: name.as_bytes(), data: data.as_bytes() };
            assert_eq!(read_event(event), expected, "{name} {data}");
        }
    }
}
