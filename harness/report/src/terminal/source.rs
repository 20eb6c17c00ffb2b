//! The line of a scenario that an expectation stands on, with carets below the part that is meant.

use record::SourceLine;

use super::layout::{COLUMNS, cut, width};
use super::palette::{Palette, paint};
use crate::clean;

/// How many columns of a long line stay in front of the part that is meant.
const CONTEXT: usize = 8;

/// `file:line:column`, then the line with its number, then the carets.
pub(super) fn pointer(line: &SourceLine, palette: &Palette) -> Vec<String> {
    let number = line.line.to_string();
    let gutter = " ".repeat(number.len());
    // The margin of two columns, the number, and the bar between spaces.
    let (text, caret_at, carets) = view(line, COLUMNS - number.len() - 5);
    let marks = format!("{}{}", " ".repeat(caret_at), paint(palette.bad, "^".repeat(carets)));
    vec![
        format!("{}:{}:{}", clean::line(&line.file), line.line, line.column),
        paint(palette.quiet, format!("{gutter} │")),
        format!("{} {text}", paint(palette.quiet, format!("{number} │"))),
        format!("{} {marks}", paint(palette.quiet, format!("{gutter} │"))),
    ]
}

/// What of the line is shown, at which column the carets begin, and how many there are. All of them count what is
/// shown, and an unsafe character is shown longer than it is.
fn view(line: &SourceLine, room: usize) -> (String, usize, usize) {
    let start = line.column.saturating_sub(1) as usize;
    let mut characters = line.text.chars();
    let before: String = characters.by_ref().take(start).collect();
    let meant: String = characters.by_ref().take(line.length as usize).collect();
    let before = clean::line(&before).into_owned();
    let meant = clean::line(&meant).into_owned();
    let after = clean::line(characters.as_str()).into_owned();
    let whole = width(&before) + width(&meant) + width(&after) <= room;
    let kept = if whole || width(&before) + width(&meant) < room { before } else { tail(&before) };
    let caret_at = width(&kept);
    let carets = width(&meant).clamp(1, room.saturating_sub(caret_at).max(1));
    (cut(&format!("{kept}{meant}{after}"), room), caret_at, carets)
}

/// The last few characters, with an ellipsis for the rest.
fn tail(text: &str) -> String {
    let count = text.chars().count();
    if count <= CONTEXT {
        return text.to_owned();
    }
    let kept: String = text.chars().skip(count - CONTEXT).collect();
    format!("…{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, column: u32, length: u32) -> [String; 2] {
        let line =
            SourceLine { file: String::from("a.yaml"), line: 7, column, length, text: text.to_owned() };
        let lines = pointer(&line, &Palette::plain());
        [lines[2].clone(), lines[3].clone()]
    }

    #[test]
    fn carets_stand_below_what_is_meant() {
        let cases = [
            ("  count: 1", 3, 5, ["7 │   count: 1", "  │   ^^^^^"]),
            ("say: 漢字 now", 6, 2, ["7 │ say: 漢字 now", "  │      ^^^^"]),
            ("\tcount: 1", 2, 5, [r"7 │ \tcount: 1", "  │   ^^^^^"]),
            ("short", 90, 3, ["7 │ short", "  │      ^"]),
            ("short", 0, 0, ["7 │ short", "  │ ^"]),
        ];
        for (text, column, length, lines) in cases {
            assert_eq!(shown(text, column, length), lines, "{text:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_round_what_is_meant() {
        let text = format!("{}count: 1{}", "x".repeat(200), "y".repeat(200));
        let [line, carets] = shown(&text, 201, 5);
        assert!(line.starts_with("7 │ …xxxxxxxxcount: 1y"), "{line}");
        assert!(line.ends_with('…') && width(&line) <= COLUMNS, "{line}");
        assert_eq!(carets, "  │          ^^^^^");
    }
}
