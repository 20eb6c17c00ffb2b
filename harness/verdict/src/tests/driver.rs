//! A phase that the driver itself drove too late proves nothing about times.

use record::Verdict::{self, Fail, Inconclusive, Pass};
use record::{Entry, PhaseFigures};

use super::evidence::{Case, Evidence, id};

/// Ten exchanges of a phase and ten of a step, of 70 ms each, where the driver of the phase was so late.
fn driven(late_ms: u64) -> Evidence {
    let mut evidence = Evidence::whole();
    for number in 0..10_u32 {
        evidence.exchange(number, "storm", 2_000 + u64::from(number) * 100, 70, 200);
        evidence.exchange(10 + number, "ask", u64::from(number) * 100, 70, 200);
    }
    let nothing = String::new;
    evidence.entry(Entry::Figures(PhaseFigures {
        traffic: id("storm"),
        planned: 10,
        sent: 10,
        failed: 0,
        queued: 0,
        late_p99_us: late_ms * 1_000,
        response: nothing(),
        service: nothing(),
        lateness: nothing(),
        streams: None,
    }));
    evidence
}

#[track_caller]
fn comes_to(stage: &str, claim: &str, late_ms: u64, expected: Verdict) {
    let measure = "measure:\n  storm: { exchanges: { where: { phase: storm } }, quantile: { of: took, at: 50% } }\n  \
                   calm: { exchanges: { where: { step: ask } }, quantile: { of: took, at: 50% } }\n  \
                   rate: { exchanges: { where: { phase: storm } }, rate: per second }\n  \
                   number: { exchanges: { where: { phase: storm } }, count: all }\n";
    let parts = format!("stage: {stage}\n{measure}expect: [{{ rule: SYN-001, say: it holds, {claim} }}]\n");
    let judged = Case::of(&parts).judge(&driven(late_ms)).remove(0);
    assert_eq!(judged.verdict, expected, "{claim} in {stage}, {late_ms} ms late: {}", judged.observed);
    if late_ms > 50 && expected == Inconclusive {
        assert!(judged.observed.contains("phase `storm` 60ms late or later"), "{}", judged.observed);
    }
}

const STORM: &str = "exchanges: { where: { phase: storm }, quantile: { of: took, at: 50%,";

#[test]
fn a_driver_that_kept_its_schedule_changes_nothing() {
    for late in [0, 49] {
        comes_to("performance", &format!("{STORM} at_most: 80ms }} }}"), late, Pass);
        comes_to("performance", &format!("{STORM} at_most: 60ms }} }}"), late, Fail);
    }
}

#[test]
fn numbers_of_a_phase_that_was_driven_too_late_are_inconclusive_where_the_load_is_the_question() {
    let (good, bad) = (format!("{STORM} at_most: 80ms }} }}"), format!("{STORM} at_most: 60ms }} }}"));
    for (stage, claim, expected) in [
        ("performance", good.as_str(), Inconclusive),
        ("stress", &good, Inconclusive),
        ("hermetic", &good, Pass),
        ("performance", &bad, Inconclusive),
        ("hermetic", &bad, Inconclusive),
        ("performance", "exchanges: { quantile: { of: took, at: 50%, at_most: 80ms } }", Inconclusive),
        ("performance", "that: 'measured.storm <= measured.calm * 2'", Inconclusive),
        ("performance", "that: 'measured.rate > 1'", Inconclusive),
    ] {
        comes_to(stage, claim, 60, expected);
    }
}

#[test]
fn what_the_driver_has_no_part_in_is_judged_all_the_same() {
    for (claim, expected) in [
        ("exchanges: { where: { phase: storm }, every: { status: 200 } }", Pass),
        ("exchanges: { where: { phase: storm }, every: { status: 503 } }", Fail),
        ("exchanges: { where: { step: ask }, quantile: { of: took, at: 50%, at_most: 80ms } }", Pass),
        ("exchanges: { where: { step: ask }, quantile: { of: took, at: 50%, at_most: 60ms } }", Fail),
        ("that: 'measured.calm < 1'", Pass),
        ("that: 'measured.number == 10'", Pass),
    ] {
        comes_to("performance", claim, 60, expected);
    }
}
