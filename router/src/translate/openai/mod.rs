//! OpenAI's chat completions, read and written by meaning.

mod answer;
mod chunk;
mod read_request;
mod read_stream;
mod write_request;
mod write_stream;

pub(super) use answer::{read_answer, write_answer};
pub(super) use read_request::read_request;
pub(super) use read_stream::ChunkReader;
pub(super) use write_request::write_request;
pub(super) use write_stream::ChunkWriter;

use serde_json::{Value, json};

use super::answer::Finish;

/// What stands beside a call that Gemini has signed, as Google itself tells it to clients of OpenAI.
fn signed(signature: &str) -> Value {
    json!({ "google": { "thought_signature": signature } })
}

/// The signature in what stands beside a call.
fn signature_in(extra_content: &Value) -> Option<String> {
    extra_content["google"]["thought_signature"].as_str().map(str::to_owned)
}

/// The finish reason of an answer.
fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
        Finish::Filter => "content_filter",
    }
}

/// What a finish reason means.
fn finish_of(reason: Option<&str>) -> Finish {
    match reason {
        Some("length") => Finish::Length,
        Some("content_filter") => Finish::Filter,
        Some("tool_calls" | "function_call") => Finish::Tools,
        _ => Finish::Stop,
    }
}
