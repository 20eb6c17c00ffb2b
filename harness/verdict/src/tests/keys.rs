//! Times of a key, and keys that no time mends: `gap_of_key`, `since_free`, `capacity_in`.

use std::time::Duration;

use record::Verdict::{Fail, Inconclusive, Pass};
use record::{Joined, NOT_REACHED, NameId};

use super::evidence::{Evidence, all, hint, id, judged};

#[test]
fn the_gap_of_a_key_is_that_to_its_own_attempt_before() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 10, 500), ("second", 30, 500), ("first", 520, 200)]);
    all(
        &evidence,
        &[
            ("attempts: { where: { ordinal: 3 }, every: { gap_of_key: 500ms } }", Pass),
            ("attempts: { where: { ordinal: 3 }, every: { gap_of_key: { at_least: 501ms } } }", Fail),
            ("attempts: { where: { ordinal: 3 }, every: { gap: 480ms } }", Pass),
            // It is the first one of its key.
            ("attempts: { where: { ordinal: 2 }, every: { gap_of_key: { at_least: 0s } } }", Fail),
            ("attempts: { none: { gap_of_key: { below: 500ms } } }", Pass),
        ],
    );
    // The same label at another upstream is another key; an unknown key is no key twice.
    evidence.attempts[0].upstream = id("other");
    all(&evidence, &[("attempts: { none: { gap_of_key: { at_least: 0s } } }", Pass)]);
    (evidence.attempts[0].upstream, evidence.attempts[0].key) = (id("openai"), NameId::NONE);
    evidence.attempts[2].key = NameId::NONE;
    all(&evidence, &[("attempts: { none: { gap_of_key: { at_least: 0s } } }", Pass)]);
}

#[test]
fn an_attempt_that_never_ended_leaves_its_key_no_gap() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 10, 500), ("first", 520, 200)]);
    evidence.attempts[0].ended = NOT_REACHED;
    all(&evidence, &[("attempts: { where: { ordinal: 2 }, every: { gap_of_key: 0s } }", Pass)]);
}

#[test]
fn an_attempt_that_may_lack_one_before_it_proves_nothing_of_gaps() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 10, 500), ("first", 520, 200)]);
    let lost = evidence.loose("first", 200, 10, 500);
    (lost.joined, lost.model) = (Joined::Nothing, id("chat"));
    all(&evidence, &[("attempts: { none: { gap_of_key: { below: 400ms } } }", Inconclusive)]);
}

/// A reply on `first` that was over at 100 ms and asked for one second, and a later attempt.
fn after_a_wait(key: &str, arrived: u64) -> Evidence {
    let mut evidence = Evidence::whole();
    hint(evidence.attempt(0, "first", 90, 10, 429), Duration::from_secs(1));
    evidence.exchange(0, "ask", 80, 30, 429);
    evidence.attempt(1, key, arrived, 10, 200);
    evidence.exchange(1, "again", arrived, 20, 200);
    evidence
}

#[test]
fn a_key_is_free_from_the_end_of_its_last_wait_on() {
    for (key, arrived, free) in [
        ("first", 50, None),
        ("first", 500, None),
        ("first", 1_099, None),
        ("first", 1_100, Some(0)),
        ("first", 1_350, Some(250)),
        ("second", 1_350, None),
    ] {
        let evidence = after_a_wait(key, arrived);
        let claim = match free {
            Some(free) => {
                format!("attempts: {{ where: {{ step: again }}, every: {{ since_free: {free}ms }} }}")
            }
            None => "attempts: { where: { step: again }, none: { since_free: { at_least: 0s } } }".to_owned(),
        };
        all(&evidence, &[(&claim, Pass)]);
        let otherwise = match free {
            Some(free) => {
                format!("attempts: {{ where: {{ step: again }}, none: {{ since_free: {free}ms }} }}")
            }
            None => {
                "attempts: { where: { step: again }, every: { since_free: { at_least: 0s } } }".to_owned()
            }
        };
        all(&evidence, &[(&otherwise, Fail)]);
    }
    // A shorter wait that is asked for later does not shorten the first one.
    let mut evidence = after_a_wait("first", 1_350);
    hint(evidence.attempt(2, "first", 200, 10, 429), Duration::from_millis(100));
    evidence.exchange(2, "ask", 190, 30, 429);
    all(&evidence, &[("attempts: { where: { step: again }, every: { since_free: 250ms } }", Pass)]);
}

#[test]
fn times_of_a_key_are_excused_by_lag_as_other_times_are() {
    let soon = "attempts: { where: { step: again }, every: { since_free: { at_most: 200ms } } }";
    let late = "attempts: { where: { step: again }, every: { since_free: { at_least: 300ms } } }";
    for (claim, lag, expected) in [
        (soon, None, Fail),
        (soon, Some((1_200, 60)), Inconclusive),
        (soon, Some((1_200, 40)), Fail),
        (late, None, Fail),
        // The end of the reply that asked for the wait may have been noted late.
        (late, Some((20, 60)), Inconclusive),
        (late, Some((20, 40)), Fail),
    ] {
        let mut evidence = after_a_wait("first", 1_350);
        lag.into_iter().for_each(|(due, late)| evidence.lag(due, late));
        let judged = judged(claim, &evidence);
        assert_eq!(judged.verdict, expected, "{claim} with {lag:?}: {}", judged.observed);
    }
    let claim = "attempts: { where: { ordinal: 2 }, every: { gap_of_key: { at_most: 450ms } } }";
    for (late, expected) in [(0, Fail), (60, Inconclusive)] {
        let mut evidence = Evidence::whole();
        evidence.tree(0, "ask", 0, &[("first", 10, 500), ("first", 520, 200)]);
        evidence.lag(200, late);
        all(&evidence, &[(claim, expected)]);
    }
}

