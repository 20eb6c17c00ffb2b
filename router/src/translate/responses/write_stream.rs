//! A stream as the events of a response.

use bytes::BytesMut;
use serde_json::{Value, json};

use super::super::answer::{Finish, Trouble, unix_seconds};
use super::super::in_turn::{Blocks, InTurn};
use super::super::piece::{Piece, PieceWriter, write_event};
use super::{call_item, message_item, response, text_part};
use crate::usage::ResponsesUsage;

/// Writes one stream. What was told of an item is told once more at its end, and of all at the end of all.
#[derive(Debug)]
pub(in crate::translate) struct ResponseWriter {
    id: String,
    model: String,
    created: u64,
    has_begun: bool,
    blocks: Blocks,
    sequence: u64,
    output: Vec<Value>,
    open: Open,
}

/// The item that is being told.
#[derive(Debug, Default)]
struct Open {
    call: String,
    name: String,
    /// The text, or the arguments.
    told: String,
}

impl ResponseWriter {
    /// `id` and `model` are told where the provider names none.
    pub(in crate::translate) fn new(id: String, model: &str) -> Self {
        Self {
            id,
            model: model.to_owned(),
            created: unix_seconds(),
            has_begun: false,
            blocks: Blocks::default(),
            sequence: 0,
            output: Vec::new(),
            open: Open::default(),
        }
    }

    fn event(&mut self, kind: &str, mut data: Value, out: &mut BytesMut) {
        data["type"] = Value::from(kind);
        data["sequence_number"] = Value::from(self.sequence);
        self.sequence += 1;
        write_event(out, Some(kind), &data);
    }

    fn whole(&self, end: Option<(Finish, ResponsesUsage)>) -> Value {
        json!({ "response": response(&self.id, self.created, &self.model, &self.output, end) })
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        for kind in ["response.created", "response.in_progress"] {
            let whole = self.whole(None);
            self.event(kind, whole, out);
        }
    }

    fn item(&self, is_call: bool, status: &str) -> Value {
        let (id, Open { call, name, told }) = (self.item_id(is_call), &self.open);
        match (is_call, status) {
            (true, _) => call_item(&id, status, call, name, told),
            (false, "completed") => message_item(&id, status, &[text_part(told)]),
            (false, _) => message_item(&id, status, &[]),
        }
    }

    fn item_id(&self, is_call: bool) -> String {
        format!("{}_{}_{}", if is_call { "fc" } else { "msg" }, self.id, self.output.len())
    }

    fn item_event(&mut self, kind: &str, is_call: bool, status: &str, out: &mut BytesMut) {
        let item = self.item(is_call, status);
        let place = self.output.len();
        self.event(kind, json!({ "output_index": place, "item": item }), out);
    }

    /// An event of the open item, with a field of its own.
    fn of_item(&mut self, kind: &str, is_call: bool, field: (&str, Value), out: &mut BytesMut) {
        let mut data = json!({ "item_id": self.item_id(is_call), "output_index": self.output.len() });
        if !is_call {
            data["content_index"] = Value::from(0);
        }
        data[field.0] = field.1;
        self.event(kind, data, out);
    }

    fn in_turn(&mut self, told: InTurn, out: &mut BytesMut) {
        match told {
            InTurn::TextBegins => {
                self.open = Open::default();
                self.item_event("response.output_item.added", false, "in_progress", out);
                self.of_item("response.content_part.added", false, ("part", text_part("")), out);
            }
            InTurn::Text(text) => {
                self.open.told.push_str(&text);
                self.of_item("response.output_text.delta", false, ("delta", Value::from(text)), out);
            }
            InTurn::TextEnds => {
                let text = self.open.told.clone();
                self.of_item("response.output_text.done", false, ("text", Value::from(text.as_str())), out);
                self.of_item("response.content_part.done", false, ("part", text_part(&text)), out);
                self.end_item(false, out);
            }
            InTurn::CallBegins { id, name } => {
                self.open = Open { call: id, name, told: String::new() };
                self.item_event("response.output_item.added", true, "in_progress", out);
            }
            InTurn::Arguments(part) => {
                self.open.told.push_str(&part);
                self.of_item(
                    "response.function_call_arguments.delta",
                    true,
                    ("delta", Value::from(part)),
                    out,
                );
            }
            InTurn::CallEnds => {
                if self.open.told.is_empty() {
                    self.open.told.push_str("{}");
                }
                let arguments = Value::from(self.open.told.as_str());
                self.of_item("response.function_call_arguments.done", true, ("arguments", arguments), out);
                self.end_item(true, out);
            }
        }
    }

    fn end_item(&mut self, is_call: bool, out: &mut BytesMut) {
        self.item_event("response.output_item.done", is_call, "completed", out);
        self.output.push(self.item(is_call, "completed"));
    }
}

impl PieceWriter for ResponseWriter {
    fn write(&mut self, piece: Piece, out: &mut BytesMut) -> Result<(), Trouble> {
        if let Piece::Begin { id, model } = &piece {
            for (known, told) in [(&mut self.id, id), (&mut self.model, model)] {
                if !told.is_empty() {
                    known.clone_from(told);
                }
            }
        }
        self.begin(out);
        if let Piece::Failed(Trouble { kind, message }) = piece {
            let code = kind.in_openai().1.unwrap_or("server_error");
            let mut failed = self.whole(None);
            failed["response"]["status"] = Value::from("failed");
            failed["response"]["error"] = json!({ "code": code, "message": message });
            self.event("response.failed", failed, out);
            return Ok(());
        }
        let end = match &piece {
            Piece::End { finish, tokens } => Some((*finish, ResponsesUsage::from(*tokens))),
            _ => None,
        };
        for told in self.blocks.take(piece) {
            self.in_turn(told, out);
        }
        if let Some((finish, _)) = end {
            let kind = match finish {
                Finish::Stop | Finish::Tools => "response.completed",
                Finish::Length | Finish::Filter => "response.incomplete",
            };
            let whole = self.whole(end);
            self.event(kind, whole, out);
        }
        Ok(())
    }
}
