//! Answers as a client reads them: the plain one, and the events of a stream, which look the same.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::answer::ToolCall;
use crate::json::{First, Text};
use crate::reading::{Piece, ReadAnswer, StreamEvent, ToldUsage, ToolPiece, add_text};
use crate::request::tokens;

/// Reads the body of a successful response; none if it is no answer.
pub(crate) fn read_answer(body: &[u8]) -> Option<ReadAnswer<'_>> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    if !body.is_answer() {
        return None;
    }
    let (said, usage) = (Said::of(body.candidates, body.blocked), body.usage.map(ToldUsage::from));
    Some(ReadAnswer { text: said.text, finish: said.finish, usage, tools: said.calls, vectors: Vec::new() })
}

/// Reads the data of an event. The stream just ends; an answer that tells its reason is complete.
pub(crate) fn read_event(data: &[u8]) -> StreamEvent<'_> {
    let Ok(body) = serde_json::from_slice::<Body<'_>>(data) else {
        return StreamEvent::Unreadable;
    };
    if body.error.is_some() {
        return StreamEvent::Error;
    }
    if !body.is_answer() && body.usage.is_none() {
        // An event that names its model is the provider's, whatever it tells that is not known yet.
        return if body.model.is_some() { StreamEvent::Silent } else { StreamEvent::Unreadable };
    }
    let said = Said::of(body.candidates, body.blocked);
    StreamEvent::Piece(Piece {
        text: said.text,
        tools: said.calls.into_iter().map(ToolPiece::from).collect(),
        ends: said.finish.is_some(),
        finish: said.finish,
        usage: body.usage.map(ToldUsage::from),
    })
}

/// What a candidate says.
#[derive(Default)]
struct Said<'a> {
    text: Option<Cow<'a, str>>,
    calls: Vec<ToolCall>,
    finish: Option<Cow<'a, str>>,
}

impl<'a> Said<'a> {
    /// A prompt that was blocked has no candidate, and the reason of the block is the reason of the end.
    fn of(candidates: Option<First<Candidate<'a>>>, blocked: Option<Blocked<'a>>) -> Self {
        let blocked = blocked.and_then(|blocked| blocked.reason).map(|reason| reason.0);
        let Some(candidate) = candidates.and_then(|candidates| candidates.0) else {
            return Self { finish: blocked, ..Self::default() };
        };
        let mut said = Self { finish: candidate.finish.map(|text| text.0), ..Self::default() };
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            if let Some(call) = part.call {
                said.calls.push(call.whole());
            } else if part.text.is_some() && part.thought != Some(true) {
                add_text(&mut said.text, part.text);
            }
        }
        said
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(borrow, default)]
    candidates: Option<First<Candidate<'a>>>,
    #[serde(borrow, default, rename = "promptFeedback")]
    blocked: Option<Blocked<'a>>,
    #[serde(default, rename = "usageMetadata")]
    usage: Option<Usage>,
    #[serde(default, rename = "modelVersion")]
    model: Option<IgnoredAny>,
}

impl Body<'_> {
    fn is_answer(&self) -> bool {
        let has_candidate = self.candidates.as_ref().is_some_and(|candidates| candidates.0.is_some());
        has_candidate || self.blocked.as_ref().is_some_and(|blocked| blocked.reason.is_some())
    }
}

#[derive(Deserialize)]
struct Blocked<'a> {
    #[serde(borrow, default, rename = "blockReason")]
    reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Candidate<'a> {
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(borrow, default, rename = "finishReason")]
    finish: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(default)]
    thought: Option<bool>,
    #[serde(borrow, default, rename = "functionCall")]
    call: Option<Call<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(default)]
    args: Option<Value>,
}

impl Call<'_> {
    fn whole(self) -> ToolCall {
        let text = |text: Option<Text<'_>>| text.map_or_else(String::new, |text| text.0.into_owned());
        let arguments = self.args.map_or_else(String::new, |args| args.to_string());
        ToolCall { id: text(self.id), name: text(self.name), arguments }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    #[serde(default)]
    prompt_token_count: Option<u64>,
    #[serde(default)]
    cached_content_token_count: Option<u64>,
    #[serde(default)]
    candidates_token_count: Option<u64>,
    #[serde(default)]
    thoughts_token_count: Option<u64>,
}

impl From<Usage> for ToldUsage {
    fn from(usage: Usage) -> Self {
        let cached = usage.cached_content_token_count;
        let (said, thought) = (usage.candidates_token_count, usage.thoughts_token_count);
        let output = match (said, thought) {
            (None, None) => None,
            (said, thought) => Some(said.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
        };
        Self {
            input: usage.prompt_token_count.map(|whole| tokens(whole.saturating_sub(cached.unwrap_or(0)))),
            cache_read: cached.map(tokens),
            cache_write: None,
            output: output.map(tokens),
            reasoning: thought.map(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_else_stands_in_it() {
        let body = br#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"two\n"},
            {"functionCall":{"id":"c","name":"look","args":{"b":1,"a":[2]}}},{"text":"lines"}]},"finishReason":"STOP",
            "safetyRatings":[]},{"content":{"parts":[{"text":"no"}]}}],"usageMetadata":{"promptTokenCount":30,
            "cachedContentTokenCount":20,"candidatesTokenCount":5,"thoughtsTokenCount":4,"totalTokenCount":39}}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!((answer.text.as_deref(), answer.finish.as_deref()), (Some("two\nlines"), Some("STOP")));
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"b":1,"a":[2]}"#.into() };
        assert_eq!(answer.tools, [call]);
        let usage = ToldUsage {
            input: Some(10),
            cache_read: Some(20),
            cache_write: None,
            output: Some(9),
            reasoning: Some(4),
        };
        assert_eq!(answer.usage, Some(usage));
    }

    #[test]
    fn a_blocked_prompt_is_an_answer_without_a_candidate() {
        let body = br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}"#;
        let answer = read_answer(body).unwrap();
        assert_eq!((answer.text, answer.finish.as_deref()), (None, Some("SAFETY")));
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"candidates":[]}"#,
            r#"{"promptFeedback":{}}"#,
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#,
            r#"{"choices":[{"message":{"content":"x"}}]}"#,
        ] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_events_of_a_stream_are_told_apart() {
        let usage = ToldUsage { input: Some(1), output: Some(2), ..ToldUsage::default() };
        let told = r#""usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}"#;
        let piece = |text: Option<&'static str>, finish: Option<&'static str>| {
            let (text, ends) = (text.map(Into::into), finish.is_some());
            let finish = finish.map(Into::into);
            StreamEvent::Piece(Piece { text, finish, usage: Some(usage), tools: Vec::new(), ends })
        };
        for (begin, expected) in [
            (r#""candidates":[{"content":{"parts":[{"text":"a b"}]}}],"#, piece(Some("a b"), None)),
            (r#""candidates":[{"finishReason":"MAX_TOKENS"}],"#, piece(None, Some("MAX_TOKENS"))),
            ("", piece(None, None)),
            (r#""error":{"code":503,"message":"m","status":"UNAVAILABLE"},"#, StreamEvent::Error),
        ] {
            let data = format!("{{{begin}{told}}}");
            assert_eq!(read_event(data.as_bytes()), expected, "{data}");
        }
        for data in ["[DONE]", "{}", "{\"candidates\":", r#"{"choices":[]}"#] {
            assert_eq!(read_event(data.as_bytes()), StreamEvent::Unreadable, "{data}");
        }
    }
}
