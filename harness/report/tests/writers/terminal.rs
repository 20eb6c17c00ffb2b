//! What people read on a terminal.

use record::{RunRecord, Verdict};
use stormproof_report::terminal::{Palette, again, stories, story, summary};
use unicode_width::UnicodeWidthStr;

use crate::compare::assert_golden;
use crate::runs;

const REPORTS: &str = "reports/runs/2026-11-21T04-05-06Z";

#[test]
fn terminal_reports_look_as_they_always_did() {
    let cases = [
        ("passing.txt", runs::passing()),
        ("failing.txt", runs::failing()),
        ("empty.txt", runs::empty()),
        ("cut-short.txt", runs::cut_short()),
        ("run-again.txt", runs::run_again()),
    ];
    for (file, run) in cases {
        assert_golden(file, &whole(&run, &Palette::plain()));
    }
    assert_golden("failing-in-colour.txt", &whole(&runs::failing(), &Palette::colour()));
}

#[test]
fn a_run_in_which_all_is_well_is_told_in_a_few_lines() {
    let run = runs::passing();
    assert_eq!(stories(&run, &Palette::plain()), "");
    assert!(summary(&run, REPORTS, &Palette::plain()).lines().count() <= 12);
}

#[test]
fn a_pass_that_took_more_than_one_try_is_told_as_such() {
    let mut run = runs::run_again();
    run.trials.retain(|trial| trial.verdict == Verdict::Pass);
    assert_eq!(stories(&run, &Palette::plain()), "");
    let text = summary(&run, REPORTS, &Palette::plain());
    assert!(text.starts_with("passed: 2 trials, 1 of them at a further try in 12.3 s\n"), "{text}");
    let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("passes-then.yaml: pass at the 2nd try, inconclusive before: exchange 3"),
        "{text}"
    );
}

#[test]
fn attempts_that_join_nothing_are_counted_in_the_summary_and_in_the_story_of_their_trial() {
    let run = runs::failing();
    let whole = summary(&run, REPORTS, &Palette::plain());
    let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "unjoined 4 of 56 attempts joined no exchange: 2 without a mark, 1 with the mark of another trial, 1 with the \
                mark of an exchange that is not in the evidence; 1 may be the traffic's own, so that what depends on them is \
                inconclusive";
    assert!(bare(&whole).contains(told), "{whole}");
    let of = |trial: usize| story(&run, &run.trials[trial], &run.trials[trial].judged[0], &Palette::plain());
    assert!(bare(&of(0)).contains(&told.replace("56", "8")), "{}", of(0));
    assert!(!of(1).contains("unjoined"), "{}", of(1));
    assert!(!summary(&runs::passing(), REPORTS, &Palette::plain()).contains("unjoined"));
}

#[test]
fn nothing_but_commands_and_paths_is_wider_than_eighty_columns() {
    let text = whole(&runs::failing(), &Palette::plain());
    let is_name = |line: &&str| line.contains("--exact ") || line.contains("stormproof run ");
    for line in text.lines().filter(|line| !is_name(line)) {
        assert!(line.width() <= 80, "{} columns: {line}", line.width());
    }
}

#[test]
fn no_control_of_a_target_reaches_the_terminal() {
    let text = whole(&runs::failing(), &Palette::plain());
    let found: Vec<char> = text
        .chars()
        .filter(|character| character.is_control() && *character != '\n' || *character == '\u{202e}')
        .collect();
    assert!(found.is_empty(), "{found:?}");
    let coloured = whole(&runs::failing(), &Palette::colour());
    assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}[2J"));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let plain = whole(&runs::failing(), &Palette::plain());
    let mut coloured = whole(&runs::failing(), &Palette::colour());
    while let Some(start) = coloured.find('\u{1b}') {
        let end = start + coloured[start..].find('m').unwrap();
        coloured.replace_range(start..=end, "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn every_verdict_has_a_story_in_the_same_order() {
    let mut run = runs::passing();
    run.trials.truncate(1);
    for verdict in Verdict::ALL {
        run.trials[0].judged[0].verdict = verdict;
        let trial = &run.trials[0];
        let text = story(&run, trial, &trial.judged[0], &Palette::plain());
        let because = if text.contains("\n  because") { "\n  because" } else { "\n  observed" };
        let parts = [
            verdict.words(),
            "scenarios/performance/steady.yaml",
            "ROT-003: no key is asked twice",
            "\n  rule      ROT-003 (MUST) No key",
            "\n  sources   LiteLLM issue 9717; a rotator's own source",
            "\n  expected  every exchange: status 200",
            because,
            "\n  scenarios/performance/steady.yaml:54:15",
            "^^^^",
            "run just this again:\n    stormproof run scenarios/performance/steady.yaml",
            "read the rule: stormproof explain ROT-003",
        ];
        let mut rest = text.as_str();
        for part in parts {
            let place = rest
                .find(part)
                .unwrap_or_else(|| panic!("{verdict:?}: no {part:?} where it belongs in\n{text}"));
            rest = &rest[place + part.len()..];
        }
    }
}

#[test]
fn the_command_runs_the_same_case_against_the_same_target() {
    let run = runs::failing();
    assert_eq!(
        again(&run, &run.trials[0]),
        "stormproof run 'scenarios/rotation/next-key-on-429.yaml::two of three keys are limited' --seed 7 \
         --target fixtures/targets/router.yaml --defect reuse-limited-key"
    );
}

#[test]
fn a_rule_is_broken_if_any_expectation_that_cites_it_failed() {
    let mut run = runs::passing();
    let line = |run: &RunRecord| {
        let text = summary(run, REPORTS, &Palette::plain());
        text.lines().find(|line| line.contains(" rules ")).unwrap().to_owned()
    };
    assert_eq!(line(&run), "  4 rules         2 proved, 2 not exercised");
    run.trials[2].judged[0].verdict = Verdict::Fail;
    assert_eq!(line(&run), "  4 rules         1 proved, 1 broken, 2 not exercised");
    run.trials[2].judged[0].verdict = Verdict::NotExercised;
    assert_eq!(line(&run), "  4 rules         1 proved, 3 not exercised");
    run.trials[2].judged[0].verdict = Verdict::NotClaimed;
    assert_eq!(line(&run), "  4 rules         2 proved, 2 not exercised");
}

#[test]
fn a_thousand_failures_do_not_flood_the_terminal() {
    let text = whole(&runs::large(10_000), &Palette::plain());
    assert!(text.lines().count() < 1_000, "{} lines", text.lines().count());
    assert!(text.contains("980 more are told in the reports") && text.contains("… and 960 more"));
}

fn whole(run: &RunRecord, palette: &Palette) -> String {
    format!("{}{}", stories(run, palette), summary(run, REPORTS, palette))
}
