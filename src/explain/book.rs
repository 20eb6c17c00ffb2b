//! What only the book tells: units, verdicts, names in braces and its own words, read from the tables that are written by hand.

use crate::explain::wrapped;

const BOOK: &str = include_str!("../../docs/language.md");

/// What begins a table that is made of the schemas, and what ends it.
const MADE: (&str, &str) = ("<!-- ", "<!-- end -->");

/// A row of a table: what its first column calls it, and the heads of the other columns with its cells.
struct Row<'b> {
    kind: &'b str,
    subject: &'b str,
    cells: Vec<(&'b str, &'b str)>,
}

/// What the book says of a word, if one of its tables begins a row with it, or shows a value that is written like it.
pub(super) fn explained(asked: &str) -> Option<String> {
    let told: Vec<String> = rows().iter().filter(|row| row.is_meant(asked)).map(Row::told).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

/// The words that the book tells.
pub(super) fn known() -> Vec<String> {
    rows().iter().map(|row| row.name().to_owned()).collect()
}

impl<'b> Row<'b> {
    /// The first cell without what surrounds the word in it.
    fn name(&self) -> &'b str {
        let bare = self.subject.trim_matches('`');
        ["a ", "an ", "the "].iter().find_map(|article| bare.strip_prefix(article)).unwrap_or(bare)
    }

    fn is_meant(&self, asked: &str) -> bool {
        let asked_unit = unit_of(asked);
        self.name().eq_ignore_ascii_case(asked)
            || self.kind == "unit"
                && !asked_unit.is_empty()
                && self.shown().any(|value| unit_of(value) == asked_unit)
    }

    /// The values between backticks.
    fn shown(&self) -> impl Iterator<Item = &'b str> {
        self.cells.iter().take(1).flat_map(|(_, cell)| cell.split('`').skip(1).step_by(2))
    }

    fn told(&self) -> String {
        let article =
            if self.kind.starts_with(['a', 'e', 'i', 'o', 'u']) && self.kind != "unit" { "an" } else { "a" };
        let mut text = format!("{}: {article} {}\n", self.name(), self.kind);
        if let [(_, meaning)] = self.cells.as_slice() {
            text.push_str(&format!("    {}\n", wrapped(meaning, 4)));
        } else {
            for (head, cell) in &self.cells {
                text.push_str(&format!("    {head:<10}{cell}\n"));
            }
        }
        text
    }
}

/// What stands behind the number of a value, as a whole or without the number: `250ms` and `ms` have the same unit.
fn unit_of(value: &str) -> &str {
    value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start()
}

fn rows() -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    let (mut made, mut heads): (bool, Vec<&str>) = (false, Vec::new());
    for line in BOOK.lines() {
        if line.starts_with(MADE.0) {
            made = line != MADE.1;
        }
        let Some(inside) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")).filter(|_| !made)
        else {
            if !line.starts_with("|--") {
                heads.clear();
            }
            continue;
        };
        let cells: Vec<&str> = inside.split(" | ").collect();
        match (heads.as_slice(), cells.as_slice()) {
            ([], _) => heads = cells,
            ([kind, others @ ..], [subject, cells @ ..]) => {
                let cells = others.iter().copied().zip(cells.iter().copied()).collect();
                rows.push(Row { kind, subject, cells });
            }
            _ => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_verdicts_roots_and_words_are_told() {
        for (asked, told) in [
            ("duration", "`250ms`"),
            ("ms", "duration: a unit"),
            ("250ms", "duration: a unit"),
            ("99%", "share: a unit"),
            ("20/s", "rate: a unit"),
            ("KiB", "size: a unit"),
            ("USD", "amount of money: a unit"),
            ("inconclusive", "a verdict"),
            ("captured", "{{ captured.NAME }}"),
            ("attempt", "a word"),
        ] {
            let text = explained(asked).unwrap_or_else(|| panic!("{asked}"));
            assert!(text.contains(told), "`{told}` is not told of {asked}:\n{text}");
        }
        assert!(explained("7").is_none() && explained("").is_none());
    }

    #[test]
    fn tables_that_are_made_of_the_schemas_are_left_to_them() {
        assert!(!known().iter().any(|word| word == "hermetic"));
    }
}
