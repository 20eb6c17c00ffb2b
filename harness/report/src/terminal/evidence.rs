//! The smallest evidence of a verdict, drawn: the attempt tree, the window, or the numbers.

use record::{AttemptShown, Shown, Tree, Window};

use super::layout::{COLUMNS, cut, pad, table, width, wrap};
use super::palette::{Palette, paint};
use super::span::{offsets, span};
use crate::clean;

/// How many attempts are drawn from the beginning, of those that offend, and at the end. A retry storm in one exchange
/// may have thousands, of which these tell all there is to see.
const FIRST: usize = 16;
const OFFENDING: usize = 12;
const LAST: usize = 4;

/// The margin in front of every line of a story.
const MARGIN: usize = 2;

/// How many columns a line of an attempt has behind its branch.
const ROOM: usize = COLUMNS - MARGIN - 3;

/// The evidence as lines of at most 78 columns.
pub(super) fn draw(shown: &Shown, palette: &Palette) -> Vec<String> {
    match shown {
        Shown::Tree(tree) => draw_tree(tree, palette),
        Shown::Window(window) => draw_window(window, palette),
        Shown::Numbers(numbers) => draw_numbers(numbers),
        Shown::Diff(lines) => draw_difference(lines, palette),
    }
}

/// Lines that are lacking stand in the colour of what is bad, those that came instead in that of what is good.
fn draw_difference(lines: &[String], palette: &Palette) -> Vec<String> {
    let drawn = lines.iter().map(|line| {
        let shown = cut(line, COLUMNS - MARGIN);
        match line.as_bytes().first() {
            Some(b'-') => paint(palette.bad, shown),
            Some(b'+') => paint(palette.good, shown),
            _ => shown,
        }
    });
    drawn.collect()
}

fn draw_tree(tree: &Tree, palette: &Palette) -> Vec<String> {
    let took =
        tree.took_ms.map_or_else(|| String::from("without an end"), |took| format!("after {}", span(took)));
    // A health check is an instance of no request.
    let request =
        if tree.request.is_empty() { String::new() } else { format!(", request `{}`", tree.request) };
    let head = format!(
        "exchange {} of `{}`{request}, at {}: {} {took}",
        tree.exchange,
        tree.traffic,
        span(tree.at_ms),
        tree.result
    );
    let mut lines = wrap(&head, COLUMNS - MARGIN);
    if tree.attempts.is_empty() {
        lines.push(String::from("└─ no attempt reached an upstream"));
    }
    let rows = attempt_rows(&tree.attempts, tree.at_ms);
    let last = rows.len().saturating_sub(1);
    for (index, row) in rows.into_iter().enumerate() {
        let (branch, trunk) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines.extend(row.draw(branch, trunk, palette));
    }
    lines
}

fn draw_window(window: &Window, palette: &Palette) -> Vec<String> {
    let mut lines = wrap(&window.title, COLUMNS - MARGIN);
    for row in attempt_rows(&window.attempts, 0.0) {
        lines.extend(row.draw("│  ", "│  ", palette));
    }
    if window.left_out > 0 {
        lines.push(format!("┊  and {} more", window.left_out));
    }
    lines
}

fn draw_numbers(numbers: &[(String, String)]) -> Vec<String> {
    let names: Vec<String> = numbers.iter().map(|(name, _)| cut(name, 40)).collect();
    let column = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let mut lines = vec![];
    for (name, (_, value)) in names.iter().zip(numbers) {
        let mut label = pad(name, column);
        for line in wrap(value, COLUMNS - MARGIN - column - 2) {
            lines.push(format!("{label}  {line}").trim_end().to_owned());
            label = " ".repeat(column);
        }
    }
    lines
}

/// A line of a tree or a window.
struct Row {
    text: String,
    note: Option<String>,
    offends: bool,
}

impl Row {
    /// The note stands at the end of the line, or below it where the line is full.
    fn draw(self, branch: &str, trunk: &str, palette: &Palette) -> Vec<String> {
        let shown = cut(&self.text, ROOM);
        let text = if self.offends { paint(palette.strong, shown) } else { shown };
        let line = format!("{branch}{text}");
        let Some(note) = self.note else { return vec![line] };
        let style = if self.offends { palette.bad } else { palette.quiet };
        if width(&self.text) + 2 + width(&note) <= ROOM {
            return vec![format!("{line}  {}", paint(style, note))];
        }
        let indent = " ".repeat(8);
        let below = wrap(&note, ROOM - indent.len());
        let below = below.into_iter().map(|part| format!("{trunk}{indent}{}", paint(style, part)));
        std::iter::once(line).chain(below).collect()
    }
}

