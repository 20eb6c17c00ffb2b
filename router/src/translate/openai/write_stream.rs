//! A stream as chat completion chunks.

use bytes::BytesMut;
use serde_json::json;

use super::super::answer::{Trouble, unix_seconds};
use super::super::piece::{Piece, PieceWriter, write_event};
use super::chunk::{Chunks, Delta, FunctionDelta, ToolCallDelta};
use super::{finish_reason, signed};

/// Writes one stream.
#[derive(Debug)]
pub(in crate::translate) struct ChunkWriter {
    chunks: Chunks,
    /// Of each call, whether it has arguments.
    calls: Vec<bool>,
}

impl ChunkWriter {
    /// `id` and `model` are told until the provider names its own.
    pub(in crate::translate) fn new(id: String, model: &str, usage_wanted: bool) -> Self {
        let chunks = Chunks { id, created: unix_seconds(), model: model.to_owned(), usage_wanted };
        Self { chunks, calls: Vec::new() }
    }

    fn begin_call(&self, index: usize, id: &str, name: &str, signature: Option<&str>, out: &mut BytesMut) {
        let function = FunctionDelta { name: Some(name), arguments: "" };
        let extra_content = signature.map(signed);
        let call = ToolCallDelta { index, id: Some(id), kind: Some("function"), function, extra_content };
        self.chunks.delta(out, Delta { tool_calls: Some([call]), ..Delta::default() });
    }

    fn arguments(&self, index: usize, arguments: &str, out: &mut BytesMut) {
        let function = FunctionDelta { name: None, arguments };
        let call = ToolCallDelta { index, id: None, kind: None, function, extra_content: None };
        self.chunks.delta(out, Delta { tool_calls: Some([call]), ..Delta::default() });
    }
}

impl PieceWriter for ChunkWriter {
    fn write(&mut self, piece: Piece, out: &mut BytesMut) -> Result<(), Trouble> {
        match piece {
            Piece::Begin { id, model } => {
                for (known, told) in [(&mut self.chunks.id, id), (&mut self.chunks.model, model)] {
                    if !told.is_empty() {
                        *known = told;
                    }
                }
                let role = Delta { role: Some("assistant"), content: Some(""), tool_calls: None };
                self.chunks.delta(out, role);
            }
            Piece::Text(text) if text.is_empty() => {}
            Piece::Text(text) => {
                self.chunks.delta(out, Delta { content: Some(&text), ..Delta::default() });
            }
            Piece::CallBegins { call, id, name, signature } => {
                self.calls.push(false);
                self.begin_call(call, &id, &name, signature.as_deref(), out);
            }
            Piece::Arguments { call, part } => {
                if let Some(has_arguments) = self.calls.get_mut(call) {
                    *has_arguments = true;
                    self.arguments(call, &part, out);
                }
            }
            // So that what the client joins can be read.
            Piece::CallEnds { call } if self.calls.get(call) == Some(&false) => {
                self.arguments(call, "{}", out);
            }
            Piece::CallEnds { .. } => {}
            Piece::End { finish, tokens } => {
                self.chunks.finish(out, finish_reason(finish));
                if self.chunks.usage_wanted {
                    self.chunks.usage(out, tokens.into());
                }
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
            Piece::Failed(Trouble { kind, message }) => {
                let (kind, code) = kind.in_openai();
                let error = json!({ "message": message, "type": kind, "param": null, "code": code });
                write_event(out, None, &json!({ "error": error }));
            }
        }
        Ok(())
    }
}
