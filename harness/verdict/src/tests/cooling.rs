//! `cooling`: an attempt that came while its key had to be left alone.

use std::time::Duration;

use record::Shown;
use record::Verdict::{Fail, Inconclusive, NotExercised, Pass};

use super::evidence::{Evidence, hint, judged, verdict};

const NONE_COOLING: &str = "attempts: { where: { step: again }, none: { cooling: true } }";

/// A reply on `first` that was over at 100 ms and asked for one second, and a later exchange with one attempt on a key.
fn asked_again(key: &str, arrived: u64) -> Evidence {
    let mut evidence = Evidence::whole();
    hint(evidence.attempt(0, "first", 90, 10, 429), Duration::from_secs(1));
    evidence.exchange(0, "ask", 80, 30, 429);
    evidence.attempt(1, key, arrived, 10, 200);
    evidence.exchange(1, "again", arrived, 20, 200);
    evidence
}

#[test]
fn a_limited_key_must_be_left_alone_until_its_wait_is_over() {
    for (key, arrived, expected) in [
        ("first", 95, Pass),
        ("first", 110, Pass),
        ("first", 111, Fail),
        ("first", 1_099, Fail),
        ("first", 1_100, Pass),
        ("second", 500, Pass),
    ] {
        assert_eq!(verdict(NONE_COOLING, &asked_again(key, arrived)), expected, "{key} at {arrived}");
    }
}

#[test]
fn the_same_label_at_another_upstream_is_another_key() {
    let mut evidence = asked_again("first", 500);
    evidence.attempts[1].upstream = super::evidence::id("other");
    assert_eq!(verdict(NONE_COOLING, &evidence), Pass);
}

#[test]
fn an_attempt_that_was_open_when_the_hint_came_does_not_offend() {
    // It arrived before the hint was given, and ended long after.
    let mut evidence = Evidence::whole();
    evidence.attempt(1, "first", 50, 900, 200);
    evidence.exchange(1, "again", 40, 920, 200);
    hint(evidence.attempt(0, "first", 90, 10, 429), Duration::from_secs(1));
    evidence.exchange(0, "ask", 80, 30, 429);
    assert_eq!(verdict(NONE_COOLING, &evidence), Pass);
}

#[test]
fn an_attempt_that_offends_is_found_however_late_it_ends() {
    let mut evidence = asked_again("first", 500);
    evidence.attempts[1].ended = 3_000_000;
    evidence.exchanges[1].ended = 3_100_000;
    // Its key is limited anew meanwhile, which is not what it offends.
    hint(evidence.attempt(2, "first", 1_500, 10, 429), Duration::from_millis(10));
    evidence.exchange(2, "ask", 1_490, 30, 429);
    let judged = judged(NONE_COOLING, &evidence);
    assert_eq!(judged.verdict, Fail);
    assert!(format!("{:?}", judged.shown).contains("key was limited for 600ms more"), "{:?}", judged.shown);
}

#[test]
fn a_reply_with_its_hint_and_the_offence_are_shown_together() {
    let judged = judged(NONE_COOLING, &asked_again("first", 300));
    assert_eq!(judged.expected, "no attempt where `step` is again: `cooling` is true");
    assert_eq!(
        judged.observed,
        "1 of 1 attempt offends; the first: the attempt on key `first` at `openai` in exchange 1 at 300ms: `cooling` is true"
    );
    let Some(Shown::Window(window)) = judged.shown else { panic!("{:?}", judged.shown) };
    let told: Vec<_> = window
        .attempts
        .iter()
        .map(|attempt| {
            (attempt.at_ms, attempt.result.as_str(), attempt.offends, attempt.note.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            (90.0, "429 rate_limit", false, "asked to be left alone for 1s"),
            (300.0, "200", true, "key was limited for 800ms more"),
        ]
    );
}

#[test]
fn within_one_exchange_the_offence_stands_in_its_tree() {
    let mut evidence = Evidence::whole();
    hint(evidence.attempt(0, "first", 90, 10, 429), Duration::from_secs(1));
    evidence.attempt(0, "first", 300, 10, 200);
    evidence.exchange(0, "again", 80, 300, 200);
    let judged = judged(NONE_COOLING, &evidence);
    let Some(Shown::Tree(tree)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert_eq!((tree.exchange, tree.traffic.as_str(), tree.request.as_str()), (0, "again", "ask"));
    let offends: Vec<bool> = tree.attempts.iter().map(|attempt| attempt.offends).collect();
    assert_eq!(offends, [false, true]);
}

#[test]
fn a_late_harness_excuses_an_attempt_that_came_just_after_the_hint() {
    for (arrived, due, late, expected) in [
        (130, 100, 25, Inconclusive),
        (130, 100, 15, Fail),
        // The reply that asked for the wait may have been noted late as well.
        (1_090, 20, 60, Inconclusive),
        (1_040, 20, 50, Fail),
        (500, 100, 25, Fail),
        // The wait is over: there is nothing to excuse.
        (1_100, 1_000, 50, Pass),
    ] {
        let mut evidence = asked_again("first", arrived);
        evidence.lag(due, late);
        let judged = judged(NONE_COOLING, &evidence);
        assert_eq!(judged.verdict, expected, "at {arrived} with {late} late at {due}: {}", judged.observed);
    }
}

#[test]
fn cooling_can_be_counted() {
    for (arrived, limit, expected) in [(300, 0, Fail), (300, 1, Pass), (95, 0, Pass)] {
        let claim = format!("attempts: {{ where: {{ cooling: true }}, count: {{ at_most: {limit} }} }}");
        assert_eq!(verdict(&claim, &asked_again("first", arrived)), expected, "{arrived}");
    }
    let per = "attempts: { where: { cooling: true }, per: key, count: { at_most: 0 } }";
    assert_eq!(verdict(per, &asked_again("first", 95)), Pass);
    assert_eq!(verdict(per, &asked_again("first", 300)), Fail);
    let mut late = asked_again("first", 130);
    late.lag(100, 25);
    assert_eq!(verdict(per, &late), Inconclusive);
    let every = "attempts: { where: { cooling: true }, every: { status: 429 } }";
    assert_eq!(verdict(every, &asked_again("first", 95)), NotExercised);
}
