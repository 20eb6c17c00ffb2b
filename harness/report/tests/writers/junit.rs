//! The run as JUnit XML.

use std::time::{Duration, Instant};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use record::{RunRecord, Verdict};
use stormproof_report::junit;

use crate::compare::assert_golden;
use crate::runs;

#[test]
fn junit_reports_look_as_they_always_did() {
    let cases = [
        ("passing.xml", runs::passing()),
        ("failing.xml", runs::failing()),
        ("empty.xml", runs::empty()),
        ("cut-short.xml", runs::cut_short()),
        ("run-again.xml", runs::run_again()),
    ];
    for (file, run) in cases {
        let text = junit::write(&run).unwrap();
        assert_well_formed(&text);
        assert_golden(file, &text);
    }
}

#[test]
fn each_verdict_has_its_own_kind_of_case() {
    let report = read_back(&runs::failing());
    for suite in &report.test_suites {
        for case in &suite.test_cases {
            let verdict = property(case, "verdict");
            let kind = match &case.status {
                TestCaseStatus::Success { .. } => "success",
                TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => "failure",
                TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
                TestCaseStatus::Skipped { .. } => "skipped",
            };
            let expected = match verdict {
                "pass" | "warn" | "known failure" => "success",
                "fail" | "unexpected pass" => "failure",
                "inconclusive" | "not exercised" | "blocked" => "error",
                "gated" | "not claimed" | "not observable" => "skipped",
                other => panic!("an unknown verdict `{other}`"),
            };
            assert_eq!(kind, expected, "{verdict}");
        }
    }
    assert_eq!((report.failures, report.errors, report.skipped, report.tests), (3, 5, 4, 15));
}

#[test]
fn a_trial_without_a_judged_expectation_has_a_case_that_is_no_success() {
    for verdict in [Verdict::Blocked, Verdict::NotExercised, Verdict::Pass] {
        let mut run = runs::passing();
        run.trials.truncate(1);
        run.trials[0].judged.clear();
        run.trials[0].verdict = verdict;
        let report = read_back(&run);
        assert_eq!((report.tests, report.errors), (1, 1), "{verdict:?}");
    }
}

#[test]
fn a_run_that_was_cut_short_is_not_green() {
    let mut run = runs::passing();
    run.interrupted = Some(String::from("SIGTERM"));
    assert_eq!(read_back(&run).errors, 1);
}

#[test]
fn every_try_without_a_conclusion_stands_in_the_case_that_came_of_it() {
    let report = read_back(&runs::run_again());
    let reruns = |name: &str| {
        let suite = report.test_suites.iter().find(|suite| suite.name.as_str().contains(name)).unwrap();
        let count = |case: &TestCase| match &case.status {
            TestCaseStatus::Success { flaky_runs } => flaky_runs.len(),
            TestCaseStatus::NonSuccess { reruns, .. } => reruns.runs.len(),
            TestCaseStatus::Skipped { .. } => 0,
        };
        suite.test_cases.iter().map(count).collect::<Vec<_>>()
    };
    assert_eq!((reruns("at-once"), reruns("fails-then")), (vec![0, 0], vec![1, 0]));
    assert_eq!((reruns("never"), reruns("passes-then")), (vec![2, 0], vec![1, 0]));
    assert_eq!((report.failures, report.errors, report.tests), (1, 1, 8), "an earlier try is no case");
}

#[test]
fn attempts_that_join_nothing_are_a_property_of_the_cases_of_their_trial() {
    let report = read_back(&runs::failing());
    let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let unjoined =
        |case: &&TestCase| case.properties.iter().any(|property| property.name.as_str() == "unjoined");
    let told: Vec<&str> = cases.filter(unjoined).map(|case| property(case, "unjoined")).collect();
    assert_eq!(told, ["4"; 4], "the four cases of one trial");
}

#[test]
fn the_time_of_a_trial_is_counted_once() {
    let report = read_back(&runs::passing());
    let all = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let sum: Duration = all.filter_map(|case| case.time).sum();
    assert_eq!(sum, Duration::from_millis(3 * 1_234));
}

#[test]
fn equal_expectations_of_a_trial_are_told_apart() {
    let mut run = runs::passing();
    let twin = run.trials[0].judged[0].clone();
    run.trials[0].judged.push(twin);
    let report = read_back(&run);
    let names: Vec<_> = report.test_suites[0].test_cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ROT-003 no key is asked twice for one request",
            "ROT-003 no key is asked twice for one request (2)"
        ]
    );
}

#[test]
fn any_text_anywhere_leaves_a_well_formed_document() {
    // The blocks in which controls, marks and noncharacters stand, and the edges of what XML allows.
    let ranges = [0..=0x30ff, 0xd700..=0xe0ff, 0xf900..=0x1_00ff, 0x1_f300..=0x2_00ff, 0x10_ff00..=0x10_ffff];
    let characters: Vec<char> = ranges.into_iter().flatten().filter_map(char::from_u32).collect();
    for block in characters.chunks(256) {
        let text: String = block.iter().flat_map(|character| [']', ']', '>', *character, '<']).collect();
        let mut run = runs::cut_short();
        run.trials[0].file.clone_from(&text);
        run.trials[0].name.clone_from(&text);
        run.trials[0].case = Some(text.clone());
        run.trials[0].judged[0].say.clone_from(&text);
        run.trials[0].judged[0].verdict = Verdict::Fail;
        run.trials[0].judged[0].observed.clone_from(&text);
        run.trials[0].judged[0].line.text.clone_from(&text);
        run.target.version = Some(text.clone());
        run.interrupted = Some(text);
        assert_well_formed(&junit::write(&run).unwrap());
    }
}

#[test]
fn ten_thousand_cases_are_written_without_a_wait() {
    let run = runs::large(10_000);
    let started = Instant::now();
    let report = read_back(&run);
    assert_eq!((report.tests, report.failures), (10_000, 1_000));
    // Some seconds, unoptimised, on a slow machine; a writer that is quadratic takes minutes.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

fn read_back(run: &RunRecord) -> Report {
    let text = junit::write(run).unwrap();
    assert_well_formed(&text);
    Report::deserialize_from_str(&text).unwrap()
}

/// The reader that comes with the writer takes characters that no XML document may hold, so those are looked for apart.
#[track_caller]
fn assert_well_formed(text: &str) {
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let forbidden: Vec<char> = text.chars().filter(|character| !allowed(*character)).collect();
    assert!(forbidden.is_empty(), "no XML document may hold {forbidden:?}");
    assert!(!text.contains("]]>"), "`]]>` may only end a CDATA section");
    let report = Report::deserialize_from_str(text).unwrap();
    let counted: usize = report.test_suites.iter().map(|suite| suite.test_cases.len()).sum();
    assert_eq!(report.tests, counted);
}

fn property<'case>(case: &'case TestCase, name: &str) -> &'case str {
    let found = case.properties.iter().find(|property| property.name.as_str() == name);
    found.unwrap_or_else(|| panic!("`{}` has no property `{name}`", case.name.as_str())).value.as_str()
}
