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

use super::answer::Finish;

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
