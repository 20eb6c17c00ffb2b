//! Answers as a client reads them: the plain one, and the lines of a stream, which look the same.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::answer::ToolCall;
use crate::json::Text;
use crate::reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece};
use crate::request::tokens;

/// Reads the body of a successful response; none if it is no answer.
pub(crate) fn read_answer(body: &[u8]) -> Option<ReadAnswer<'_>> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let (usage, message) = (body.usage(), body.message?);
    Some(ReadAnswer {
        text: message.content.map(|text| text.0),
        finish: body.reason.map(|text| text.0),
        usage,
        tools: message.calls.unwrap_or_default().into_iter().map(Call::whole).collect(),
        vectors: Vec::new(),
    })
}

/// Reads a line. The one that says that the answer is done also ends the stream.
pub(crate) fn read_event(line: &[u8]) -> StreamEvent<'_> {
    let Ok(body) = serde_json::from_slice::<Body<'_>>(line) else {
        return StreamEvent::Unreadable;
    };
    if body.error.is_some() {
        return StreamEvent::Error;
    }
    let (usage, done) = (body.usage(), body.done == Some(true));
    let Some(message) = body.message else { return StreamEvent::Unreadable };
    let piece = |call: Call<'_>| ToolPiece::from(call.whole());
    StreamEvent::Piece(Piece {
        text: message.content.map(|text| text.0),
        tools: message.calls.unwrap_or_default().into_iter().map(piece).collect(),
        finish: body.reason.map(|text| text.0).filter(|_| done),
        usage,
        ends: done,
    })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    done: Option<bool>,
    #[serde(borrow, default, rename = "done_reason")]
    reason: Option<Text<'a>>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
}

impl Body<'_> {
    fn usage(&self) -> Option<ToldUsage> {
        let (input, output) = (self.prompt_eval_count.map(tokens), self.eval_count.map(tokens));
        let told = input.is_some() || output.is_some();
        told.then(|| ToldUsage { input, output, ..ToldUsage::default() })
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default, rename = "tool_calls")]
    calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Default, Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(default)]
    arguments: Option<Value>,
}

impl Call<'_> {
    fn whole(self) -> ToolCall {
        let text = |text: Option<Text<'_>>| text.map_or_else(String::new, |text| text.0.into_owned());
        let function = self.function.unwrap_or_default();
        let arguments = function.arguments.map_or_else(String::new, |arguments| arguments.to_string());
        ToolCall { id: text(self.id), name: text(function.name), arguments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_else_stands_in_it() {
        let body = br#"{"model":"m","created_at":"t","message":{"role":"assistant","content":"two\nlines","thinking":"hm",
            "tool_calls":[{"function":{"name":"look","arguments":{"b":1,"a":[2]}}}]},"done":true,"done_reason":"stop",
            "prompt_eval_count":30,"eval_count":5}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!((answer.text.as_deref(), answer.finish.as_deref()), (Some("two\nlines"), Some("stop")));
        let call =
            ToolCall { id: String::new(), name: "look".into(), arguments: r#"{"b":1,"a":[2]}"#.into() };
        assert_eq!(answer.tools, [call]);
        let usage = ToldUsage { input: Some(30), output: Some(5), ..ToldUsage::default() };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in ["", "{}", "[]", "<html>", r#"{"error":"model 'm' not found"}"#, r#"{"choices":[]}"#] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_lines_of_a_stream_are_told_apart() {
        let usage = ToldUsage { input: Some(1), output: Some(2), ..ToldUsage::default() };
        let text = Piece { text: Some("a b".into()), ..Piece::default() };
        let done = Piece {
            text: Some("".into()),
            finish: Some("length".into()),
            usage: Some(usage),
            ends: true,
            tools: Vec::new(),
        };
        for (line, expected) in [
            (r#"{"message":{"content":"a b"},"done":false}"#, StreamEvent::Piece(text)),
            (
                r#"{"message":{"content":""},"done":true,"done_reason":"length","prompt_eval_count":1,"eval_count":2}"#,
                StreamEvent::Piece(done),
            ),
            (r#"{"error":"an error was encountered while running the model"}"#, StreamEvent::Error),
            ("{}", StreamEvent::Unreadable),
            ("data: {}", StreamEvent::Unreadable),
            ("{\"message\":", StreamEvent::Unreadable),
        ] {
            assert_eq!(read_event(line.as_bytes()), expected, "{line}");
        }
    }
}
