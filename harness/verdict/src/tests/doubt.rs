//! Why an expectation is inconclusive: what another try may change, and what it may not.

use record::Doubt::{Late, TooFew, Untold};
use record::Verdict::{Blocked, Fail, Inconclusive, Pass, Warn};
use record::{Doubt, Joined, NOT_REACHED, Unjoined};

use super::evidence::{Case, Evidence, id, judged};
use crate::Judge;

/// Forty exchanges of 70 ms each, with an attempt each, over a harness that was late by so much in the first one.
fn forty(late: u64) -> Evidence {
    let mut evidence = Evidence::whole();
    for number in 0..40_u32 {
        let from = u64::from(number) * 20;
        evidence.tree(number, "ask", from, &[(["first", "second"][number as usize % 2], from + 1, 200)]);
    }
    evidence.exchange(40, "ask", 900, 70, 200);
    if late > 0 {
        evidence.lag(910, late);
    }
    evidence
}

#[test]
fn a_late_harness_and_a_small_sample_may_be_otherwise_the_next_time_and_nothing_else_may() {
    let slow = "exchanges: { every: { took: { at_most: 60ms } } }";
    let few =
        "exchanges: { estimate: { of: { status: 200 }, at_least: 99%, false_alarm: 0.1%, notices: 95% } }";
    let parts = "attempts: { distribution: { of: key, as: { first: 1, second: 1 }, false_alarm: 0.1%, notices: 10% } }";
    let bound = "exchanges: { every: { took: { at_most: { bound: unknown } } } }";
    let untold = "exchanges: { sum: { of: first_content, at_most: 10s } }";
    for (claim, late, verdict, doubt) in [
        (slow, 20, Inconclusive, Some(Late)),
        (slow, 0, Fail, None),
        (few, 0, Inconclusive, Some(TooFew)),
        (parts, 0, Inconclusive, Some(TooFew)),
        (bound, 0, Inconclusive, Some(Untold)),
        (bound, 20, Inconclusive, Some(Untold)),
        (untold, 20, Inconclusive, Some(Untold)),
    ] {
        let judged = judged(claim, &forty(late));
        assert_eq!((judged.verdict, judged.doubt), (verdict, doubt), "{claim}: {}", judged.observed);
    }
}

#[test]
fn what_is_no_longer_inconclusive_has_no_doubt() {
    let slow = "exchanges: { every: { took: { at_most: 60ms } } }";
    let doubt_of = |evidence: &Evidence| {
        let judged = judged(slow, evidence);
        (judged.verdict, judged.doubt)
    };
    let mut dead = forty(20);
    dead.died(2_000);
    assert_eq!(doubt_of(&dead), (Blocked, None));
    let may = Case::of(&format!("expect: [{{ rule: SYN-003, say: it may hold, {slow} }}]\n"));
    assert_eq!(may.judge(&forty(20))[0].doubt, None);
    let should = Case::of(&format!("expect: [{{ rule: SYN-002, say: it should hold, {slow} }}]\n"));
    let judged = [should.judge(&forty(20)).remove(0), should.judge(&forty(0)).remove(0)];
    assert_eq!(
        judged.map(|judged| (judged.verdict, judged.doubt)),
        [(Inconclusive, Some(Late)), (Warn, None)]
    );
}

/// What attempts that could not be joined come to: their number, and what a claim that depends on them is worth.
fn unjoined(evidence: &Evidence) -> (Unjoined, Option<Doubt>) {
    let case = Case::expecting("attempts: { per: exchange, count: { at_most: 1 } }");
    let mut judge = Judge::new(case.question());
    for fact in evidence.merged() {
        judge.fact(&fact.unwrap_or_else(|error| match error {}));
    }
    let judgement = judge.finish();
    (judgement.unjoined, judgement.judged[0].doubt)
}

#[test]
fn attempts_that_join_nothing_are_counted_by_what_they_carry() {
    let mut evidence = forty(0);
    assert_eq!(unjoined(&evidence), (Unjoined::default(), None));
    // A health check asks for no model; a request of another trial does, and so does one that lost its mark.
    evidence.loose("first", 100, 5, 200);
    let health = Unjoined { unmarked: 1, ..Unjoined::default() };
    assert_eq!(unjoined(&evidence), (health, None));
    let foreign = evidence.loose("first", 120, 5, 200);
    (foreign.joined, foreign.model) = (Joined::Foreign, id("chat"));
    let unmarked = evidence.loose("first", 140, 5, 200);
    unmarked.model = id("chat");
    evidence.attempt(4_711, "first", 160, 5, 200);
    let all = Unjoined { unmarked: 2, foreign: 1, lost: 1, doubtful: 3 };
    assert_eq!(unjoined(&evidence), (all, Some(Untold)));
    assert_eq!(all.total(), 4);
}

#[test]
fn an_attempt_that_was_cut_before_its_mark_came_accuses_nobody() {
    let nobody_else = "attempts: { every: { joined: true } }";
    let none_unasked = "attempts: { where: { joined: false }, count: 0 }";
    let mut evidence = forty(0);
    evidence.loose("first", 100, 5, 0).read = NOT_REACHED;
    let cut = Unjoined { unmarked: 1, doubtful: 1, ..Unjoined::default() };
    assert_eq!(unjoined(&evidence), (cut, Some(Untold)), "it is shown, and may be any exchange's");
    for claim in [nobody_else, none_unasked] {
        let judged = judged(claim, &evidence);
        assert_eq!((judged.verdict, judged.doubt), (Inconclusive, Some(Untold)), "{}", judged.observed);
        assert!(judged.observed.contains("nobody knows whose it is"), "{}", judged.observed);
    }
    // One that came whole without a mark is as guilty as ever, and a claim that asks of no join is judged as ever.
    evidence.loose("first", 120, 5, 200);
    assert_eq!(judged(nobody_else, &evidence).verdict, Fail);
    assert_eq!(judged("attempts: { count: { at_least: 40 } }", &evidence).verdict, Pass);
}
