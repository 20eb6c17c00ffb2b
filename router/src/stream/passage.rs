//! The seam between a provider's events and what the client gets of them.

use bytes::BytesMut;

use super::Event;
use crate::usage::Tally;

/// Carries one stream, event by event. It counts along in the tally, and writes what the client gets.
pub(crate) trait Passage: Send {
    /// Takes the next event.
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step;

    /// What it is to the stream that no more bytes come. Only [`Step::Finished`] says that it is complete: for dialects
    /// that have no other mark.
    fn end(&mut self, _tally: &mut Tally, _out: &mut BytesMut) -> Step {
        Step::Idle
    }
}

/// What an event was to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Part of the answer.
    Onward,
    /// A sign of life and nothing more: a stream of these alone has stalled.
    Idle,
    /// The stream's own end mark.
    Finished,
    /// The provider's report that it failed. What is to be told of it has been written.
    Failed,
}
