//! The verdicts do not depend on who wrote first.

use std::time::Duration;

use record::Judged;

use super::evidence::{Case, Evidence, hint};
use crate::{Judge, Merged};

/// A generator of equally spread numbers: splitmix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

const EXPECTATIONS: &str = "
measure:
  early: { attempts: { where: { at: { below: 1s } } }, rate: per second }
  late: { attempts: { where: { at: { above: 2s } } }, rate: per second }
expect:
  - { rule: SYN-001, say: a, exchanges: { every: { status: 200 } } }
  - { rule: SYN-001, say: b, attempts: { per: [exchange, key], count: { at_most: 1 } } }
  - { rule: SYN-001, say: c, attempts: { none: { cooling: true } } }
  - { rule: SYN-001, say: d, attempts: { where: { ordinal: { above: 1 } }, every: { gap: { below: 20ms } } } }
  - { rule: SYN-001, say: e, attempts: { per: key, count: { at_most: 10 } } }
  - { rule: SYN-001, say: f, attempts: { where: { key: { nth_used: 1 } }, every: { status: 200 } } }
  - { rule: SYN-001, say: g, that: 'measured.late * 2 <= measured.early' }
  - { rule: SYN-001, say: h, exchanges: { every: { took: { at_most: 80ms } } } }
";

/// A few hundred exchanges at random times, on random keys, with random answers.
fn busy(draws: &mut Draws) -> Evidence {
    let mut evidence = Evidence::whole();
    for number in 0..400 {
        let began = u64::try_from(draws.below(3_900)).unwrap();
        let mut at = began;
        for _ in 0..=draws.below(3) {
            at += 1 + u64::try_from(draws.below(15)).unwrap();
            let key = ["first", "second", "third"][draws.below(3)];
            let (took, status) = (u64::try_from(draws.below(40)).unwrap(), [200, 429, 500][draws.below(3)]);
            let row = evidence.attempt(number, key, at, took, status);
            if status == 429 {
                hint(row, Duration::from_millis(u64::try_from(draws.below(60)).unwrap()));
            }
            // Some are still open when their exchange is over.
            if draws.below(10) == 0 {
                row.ended += 300_000;
            }
            at += took;
        }
        let traffic = ["ask", "again", "storm"][draws.below(3)];
        evidence.exchange(number, traffic, began, at + 1 - began, [200, 503][draws.below(2)]);
    }
    evidence.lag(1_000, 30);
    evidence
}

fn judged(case: &Case, evidence: &Evidence) -> Vec<Judged> {
    let mut judge = Judge::new(case.question());
    let entries = evidence.entries.iter().cloned().map(Ok::<_, std::convert::Infallible>);
    let exchanges = evidence.exchanges.iter().copied().map(Ok);
    for fact in Merged::new(entries, exchanges, evidence.attempts.iter().copied().map(Ok)) {
        judge.fact(&fact.unwrap());
    }
    judge.finish().judged
}

fn shuffle<T>(rows: &mut [T], draws: &mut Draws) {
    for last in (1..rows.len()).rev() {
        rows.swap(last, draws.below(last + 1));
    }
}

#[test]
fn the_order_in_which_rows_were_written_changes_no_verdict() {
    let case = Case::of(EXPECTATIONS);
    for seed in 0..20 {
        let mut draws = Draws(seed);
        let mut evidence = busy(&mut draws);
        let first = judged(&case, &evidence);
        for round in 0..3 {
            shuffle(&mut evidence.exchanges, &mut draws);
            shuffle(&mut evidence.attempts, &mut draws);
            assert_eq!(judged(&case, &evidence), first, "seed {seed}, round {round}");
        }
    }
}

#[test]
fn the_evidence_of_the_shuffles_has_something_to_find() {
    let judged = judged(&Case::of(EXPECTATIONS), &busy(&mut Draws(0)));
    let offending = judged.iter().filter(|judged| judged.verdict == record::Verdict::Fail).count();
    assert!(offending >= 7, "{judged:#?}");
}
