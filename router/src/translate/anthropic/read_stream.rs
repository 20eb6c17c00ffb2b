//! A stream of a message's events by its meaning.

use super::super::answer::{Trouble, TroubleKind};
use super::super::piece::{Piece, PieceReader};
use super::finish_of;
use crate::stream::{Delta, Event, StartedBlock, Step, StreamEvent};
use crate::usage::Tally;

/// Reads one stream.
#[derive(Debug, Default)]
pub(in crate::translate) struct EventReader {
    calls: Vec<OpenCall>,
    stop_reason: Option<String>,
}

/// A call, by the order of its beginning.
#[derive(Debug)]
struct OpenCall {
    /// The provider's number of its block, until the block ends.
    block: Option<u64>,
    /// The arguments that came with the beginning, for the case that no others do.
    initial: Option<String>,
}

impl PieceReader for EventReader {
    fn read(&mut self, event: &Event, tally: &mut Tally, pieces: &mut Vec<Piece>) -> Step {
        let Some(read) = StreamEvent::read(event) else { return Step::Idle };
        read.count(tally);
        let step = read.step();
        match read {
            StreamEvent::MessageStart { message } => {
                pieces.push(Piece::Begin { id: message.id, model: message.model });
            }
            StreamEvent::ContentBlockStart { index, content_block } => {
                self.begin_block(index, content_block, pieces);
            }
            StreamEvent::ContentBlockDelta { index, delta } => self.add_to_block(index, delta, pieces),
            StreamEvent::ContentBlockStop { index } => self.end_block(index, pieces),
            StreamEvent::MessageDelta { delta, .. } => {
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
            }
            StreamEvent::MessageStop => {
                let finish = finish_of(self.stop_reason.as_deref(), !self.calls.is_empty());
                pieces.push(Piece::End { finish, tokens: tally.tokens() });
            }
            StreamEvent::Error { error } => {
                let kind = TroubleKind::of_anthropic(&error.kind);
                pieces.push(Piece::Failed(Trouble::new(kind, &error.message)));
            }
            StreamEvent::Ping | StreamEvent::Unknown => {}
        }
        step
    }
}

impl EventReader {
    fn begin_block(&mut self, index: u64, block: StartedBlock, pieces: &mut Vec<Piece>) {
        match block {
            StartedBlock::Text { text } if !text.is_empty() => pieces.push(Piece::Text(text)),
            StartedBlock::Text { .. } | StartedBlock::Unknown => {}
            StartedBlock::ToolUse { id, name, input } => {
                pieces.push(Piece::CallBegins { call: self.calls.len(), id, name, signature: None });
                let initial = if input.is_object() { input.to_string() } else { "{}".to_owned() };
                self.calls.push(OpenCall { block: Some(index), initial: Some(initial) });
            }
        }
    }

    fn add_to_block(&mut self, index: u64, delta: Delta, pieces: &mut Vec<Piece>) {
        match delta {
            Delta::Text { text } => pieces.push(Piece::Text(text)),
            Delta::InputJson { partial_json } if !partial_json.is_empty() => {
                let Some(call) = self.open_call(index) else { return };
                self.calls[call].initial = None;
                pieces.push(Piece::Arguments { call, part: partial_json });
            }
            // Thoughts have no place in other dialects.
            Delta::InputJson { .. } | Delta::Thinking { .. } | Delta::Unknown => {}
        }
    }

    /// Arguments that never came are those of the beginning.
    fn end_block(&mut self, index: u64, pieces: &mut Vec<Piece>) {
        let Some(call) = self.open_call(index) else { return };
        let open = &mut self.calls[call];
        open.block = None;
        pieces.extend(open.initial.take().map(|part| Piece::Arguments { call, part }));
        pieces.push(Piece::CallEnds { call });
    }

    fn open_call(&self, block: u64) -> Option<usize> {
        self.calls.iter().position(|call| call.block == Some(block))
    }
}
