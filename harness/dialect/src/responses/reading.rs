//! Responses as a client reads them: the plain one, and the events of a stream.

use serde::Deserialize;

use crate::answer::ToolCall;
use crate::framer::RawEvent;
use crate::json::Text;
use crate::reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece, add_text};
use crate::request::tokens;

/// Reads the body of a successful response; none if it is no response, or one that failed.
pub(crate) fn read_answer(body: &[u8]) -> Option<ReadAnswer<'_>> {
    let response: Response<'_> = serde_json::from_slice(body).ok()?;
    let is_response = response.object.as_ref().is_some_and(|object| object.0 == "response");
    let failed = response.status.as_ref().is_some_and(|status| status.0 == "failed");
    if !is_response || failed {
        return None;
    }
    let mut answer = ReadAnswer { usage: response.usage.map(ToldUsage::from), ..ReadAnswer::default() };
    answer.finish = response.status.map(|status| status.0);
    if let Some(reason) = response.incomplete.and_then(|incomplete| incomplete.reason) {
        answer.finish = Some(reason.0);
    }
    for item in response.output? {
        match item.kind.as_ref().map(|kind| kind.0.as_ref()) {
            Some("function_call") => answer.tools.push(item.call()),
            Some("message") => {
                let parts = item.content.unwrap_or_default().into_iter();
                parts.filter(Part::is_text).for_each(|part| add_text(&mut answer.text, part.text));
            }
            _ => {}
        }
    }
    Some(answer)
}

/// Reads an event. As for the official clients it is the type in the data that counts; a kind of event that is not known says
/// nothing.
pub(crate) fn read_event<'a>(event: RawEvent<'a>) -> StreamEvent<'a> {
    let Ok(data) = serde_json::from_slice::<EventData<'a>>(event.data) else {
        return StreamEvent::Unreadable;
    };
    let Some(kind) = data.kind.as_ref().map(|kind| kind.0.as_ref()) else {
        return StreamEvent::Unreadable;
    };
    if kind != "error" && !kind.starts_with("response.") {
        return StreamEvent::Unreadable;
    }
    let call = |id, name, arguments| {
        let index = Some(data.output_index.unwrap_or(0));
        vec![ToolPiece { index, id, name, arguments }]
    };
    match kind {
        "error" | "response.failed" => StreamEvent::Error,
        "response.output_text.delta" => StreamEvent::Piece(Piece {
            text: data.delta.map(|text| text.0),
            usage: data.usage.map(ToldUsage::from),
            ..Piece::default()
        }),
        "response.function_call_arguments.delta" => StreamEvent::Piece(Piece {
            tools: call(None, None, data.delta.map(|text| text.0)),
            usage: data.usage.map(ToldUsage::from),
            ..Piece::default()
        }),
        "response.output_item.added" => match data.item.filter(Item::is_call) {
            Some(item) => StreamEvent::Piece(Piece {
                tools: call(item.call_id.map(|text| text.0), item.name.map(|text| text.0), None),
                usage: data.usage.map(ToldUsage::from),
                ..Piece::default()
            }),
            None => StreamEvent::Silent,
        },
        "response.created" | "response.in_progress" | "response.queued" => {
            standing(data.response, false).map_or(StreamEvent::Silent, StreamEvent::Piece)
        }
        "response.completed" | "response.incomplete" => {
            standing(data.response, true).map_or(StreamEvent::Unreadable, StreamEvent::Piece)
        }
        _ => StreamEvent::Silent,
    }
}

/// What an event says that holds the whole response: how it stands, not what it has said.
fn standing(response: Option<Response<'_>>, over: bool) -> Option<Piece<'_>> {
    let response = response?;
    let reason = response.incomplete.and_then(|incomplete| incomplete.reason);
    let finish = reason.or(response.status).map(|word| word.0).filter(|_| over);
    Some(Piece { finish, usage: response.usage.map(ToldUsage::from), ends: over, ..Piece::default() })
}

#[derive(Deserialize)]
struct EventData<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default)]
    output_index: Option<u32>,
    #[serde(borrow, default)]
    delta: Option<Text<'a>>,
    #[serde(borrow, default)]
    item: Option<Item<'a>>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    object: Option<Text<'a>>,
    #[serde(borrow, default)]
    status: Option<Text<'a>>,
    #[serde(borrow, default, rename = "incomplete_details")]
    incomplete: Option<Incomplete<'a>>,
    #[serde(borrow, default)]
    output: Option<Vec<Item<'a>>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Option<Vec<Part<'a>>>,
    #[serde(borrow, default)]
    call_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
}

