//! A stream as content, in events or as one array.

use bytes::BytesMut;
use serde_json::{Value, json};

use super::super::answer::{Finish, Trouble};
use super::super::piece::{Piece, PieceWriter, unreadable_call, write_json};
use super::super::request::object_of;
use super::{call_part, candidate, text_part};
use crate::stream::GeminiFraming;
use crate::usage::GeminiUsage;

/// Writes one stream. A call is written whole, so its arguments wait for their end.
#[derive(Debug)]
pub(in crate::translate) struct ContentWriter {
    id: String,
    model: String,
    framing: GeminiFraming,
    calls: Vec<WaitingCall>,
}

#[derive(Debug)]
struct WaitingCall {
    id: String,
    name: String,
    arguments: String,
    is_told: bool,
}

impl ContentWriter {
    /// `id` and `model` are told where the provider names none.
    pub(in crate::translate) fn new(id: String, model: &str, framing: GeminiFraming) -> Self {
        Self { id, model: model.to_owned(), framing, calls: Vec::new() }
    }

    fn content(&mut self, parts: &[Value], finish: Option<Finish>, out: &mut BytesMut) {
        let content = self.chunk(parts, finish);
        self.chunk_out(&content, out);
    }

    fn chunk(&self, parts: &[Value], finish: Option<Finish>) -> Value {
        json!({ "candidates": [candidate(parts, finish)], "modelVersion": self.model, "responseId": self.id })
    }

    fn chunk_out(&mut self, content: &Value, out: &mut BytesMut) {
        let mut data = BytesMut::new();
        write_json(&mut data, content);
        self.framing.write(&data, out);
    }

    /// Tells a call whose arguments are an object. False if they are not.
    fn call(&mut self, call: usize, out: &mut BytesMut) -> bool {
        let Some(waiting) = self.calls.get_mut(call).filter(|waiting| !waiting.is_told) else { return true };
        let object = object_of(&waiting.arguments);
        let Some(arguments) = object.and_then(|object| serde_json::from_str(object.get()).ok()) else {
            return false;
        };
        waiting.is_told = true;
        let part = call_part(&waiting.id, &waiting.name, &arguments);
        self.content(&[part], None, out);
        true
    }
}

impl PieceWriter for ContentWriter {
    fn write(&mut self, piece: Piece, out: &mut BytesMut) -> Result<(), Trouble> {
        match piece {
            Piece::Begin { id, model } => {
                for (known, told) in [(&mut self.id, id), (&mut self.model, model)] {
                    if !told.is_empty() {
                        *known = told;
                    }
                }
            }
            Piece::Text(text) if text.is_empty() => {}
            Piece::Text(text) => self.content(&[text_part(&text)], None, out),
            Piece::CallBegins { id, name, .. } => {
                self.calls.push(WaitingCall { id, name, arguments: String::new(), is_told: false });
            }
            Piece::Arguments { call, part } => {
                if let Some(waiting) = self.calls.get_mut(call) {
                    waiting.arguments.push_str(&part);
                }
            }
            // Whether one that cannot be read was cut off, the end will say.
            Piece::CallEnds { call } => {
                self.call(call, out);
            }
            Piece::End { finish, tokens } => {
                for call in 0..self.calls.len() {
                    if !self.call(call, out) && finish != Finish::Length {
                        return Err(unreadable_call(&self.calls[call].name));
                    }
                }
                let mut last = self.chunk(&[text_part("")], Some(finish));
                last["usageMetadata"] = json!(GeminiUsage::from(tokens));
                self.chunk_out(&last, out);
                self.framing.end(out);
            }
            Piece::Failed(Trouble { kind, message }) => {
                let (status, code) = kind.in_gemini();
                let error = json!({ "error": { "code": code, "message": message, "status": status } });
                self.framing.write_error(&error.to_string(), out);
            }
        }
        Ok(())
    }
}
