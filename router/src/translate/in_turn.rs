//! Blocks one after the other: where a dialect closes one block before the next begins, what comes for a later one waits.

use std::collections::VecDeque;

use super::piece::Piece;

/// A piece of the one block that is open. Blocks are numbered by the order of their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InTurn {
    TextBegins,
    Text(String),
    TextEnds,
    CallBegins { id: String, name: String },
    Arguments(String),
    CallEnds,
}

/// The blocks that are not written yet. The first one is open.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    queue: VecDeque<Block>,
    /// Whether the beginning of the first one was told.
    is_open: bool,
}

#[derive(Debug)]
struct Block {
    kind: Kind,
    waiting: String,
    is_over: bool,
}

#[derive(Debug)]
enum Kind {
    Text,
    Call { call: usize, id: String, name: String },
}

impl Blocks {
    /// Takes a piece, and gives what can be told by now.
    pub(super) fn take(&mut self, piece: Piece) -> Vec<InTurn> {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::CallBegins { call, id, name, .. } => {
                self.end_text();
                self.push(Kind::Call { call, id, name });
            }
            Piece::Arguments { call, part } => {
                if let Some(block) = self.call(call) {
                    block.waiting.push_str(&part);
                }
            }
            Piece::CallEnds { call } => {
                if let Some(block) = self.call(call) {
                    block.is_over = true;
                }
            }
            Piece::End { .. } => self.queue.iter_mut().for_each(|block| block.is_over = true),
            Piece::Begin { .. } | Piece::Failed(_) => {}
        }
        self.ready()
    }

    fn text(&mut self, text: String) {
        if text.is_empty() {
            return;
        }
        match self.queue.back_mut() {
            Some(Block { kind: Kind::Text, waiting, .. }) => waiting.push_str(&text),
            _ => {
                self.push(Kind::Text);
                if let Some(block) = self.queue.back_mut() {
                    block.waiting = text;
                }
            }
        }
    }

    fn push(&mut self, kind: Kind) {
        self.queue.push_back(Block { kind, waiting: String::new(), is_over: false });
    }

    /// Behind a call a text goes on as another block.
    fn end_text(&mut self) {
        if let Some(block @ Block { kind: Kind::Text, .. }) = self.queue.back_mut() {
            block.is_over = true;
        }
    }

    fn call(&mut self, wanted: usize) -> Option<&mut Block> {
        self.queue.iter_mut().find(|block| matches!(block.kind, Kind::Call { call, .. } if call == wanted))
    }

    fn ready(&mut self) -> Vec<InTurn> {
        let mut told = Vec::new();
        while let Some(block) = self.queue.front_mut() {
            let is_text = matches!(block.kind, Kind::Text);
            if !self.is_open {
                self.is_open = true;
                told.push(match &block.kind {
                    Kind::Text => InTurn::TextBegins,
                    Kind::Call { id, name, .. } => InTurn::CallBegins { id: id.clone(), name: name.clone() },
                });
            }
            if !block.waiting.is_empty() {
                let waiting = std::mem::take(&mut block.waiting);
                told.push(if is_text { InTurn::Text(waiting) } else { InTurn::Arguments(waiting) });
            }
            if !block.is_over {
                break;
            }
            told.push(if is_text { InTurn::TextEnds } else { InTurn::CallEnds });
            self.queue.pop_front();
            self.is_open = false;
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(call: usize) -> Piece {
        Piece::CallBegins { call, id: format!("t{call}"), name: "f".to_owned(), signature: None }
    }

    fn part(call: usize, part: &str) -> Piece {
        Piece::Arguments { call, part: part.to_owned() }
    }

    #[test]
    fn what_comes_for_a_later_block_waits_for_the_end_of_the_earlier_one() {
        let mut blocks = Blocks::default();
        let mut told = Vec::new();
        for piece in [
            Piece::Text("look".to_owned()),
            begins(0),
            begins(1),
            part(1, "{\"b\""),
            part(0, "{\"a\":"),
            part(1, ":2}"),
            part(0, "1}"),
            Piece::CallEnds { call: 0 },
            part(0, "late"),
            Piece::CallEnds { call: 1 },
            Piece::Text("done".to_owned()),
        ] {
            told.extend(blocks.take(piece));
        }
        let call = |id: &str| InTurn::CallBegins { id: id.to_owned(), name: "f".to_owned() };
        let arguments = |text: &str| InTurn::Arguments(text.to_owned());
        assert_eq!(
            told,
            [
                InTurn::TextBegins,
                InTurn::Text("look".to_owned()),
                InTurn::TextEnds,
                call("t0"),
                arguments("{\"a\":"),
                arguments("1}"),
                InTurn::CallEnds,
                call("t1"),
                arguments("{\"b\":2}"),
                InTurn::CallEnds,
                InTurn::TextBegins,
                InTurn::Text("done".to_owned()),
            ]
        );
    }
}
