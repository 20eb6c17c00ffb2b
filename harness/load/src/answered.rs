//! What was answered so far: its text as a hash and, where it is wanted, in so many words, and whether it is another's.

use dialect::TextHash;
use record::{Correlation, ExchangeId, Found, MARK_LENGTH};

use crate::reading::KEPT_CAPACITY;
use crate::said::SaidSoFar;

/// A longer text is cut there where it is kept.
const MOST_TEXT: usize = 64 * 1024;

/// What was answered so far.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    hash: TextHash,
    /// Whether any text came.
    said: bool,
    /// How many contents of a stream came.
    pub(crate) contents: u32,
    /// Output tokens by the response's own usage.
    pub(crate) output_tokens: Option<u32>,
    /// Whether the dialect's end was seen.
    pub(crate) terminated: bool,
    /// Whether the mark of another exchange came.
    pub(crate) foreign: bool,
    /// The text, where it is kept.
    text: Option<KeptText>,
    /// How it ended and which tools it calls, where that is kept.
    pub(crate) said_at_end: Option<SaidSoFar>,
    /// The end of the text, in which a mark may have begun.
    tail: Vec<u8>,
}

#[derive(Debug, Default)]
struct KeptText {
    text: String,
    cut: bool,
}

impl Answered {
    /// From now on texts are kept.
    pub(crate) fn keep_text(&mut self) {
        self.text.get_or_insert_default();
    }

    /// Another answer is to come. Buffers are kept.
    pub(crate) fn reset(&mut self) {
        let text = self.text.take().map(|mut kept| {
            kept.text.clear();
            kept.text.shrink_to(KEPT_CAPACITY);
            KeptText { text: kept.text, cut: false }
        });
        let mut tail = std::mem::take(&mut self.tail);
        tail.clear();
        let mut said_at_end = self.said_at_end.take();
        if let Some(said) = &mut said_at_end {
            said.clear();
        }
        *self = Self { text, tail, said_at_end, ..Self::default() };
    }

    /// The next piece of the text, in answer to an exchange.
    pub(crate) fn say(&mut self, piece: &str, exchange: ExchangeId, correlation: Correlation) {
        if piece.is_empty() {
            return;
        }
        self.said = true;
        self.hash.add(piece);
        if let Some(kept) = &mut self.text {
            let room = MOST_TEXT.saturating_sub(kept.text.len());
            kept.cut |= piece.len() > room;
            kept.text.push_str(&piece[..piece.floor_char_boundary(room)]);
        }
        self.look_for_mark(piece, exchange, correlation);
    }

    fn look_for_mark(&mut self, piece: &str, exchange: ExchangeId, correlation: Correlation) {
        // Most pieces neither end nor begin a mark.
        if self.tail.is_empty() && !piece.contains('[') {
            return;
        }
        self.tail.extend_from_slice(piece.as_bytes());
        self.foreign |= has_foreign_mark(&self.tail, exchange, correlation);
        let whole = self.tail.len().saturating_sub(MARK_LENGTH - 1);
        let open = self.tail.iter().skip(whole).position(|byte| *byte == b'[');
        match open {
            Some(at) => drop(self.tail.drain(..whole + at)),
            None => self.tail.clear(),
        }
    }

    /// The hash of the text; 0 where there was none.
    pub(crate) fn text_hash(&self) -> u32 {
        if self.said { self.hash.value() } else { 0 }
    }

    /// The text so far, up to a cap; empty where none is kept.
    pub(crate) fn text(&self) -> &str {
        self.text.as_ref().map_or("", |kept| &kept.text)
    }

    /// The text, where it is kept and any came, and whether it was cut.
    pub(crate) fn told(&self) -> Option<(&str, bool)> {
        self.text.as_ref().filter(|_| self.said).map(|kept| (kept.text.as_str(), kept.cut))
    }
}

/// Whether a text holds a mark of another exchange than this.
pub(crate) fn has_foreign_mark(text: &[u8], exchange: ExchangeId, correlation: Correlation) -> bool {
    let openings = text.iter().enumerate().filter(|(_, byte)| **byte == b'[').map(|(at, _)| at);
    let mut marks = openings.filter_map(|at| text.get(at..at + MARK_LENGTH));
    marks.any(|mark| match correlation.find(mark) {
        Found::Nothing => false,
        Found::Foreign => true,
        Found::Exchange(found) => found != exchange,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&str]) -> Answered {
        let mut answered = Answered::default();
        let correlation = Correlation::new(0xabc);
        answered.keep_text();
        for piece in pieces {
            answered.say(piece, ExchangeId(7), correlation);
        }
        answered
    }

    #[test]
    fn a_mark_is_found_however_it_is_cut() {
        let [mine, another] =
            [7, 8].map(|id| format!("[[ {} [", Correlation::new(0xabc).mark(ExchangeId(id))));
        for cut in 0..mine.len() {
            assert!(!said(&[&mine[..cut], &mine[cut..]]).foreign, "{cut}");
            assert!(said(&[&another[..cut], &another[cut..]]).foreign, "{cut}");
            assert!(said(&[&mine, &another[..cut], &another[cut..]]).foreign, "{cut}");
        }
        let single: Vec<String> = another.chars().map(String::from).collect();
        assert!(said(&single.iter().map(String::as_str).collect::<Vec<_>>()).foreign);
    }

    #[test]
    fn looking_for_marks_holds_no_more_than_one() {
        assert!(said(&["[".repeat(10_000).as_str(), "[sp:"]).tail.len() < MARK_LENGTH);
        assert!(said(&["no mark at all"]).tail.is_empty());
    }

    #[test]
    fn a_text_is_kept_up_to_a_cap_and_hashed_beyond_it() {
        let long = "é".repeat(MOST_TEXT);
        let answered = said(&["x", &long]);
        let (text, cut) = answered.told().unwrap();
        assert!(cut && text.len() == MOST_TEXT - 1, "no character is cut in two: {}", text.len());
        assert_eq!(answered.text_hash(), TextHash::of(&format!("x{long}")));
    }

    #[test]
    fn nothing_of_an_answer_is_left_for_the_next() {
        let mut answered = said(&["half a mark [sp:"]);
        answered.reset();
        assert_eq!((answered.told(), answered.text_hash(), answered.tail.len()), (None, 0, 0));
        assert_eq!(said(&[]).text_hash(), 0);
    }
}
