//! A proof on a terminal: a line for each defect as it ends, and what is amiss at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use record::{CameTo, DefectRecord, PairRecord, ProofRecord};

use super::{of_suite, outcome};
use crate::clean;
use crate::terminal::{Palette, layout, paint, span};

/// How many gaps are listed; the files have them all.
const LISTED: usize = 40;
/// How wide the outcome of a defect is.
const OUTCOME: usize = 8;

/// What became of a defect, in a line, or two where the rules do not fit.
#[must_use]
pub fn defect_line(defect: &DefectRecord, palette: &Palette) -> String {
    let of = |wanted: &[CameTo]| -> Vec<&PairRecord> {
        defect.rules.iter().filter(|pair| wanted.contains(&pair.came_to)).collect()
    };
    let (green, unclear) = (of(&[CameTo::Green]), of(&[CameTo::Unclear]));
    let (style, word, rules) = if !green.is_empty() {
        (palette.bad, "green", green)
    } else if !unclear.is_empty() {
        (palette.doubt, "unclear", unclear)
    } else if defect.rules.is_empty() {
        (palette.bad, "unseen", Vec::new())
    } else if defect.rules.iter().all(|pair| pair.came_to == CameTo::Gated) {
        (palette.quiet, "gated", of(&[CameTo::Gated]))
    } else {
        (palette.good, "red", of(&[CameTo::Red]))
    };
    let rules: Vec<&str> = rules.iter().map(|pair| pair.rule.as_str()).collect();
    let name = layout::pad(&clean::line(&defect.name), 36);
    let word = paint(style, layout::pad(word, OUTCOME));
    let indent = " ".repeat(OUTCOME + 37);
    let rules = layout::wrap(&rules.join(", "), layout::COLUMNS - indent.len()).join(&format!("\n{indent}"));
    format!("{word}{name} {rules}").trim_end().to_owned() + "\n"
}

/// The end of a proof: its outcome, what is amiss, and where its files are.
#[must_use]
pub fn proof_summary(proof: &ProofRecord, folder: &str, palette: &Palette) -> String {
    let gaps = proof.gaps();
    let style = if gaps.is_empty() && proof.interrupted.is_none() { palette.good } else { palette.bad };
    let mut text = String::new();
    for line in layout::wrap(&outcome(proof), layout::COLUMNS) {
        let _ = writeln!(text, "{}", paint(style, line));
    }
    if !gaps.is_empty() {
        text.push('\n');
    }
    for gap in gaps.iter().take(LISTED) {
        let lines = layout::wrap(&gap.to_string(), layout::COLUMNS - 4);
        let _ = writeln!(text, "  - {}", lines.join("\n    "));
    }
    if gaps.len() > LISTED {
        let _ = writeln!(text, "  … and {} more", gaps.len() - LISTED);
    }
    let runs = proof.defects.iter().map(|defect| defect.trials).sum::<usize>();
    gated(&mut text, proof);
    let _ = writeln!(text, "\n  took      {}", span::span(proof.took_ms as f64));
    let _ = writeln!(text, "  trials    {runs} under defects, {} without", proof.healthy.trials);
    let suite = layout::wrap(&of_suite(proof), layout::COLUMNS - 12);
    let _ = writeln!(text, "  suite     {}", suite.join("\n            "));
    let _ = writeln!(text, "  matrix    {folder}/matrix.html");
    let _ = writeln!(text, "  repeat    {}", clean::line(&proof.command));
    text
}

/// What was not put to the test, by its reason.
fn gated(text: &mut String, proof: &ProofRecord) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rule, reason) in proof.gated() {
        by_reason.entry(reason).or_default().push(rule);
    }
    for (reason, rules) in by_reason {
        let told = format!("not put to the test: {} ({})", rules.join(", "), clean::line(reason));
        let _ = writeln!(text, "\n  {}", layout::wrap(&told, layout::COLUMNS - 4).join("\n    "));
    }
}