/// Every key was asked to wait; the first of them is free 2 s after 30 ms, and the exchange is over at 50 ms.
fn all_wait(told_ms: u32) -> Evidence {
    let mut evidence = Evidence::whole();
    for (key, from, wait) in [("first", 10, 5), ("second", 20, 2), ("third", 30, 9)] {
        hint(evidence.attempt(0, key, from, 10, 429), Duration::from_secs(wait));
    }
    let row = evidence.exchange(0, "ask", 0, 50, 429);
    (row.model, row.hint_ms) = (id("chat"), told_ms);
    evidence
}

#[test]
fn capacity_that_is_compared_is_told_and_excused_by_lag() {
    let enough = "exchanges: { every: { hint: { at_least: { field: capacity_in } } } }";
    let no_more = "exchanges: { every: { hint: { at_most: { field: capacity_in } } } }";
    for (claim, told_ms, lag, expected) in [
        (enough, 1_980, None, Pass),
        (enough, 1_970, None, Fail),
        // The reply that asked for the wait was perhaps noted up to 20 ms late.
        (enough, 1_970, Some((5, 20)), Inconclusive),
        (enough, 1_950, Some((5, 20)), Fail),
        (no_more, 1_980, None, Pass),
        (no_more, 1_990, None, Fail),
        // The exchange was perhaps over earlier than was noted.
        (no_more, 1_990, Some((35, 15)), Inconclusive),
        (no_more, 2_010, Some((35, 15)), Fail),
    ] {
        let mut evidence = all_wait(told_ms);
        lag.into_iter().for_each(|(due, late)| evidence.lag(due, late));
        let judged = judged(claim, &evidence);
        assert_eq!(judged.verdict, expected, "{claim}, {told_ms} with {lag:?}: {}", judged.observed);
    }
    let judged = judged(enough, &all_wait(1_970));
    assert!(judged.observed.ends_with("`hint` is 1970ms and `capacity_in` is 1980ms"), "{}", judged.observed);
}

#[test]
fn lag_makes_no_key_busy_that_was_never_asked_to_wait() {
    let mut evidence = all_wait(1_000);
    evidence.attempts.remove(1);
    evidence.lag(35, 15);
    all(&evidence, &[("exchanges: { every: { capacity_in: { above: 0s } } }", Fail)]);
}

/// `first` was asked to wait 20 s, and this was replied on `second`; `third` is out of money.
fn beside_a_wait(status: u16, error: &str) -> Evidence {
    let mut evidence = Evidence::whole();
    hint(evidence.attempt(0, "first", 10, 10, 429), Duration::from_secs(20));
    evidence.attempt(0, "second", 20, 10, status).error = id(error);
    evidence.attempt(0, "third", 30, 10, 402);
    evidence.exchange(0, "ask", 0, 50, 429).model = id("chat");
    evidence
}

#[test]
fn a_key_that_waiting_does_not_mend_is_no_capacity_until_it_works_again() {
    let busy = "exchanges: { every: { capacity_in: 19970ms } }";
    let free = "exchanges: { every: { capacity_in: 0s } }";
    for (status, error, expected) in [
        (401, "timeout", busy),
        (402, "timeout", busy),
        (403, "timeout", busy),
        (429, "insufficient_quota", busy),
        (429, "rate_limit", free),
        (500, "timeout", free),
        (200, "timeout", free),
    ] {
        all(&beside_a_wait(status, error), &[(expected, Pass)]);
    }
    // The exchange of later on is of interest, once the key has answered again.
    for (status, wait, expected) in [
        (200, None, "exchanges: { where: { step: again }, every: { capacity_in: 0s } }"),
        (500, None, "exchanges: { where: { step: again }, every: { capacity_in: 18920ms } }"),
        (429, Some(2), "exchanges: { where: { step: again }, every: { capacity_in: 1960ms } }"),
    ] {
        let mut evidence = beside_a_wait(401, "timeout");
        let row = evidence.attempt(1, "second", 1_050, 10, status);
        wait.into_iter().for_each(|wait| hint(row, Duration::from_secs(wait)));
        evidence.exchange(1, "again", 1_040, 60, 200).model = id("chat");
        all(&evidence, &[(expected, Pass)]);
    }
    // Where no key is left, no time brings capacity.
    let mut evidence = beside_a_wait(401, "timeout");
    (evidence.attempts[0].status, evidence.attempts[0].hint_ms) = (401, NOT_REACHED);
    all(&evidence, &[("exchanges: { none: { capacity_in: { at_least: 0s } } }", Pass)]);
}

#[test]
fn a_key_that_waiting_does_not_mend_is_not_free_and_not_probed() {
    for (refused, free, probing) in [(false, true, true), (true, false, false)] {
        let mut evidence = after_a_wait("first", 1_350);
        let status = if refused { 401 } else { 500 };
        evidence.attempt(2, "first", 1_200, 10, status);
        evidence.exchange(2, "ask", 1_190, 30, 503);
        let free = format!(
            "attempts: {{ where: {{ step: again, since_free: {{ at_least: 0s }} }}, count: {} }}",
            u8::from(free)
        );
        let probing = format!("attempts: {{ where: {{ step: again }}, every: {{ probing: {probing} }} }}");
        all(&evidence, &[(&free, Pass), (&probing, Pass)]);
    }
}
