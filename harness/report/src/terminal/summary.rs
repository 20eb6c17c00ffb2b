//! The end-of-run summary: how many trials and expectations came to which verdict, and where the contract stands.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::Style;
use record::{RunRecord, TargetRecord, TrialRecord, Verdict};

use super::layout::{COLUMNS, pad_left, width, wrap};
use super::palette::{Palette, paint};
use super::span::span;
use crate::clean;
use crate::standing::{Standing, level_words, standings};
use crate::{tries, unjoined};

/// How many lines a list in the summary has at most.
const LISTED: usize = 20;

/// How wide the labels of the facts at the end are.
const LABEL: usize = 11;

/// The summary of a run, with the folder in which its reports are. A dozen lines for a run in which all is well.
#[must_use]
pub fn summary(run: &RunRecord, reports_dir: &str, palette: &Palette) -> String {
    let standings = standings(run);
    let mut text = String::new();
    let (style, outcome) = outcome(run, palette);
    let _ = writeln!(text, "{} in {}\n", paint(style, outcome), took(run));
    counts(&mut text, run, &standings, palette);
    broken(&mut text, run, &standings, palette);
    run_again(&mut text, run);
    known_failures(&mut text, run);
    ignored(&mut text, run);
    text.push('\n');
    facts(&mut text, run, reports_dir);
    text
}

/// Nobody asks for the milliseconds of a run that takes long.
fn took(run: &RunRecord) -> String {
    let took = run.took_ms as f64;
    span(if took < 10_000.0 { took } else { (took / 100.0).round() * 100.0 })
}

/// The whole run in a few words, as its exit code would say it.
fn outcome(run: &RunRecord, palette: &Palette) -> (Style, String) {
    let of =
        |verdicts: &[Verdict]| run.trials.iter().filter(|trial| verdicts.contains(&trial.verdict)).count();
    let blocked = of(&[Verdict::Blocked]);
    let failed = of(&[Verdict::Fail, Verdict::UnexpectedPass]);
    let open = of(&[Verdict::Inconclusive, Verdict::NotExercised]);
    let all = number(run.trials.len(), "trial");
    if blocked > 0 && failed > 0 {
        (palette.bad, format!("blocked: {blocked}, failed: {failed}, of {all}"))
    } else if blocked > 0 {
        (palette.bad, format!("blocked: {blocked} of {all}"))
    } else if failed > 0 {
        (palette.bad, format!("failed: {failed} of {all}"))
    } else if run.interrupted.is_some() {
        (palette.doubt, format!("cut short after {all}"))
    } else if open > 0 {
        (palette.doubt, format!("without an answer: {open} of {all}"))
    } else if run.trials.iter().all(|trial| trial.verdict.is_ignored()) {
        (palette.doubt, format!("nothing was run: {all}"))
    } else {
        let again = run.trials.iter().filter(|trial| !trial.earlier.is_empty()).count();
        let again = if again == 0 { String::new() } else { format!(", {again} of them at a further try") };
        (palette.good, format!("passed: {all}{again}"))
    }
}

fn counts(text: &mut String, run: &RunRecord, standings: &BTreeMap<&str, Standing>, palette: &Palette) {
    let trials = by_verdict(run.trials.iter().map(|trial| trial.verdict), palette);
    let judged = run.trials.iter().flat_map(|trial| &trial.judged);
    let expectations = by_verdict(judged.map(|judged| judged.verdict), palette);
    let rules = Standing::ALL.map(|standing| {
        let count = standings.values().filter(|other| **other == standing).count();
        (count, standing.words(), style_of(standing, palette))
    });
    let rows = [("trial", &trials[..]), ("expectation", &expectations[..]), ("rule", &rules[..])];
    let total = |parts: &[Part]| parts.iter().map(|(count, ..)| count).sum::<usize>();
    let columns = rows.iter().map(|(_, parts)| total(parts).to_string().len()).max().unwrap_or(0);
    for (noun, parts) in rows {
        let total = total(parts);
        let plural = if total == 1 { "" } else { "s" };
        let label = format!("{noun}{plural}");
        let _ = write!(text, "  {} {label:14}", pad_left(&total.to_string(), columns));
        enumerate(text, parts, columns + 17);
    }
}

/// The parts that are not zero, with commas between them, in lines that all begin at the same column.
fn enumerate(text: &mut String, parts: &[Part], indent: usize) {
    let mut column = indent;
    let mut separator = "";
    for (count, words, style) in parts.iter().filter(|(count, ..)| *count > 0) {
        let part = format!("{count} {words}");
        // The comma behind the part needs room too.
        if !separator.is_empty() && column + separator.len() + width(&part) + 1 > COLUMNS {
            let _ = write!(text, ",\n{}", " ".repeat(indent));
            (column, separator) = (indent, "");
        }
        let _ = write!(text, "{separator}{}", paint(*style, &part));
        column += separator.len() + width(&part);
        separator = ", ";
    }
    while text.ends_with(' ') {
        text.pop();
    }
    text.push('\n');
}

