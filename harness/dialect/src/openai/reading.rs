//! Chat completions as a client reads them: the plain answer, the events of a stream.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::answer::ToolCall;
use crate::json::{self, First, Text};
use crate::reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece};
use crate::request::tokens;

/// Reads the body of a successful response; none if it is no chat completion.
pub(crate) fn read_answer(body: &[u8]) -> Option<ReadAnswer<'_>> {
    let body: Body<'_> = json::read(body).ok()?;
    let choice = body.choices?.0?;
    let message = choice.message?;
    Some(ReadAnswer {
        text: message.content.map(|text| text.0),
        finish: choice.finish_reason.map(|text| text.0),
        usage: body.usage.map(ToldUsage::from),
        tools: message.tool_calls.unwrap_or_default().into_iter().map(Call::whole).collect(),
        vectors: Vec::new(),
    })
}

/// Reads the data of an event. The dialect has no names of events.
pub(crate) fn read_event(data: &[u8]) -> StreamEvent<'_> {
    if data == b"[DONE]" {
        return StreamEvent::End;
    }
    let Ok(body) = json::read::<Body<'_>>(data) else {
        return StreamEvent::Unreadable;
    };
    match (body.error, body.choices) {
        (Some(_), _) => StreamEvent::Error,
        (None, None) => StreamEvent::Unreadable,
        (None, Some(First(choice))) => {
            let (delta, finish) = choice.map_or((None, None), |choice| (choice.delta, choice.finish_reason));
            let delta = delta.unwrap_or_default();
            StreamEvent::Piece(Piece {
                text: delta.content.map(|text| text.0),
                tools: delta.tool_calls.unwrap_or_default().into_iter().map(Call::piece).collect(),
                finish: finish.map(|text| text.0),
                usage: body.usage.map(ToldUsage::from),
                ends: false,
            })
        }
    }
}

/// The body of an answer and of an event alike; each reader takes what it needs, and the rest is skipped over.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(borrow)]
    choices: Option<First<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Option<Said<'a>>,
    #[serde(borrow, default)]
    delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Default, Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
}

impl<'a> Call<'a> {
    fn whole(self) -> ToolCall {
        let text = |text: Option<Text<'_>>| text.map_or_else(String::new, |text| text.0.into_owned());
        let function = self.function.unwrap_or_default();
        ToolCall { id: text(self.id), name: text(function.name), arguments: text(function.arguments) }
    }

    fn piece(self) -> ToolPiece<'a> {
        let function = self.function.unwrap_or_default();
        ToolPiece {
            index: Some(self.index.unwrap_or(0)),
            id: self.id.map(|text| text.0),
            name: function.name.map(|text| text.0),
            arguments: function.arguments.map(|text| text.0),
        }
    }
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(default)]
    completion_tokens_details: Option<OutputDetails>,
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
        let input = usage.prompt_tokens_details.unwrap_or_default();
        let cached = input.cached_tokens.unwrap_or(0).saturating_add(input.cache_write_tokens.unwrap_or(0));
        let output = usage.completion_tokens_details.unwrap_or_default();
        Self {
            input: usage.prompt_tokens.map(|whole| tokens(whole.saturating_sub(cached))),
            cache_read: input.cached_tokens.map(tokens),
            cache_write: input.cache_write_tokens.map(tokens),
            output: usage.completion_tokens.map(tokens),
            reasoning: output.reasoning_tokens.map(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_else_stands_in_it() {
        let body = br#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",
            "content":"two\nlines","refusal":null},"logprobs":null,"finish_reason":"stop"},{"message":{"content":"no"}}],
            "usage":{"prompt_tokens":30,"completion_tokens":5,"total_tokens":35,
            "prompt_tokens_details":{"cached_tokens":20},"completion_tokens_details":{"reasoning_tokens":4}}}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!(answer.text.as_deref(), Some("two\nlines"));
        assert_eq!(answer.finish.as_deref(), Some("stop"));
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
            "[]",
            "<html>",
            r#"{"choices":[]}"#,
            r#"{"choices":[{}]}"#,
            r#"{"error":{"message":"m"}}"#,
            r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"x"}]}"#,
        ] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn calls_of_tools_are_read_whole_and_in_pieces() {
        let body = br#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"c","type":"function",
            "function":{"name":"look","arguments":"{\"a\":1}"}}]},"finish_reason":"tool_calls"}]}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!((answer.text, answer.usage), (None, None));
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: "{\"a\":1}".into() };
        assert_eq!(answer.tools, [call]);
        let data = br#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"a"}}]}}]}"#;
        let StreamEvent::Piece(piece) = read_event(data) else { panic!("no piece") };
        let expected = ToolPiece { index: Some(1), arguments: Some("{\"a".into()), ..ToolPiece::default() };
        assert_eq!(piece.tools, [expected]);
    }

    #[test]
    fn the_events_of_a_stream_are_told_apart() {
        let piece = |text: Option<&'static str>, finish: Option<&'static str>, usage| {
            let (text, finish) = (text.map(Into::into), finish.map(Into::into));
            StreamEvent::Piece(Piece { text, finish, usage, ..Piece::default() })
        };
        let usage = ToldUsage { input: Some(1), output: Some(2), ..ToldUsage::default() };
        let cases = [
            (r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, piece(Some(""), None, None)),
            (r#"{"choices":[{"delta":{"content":"a b"}}],"usage":null}"#, piece(Some("a b"), None, None)),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, piece(None, Some("stop"), None)),
            (
                r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                piece(None, None, Some(usage)),
            ),
            ("[DONE]", StreamEvent::End),
            (r#"{"error":{"message":"m","type":"server_error"}}"#, StreamEvent::Error),
            (r#"{"id":"x"}"#, StreamEvent::Unreadable),
            (r#"{"type":"message_stop"}"#, StreamEvent::Unreadable),
            ("[done]", StreamEvent::Unreadable),
            ("{\"choices\":", StreamEvent::Unreadable),
        ];
        for (data, expected) in cases {
            assert_eq!(read_event(data.as_bytes()), expected, "{data}");
        }
    }
}
