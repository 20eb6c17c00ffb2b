//! The run as JUnit XML: a suite for each scenario file, a case for each expectation.
//!
//! ```xml
//! <testsuite name="scenarios/rotation/next-key-on-429.yaml">
//!   <testcase name="ROT-001 the client gets an answer" classname="scenarios/rotation/next-key-on-429.yaml"/>
//!   <testcase name="ROT-003 no key is asked twice" ...><failure type="fail" message="...">the story</failure></testcase>
//! </testsuite>
//! ```
//!
//! Fail and unexpected pass are failures; inconclusive, not exercised and blocked are errors; gated, not claimed and not
//! observable are skipped; warn and known failure succeed with their story in `system-out`. A trial has one time for
//! all of its expectations: it stands on the first of its cases, so that sums over cases are right. Of a trial that was run again
//! the cases are those of its last try; what came to no conclusion before stands in them as `flakyError` or `rerunError`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun, TestSuite,
};
use record::{EarlierTry, Judged, RuleRecord, RunRecord, TrialRecord, Verdict};
use thiserror::Error;

use crate::clean;
use crate::standing::level_words;
use crate::terminal::{Palette, story, trial_story};
use crate::{tries, unjoined};

/// The run as the text of a JUnit file.
///
/// # Errors
///
/// Fails if the document cannot be written.
pub fn write(run: &RunRecord) -> Result<String, JunitError> {
    let mut report = Report::new("stormproof");
    report.timestamp = run.started.parse().ok();
    report.set_time(Duration::from_millis(run.took_ms));
    let rules: Rules<'_> = run.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    for (file, trials) in by_file(run) {
        report.add_test_suite(suite(run, &rules, file, &trials));
    }
    if let Some(interrupted) = &run.interrupted {
        report.add_test_suite(cut_short(run, interrupted));
    }
    report.to_string().map_err(JunitError)
}

/// Why a run could not be written as JUnit XML.
#[derive(Debug, Error)]
#[error("cannot write the JUnit report")]
pub struct JunitError(#[source] SerializeError);

type Rules<'run> = HashMap<&'run str, &'run RuleRecord>;

/// The trials of each scenario file, in the order in which the files first come.
fn by_file(run: &RunRecord) -> Vec<(&str, Vec<&TrialRecord>)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut files: Vec<(&str, Vec<&TrialRecord>)> = vec![];
    for trial in &run.trials {
        let place = *places.entry(&trial.file).or_insert_with(|| {
            files.push((&trial.file, vec![]));
            files.len() - 1
        });
        files[place].1.push(trial);
    }
    files
}

fn suite(run: &RunRecord, rules: &Rules<'_>, file: &str, trials: &[&TrialRecord]) -> TestSuite {
    let mut suite = TestSuite::new(clean::line(file));
    let took = trials.iter().fold(0_u64, |sum, trial| sum.saturating_add(trial.took_ms));
    suite.set_time(Duration::from_millis(took));
    suite.timestamp = trials.iter().filter_map(|trial| trial.started.as_ref()?.parse().ok()).min();
    add_run_properties(&mut suite, run);
    if let Some(sha256) =
        trials.first().map(|trial| &trial.scenario_sha256).filter(|sha256| !sha256.is_empty())
    {
        suite.add_property(property("scenario_sha256", sha256));
    }
    for trial in trials {
        add_trial(&mut suite, run, rules, trial);
    }
    suite
}

fn add_trial(suite: &mut TestSuite, run: &RunRecord, rules: &Rules<'_>, trial: &TrialRecord) {
    let mut names = HashSet::new();
    let mut cases: Vec<TestCase> =
        trial.judged.iter().map(|judged| judged_case(run, rules, trial, judged, &mut names)).collect();
    if cases.is_empty() {
        cases.push(unjudged_case(run, trial));
    }
    let mut took = Duration::from_millis(trial.took_ms);
    for mut case in cases {
        case.set_classname(clean::line(&trial.name)).set_time(std::mem::take(&mut took));
        case.timestamp = trial.started.as_ref().and_then(|started| started.parse().ok());
        suite.add_test_case(case);
    }
}

fn judged_case(
    run: &RunRecord,
    rules: &Rules<'_>,
    trial: &TrialRecord,
    judged: &Judged,
    names: &mut HashSet<String>,
) -> TestCase {
    let name = free_name(names, &name(trial, &format!("{} {}", judged.rule, judged.say)));
    let tell = || told(&story(run, trial, judged, &Palette::plain()));
    let mut case = case(&name, judged.verdict, &judged.observed, tell);
    case.extra.insert("file".into(), clean::line(&judged.line.file).into());
    case.extra.insert("line".into(), judged.line.line.to_string().into());
    case.add_property(property("rule", &judged.rule));
    if let Some(rule) = rules.get(judged.rule.as_str()) {
        case.add_property(property("level", level_words(rule.level)));
    }
    for (number, earlier) in tries::earlier(trial) {
        let without_answer =
            |before: &&Judged| matches!(before.verdict, Verdict::Inconclusive | Verdict::NotExercised);
        let before = tries::same(earlier, trial, judged).filter(without_answer);
        case.status.add_reruns(before.map(|before| rerun(&number, earlier, before)));
    }
    add_trial_properties(&mut case, trial, judged.verdict);
    case
}

