//! What the judge keeps does not grow with the number of rows.

use std::time::Duration;

use super::evidence::{Case, Evidence, hint};
use crate::Judge;

const EXPECTATIONS: &str = "
expect:
  - { rule: SYN-001, say: a, exchanges: { every: { status: 200 } } }
  - { rule: SYN-001, say: b, attempts: { per: [exchange, key], count: { at_most: 1 } } }
  - { rule: SYN-001, say: c, attempts: { none: { cooling: true } } }
  - { rule: SYN-001, say: d, attempts: { per: key, count: { at_most: 10 } } }
";

#[test]
fn what_is_kept_is_bounded_by_what_is_open() {
    let case = Case::of(EXPECTATIONS);
    let mut judge = Judge::new(case.question());
    for entry in &Evidence::whole().entries {
        judge.entry(entry);
    }
    let mut most = 0;
    let mut evidence = Evidence::empty();
    for number in 0..200_000_u32 {
        evidence.exchanges.clear();
        evidence.attempts.clear();
        let at = u64::from(number) / 50;
        hint(evidence.attempt(number, "first", at, 1, 429), Duration::from_secs(1));
        evidence.loose("second", at, 1, 200);
        evidence.exchange(number, "storm", at, 2, 429);
        judge.attempt(&evidence.attempts[0]);
        judge.attempt(&evidence.attempts[1]);
        judge.exchange(&evidence.exchanges[0]);
        most = most.max(judge.kept());
    }
    // Trees are held for a time, and everything else is a few hundred values.
    assert!(most <= 65_536 + 1_000, "{most}");
    let judged = judge.finish();
    assert_eq!(judged[0].observed.split(';').next(), Some("200000 of 200000 exchanges offend"));
    assert_eq!(judged[3].observed, "200000 attempts on key `first`; 2 of 2 groups offend");
}

#[test]
fn a_ledger_of_more_exchanges_than_are_held_is_not_judged_by_half() {
    let case = Case::expecting("ledger: { per: exchange, count: 1 }");
    let mut judge = Judge::new(case.question());
    for entry in &Evidence::whole().entries {
        judge.entry(entry);
    }
    let mut evidence = Evidence::empty();
    for number in 0..65_600_u32 {
        evidence.exchanges.clear();
        evidence.attempts.clear();
        let row = evidence.attempt(number, "first", 0, 1, 200);
        (row.input_tokens, row.output_tokens) = (1, 1);
        evidence.exchange(number, "storm", 0, 2, 200);
        judge.attempt(&evidence.attempts[0]);
        judge.exchange(&evidence.exchanges[0]);
    }
    let judged = judge.finish().remove(0);
    assert_eq!(judged.verdict, record::Verdict::Inconclusive, "{}", judged.observed);
}
