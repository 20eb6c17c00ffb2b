//! The kill matrix as Markdown: a table for each chapter, after what is amiss.

use std::fmt::Write as _;

use record::{CameTo, ProofRecord};

use super::{chapters, of_suite, outcome, short};
use crate::clean;
use crate::standing::level_words;

/// The kill matrix as Markdown.
#[must_use]
pub fn markdown(proof: &ProofRecord) -> String {
    let mut text = format!("# Kill matrix\n\n{}.\n", outcome(proof));
    let gaps = proof.gaps();
    if !gaps.is_empty() {
        text.push_str("\n## Gaps\n\n");
        for gap in &gaps {
            let _ = writeln!(text, "- {}", safe(&gap.to_string()));
        }
    }
    for (chapter, rules) in chapters(proof) {
        let _ = writeln!(
            text,
            "\n## {}\n\n| rule | level | under | is | seen in |\n|---|---|---|---|---|",
            safe(chapter)
        );
        for rule in rules {
            let mut id = format!("| {} | {} ", safe(&rule.id), level_words(rule.level));
            let mut pairs = proof.defects_of(&rule.id).peekable();
            if pairs.peek().is_none() {
                let _ = writeln!(text, "{id}| - | **unproved** | |");
            }
            for (defect, pair) in pairs {
                let word = match pair.came_to {
                    CameTo::Red => "red",
                    CameTo::Green => "**green**",
                    CameTo::Unclear => "**unclear**",
                    CameTo::Gated => "gated",
                };
                let seen = match (pair.red_in.as_slice(), &pair.why_not) {
                    ([first], _) => safe(short(first)),
                    ([first, rest @ ..], _) => format!("{} and {} more", safe(short(first)), rest.len()),
                    ([], why) => safe(why.as_deref().unwrap_or("")),
                };
                let _ = writeln!(text, "{id}| `{}` | {word} | {seen} |", safe(&defect.name));
                "| | ".clone_into(&mut id);
            }
        }
    }
    also(&mut text, proof);
    let _ = writeln!(
        text,
        "\n{} trials without a defect, seed {}, suite {}. Repeat: `{}`",
        proof.healthy.trials,
        proof.seed,
        safe(&of_suite(proof)),
        safe(&proof.command)
    );
    text
}

/// What defects broke beside what they are said to break: no gap, but worth knowing.
fn also(text: &mut String, proof: &ProofRecord) {
    let wider: Vec<_> = proof.defects.iter().filter(|defect| !defect.also.is_empty()).collect();
    if wider.is_empty() {
        return;
    }
    text.push_str(
        "\n## Red too\n\nRules that do not name a defect and did not hold under it.\n\n| defect | rules |\n|---|---|\n",
    );
    for defect in wider {
        let _ = writeln!(text, "| `{}` | {} |", safe(&defect.name), safe(&defect.also.join(", ")));
    }
}

/// A text that opens no table cell, no tag and no line.
fn safe(text: &str) -> String {
    clean::line(text).replace('|', "\\|").replace('<', "&lt;")
}
