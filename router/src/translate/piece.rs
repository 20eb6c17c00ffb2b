//! A stream by its meaning, piece by piece, and the passage of one from its provider's words to its client's.

use bytes::BytesMut;
use serde::Serialize;

use super::answer::{Finish, Trouble, TroubleKind};
use crate::accounts::Tokens;
use crate::stream::{Event, Passage, Step};
use crate::usage::Tally;

/// One piece of a streamed answer. Calls have numbers by the order of their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Begin {
        id: String,
        model: String,
    },
    Text(String),
    CallBegins {
        call: usize,
        id: String,
        name: String,
        /// Gemini's of its thoughts before the call.
        signature: Option<String>,
    },
    /// A part of the arguments, which is no JSON by itself.
    Arguments {
        call: usize,
        part: String,
    },
    /// The arguments are complete.
    CallEnds {
        call: usize,
    },
    /// Behind it nothing comes.
    End {
        finish: Finish,
        tokens: Tokens,
    },
    Failed(Trouble),
}

/// Makes pieces of a provider's events.
pub(super) trait PieceReader: Send {
    /// Takes the next event, and counts it.
    fn read(&mut self, event: &Event, tally: &mut Tally, pieces: &mut Vec<Piece>) -> Step;

    /// What the end of the bytes is, for providers that have no other mark.
    fn end(&mut self, _tally: &mut Tally, _pieces: &mut Vec<Piece>) -> Step {
        Step::Idle
    }
}

/// Writes pieces as a client reads them.
pub(super) trait PieceWriter: Send {
    /// An error is a piece for which the client's dialect has no words.
    fn write(&mut self, piece: Piece, out: &mut BytesMut) -> Result<(), Trouble>;
}

/// Carries a stream from the words of its provider to those of its client.
pub(super) struct TranslatedPassage {
    pub(super) reader: Box<dyn PieceReader>,
    pub(super) writer: Box<dyn PieceWriter>,
    pub(super) pieces: Vec<Piece>,
}

impl TranslatedPassage {
    fn write(&mut self, step: Step, out: &mut BytesMut) -> Step {
        for piece in self.pieces.drain(..) {
            if let Err(trouble) = self.writer.write(piece, out) {
                // A failure can be told in every dialect.
                drop(self.writer.write(Piece::Failed(trouble), out));
                return Step::Failed;
            }
        }
        step
    }
}

impl Passage for TranslatedPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        let step = self.reader.read(event, tally, &mut self.pieces);
        self.write(step, out)
    }

    fn end(&mut self, tally: &mut Tally, out: &mut BytesMut) -> Step {
        let step = self.reader.end(tally, &mut self.pieces);
        self.write(step, out)
    }
}

/// What is left of a call that cannot be told: its arguments are no object.
pub(super) fn unreadable_call(name: &str) -> Trouble {
    Trouble::new(TroubleKind::Server, &format!("the arguments with which `{name}` was called cannot be read"))
}

/// Writes a JSON value. Plain data into growing memory: neither the writer nor any of its parts can fail.
pub(super) fn write_json(out: &mut BytesMut, data: &impl Serialize) {
    use bytes::BufMut;
    if let Err(error) = serde_json::to_writer((&mut *out).writer(), data) {
        tracing::error!(%error, "an event could not be written");
    }
}

/// Writes one event of data, with a name where the dialect has names.
pub(super) fn write_event(out: &mut BytesMut, name: Option<&str>, data: &impl Serialize) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"data: ");
    write_json(out, data);
    out.extend_from_slice(b"\n\n");
}
