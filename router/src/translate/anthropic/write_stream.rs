//! A stream as the events of a message.

use bytes::BytesMut;
use serde_json::{Value, json};

use super::super::answer::Trouble;
use super::super::in_turn::{Blocks, InTurn};
use super::super::piece::{Piece, PieceWriter, write_event};
use super::stop_reason;
use crate::accounts::Tokens;
use crate::usage::AnthropicUsage;

/// Writes one stream.
#[derive(Debug)]
pub(in crate::translate) struct EventWriter {
    id: String,
    model: String,
    has_begun: bool,
    blocks: Blocks,
    /// The number of the open block.
    index: u64,
}

impl EventWriter {
    /// `id` and `model` are told where the provider names none.
    pub(in crate::translate) fn new(id: String, model: &str) -> Self {
        Self { id, model: model.to_owned(), has_begun: false, blocks: Blocks::default(), index: 0 }
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let message = json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": AnthropicUsage::from(Tokens::default()),
        });
        write(out, &json!({ "type": "message_start", "message": message }));
    }

    fn in_turn(&mut self, told: InTurn, out: &mut BytesMut) {
        let index = self.index;
        let start =
            |block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
        let delta = |delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
        let event = match told {
            InTurn::TextBegins => start(json!({ "type": "text", "text": "" })),
            InTurn::Text(text) => delta(json!({ "type": "text_delta", "text": text })),
            InTurn::CallBegins { id, name } => {
                start(json!({ "type": "tool_use", "id": id, "name": name, "input": {} }))
            }
            InTurn::Arguments(part) => delta(json!({ "type": "input_json_delta", "partial_json": part })),
            InTurn::TextEnds | InTurn::CallEnds => {
                self.index += 1;
                json!({ "type": "content_block_stop", "index": index })
            }
        };
        write(out, &event);
    }
}

impl PieceWriter for EventWriter {
    fn write(&mut self, piece: Piece, out: &mut BytesMut) -> Result<(), Trouble> {
        if let Piece::Begin { id, model } = &piece {
            for (known, told) in [(&mut self.id, id), (&mut self.model, model)] {
                if !told.is_empty() {
                    known.clone_from(told);
                }
            }
        }
        if let Piece::Failed(Trouble { kind, message }) = piece {
            let error = json!({ "type": kind.in_anthropic(), "message": message });
            write(out, &json!({ "type": "error", "error": error }));
            return Ok(());
        }
        self.begin(out);
        let end = match &piece {
            Piece::End { finish, tokens } => Some((*finish, *tokens)),
            _ => None,
        };
        for told in self.blocks.take(piece) {
            self.in_turn(told, out);
        }
        if let Some((finish, tokens)) = end {
            let delta = json!({ "stop_reason": stop_reason(finish), "stop_sequence": null });
            let usage = AnthropicUsage::from(tokens);
            write(out, &json!({ "type": "message_delta", "delta": delta, "usage": usage }));
            write(out, &json!({ "type": "message_stop" }));
        }
        Ok(())
    }
}

/// Each event is named by its type.
fn write(out: &mut BytesMut, data: &Value) {
    write_event(out, data["type"].as_str(), data);
}
