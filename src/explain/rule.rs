//! A rule: what it asks and why, where it comes from, which scenarios prove it, and which defects show that it can fail.

use router::defects;
use scenario::{KnownRule, Suite};

use crate::explain::scenario_file::stem;
use crate::explain::{indented, wrapped};

/// A rule in words, if one has this id.
pub(super) fn explained(asked: &str, suite: &Suite) -> Option<String> {
    let known = suite.rules.get(&asked.to_uppercase())?;
    let rule = &known.rule;
    let mut text =
        format!("{} ({}, {}, since {})\n\n", known.id, rule.level.word(), known.chapter, rule.since);
    text.push_str(&format!("{}\n", wrapped(&rule.says, 0)));
    if let Some(why) = &rule.why {
        text.push_str(&format!("\nWhy:\n{}\n", indented(why, "  ")));
    }
    if !rule.needs.is_empty() {
        let needs: Vec<&str> = rule.needs.iter().map(|need| need.word()).collect();
        text.push_str(&format!("\nAsked of targets that claim: {}\n", needs.join(", ")));
    }
    let sources: Vec<String> = rule.sources.iter().map(|source| format!("  {source}\n")).collect();
    section(&mut text, "Sources", &sources);
    section(&mut text, "Proved by", &scenarios(known, suite));
    section(&mut text, "Turns red under the defects", &breaking(known));
    Some(text)
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        text.push_str(&format!("\n{title}:\n{}", lines.concat()));
    }
}

/// The scenarios that cite the rule.
fn scenarios(known: &KnownRule, suite: &Suite) -> Vec<String> {
    let cite = |case: &scenario::Case| case.scenario.expect.iter().any(|claim| claim.rule.value == known.id);
    let proving = suite.scenarios.iter().filter(|file| file.cases.iter().any(cite));
    proving
        .filter_map(|file| {
            let title = &file.cases.first()?.scenario.title.value;
            Some(format!("  {}\n      {title}\n", stem(&file.name)))
        })
        .collect()
}

/// The defects that the rule names.
fn breaking(known: &KnownRule) -> Vec<String> {
    let told = |name: &String| match defects().find(|defect| defect.name == name) {
        Some(defect) => format!("  {name}\n      {}\n", wrapped(defect.about, 6)),
        None => format!("  {name}\n"),
    };
    known.rule.killed_by.iter().map(told).collect()
}