/// How many there are, of what, and how that is shown.
type Part = (usize, &'static str, Style);

/// Good news first, then from grave to harmless.
fn by_verdict(verdicts: impl Iterator<Item = Verdict>, palette: &Palette) -> Vec<Part> {
    let mut counts = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_insert(0) += 1;
    }
    let passed = counts.remove(&Verdict::Pass).map(|count| (Verdict::Pass, count));
    let others = counts.into_iter().rev();
    passed
        .into_iter()
        .chain(others)
        .map(|(verdict, count)| (count, verdict.words(), palette.of(verdict)))
        .collect()
}

fn style_of(standing: Standing, palette: &Palette) -> Style {
    match standing {
        Standing::Proved => palette.good,
        Standing::Broken => palette.bad,
        Standing::Warned | Standing::NotExercised => palette.doubt,
        Standing::Confessed | Standing::Ignored => palette.quiet,
    }
}

fn broken(text: &mut String, run: &RunRecord, standings: &BTreeMap<&str, Standing>, palette: &Palette) {
    for (standing, title) in [(Standing::Broken, "broken rules"), (Standing::Warned, "rules warned about")] {
        let ids = standings.iter().filter(|(_, other)| **other == standing).map(|(id, _)| *id);
        let lines = ids.map(|id| {
            run.rules.iter().find(|rule| rule.id == id).map_or_else(
                || id.to_owned(),
                |rule| format!("{id} ({}) {}", level_words(rule.level), rule.says),
            )
        });
        list(text, &paint(style_of(standing, palette), title), lines);
    }
}

/// A pass that came after a try without a conclusion is told as such, and so is everything else that took more than one.
fn run_again(text: &mut String, run: &RunRecord) {
    let again = run.trials.iter().filter_map(|trial| {
        let before = tries::reason(trial.earlier.last()?);
        Some(format!("{}: {}: {before}", trial.name, tries::outcome(trial)?))
    });
    list(text, "run again, alone, after the others", again);
}

fn known_failures(text: &mut String, run: &RunRecord) {
    let known = run.trials.iter().flat_map(|trial| {
        let confessed = trial.judged.iter().filter(|judged| judged.verdict == Verdict::KnownFailure);
        confessed.map(move |judged| format!("{} in {}: {}", judged.rule, trial.name, judged.observed))
    });
    list(text, "known failures", known);
}

/// One line for each reason, however many trials share it.
fn ignored(text: &mut String, run: &RunRecord) {
    let mut groups: BTreeMap<(Verdict, &str), usize> = BTreeMap::new();
    for trial in run.trials.iter().filter(|trial| trial.verdict.is_ignored()) {
        *groups.entry((trial.verdict, reason(trial))).or_default() += 1;
    }
    let lines = groups.into_iter().map(|((verdict, reason), count)| {
        let separator = if reason.is_empty() { "" } else { ": " };
        format!("{} {}{separator}{reason}", number(count, "trial"), verdict.words())
    });
    list(text, "ignored", lines);
}

fn reason(trial: &TrialRecord) -> &str {
    let decisive = trial.judged.iter().find(|judged| judged.verdict == trial.verdict);
    decisive.map_or("", |judged| &judged.observed)
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n  {title}");
    for line in lines.by_ref().take(LISTED) {
        for (index, part) in wrap(&line, COLUMNS - 6).into_iter().enumerate() {
            let indent = if index == 0 { 4 } else { 6 };
            let _ = writeln!(text, "{:indent$}{part}", "");
        }
    }
    let left_out = lines.count();
    if left_out > 0 {
        let _ = writeln!(text, "    … and {left_out} more");
    }
}

fn facts(text: &mut String, run: &RunRecord, reports_dir: &str) {
    if let Some(interrupted) = &run.interrupted {
        fact(text, "cut short", interrupted);
    }
    fact(text, "target", &target(&run.target));
    fact(text, "seed", &run.seed.to_string());
    if let Some(hashes) = hashes(run) {
        fact(text, "SHA-256", &hashes);
    }
    for note in &run.notes {
        fact(text, "note", note);
    }
    if let Some(unjoined) = unjoined::told(&run.trials) {
        fact(text, "unjoined", &unjoined);
    }
    // A path is never broken, so that it can be opened with a click or copied.
    let _ = writeln!(text, "  {:LABEL$}{}", "reports", clean::line(reports_dir));
}

/// The first digits of the hashes, which tell runs apart; the whole ones stand in the other reports.
fn hashes(run: &RunRecord) -> Option<String> {
    let of = [
        ("tool", &run.tool_sha256),
        ("profile", &run.target.profile_sha256),
        ("scenarios", &run.scenarios_sha256),
        ("suite", &run.suite_sha256),
    ];
    let told = of.iter().filter_map(|(what, sha256)| Some(format!("{what} {}", sha256.get(..12)?)));
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn fact(text: &mut String, label: &str, value: &str) {
    let mut label = label;
    for line in wrap(value, COLUMNS - LABEL - 2) {
        let _ = writeln!(text, "  {label:LABEL$}{line}");
        label = "";
    }
}

fn target(target: &TargetRecord) -> String {
    let version = target.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    let defect =
        target.defect.as_ref().map_or_else(String::new, |defect| format!(", with the defect `{defect}`"));
    format!("{}{version}{defect}", target.name)
}

fn number(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
