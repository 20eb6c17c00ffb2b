//! Gemini's generateContent, read and written by meaning.

mod answer;
mod read_request;
mod read_stream;
mod write_request;
mod write_stream;

pub(super) use answer::{read_answer, write_answer};
pub(super) use read_request::read_request;
pub(super) use read_stream::ContentReader;
pub(super) use write_request::write_request;
pub(super) use write_stream::ContentWriter;

use serde_json::{Value, json};

use super::answer::Finish;

/// Its finish reason. It has none for calls of tools: those are seen in the content.
fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Tools => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filter => "SAFETY",
    }
}

/// What a finish reason means.
fn finish_of(reason: Option<&str>) -> Finish {
    match reason {
        Some("MAX_TOKENS") => Finish::Length,
        Some(
            "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
            | "IMAGE_SAFETY",
        ) => Finish::Filter,
        _ => Finish::Stop,
    }
}

fn text_part(text: &str) -> Value {
    json!({ "text": text })
}

/// A part that calls a tool. The arguments stay as they were written only in meaning.
fn call_part(id: &str, name: &str, arguments: &Value) -> Value {
    json!({ "functionCall": { "id": id, "name": name, "args": arguments } })
}

/// The one candidate that there ever is.
fn candidate(parts: &[Value], finish: Option<Finish>) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let Some(finish) = finish {
        candidate["finishReason"] = Value::from(finish_reason(finish));
    }
    candidate
}
