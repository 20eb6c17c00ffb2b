//! The command that runs one trial again, as one can paste it into a shell.

use record::{RunRecord, TrialRecord};

use super::layout::width;
use crate::clean;

/// The command that runs just this trial again, with the same target, defect and seed.
#[must_use]
pub fn again(run: &RunRecord, trial: &TrialRecord) -> String {
    parts(run, trial).join(" ")
}

/// The same, broken between its options in the way that shells take.
pub(super) fn again_in_lines(run: &RunRecord, trial: &TrialRecord, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for part in parts(run, trial) {
        match lines.last_mut() {
            // Room for the space in front of the part, and for the space and the backslash behind it.
            Some(line) if width(line) + 1 + width(&part) + 2 <= columns => *line = format!("{line} {part}"),
            Some(line) => {
                line.push_str(" \\");
                lines.push(format!("  {part}"));
            }
            None => lines.push(part),
        }
    }
    lines
}

fn parts(run: &RunRecord, trial: &TrialRecord) -> Vec<String> {
    let mut parts = vec![format!("stormproof run {}", quoted(&trial.name)), format!("--seed {}", run.seed)];
    if !run.target.profile.is_empty() {
        parts.push(format!("--target {}", quoted(&run.target.profile)));
    }
    if let Some(defect) = &run.target.defect {
        parts.push(format!("--defect {}", quoted(defect)));
    }
    // A name with controls is not worth a broken terminal; what is shown then says which name it is.
    parts.iter().map(|part| clean::line(part).into_owned()).collect()
}

/// The word as a shell takes it: in single quotes unless it is plain.
pub(super) fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_needs_it() {
        let cases = [
            ("scenarios/a-b_c.yaml::x", "scenarios/a-b_c.yaml::x"),
            ("two keys", "'two keys'"),
            ("it's", r"'it'\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a;b|c&d", "'a;b|c&d'"),
            ("*", "'*'"),
            ("", "''"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }
}
