//! The story of one verdict: what was promised, what was seen, the smallest evidence, and how to see it again.

use std::fmt::Write as _;

use record::{Judged, RuleRecord, RunRecord, TrialRecord, Verdict};

use super::again::{again_in_lines, quoted};
use super::evidence::draw;
use super::layout::{COLUMNS, cut, width, wrap};
use super::palette::{Palette, paint};
use super::source::pointer;
use crate::clean;
use crate::standing::level_words;
use crate::{tries, unjoined};

/// How many stories are told in full at the end of a run. Who breaks hundreds of expectations reads a report, not a terminal.
const TOLD: usize = 20;

/// How wide the labels in front of the facts are.
const LABEL: usize = 10;

/// How many lines of the target's log a story quotes.
const LOG_LINES: usize = 12;

/// The stories that a person must know at the end of a run, the gravest first. Empty if there is nothing to tell.
#[must_use]
pub fn stories(run: &RunRecord, palette: &Palette) -> String {
    let mut told = worth_telling(run);
    told.sort_by_key(|(_, verdict, _)| std::cmp::Reverse(*verdict));
    let mut text = String::new();
    for (trial, _, judged) in told.iter().take(TOLD) {
        text.push_str(&match judged {
            Some(judged) => story(run, trial, judged, palette),
            None => trial_story(run, trial, palette),
        });
        text.push('\n');
    }
    if told.len() > TOLD {
        let _ = writeln!(text, "{} more are told in the reports:", told.len() - TOLD);
        for (trial, verdict, judged) in told.iter().skip(TOLD).take(TOLD) {
            let rule = judged.map_or("", |judged| judged.rule.as_str());
            let _ = writeln!(
                text,
                "  {}",
                cut(&format!("{}: {} {rule}", verdict.words(), trial.name), COLUMNS - 2)
            );
        }
        let unnamed = told.len().saturating_sub(2 * TOLD);
        if unnamed > 0 {
            let _ = writeln!(text, "  … and {unnamed} more");
        }
        text.push('\n');
    }
    text
}

/// The story of one expectation.
#[must_use]
pub fn story(run: &RunRecord, trial: &TrialRecord, judged: &Judged, palette: &Palette) -> String {
    let mut lines = heading(judged.verdict, trial, palette);
    lines.extend(wrap(&format!("{}: {}", judged.rule, judged.say), COLUMNS));
    lines.push(String::new());
    rule(&mut lines, run, &judged.rule);
    fact(&mut lines, "expected", &judged.expected);
    fact(&mut lines, label_of_observed(judged.verdict), &judged.observed);
    for (number, earlier) in tries::earlier(trial) {
        if let Some(before) = tries::same(earlier, trial, judged) {
            fact(&mut lines, &number, &format!("{}: {}", before.verdict.words(), before.observed));
        }
    }
    if let Some(unjoined) = unjoined::told([trial]) {
        fact(&mut lines, "unjoined", &unjoined);
    }
    if let Some(shown) = &judged.shown {
        section(&mut lines, draw(shown, palette));
    }
    if judged.verdict == Verdict::Blocked {
        log(&mut lines, trial, palette);
    }
    section(&mut lines, pointer(&judged.line, palette));
    run_again(&mut lines, run, trial);
    let explain = format!("read the rule: stormproof explain {}", quoted(&judged.rule));
    lines.push(format!("  {}", clean::line(&explain)));
    joined(&lines)
}

/// The story of a trial in which nothing was judged, or in which one cause took every expectation.
#[must_use]
pub fn trial_story(run: &RunRecord, trial: &TrialRecord, palette: &Palette) -> String {
    let mut lines = heading(trial.verdict, trial, palette);
    lines.extend(wrap(&trial.title, COLUMNS));
    lines.push(String::new());
    match trial.judged.first() {
        Some(first) => {
            fact(&mut lines, label_of_observed(trial.verdict), &first.observed);
            let mut rules: Vec<&str> = Vec::new();
            for judged in &trial.judged {
                if !rules.contains(&judged.rule.as_str()) {
                    rules.push(&judged.rule);
                }
            }
            fact(&mut lines, "rules", &rules.join(", "));
            for (number, earlier) in tries::earlier(trial) {
                fact(
                    &mut lines,
                    &number,
                    &format!("{}: {}", earlier.verdict.words(), tries::reason(earlier)),
                );
            }
        }
        None => fact(&mut lines, "because", &why_unjudged(run)),
    }
    log(&mut lines, trial, palette);
    run_again(&mut lines, run, trial);
    joined(&lines)
}

