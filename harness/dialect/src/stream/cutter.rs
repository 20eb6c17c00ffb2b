//! Cutting: a text into the contents of a stream, arguments of a tool into fragments. Characters stay whole.

use std::num::NonZeroU32;

/// Cuts one text, from its beginning to its end.
#[derive(Clone, Debug)]
pub(super) enum Cutter {
    /// Each word is a piece.
    Words,
    /// So many pieces of about equal length.
    Even { count: u64, done: u64, chars: u64 },
}

/// A longer fragment of arguments is cut.
const LONGEST_FRAGMENT: usize = 16;

impl Cutter {
    pub(super) fn new(text: &str, contents: Option<NonZeroU32>) -> Self {
        let Some(count) = contents else { return Self::Words };
        let chars = text.chars().count() as u64;
        Self::Even { count: u64::from(count.get()).min(chars), done: 0, chars }
    }

    /// The length in bytes of the next piece. `rest` is what has not been cut off yet, and is not empty.
    pub(super) fn next(&mut self, rest: &str) -> usize {
        match self {
            Self::Words => word(rest),
            Self::Even { count, done, chars } => {
                let begin = *done * *chars / *count;
                *done += 1;
                let length = (*done * *chars / *count - begin) as usize;
                rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at)
            }
        }
    }
}

/// The length of the first word with the white space of ASCII before it. White space at the very end of a text belongs to
/// its last word, so that the words together are the text.
fn word(rest: &str) -> usize {
    let begin = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
    let end =
        rest[begin..].find(|c: char| c.is_ascii_whitespace()).map_or(rest.len(), |length| begin + length);
    if rest[end..].trim_ascii_start().is_empty() { rest.len() } else { end }
}

/// The length of the next fragment of a tool's arguments.
pub(super) fn fragment(rest: &str) -> usize {
    rest.floor_char_boundary(LONGEST_FRAGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, contents: u32) -> Vec<&str> {
        let mut cutter = Cutter::new(text, NonZeroU32::new(contents));
        let mut rest = text;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(cutter.next(rest));
            pieces.push(piece);
            rest = later;
        }
        pieces
    }

    #[test]
    fn a_text_s_pieces_are_its_words_and_together_the_text() {
        for (text, expected) in [
            ("", vec![]),
            ("one", vec!["one"]),
            ("one two  three", vec!["one", " two", "  three"]),
            (" lead and trail \n", vec![" lead", " and", " trail \n"]),
            ("  ", vec!["  "]),
            ("é ü", vec!["é", " ü"]),
        ] {
            assert_eq!(pieces(text, 0), expected, "{text:?}");
            assert_eq!(pieces(text, 0).concat(), text);
        }
    }

    #[test]
    fn a_text_is_cut_into_as_many_contents_as_are_wanted() {
        for (text, contents, expected) in [
            ("abcdef", 3, vec!["ab", "cd", "ef"]),
            ("abcdefg", 3, vec!["ab", "cd", "efg"]),
            ("abc", 1, vec!["abc"]),
            ("grün 😀", 6, vec!["g", "r", "ü", "n", " ", "😀"]),
            ("ab", 100, vec!["a", "b"]),
            ("", 5, vec![]),
        ] {
            assert_eq!(pieces(text, contents), expected, "{text:?} into {contents}");
        }
    }

    #[test]
    fn fragments_end_between_characters() {
        let arguments = r#"{"city":"Zürich 😀😀😀😀","days":3}"#;
        let mut rest = arguments;
        let mut whole = String::new();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(fragment(rest));
            assert!(!piece.is_empty() && piece.len() <= LONGEST_FRAGMENT, "{piece:?}");
            whole.push_str(piece);
            rest = later;
        }
        assert_eq!(whole, arguments);
    }
}
