//! Makes any text safe to show: what would move a cursor, reorder a line or break an XML document becomes visible instead.
//!
//! Reports quote what targets and upstreams said, so that hostile text is the usual case and not the exception.

use std::borrow::Cow;

/// The text as one line: line ends and tabs become visible too, so that it fits into a table or an XML attribute.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 16), |mut shown, character| {
        push(&mut shown, character);
        shown
    }))
}

/// The text's lines, each safe to show. Tabs become four spaces: in running text they are layout and no evidence.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(|one| line(&one.replace('\t', "    ")).into_owned())
}

fn push(shown: &mut String, character: char) {
    if is_unsafe(character) {
        shown.extend(character.escape_default());
    } else {
        shown.push(character);
    }
}

/// Controls (C0, DEL and C1), line and paragraph separators, the characters that reorder what follows them, and the
/// noncharacters, two of which no XML document may hold.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unsafe_becomes_visible_and_nothing_else_changes() {
        let cases = [
            ("plain, ünïcode, 漢字, 🌪️, שלום", "plain, ünïcode, 漢字, 🌪️, שלום"),
            ("two\r\nlines", r"two\r\nlines"),
            ("tab\there", r"tab\there"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("nul \0, bell \u{7}, delete \u{7f}", r"nul \u{0}, bell \u{7}, delete \u{7f}"),
            ("C1 \u{9b}31m", r"C1 \u{9b}31m"),
            ("\u{202e}txt.exe", r"\u{202e}txt.exe"),
            ("\u{fffe}\u{ffff}\u{1ffff}", r"\u{fffe}\u{ffff}\u{1ffff}"),
            ("replaced \u{fffd} stays", "replaced \u{fffd} stays"),
        ];
        for (text, shown) in cases {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn lines_keep_their_ends_and_lose_their_controls() {
        let shown: Vec<_> = lines("one\r\n\ttwo\u{7}\n\nfour").collect();
        assert_eq!(shown, ["one", r"    two\u{7}", "", "four"]);
    }
}
