//! Text in columns: widths as a terminal counts them, wrapping, padding, cutting, and tables.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::clean;

/// How wide a report is.
pub(crate) const COLUMNS: usize = 80;

/// How many characters of one text are shown. A body of megabytes belongs in the evidence and not on a terminal.
const LONGEST_TEXT: usize = 4_000;

/// How many columns a text fills.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text with spaces behind it up to a width.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text with spaces in front of it up to a width.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text as one safe line of at most so many columns, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let shown = clean::line(text);
    if width(&shown) <= columns {
        shown.into_owned()
    } else {
        format!("{}…", head(&shown, columns.saturating_sub(1)))
    }
}

/// Safe lines of at most so many columns, broken between words where possible. Line ends in the text are kept.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let (shown, left_out) = capped(text);
    let mut lines: Vec<String> = clean::lines(shown).flat_map(|line| wrap_line(&line, columns)).collect();
    if left_out > 0 {
        lines.push(format!("… and {left_out} more characters"));
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// Rows with their cells below each other; a column in which every cell is empty takes no room.
/// The first column is flush right, since it holds offsets or counts.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    rows.iter().map(|row| table_row(row, &widths)).collect()
}

fn table_row(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row
        .iter()
        .zip(widths)
        .enumerate()
        .filter(|(_, (_, columns))| **columns > 0)
        .map(
            |(index, (cell, columns))| {
                if index == 0 { pad_left(cell, *columns) } else { pad(cell, *columns) }
            },
        )
        .collect();
    cells.join("  ").trim_end().to_owned()
}

fn capped(text: &str) -> (&str, usize) {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => (&text[..end], text[end..].chars().count()),
        None => (text, 0),
    }
}

/// Indentation is kept: a diff or a list inside a text would lose its meaning without. So are several blanks between words, which
/// may be what is wrong with a value.
fn wrap_line(line: &str, columns: usize) -> Vec<String> {
    let indent: String = line.chars().take_while(|character| *character == ' ').take(columns / 2).collect();
    let room = columns - indent.len();
    let mut lines = vec![];
    let mut current = String::new();
    let mut blanks = 0;
    for word in line.trim_start_matches(' ').split(' ') {
        blanks += 1;
        if word.is_empty() {
            continue;
        }
        let gap = std::mem::take(&mut blanks);
        if !current.is_empty() && width(&current) + gap + width(word) > room {
            lines.push(format!("{indent}{current}"));
            current.clear();
        }
        if !current.is_empty() {
            current.push_str(&" ".repeat(gap));
        }
        current.push_str(word);
        while width(&current) > room {
            let taken = head(&current, room).to_owned();
            current = current[taken.len()..].to_owned();
            lines.push(format!("{indent}{taken}"));
        }
    }
    if !current.is_empty() || lines.is_empty() {
        lines.push(if current.is_empty() { String::new() } else { format!("{indent}{current}") });
    }
    lines
}

/// As much of the text as fits into so many columns, but one character at least, so that every loop moves on.
fn head(text: &str, columns: usize) -> &str {
    let mut filled = 0;
    for (index, character) in text.char_indices() {
        filled += character.width().unwrap_or(0);
        if filled > columns && index > 0 {
            return &text[..index];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words_and_inside_words_only_where_it_must() {
        let cases: [(&str, &[&str]); 9] = [
            ("one two three", &["one two", "three"]),
            ("key:   x", &["key:   x"]),
            ("wide    gap  ", &["wide", "gap"]),
            ("exactly 8", &["exactly", "8"]),
            ("abcdefghijklmnop", &["abcdefgh", "ijklmnop"]),
            ("漢字漢字漢", &["漢字漢字", "漢"]),
            ("a\n\nb", &["a", "", "b"]),
            ("  - ab cd ef", &["  - ab", "  cd ef"]),
            ("", &[""]),
        ];
        for (text, lines) in cases {
            assert_eq!(wrap(text, 8), lines, "{text:?}");
        }
    }

    #[test]
    fn a_text_of_megabytes_is_cut_and_says_so() {
        let lines = wrap(&"word ".repeat(1_000_000), 60);
        assert_eq!(lines.last().map(String::as_str), Some("… and 4996000 more characters"));
        assert!(lines.len() < 100, "{} lines", lines.len());
    }

    #[test]
    fn a_table_lines_up_by_what_a_terminal_shows() {
        let row = |cells: [&str; 4]| cells.map(String::from).to_vec();
        let lines = table(&[row(["1", "漢", "", "x"]), row(["10", "abc", "", "y"])]);
        assert_eq!(lines, [" 1  漢   x", "10  abc  y"]);
    }

    #[test]
    fn cutting_leaves_an_ellipsis() {
        assert_eq!(cut("openai", 6), "openai");
        assert_eq!(cut("anthropic", 6), "anthr…");
        assert_eq!(cut("a\nb", 6), r"a\nb");
    }
}