fn why_unjudged(run: &RunRecord) -> String {
    let cause = run.interrupted.as_ref();
    cause.map_or_else(
        || String::from("the trial ended before anything could be judged"),
        |cause| format!("the run was cut short before anything could be judged: {cause}"),
    )
}

/// What has to be told: each verdict that is not as it should be, and once where one cause took a whole trial.
fn worth_telling(run: &RunRecord) -> Vec<(&TrialRecord, Verdict, Option<&Judged>)> {
    let mut told = vec![];
    for trial in &run.trials {
        if blocked_by_one_cause(trial) || (trial.judged.is_empty() && !trial.verdict.is_ignored()) {
            told.push((trial, trial.verdict, None));
            continue;
        }
        let judged = trial.judged.iter().filter(|judged| is_told(judged.verdict));
        told.extend(judged.map(|judged| (trial, judged.verdict, Some(judged))));
    }
    told
}

fn is_told(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass
        | Verdict::KnownFailure
        | Verdict::Gated
        | Verdict::NotClaimed
        | Verdict::NotObservable => false,
        Verdict::Warn
        | Verdict::NotExercised
        | Verdict::Inconclusive
        | Verdict::UnexpectedPass
        | Verdict::Fail
        | Verdict::Blocked => true,
    }
}

fn blocked_by_one_cause(trial: &TrialRecord) -> bool {
    let mut judged = trial.judged.iter();
    judged.next().is_some_and(|first| {
        let alike = |other: &Judged| other.verdict == Verdict::Blocked && other.observed == first.observed;
        alike(first) && judged.all(alike)
    })
}

fn heading(verdict: Verdict, trial: &TrialRecord, palette: &Palette) -> Vec<String> {
    let word = verdict.words();
    let line = "─".repeat(COLUMNS.saturating_sub(width(word) + 4));
    let rule = format!(
        "{} {} {}",
        paint(palette.quiet, "──"),
        paint(palette.of(verdict), word),
        paint(palette.quiet, line)
    );
    let name = wrap(&trial.name, COLUMNS).into_iter().map(|part| paint(palette.strong, part));
    std::iter::once(rule).chain(name).collect()
}

fn rule(lines: &mut Vec<String>, run: &RunRecord, id: &str) {
    let Some(RuleRecord { level, says, sources, .. }) = run.rules.iter().find(|rule| rule.id == id) else {
        return fact(lines, "rule", &format!("{id}, which the saved run does not quote"));
    };
    fact(lines, "rule", &format!("{id} ({}) {says}", level_words(*level)));
    if !sources.is_empty() {
        fact(lines, if sources.len() == 1 { "source" } else { "sources" }, &sources.join("; "));
    }
}

/// What was seen, or why nothing could be.
fn label_of_observed(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass | Verdict::Fail | Verdict::Warn | Verdict::KnownFailure | Verdict::UnexpectedPass => {
            "observed"
        }
        Verdict::NotExercised
        | Verdict::Inconclusive
        | Verdict::Blocked
        | Verdict::Gated
        | Verdict::NotClaimed
        | Verdict::NotObservable => "because",
    }
}

fn fact(lines: &mut Vec<String>, label: &str, text: &str) {
    let mut label = label;
    for line in wrap(text, COLUMNS - LABEL - 2) {
        lines.push(format!("  {label:LABEL$}{line}").trim_end().to_owned());
        label = "";
    }
}

fn section(lines: &mut Vec<String>, part: Vec<String>) {
    lines.push(String::new());
    lines.extend(part.into_iter().map(|line| format!("  {line}")));
}

fn run_again(lines: &mut Vec<String>, run: &RunRecord, trial: &TrialRecord) {
    let mut part = vec![String::from("run just this again:")];
    part.extend(again_in_lines(run, trial, COLUMNS - 4).into_iter().map(|line| format!("  {line}")));
    section(lines, part);
}

fn log(lines: &mut Vec<String>, trial: &TrialRecord, palette: &Palette) {
    if trial.log_tail.is_empty() {
        return;
    }
    let skipped = trial.log_tail.len().saturating_sub(LOG_LINES);
    let mut part = vec![String::from("the target's last words:")];
    let quoted = trial.log_tail.iter().skip(skipped);
    part.extend(quoted.map(|line| format!("{} {}", paint(palette.quiet, "│"), cut(line, COLUMNS - 4))));
    section(lines, part);
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
