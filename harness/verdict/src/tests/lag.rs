//! The harness's own lag may excuse a fail, and never spoils a pass.

use record::Verdict::{Fail, Inconclusive, Pass};

use super::evidence::{Case, Evidence, judged};

/// An exchange of 1.1 s whose attempts are 300 ms apart.
fn slow(lag: &[(u64, u64)]) -> Evidence {
    let mut evidence = Evidence::whole();
    evidence.attempt(0, "first", 100, 100, 429);
    evidence.attempt(0, "second", 500, 500, 200);
    evidence.exchange(0, "ask", 0, 1_100, 200);
    for (due, late) in lag {
        evidence.lag(*due, *late);
    }
    evidence
}

#[test]
fn a_time_that_would_be_right_without_the_lag_is_inconclusive() {
    let took = "exchanges: { every: { took: { at_most: 1s } } }";
    let gap = "attempts: { where: { ordinal: 2 }, every: { gap: { below: 250ms } } }";
    let patient = "attempts: { where: { ordinal: 2 }, every: { gap: { at_least: 350ms } } }";
    let count = "attempts: { where: { gap: { above: 250ms } }, count: 0 }";
    let none = "exchanges: { none: { took: { above: 1s } } }";
    for (claim, lag, expected) in [
        (took, &[][..], Fail),
        (took, &[(600, 100)], Inconclusive),
        (took, &[(600, 40), (700, 60)], Inconclusive),
        (took, &[(600, 99)], Fail),
        (took, &[(2_000, 500)], Fail),
        (none, &[(600, 100)], Inconclusive),
        (gap, &[(300, 100)], Inconclusive),
        (gap, &[(600, 100)], Fail),
        (gap, &[(490, 100)], Fail),
        (patient, &[], Fail),
        (patient, &[(300, 100)], Inconclusive),
        (count, &[], Fail),
        (count, &[(300, 100)], Inconclusive),
    ] {
        let judged = judged(claim, &slow(lag));
        assert_eq!(judged.verdict, expected, "{claim} with {lag:?}: {}", judged.observed);
    }
}

#[test]
fn lag_changes_nothing_about_what_holds_or_has_no_time() {
    let lag = &[(0, 4_000)][..];
    for (claim, expected) in [
        ("exchanges: { every: { took: { at_most: 2s } } }", Pass),
        ("exchanges: { every: { took: { at_least: 1s } } }", Pass),
        ("exchanges: { every: { status: 503 } }", Fail),
        ("exchanges: { every: { status: 503, took: { at_most: 1s } } }", Fail),
    ] {
        assert_eq!(judged(claim, &slow(lag)).verdict, expected, "{claim}");
    }
}

#[test]
fn one_offence_that_lag_does_not_excuse_is_enough() {
    let mut evidence = slow(&[(600, 100)]);
    evidence.exchange(1, "again", 1_200, 1_500, 200);
    let judged = judged("exchanges: { every: { took: { at_most: 1s } } }", &evidence);
    assert_eq!(judged.verdict, Fail);
    assert_eq!(
        judged.observed,
        "1 of 2 exchanges offends; the first: exchange 1 at 1200ms: `took` is 1500ms"
    );
}

#[test]
fn a_comparison_of_measured_times_that_lag_explains_is_inconclusive() {
    let parts = "
measure:
  alone: { exchanges: { where: { step: ask } }, quantile: { of: took, at: 50% } }
  together: { exchanges: { where: { step: again } }, quantile: { of: took, at: 50% } }
expect: [{ rule: SYN-001, say: it is not slower, that: 'measured.together <= measured.alone * 2' }]
";
    for (late, expected) in [(0, Fail), (60, Inconclusive)] {
        let mut evidence = Evidence::whole();
        for number in 0..3_u32 {
            evidence.exchange(number, "ask", u64::from(number) * 100, 10, 200);
            evidence.exchange(10 + number, "again", 1_000 + u64::from(number) * 100, 70, 200);
            if late > 0 {
                evidence.lag(1_005 + u64::from(number) * 100, late);
            }
        }
        let judged = Case::of(parts).judge(&evidence).remove(0);
        assert_eq!(judged.verdict, expected, "{late}: {}", judged.observed);
    }
}
