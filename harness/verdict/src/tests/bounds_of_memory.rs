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
    let judged = judge.finish().judged;
    assert_eq!(judged[0].observed.split(';').next(), Some("200000 of 200000 exchanges offend"));
    assert_eq!(judged[3].observed, "200000 attempts on key `first`; 2 of 2 groups offend");
}

const NUMBERS: &str = "
measure:
  usual: { exchanges: { where: { status: 200 } }, quantile: { of: took, at: 50% } }
  whole: { exchanges: {}, sum: took }
expect:
  - { rule: SYN-001, say: a, exchanges: { quantile: { of: took, at: 99%, at_most: 1s } } }
  - { rule: SYN-001, say: b, exchanges: { per: phase, quantile: { of: service, at: 50%, at_most: { field: took } } } }
  - { rule: SYN-001, say: c, exchanges: { share: { of: { status: 200 }, at_least: 90% } } }
  - { rule: SYN-001, say: d, exchanges: { sum: { of: contents, is: 0 } } }
  - rule: SYN-001
    say: e
    exchanges: { estimate: { of: { took: { below: 1s } }, at_least: 99%, false_alarm: 0.1%, notices: 95% } }
  - rule: SYN-001
    say: f
    exchanges: { distribution: { of: status, as: { 200: 9, 429: 1 }, false_alarm: 0.1%, notices: 5% } }
  - { rule: SYN-001, say: g, exchanges: { distinct: { of: took, at_most: 50 } } }
  - { rule: SYN-001, say: h, exchanges: { per: exchange, quantile: { of: took, at: 100%, at_most: 1s } } }
  - { rule: SYN-001, say: i, exchanges: { per: exchange, distinct: { of: status, is: 1 } } }
  - { rule: SYN-001, say: j, that: 'measured.usual < 1.0 && measured.whole > 1.0' }
";

#[test]
fn numbers_of_half_a_million_rows_take_no_more_memory_than_those_of_half_of_them() {
    let case = Case::of(NUMBERS);
    let mut judge = Judge::new(case.question());
    let mut evidence = Evidence::whole();
    evidence.entries.iter().for_each(|entry| judge.entry(entry));
    let mut after_half = 0;
    for number in 0..500_000_u32 {
        if number == 250_000 {
            after_half = judge.kept();
        }
        evidence.exchanges.clear();
        let status = if number % 10 == 0 { 429 } else { 200 };
        let row = evidence.exchange(number, "storm", 2_000, 0, status);
        // A hundred thousand times up to a second, in no order: all of them have come by half of the rows, and are closed.
        row.ended = 10 * u32::try_from(u64::from(number) * 7_919 % 100_000).unwrap();
        judge.exchange(row);
    }
    assert_eq!(judge.kept(), after_half);
    assert!(after_half < 500_000, "{after_half}");
    let judged = judge.finish().judged;
    let verdicts: Vec<record::Verdict> = judged.iter().map(|judged| judged.verdict).collect();
    let mut expected = [record::Verdict::Pass; 10];
    // The same field over the same rows is too near to itself.
    expected[1] = record::Verdict::Inconclusive;
    expected[6] = record::Verdict::Fail;
    assert_eq!(verdicts, expected, "{judged:#?}");
    assert!(judged[6].observed.starts_with("more than 65536 different"), "{}", judged[6].observed);
    assert!(judged[0].observed.starts_with("`took` at 99% is between "), "{}", judged[0].observed);
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
    let judged = judge.finish().judged.remove(0);
    assert_eq!(judged.verdict, record::Verdict::Inconclusive, "{}", judged.observed);
}
