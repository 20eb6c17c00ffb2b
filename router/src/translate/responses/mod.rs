//! OpenAI's Responses API without its memory: requests read, and answers written, by meaning. A provider is never asked by it
//! but by a client of the same, so there is nothing else to read or to write.

mod read_request;
mod write_answer;
mod write_stream;

pub(super) use read_request::read_request;
pub(super) use write_answer::write_answer;
pub(super) use write_stream::ResponseWriter;

use serde_json::{Value, json};

use super::answer::Finish;
use crate::usage::ResponsesUsage;

/// What a response says of itself whatever is in it.
fn response(
    id: &str,
    created: u64,
    model: &str,
    output: &[Value],
    end: Option<(Finish, ResponsesUsage)>,
) -> Value {
    let (status, reason) = match end {
        None => ("in_progress", None),
        Some((Finish::Length, _)) => ("incomplete", Some("max_output_tokens")),
        Some((Finish::Filter, _)) => ("incomplete", Some("content_filter")),
        Some((Finish::Stop | Finish::Tools, _)) => ("completed", None),
    };
    json!({
        "id": id, "object": "response", "created_at": created, "status": status, "error": null,
        "incomplete_details": reason.map(|reason| json!({ "reason": reason })), "instructions": null,
        "metadata": {}, "model": model, "output": output, "parallel_tool_calls": true, "temperature": null,
        "tool_choice": "auto", "tools": [], "top_p": null, "usage": end.map(|(_, usage)| usage),
        "previous_response_id": null, "store": false,
    })
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn message_item(id: &str, status: &str, content: &[Value]) -> Value {
    json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
}

fn call_item(id: &str, status: &str, call: &str, name: &str, arguments: &str) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status, "call_id": call, "name": name, "arguments": arguments,
    })
}
