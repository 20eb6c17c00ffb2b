//! A stream as chat completion chunks.

use bytes::BytesMut;
use serde_json::json;

use super::super::answer::{Trouble, unix_seconds};
use super::super::piece::{Piece, PieceWriter, write_event};
use super::chunk::{Chunks, Delta, FunctionDelta, ToolCallDelta};
use super::finish_reason;

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

    fn call(&self, index: usize, named: Option<(&str, &str)>, arguments: &str, out: &mut BytesMut) {
        let (id, name) = named.unzip();
        let function = FunctionDelta { name, arguments };
        let call = ToolCallDelta { index, id, kind: id.map(|_| "function"), function };
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
            Piece::CallBegins { call, id, name } => {
                self.calls.push(false);
                self.call(call, Some((&id, &name)), "", out);
            }
            Piece::Arguments { call, part } => {
                if let Some(has_arguments) = self.calls.get_mut(call) {
                    *has_arguments = true;
                    self.call(call, None, &part, out);
                }
            }
            // So that what the client joins can be read.
            Piece::CallEnds { call } if self.calls.get(call) == Some(&false) => {
                self.call(call, None, "{}", out);
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
