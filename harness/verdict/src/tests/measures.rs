//! Measured numbers and `that`.

use record::Shown;
use record::Verdict::{Fail, NotExercised, Pass};

use super::evidence::{Case, Evidence};

const MEASURES: &str = "
measure:
  early: { attempts: { where: { at: { below: 1s } } }, rate: per second }
  late: { attempts: { where: { at: { above: 2s } } }, rate: per second }
  middle: { attempts: { where: { at: { at_least: 1s, at_most: 1500ms } } }, rate: per second }
  step: { attempts: { where: { step: again } }, rate: per second }
  clipped: { attempts: { where: { step: again, at: { below: 1500ms } } }, rate: per second }
  all: { attempts: {}, rate: per second }
  number: { attempts: {}, count: all }
  limited: { attempts: { where: { script: limited } }, count: all }
  never: { attempts: { where: { at: { above: 9s } } }, rate: per second }
";

/// Ten attempts in each second, twenty in the second second, for four seconds.
fn steady() -> Evidence {
    let mut evidence = Evidence::whole();
    let times = (0..40).map(|n| n * 100).chain((10..20).map(|n| n * 100 + 50));
    for (number, at) in (0..).zip(times) {
        let step = if (1_000..2_000).contains(&at) { "again" } else { "ask" };
        evidence.attempt(number, "first", at, 10, 200);
        evidence.exchange(number, step, at, 20, 200);
    }
    evidence
}

fn that(text: &str) -> Case {
    Case::of(&format!("{MEASURES}expect: [{{ rule: SYN-001, say: it holds, that: '{text}' }}]\n"))
}

#[test]
fn a_rate_is_a_number_in_the_time_in_which_its_rows_could_come() {
    for (name, number) in [
        ("early", "10"),
        // Up to the end of the traffic at 4 s; the attempt at exactly 2 s is not above it.
        ("late", "9.5"),
        ("middle", "22"),
        ("step", "20"),
        ("clipped", "20"),
        ("all", "12.5"),
        ("number", "50"),
        ("limited", "0"),
    ] {
        let text = format!("measured.{name} == {number} && measured.number > 0");
        let judged = that(&text).judge(&steady()).remove(0);
        assert_eq!(judged.verdict, Pass, "{text}: {}", judged.observed);
    }
}

#[test]
fn numbers_are_told_and_shown() {
    let judged = that("measured.late * 2 <= measured.early").judge(&steady()).remove(0);
    assert_eq!(judged.verdict, Fail);
    assert_eq!(judged.expected, "`measured.late * 2 <= measured.early`");
    assert_eq!(
        judged.observed,
        "early is 10.0 per second (10 attempts in 1s), late is 9.5 per second (19 attempts in 2s)"
    );
    let numbers =
        [("early", "10.0 per second (10 attempts in 1s)"), ("late", "9.5 per second (19 attempts in 2s)")];
    let numbers = numbers.map(|(name, number)| (name.to_owned(), number.to_owned()));
    assert_eq!(judged.shown, Some(Shown::Numbers(numbers.into())));
}

#[test]
fn numbers_of_nothing_prove_nothing() {
    for (text, evidence, expected) in [
        ("measured.late <= measured.early", Evidence::whole(), NotExercised),
        ("measured.limited == 0", steady(), NotExercised),
        ("measured.limited <= measured.number", steady(), Pass),
        ("measured.never <= measured.early", steady(), NotExercised),
    ] {
        let judged = that(text).judge(&evidence).remove(0);
        assert_eq!(judged.verdict, expected, "{text}: {}", judged.observed);
    }
}