/// What an earlier try came to of the same expectation.
fn rerun(number: &str, earlier: &EarlierTry, before: &Judged) -> TestRerun {
    let mut rerun = TestRerun::new(NonSuccessKind::Error);
    rerun.set_type(before.verdict.words());
    rerun.set_message(clean::line(&format!("{number}: {}", before.observed)));
    rerun.set_time(Duration::from_millis(earlier.took_ms));
    rerun.timestamp = earlier.started.as_ref().and_then(|started| started.parse().ok());
    rerun
}

/// A trial that came to nothing still has a case: what is missing from a report would look like success.
fn unjudged_case(run: &RunRecord, trial: &TrialRecord) -> TestCase {
    let verdict = if trial.verdict == Verdict::Pass { Verdict::NotExercised } else { trial.verdict };
    let tell = || told(&trial_story(run, trial, &Palette::plain()));
    let mut case = case(&name(trial, &trial.title), verdict, "nothing was judged", tell);
    case.extra.insert("file".into(), clean::line(&trial.file).into());
    add_trial_properties(&mut case, trial, verdict);
    case
}

/// The story is told only where it is shown: most cases of most runs pass.
fn case(name: &str, verdict: Verdict, message: &str, tell: impl Fn() -> String) -> TestCase {
    let message = clean::line(message);
    let mut status = match verdict {
        Verdict::Pass | Verdict::Warn | Verdict::KnownFailure => TestCaseStatus::success(),
        Verdict::Fail | Verdict::UnexpectedPass => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive | Verdict::NotExercised | Verdict::Blocked => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        Verdict::Gated | Verdict::NotClaimed | Verdict::NotObservable => TestCaseStatus::skipped(),
    };
    status.set_type(verdict.words()).set_message(message);
    if matches!(status, TestCaseStatus::NonSuccess { .. }) {
        status.set_description(tell());
    }
    let mut case = TestCase::new(name, status);
    if matches!(verdict, Verdict::Warn | Verdict::KnownFailure) {
        case.set_system_out(tell());
    }
    case
}

/// Stories are safe for a document already; what they begin with is set apart from the tag.
fn told(story: &str) -> String {
    format!("\n{story}")
}

fn name(trial: &TrialRecord, rest: &str) -> String {
    let name = trial.case.as_ref().map_or_else(|| rest.to_owned(), |case| format!("{case}: {rest}"));
    clean::line(&name).into_owned()
}

/// Readers merge cases of one name, so that one of two equal expectations would be lost.
fn free_name(names: &mut HashSet<String>, name: &str) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while !names.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{name} ({number})");
    }
    candidate
}

fn add_run_properties(suite: &mut TestSuite, run: &RunRecord) {
    suite.add_property(property("target", &run.target.name));
    if let Some(version) = &run.target.version {
        suite.add_property(property("target_version", version));
    }
    if let Some(defect) = &run.target.defect {
        suite.add_property(property("defect", defect));
    }
    suite.add_property(property("tool_version", &run.tool));
    let hashes = [
        ("tool_sha256", &run.tool_sha256),
        ("profile_sha256", &run.target.profile_sha256),
        ("scenarios_sha256", &run.scenarios_sha256),
        ("suite_sha256", &run.suite_sha256),
    ];
    let known = hashes.into_iter().filter(|(_, sha256)| !sha256.is_empty());
    suite.add_properties(known.map(|(name, sha256)| property(name, sha256)));
    suite.add_properties(run.notes.iter().map(|note| property("note", note)));
    // The one that `--seed` takes; those of the trials follow from it.
    suite.add_property(property("seed", &run.seed.to_string()));
}

fn add_trial_properties(case: &mut TestCase, trial: &TrialRecord, verdict: Verdict) {
    case.add_property(property("verdict", verdict.words()));
    if let Some(name) = &trial.case {
        case.add_property(property("case", name));
    }
    if let Some(told) = unjoined::told([trial]) {
        case.add_property(property("unjoined", &trial.unjoined.total().to_string()));
        case.add_property(property("unjoined_told", &told));
    }
    if let Some(outcome) = tries::outcome(trial) {
        case.add_property(property("tries", &(trial.earlier.len() + 1).to_string()));
        case.add_property(property("outcome_of_tries", &outcome));
    }
}

fn property(name: &str, value: &str) -> Property {
    Property::new(name, clean::line(value))
}

/// A run that was cut short is not green, whatever its first trials say.
fn cut_short(run: &RunRecord, interrupted: &str) -> TestSuite {
    let message = format!("the run was cut short: {interrupted}");
    let case =
        case("the run comes to its end", Verdict::Blocked, &message, || clean::line(&message).into_owned());
    let mut suite = TestSuite::new("the run itself");
    add_run_properties(&mut suite, run);
    suite.add_test_case(case);
    suite
}
