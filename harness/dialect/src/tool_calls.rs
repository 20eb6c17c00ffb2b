//! Calls of tools, put together from the pieces of a stream.

use crate::answer::ToolCall;
use crate::reading::ToolPiece;

/// Calls that grow piece by piece, in the order in which they began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCalls {
    calls: Vec<(Option<u32>, ToolCall)>,
    bytes: usize,
}

/// Further calls are not kept.
const MOST_CALLS: usize = 128;
/// What goes beyond this is not kept.
const MOST_BYTES: usize = 1024 * 1024;

impl ToolCalls {
    /// Takes in a piece. Of a hostile stream no more is kept than a sound one could hold.
    pub fn add(&mut self, piece: &ToolPiece<'_>) {
        let parts =
            [&piece.id, &piece.name, &piece.arguments].map(|part| part.as_deref().unwrap_or_default());
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if self.bytes.saturating_add(bytes) > MOST_BYTES {
            return;
        }
        let known = self.calls.iter().position(|(index, _)| index.is_some() && *index == piece.index);
        let place = match known {
            Some(place) => place,
            None if self.calls.len() == MOST_CALLS => return,
            None => {
                self.calls.push((piece.index, ToolCall::default()));
                self.calls.len() - 1
            }
        };
        self.bytes += bytes;
        let [id, name, arguments] = parts;
        let call = &mut self.calls[place].1;
        call.id.push_str(id);
        call.name.push_str(name);
        call.arguments.push_str(arguments);
    }

    /// The calls so far.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = &ToolCall> {
        self.calls.iter().map(|(_, call)| call)
    }

    /// Makes ready for another answer.
    pub fn clear(&mut self) {
        self.calls.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(index: Option<u32>, id: &'static str, arguments: &'static str) -> ToolPiece<'static> {
        let part = |text: &'static str| (!text.is_empty()).then(|| text.into());
        ToolPiece {
            index,
            id: part(id),
            name: part(if id.is_empty() { "" } else { "look" }),
            arguments: part(arguments),
        }
    }

    #[test]
    fn pieces_of_one_number_are_one_call_and_pieces_without_are_each_their_own() {
        let mut calls = ToolCalls::default();
        for (index, id, arguments) in [
            (Some(1), "b", ""),
            (Some(3), "c", "{"),
            (Some(1), "", "{\"a\""),
            (Some(3), "", "}"),
            (Some(1), "", ":1}"),
            (None, "d", "{}"),
            (None, "e", "{}"),
        ] {
            calls.add(&piece(index, id, arguments));
        }
        let found: Vec<_> = calls.calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
        assert_eq!(found, [("b", "{\"a\":1}"), ("c", "{}"), ("d", "{}"), ("e", "{}")]);
        assert!(calls.calls().all(|call| call.name == "look"));
        calls.clear();
        assert_eq!(calls, ToolCalls::default());
    }

    #[test]
    fn a_hostile_stream_does_not_fill_the_memory() {
        let mut calls = ToolCalls::default();
        for index in 0..10_000 {
            calls.add(&piece(Some(index), "a", "{}"));
        }
        assert_eq!(calls.calls().len(), MOST_CALLS);
        let long =
            ToolPiece { index: Some(0), arguments: Some("x".repeat(300_000).into()), ..ToolPiece::default() };
        (0..10).for_each(|_| calls.add(&long));
        assert!(calls.calls().map(|call| call.arguments.len()).sum::<usize>() <= MOST_BYTES);
    }
}