fn attempt_rows(attempts: &[AttemptShown], start_ms: f64) -> Vec<Row> {
    let picked = picked(attempts);
    let times: Vec<f64> = picked.iter().map(|index| attempts[*index].at_ms - start_ms).collect();
    let offsets = offsets(&times);
    let shown: Vec<&AttemptShown> = picked.iter().map(|index| &attempts[*index]).collect();
    let mut rows = vec![];
    let mut expected = 0;
    for (text, index) in attempt_lines(&offsets, &shown).into_iter().zip(picked) {
        push_gap(&mut rows, index - expected);
        let attempt = &attempts[index];
        rows.push(Row { text, note: note(attempt), offends: attempt.offends });
        expected = index + 1;
    }
    push_gap(&mut rows, attempts.len() - expected);
    rows
}

/// What a line tells of an attempt beside the time, the key and the result.
#[derive(Clone, Copy)]
enum Detail {
    All,
    WithoutScript,
    HintOnly,
}

/// An offending attempt is found at a glance only if its mark stands on its line: details that the note does without
/// give way to it. A note that no line has room for stands below, and then no detail has to go.
fn attempt_lines(offsets: &[String], attempts: &[&AttemptShown]) -> Vec<String> {
    let lines = |detail: Detail| {
        let cells = offsets.iter().zip(attempts);
        table(
            &cells
                .map(|(offset, attempt)| attempt_cells(offset.clone(), attempt, detail))
                .collect::<Vec<_>>(),
        )
    };
    let fits = |lines: &Vec<String>| {
        let marked = lines.iter().zip(attempts).filter(|(_, attempt)| attempt.offends);
        marked
            .filter_map(|(line, attempt)| Some(width(line) + 2 + width(&note(attempt)?)))
            .all(|width| width <= ROOM)
    };
    let narrower = [Detail::All, Detail::WithoutScript, Detail::HintOnly].into_iter().map(lines).find(fits);
    narrower.unwrap_or_else(|| lines(Detail::All))
}

fn attempt_cells(offset: String, attempt: &AttemptShown, detail: Detail) -> Vec<String> {
    let took = attempt.took_ms.map(|took| format!("in {}", span(took)));
    let hint = attempt.hint_ms.map(|hint| format!("wait {}", span(f64::from(hint))));
    let script = attempt.script.as_deref().map(|script| cut(&format!("by {script}"), 20));
    let (took, script) = match detail {
        Detail::All => (took, script),
        Detail::WithoutScript => (took, None),
        Detail::HintOnly => (None, None),
    };
    let (who, result) = (format!("{}/{}", attempt.upstream, attempt.key), &attempt.result);
    let rest = [took, hint, script].map(Option::unwrap_or_default);
    [offset, cut(&who, 28), cut(result, 20)].into_iter().chain(rest).collect()
}

fn note(attempt: &AttemptShown) -> Option<String> {
    let words = attempt.note.as_deref().map(clean::line);
    match (attempt.offends, words) {
        (true, words) => Some(format!("<- {}", words.unwrap_or_else(|| "this one".into()))),
        (false, Some(words)) => Some(format!("({words})")),
        (false, None) => None,
    }
}

fn push_gap(rows: &mut Vec<Row>, left_out: usize) {
    if left_out > 0 {
        rows.push(Row { text: format!("… {left_out} more"), note: None, offends: false });
    }
}

/// Which attempts are drawn, in the order of time.
fn picked(attempts: &[AttemptShown]) -> Vec<usize> {
    if attempts.len() <= FIRST + OFFENDING + LAST {
        return (0..attempts.len()).collect();
    }
    let last = attempts.len() - LAST;
    let offending = (FIRST..last).filter(|index| attempts[*index].offends).take(OFFENDING);
    (0..FIRST).chain(offending).chain(last..attempts.len()).collect()
}
