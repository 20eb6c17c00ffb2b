//! An Anthropic stream for an OpenAI client.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use serde_json::{Value, json};

use super::chunk::{ChunkWriter, Delta as ChunkDelta, FunctionDelta, ToolCallDelta, write_event};
use super::finish::finish_reason;
use crate::stream::{Delta, Event, Passage, StartedBlock, Step, StreamEvent};
use crate::usage::Tally;

/// Carries a stream over into chunks.
#[derive(Debug)]
pub(crate) struct ChunkPassage {
    writer: ChunkWriter,
    tools: Vec<OpenTool>,
    stop_reason: Option<String>,
}

/// A tool call, by the order of its beginning.
#[derive(Debug)]
struct OpenTool {
    /// The provider's number of its block, until the block ends.
    block: Option<u64>,
    /// The arguments that came with the beginning, for the case that no others do.
    initial: String,
    has_arguments: bool,
}

impl ChunkPassage {
    /// `model` is told until the provider names its own.
    pub(crate) fn new(model: &str, usage_wanted: bool) -> Self {
        let writer =
            ChunkWriter { id: String::new(), created: unix_seconds(), model: model.to_owned(), usage_wanted };
        Self { writer, tools: Vec::new(), stop_reason: None }
    }

    fn begin_block(&mut self, index: u64, block: StartedBlock, out: &mut BytesMut) {
        match block {
            StartedBlock::Text { text } => self.text(&text, out),
            StartedBlock::ToolUse { id, name, input } => {
                let function = FunctionDelta { name: Some(&name), arguments: "" };
                let call = ToolCallDelta {
                    index: self.tools.len(),
                    id: Some(&id),
                    kind: Some("function"),
                    function,
                };
                self.writer.delta(out, ChunkDelta { tool_calls: Some([call]), ..ChunkDelta::default() });
                let initial = if input.is_object() { input.to_string() } else { "{}".to_owned() };
                self.tools.push(OpenTool { block: Some(index), initial, has_arguments: false });
            }
            StartedBlock::Unknown => {}
        }
    }

    fn add_to_block(&mut self, index: u64, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text { text } => self.text(text, out),
            Delta::InputJson { partial_json } if !partial_json.is_empty() => {
                let Some(at) = self.open_tool(index) else { return };
                self.tools[at].has_arguments = true;
                self.arguments(at, partial_json, out);
            }
            // Thoughts have no place in a chat completion.
            Delta::InputJson { .. } | Delta::Thinking { .. } | Delta::Unknown => {}
        }
    }

    /// Arguments that never came are those of the beginning, so that what the client joins can be read.
    fn end_block(&mut self, index: u64, out: &mut BytesMut) {
        let Some(at) = self.open_tool(index) else { return };
        let tool = &mut self.tools[at];
        tool.block = None;
        if !tool.has_arguments {
            let initial = std::mem::take(&mut tool.initial);
            self.arguments(at, &initial, out);
        }
    }

    fn end_message(&mut self, tally: &Tally, out: &mut BytesMut) {
        self.writer.finish(out, finish_reason(self.stop_reason.as_deref(), !self.tools.is_empty()));
        if self.writer.usage_wanted {
            self.writer.usage(out, tally.tokens().into());
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn open_tool(&self, block: u64) -> Option<usize> {
        self.tools.iter().position(|tool| tool.block == Some(block))
    }

    fn text(&self, text: &str, out: &mut BytesMut) {
        if !text.is_empty() {
            self.writer.delta(out, ChunkDelta { content: Some(text), ..ChunkDelta::default() });
        }
    }

    fn arguments(&self, index: usize, arguments: &str, out: &mut BytesMut) {
        let function = FunctionDelta { name: None, arguments };
        let call = ToolCallDelta { index, id: None, kind: None, function };
        self.writer.delta(out, ChunkDelta { tool_calls: Some([call]), ..ChunkDelta::default() });
    }
}

impl Passage for ChunkPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        let Some(read) = StreamEvent::read(event) else { return Step::Idle };
        read.count(tally);
        let step = read.step();
        match read {
            StreamEvent::MessageStart { message } => {
                self.writer.id = message.id;
                if !message.model.is_empty() {
                    self.writer.model = message.model;
                }
                let role = ChunkDelta { role: Some("assistant"), content: Some(""), tool_calls: None };
                self.writer.delta(out, role);
            }
            StreamEvent::ContentBlockStart { index, content_block } => {
                self.begin_block(index, content_block, out);
            }
            StreamEvent::ContentBlockDelta { index, delta } => self.add_to_block(index, &delta, out),
            StreamEvent::ContentBlockStop { index } => self.end_block(index, out),
            StreamEvent::MessageDelta { delta, .. } => {
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
            }
            StreamEvent::MessageStop => self.end_message(tally, out),
            StreamEvent::Error { error } => write_event(out, &error_chunk(&error.kind, &error.message)),
            StreamEvent::Ping | StreamEvent::Unknown => {}
        }
        step
    }
}

/// An error inside of a stream, as OpenAI clients expect it.
fn error_chunk(kind: &str, message: &str) -> Value {
    let (kind, code) = openai_error(kind);
    let message = if message.is_empty() { "the provider failed inside of its answer" } else { message };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

/// OpenAI's type and code for a type of error of Anthropic's.
pub(crate) fn openai_error(kind: &str) -> (&'static str, Option<&'static str>) {
    match kind {
        "overloaded_error" => ("service_unavailable_error", Some("server_is_overloaded")),
        "rate_limit_error" => ("rate_limit_error", Some("rate_limit_exceeded")),
        "invalid_request_error" => ("invalid_request_error", None),
        "not_found_error" => ("invalid_request_error", Some("not_found")),
        "request_too_large" => ("invalid_request_error", Some("request_too_large")),
        "timeout_error" => ("server_error", Some("provider_timeout")),
        _ => ("server_error", None),
    }
}

pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
