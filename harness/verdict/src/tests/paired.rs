//! Pairs of exchanges, one through the target and one straight to the upstream: `paired`.

use record::Verdict::{Fail, Inconclusive, NotExercised, Pass};
use record::{Entry, ExchangeId, Pair};

use super::evidence::{Case, Evidence, at};

/// Pairs whose two sides took so long, in milliseconds: through the target, and straight.
fn pairs(took: &[(u64, u64)]) -> Evidence {
    let mut evidence = Evidence::whole();
    for (nth, (through, direct)) in (0_u32..).zip(took) {
        let from = 2_000 + u64::from(nth) * 10;
        // The direct one comes first in every other pair.
        let (a, b) = if nth % 2 == 0 { (2 * nth, 2 * nth + 1) } else { (2 * nth + 1, 2 * nth) };
        evidence.exchange(a, "storm", from, *through, 200).instance = 1;
        evidence.exchange(b, "storm", from, *direct, 200);
        let pair = Pair { at: at(from), through: ExchangeId(a), direct: ExchangeId(b) };
        evidence.entry(Entry::Pair(pair));
    }
    evidence
}

fn judged(claim: &str, evidence: &Evidence) -> record::Judged {
    let traffic = "traffic:\n  - { step: ask, send: ask }\n  - { step: again, send: ask }\n  \
                   - { phase: storm, burst: 5, send: ask, against: paired }\n";
    let claim = format!(
        "exchanges: {{ where: {{ phase: storm }}, paired: {{ of: took, false_alarm: 1%, {claim} }} }}"
    );
    Case::of(&format!("{traffic}expect: [{{ rule: SYN-001, say: it holds, {claim} }}]\n"))
        .judge(evidence)
        .remove(0)
}

/// Forty pairs on a machine that gets slower and slower, whose target adds 1 to 9 ms.
fn drifting() -> Evidence {
    let took: Vec<(u64, u64)> = (0..40).map(|nth| (100 * nth + 1 + nth % 9, 100 * nth)).collect();
    pairs(&took)
}

#[test]
fn what_the_machine_does_to_both_of_a_pair_is_not_the_target_s() {
    for (claim, expected) in [
        ("at_most: 9ms", Pass),
        ("at_most: 7ms", Pass),
        ("at_most: 2ms", Fail),
        ("below: 1ms", Fail),
        ("at_least: 1ms", Pass),
        ("above: 8ms", Fail),
        // The median is 5 ms, and these few pairs do not tell it from 4 ms.
        ("at_most: 4ms", Inconclusive),
        ("at_least: 5ms", Inconclusive),
    ] {
        let judged = judged(claim, &drifting());
        assert_eq!(judged.verdict, expected, "{claim}: {}", judged.observed);
        assert!(
            judged.observed.contains("the median of 40 differences of `took` is 5ms, between "),
            "{}",
            judged.observed
        );
    }
}

#[test]
fn a_target_that_is_faster_adds_less_than_nothing() {
    let faster = pairs(&[(10, 12); 20]);
    let seen = judged("at_most: 0s", &faster);
    assert_eq!(seen.verdict, Pass);
    assert_eq!(seen.observed, "the median of 20 differences of `took` is -2ms, between -2ms and -2ms");
    assert_eq!(judged("at_least: 0s", &faster).verdict, Fail);
}

#[test]
fn too_few_pairs_and_pairs_that_lack_a_side_tell_nothing() {
    assert_eq!(judged("at_most: 1s", &pairs(&[(1, 1); 5])).verdict, NotExercised);
    assert_eq!(judged("at_most: 1s", &Evidence::whole()).verdict, NotExercised);
    let mut evidence = drifting();
    evidence.exchanges.retain(|row| row.id != ExchangeId(1));
    let lacking = judged("at_most: 9ms", &evidence);
    assert_eq!(lacking.verdict, Inconclusive, "{}", lacking.observed);
    assert!(
        lacking.observed.ends_with("but 1 more pairs lack an exchange or a value of it"),
        "{}",
        lacking.observed
    );
}

#[test]
fn the_numbers_behind_a_difference_are_shown() {
    let judged = judged("at_most: 2ms", &drifting());
    let Some(record::Shown::Numbers(numbers)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert_eq!(numbers[0], ("pairs".to_owned(), "40".to_owned()));
    assert_eq!(numbers[1], ("median of the differences".to_owned(), "5ms".to_owned()));
    assert_eq!(numbers.len(), 4);
}
