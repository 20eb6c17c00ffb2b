//! Writers of a proof: the kill matrix as JSON, Markdown and HTML, and its summary on a terminal.

mod html;
mod markdown;
mod terminal;

use record::{ProofRecord, RuleRecord};

pub use html::html;
pub use markdown::markdown;
pub use terminal::{defect_line, proof_summary};

use crate::json::WriteRunError;

/// The proof as pretty JSON, with a line end at the end.
///
/// # Errors
///
/// Fails if the proof cannot be written as JSON.
pub fn json(proof: &ProofRecord) -> Result<String, WriteRunError> {
    crate::json::pretty(proof)
}

/// The rules by chapter, both in the order of their names.
fn chapters(proof: &ProofRecord) -> Vec<(&str, Vec<&RuleRecord>)> {
    let mut rules: Vec<&RuleRecord> = proof.rules.iter().collect();
    rules.sort_by(|a, b| (&a.chapter, &a.id).cmp(&(&b.chapter, &b.id)));
    let chapters = rules.chunk_by(|a, b| a.chapter == b.chapter);
    chapters.map(|rules| (rules[0].chapter.as_str(), rules.to_vec())).collect()
}

/// The whole proof in a sentence.
fn outcome(proof: &ProofRecord) -> String {
    let (rules, defects, gaps) = (proof.rules.len(), proof.defects.len(), proof.gaps().len());
    let (proved, gated) = (proof.proved(), proof.gated().len());
    let gated = match gated {
        0 => String::new(),
        1 => "; 1 was not put to the test".to_owned(),
        more => format!("; {more} were not put to the test"),
    };
    if proof.interrupted.is_some() {
        format!("cut short: {proved} of {rules} rules were seen to turn red")
    } else if gaps == 0 {
        format!(
            "proved: each of {proved} rules turns red under each defect that it names, {defects} in all{gated}"
        )
    } else {
        let gaps = if gaps == 1 { "1 gap".to_owned() } else { format!("{gaps} gaps") };
        format!("not proved: {gaps}; {proved} of {rules} rules turn red, under {defects} defects{gated}")
    }
}

/// The suite that was proved, by the first digits of its hash.
fn of_suite(proof: &ProofRecord) -> String {
    let hash = proof.suite_sha256.get(..12).unwrap_or("unknown");
    match proof.edited.as_slice() {
        [] => hash.to_owned(),
        edited => format!("{hash}, edited: {}", edited.join(", ")),
    }
}

/// A trial as one says it: its chapter and its own name.
fn short(trial: &str) -> &str {
    trial.strip_prefix("scenarios/").unwrap_or(trial)
}