impl Item<'_> {
    fn is_call(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| kind.0 == "function_call")
    }

    fn call(self) -> ToolCall {
        let text = |text: Option<Text<'_>>| text.map_or_else(String::new, |text| text.0.into_owned());
        ToolCall { id: text(self.call_id), name: text(self.name), arguments: text(self.arguments) }
    }
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
}

impl Part<'_> {
    fn is_text(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| kind.0 == "output_text")
    }
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Default, Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl From<Usage> for ToldUsage {
    fn from(usage: Usage) -> Self {
        let input = usage.input_tokens_details.unwrap_or_default();
        let cached = input.cached_tokens.unwrap_or(0).saturating_add(input.cache_write_tokens.unwrap_or(0));
        let output = usage.output_tokens_details.unwrap_or_default();
        Self {
            input: usage.input_tokens.map(|whole| tokens(whole.saturating_sub(cached))),
            cache_read: input.cached_tokens.map(tokens),
            cache_write: input.cache_write_tokens.map(tokens),
            output: usage.output_tokens.map(tokens),
            reasoning: output.reasoning_tokens.map(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_else_stands_in_it() {
        let body = br#"{"id":"r","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},
            "output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"two\n"},
            {"type":"refusal","refusal":"no"},{"type":"output_text","text":"lines"}]},{"type":"function_call","id":"fc",
            "call_id":"c","name":"look","arguments":"{}"}],"usage":{"input_tokens":30,"input_tokens_details":
            {"cached_tokens":20},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":35}}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!(answer.text.as_deref(), Some("two\nlines"));
        assert_eq!(answer.finish.as_deref(), Some("max_output_tokens"));
        assert_eq!(answer.tools, [ToolCall { id: "c".into(), name: "look".into(), arguments: "{}".into() }]);
        let usage = ToldUsage {
            input: Some(10),
            cache_read: Some(20),
            cache_write: None,
            output: Some(5),
            reasoning: Some(4),
        };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in [
            "",
            "{}",
            "<html>",
            r#"{"object":"response"}"#,
            r#"{"object":"chat.completion","output":[]}"#,
            r#"{"object":"response","status":"failed","error":{"code":"server_error","message":"m"},"output":[]}"#,
        ] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_events_of_a_stream_are_told_apart() {
        let piece = StreamEvent::Piece;
        let tool = |index, id: Option<&'static str>, arguments: Option<&'static str>| {
            let (id, name, arguments) =
                (id.map(Into::into), id.map(|_| "look".into()), arguments.map(Into::into));
            piece(Piece {
                tools: vec![ToolPiece { index: Some(index), id, name, arguments }],
                ..Piece::default()
            })
        };
        let usage = Some(ToldUsage { output: Some(7), ..ToldUsage::default() });
        let end = Piece { finish: Some("completed".into()), usage, ends: true, ..Piece::default() };
        for (data, expected) in [
            (
                r#"{"type":"response.created","response":{"status":"in_progress","usage":null}}"#,
                piece(Piece::default()),
            ),
            (
                r#"{"type":"response.output_text.delta","delta":"a b"}"#,
                piece(Piece { text: Some("a b".into()), ..Piece::default() }),
            ),
            (
                r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c","name":"look"}}"#,
                tool(1, Some("c"), None),
            ),
            (
                r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\"a"}"#,
                tool(1, None, Some("{\"a")),
            ),
            (r#"{"type":"response.output_item.added","item":{"type":"message"}}"#, StreamEvent::Silent),
            (r#"{"type":"response.output_text.done","text":"all"}"#, StreamEvent::Silent),
            (r#"{"type":"response.novelty"}"#, StreamEvent::Silent),
            (
                r#"{"type":"response.completed","response":{"status":"completed","usage":{"output_tokens":7}}}"#,
                piece(end),
            ),
            (r#"{"type":"response.completed"}"#, StreamEvent::Unreadable),
            (r#"{"type":"response.failed","response":{"status":"failed"}}"#, StreamEvent::Error),
            (r#"{"type":"error","code":"c","message":"m"}"#, StreamEvent::Error),
            (r#"{"type":"message_stop"}"#, StreamEvent::Unreadable),
            (r#"{"choices":[]}"#, StreamEvent::Unreadable),
            ("[DONE]", StreamEvent::Unreadable),
        ] {
            assert_eq!(read_event(RawEvent { name: b"", data: data.as_bytes() }), expected, "{data}");
        }
    }
}
