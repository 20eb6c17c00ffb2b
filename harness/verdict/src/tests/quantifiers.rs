//! Quantifiers that take a number from a population, and those that look at an order.

use record::Verdict::{Fail, Inconclusive, NotExercised, Pass};
use record::{Outcome, Shown};

use super::evidence::{Evidence, all, judged};

/// So many exchanges of 1, 2, 3 ... ms, one each 10 ms; those that `failed` says were answered 500.
fn exchanges(count: u32, failed: impl Fn(u32) -> bool) -> Evidence {
    let mut evidence = Evidence::whole();
    for number in 0..count {
        let from = u64::from(number) * 10;
        let status = if failed(number) { 500 } else { 200 };
        evidence.attempt(number, "first", from, 1, status);
        evidence.exchange(number, "ask", from, u64::from(number) + 1, status);
    }
    evidence
}

#[test]
fn a_share_is_exact() {
    let evidence = exchanges(300, |number| number < 3);
    all(
        &evidence,
        &[
            ("exchanges: { share: { of: { status: 200 }, at_least: 99% } }", Pass),
            ("exchanges: { share: { of: { status: 200 }, above: 99% } }", Fail),
            ("exchanges: { share: { of: { status: 500 }, is: 1% } }", Pass),
            ("exchanges: { share: { of: { status: 500 }, within: [0.5%, 1.5%] } }", Pass),
            (
                "exchanges: { where: { status: 404 }, share: { of: { status: 500 }, at_most: 1% } }",
                NotExercised,
            ),
        ],
    );
    // One in three is no share with six decimals: it is not rounded.
    let thirds = exchanges(3, |number| number == 0);
    all(
        &thirds,
        &[
            ("exchanges: { share: { of: { status: 500 }, at_least: 33.3333% } }", Pass),
            ("exchanges: { share: { of: { status: 500 }, at_most: 33.3333% } }", Fail),
        ],
    );
    let told = judged("exchanges: { share: { of: { status: 500 }, at_most: 10% } }", &thirds);
    assert_eq!(told.observed, "33.33% (1) of 3 exchanges");
}

#[test]
fn an_estimate_needs_as_many_as_its_error_rates_ask_for() {
    let claim =
        "exchanges: { estimate: { of: { status: 200 }, at_least: 99%, false_alarm: 0.1%, notices: 95% } }";
    // 22 of 1000 misses come by chance less than once in a thousand times at 99% (see the table of `chance`).
    for (count, failed, expected) in
        [(1_000, 21, Pass), (1_000, 22, Fail), (20, 0, Inconclusive), (20, 20, Fail), (0, 0, NotExercised)]
    {
        let evidence = exchanges(count, |number| number < failed);
        all(&evidence, &[(claim, expected)]);
    }
    let few = exchanges(1_000, |number| number < 30);
    let upper =
        "exchanges: { estimate: { of: { status: 500 }, at_most: 1%, false_alarm: 0.1%, notices: 5% } }";
    all(&few, &[(upper, Fail)]);
}

#[test]
fn what_holds_by_a_sample_tells_the_smallest_breach_that_it_would_have_shown() {
    let lower = |notices: &str| {
        format!(
            "exchanges: {{ estimate: {{ of: {{ status: 200 }}, at_least: 99%, false_alarm: 0.1%, notices: {notices} }} }}"
        )
    };
    let thousand = exchanges(1_000, |number| number < 3);
    let seen = judged(&lower("95%"), &thousand);
    let (_, smallest) = seen.observed.split_once("explains; ").unwrap_or_else(|| panic!("{}", seen.observed));
    let smallest = smallest.strip_suffix("% or less would be seen nine times in ten").unwrap();
    // It is the limit between what a claim can ask of so many and what it cannot.
    assert_eq!(judged(&lower(&format!("{smallest}%")), &thousand).verdict, Pass);
    let smallest: f64 = smallest.parse().unwrap();
    let nearer = judged(&lower(&format!("{:.2}%", smallest + 0.01)), &thousand);
    assert_eq!(nearer.verdict, Inconclusive);
    let told = format!(" reliably: they would show only {smallest}% or less");
    assert!(nearer.observed.ends_with(&told), "{}", nearer.observed);
    let upper =
        "exchanges: { estimate: { of: { status: 500 }, at_most: 1%, false_alarm: 0.1%, notices: 5% } }";
    let other = judged(upper, &thousand).observed;
    let told = format!("; {:.2}% or more would be seen nine times in ten", 100.0 - smallest);
    assert!(other.ends_with(&told), "{other}");
    let two = judged(&lower("1%"), &exchanges(1, |_| false));
    assert_eq!(two.observed, "1 exchange are too few to notice 1% reliably: they would show nothing at all");
}

#[test]
fn what_is_distributed_as_it_should_be_tells_the_smallest_change_that_it_would_have_shown() {
    let seen = judged(&six_three_one("10%"), &spread(1_800, 900, 300));
    let (_, change) =
        seen.observed.split_once("; a change of ").unwrap_or_else(|| panic!("{}", seen.observed));
    let change: f64 =
        change.strip_suffix("% in any share would be seen nine times in ten").unwrap().parse().unwrap();
    assert!(change < 10.0, "{change}");
    for (notices, verdict) in [(change, Pass), (change - 0.01, Inconclusive)] {
        let judged = judged(&six_three_one(&format!("{notices:.2}%")), &spread(1_800, 900, 300));
        assert_eq!(judged.verdict, verdict, "{notices}: {}", judged.observed);
    }
}

/// So many attempts on each key.
fn spread(first: u32, second: u32, third: u32) -> Evidence {
    let mut evidence = Evidence::whole();
    let keys = [("first", first), ("second", second), ("third", third)];
    let keys = keys.into_iter().flat_map(|(key, count)| vec![key; usize::try_from(count).unwrap()]);
    for (number, key) in (0..).zip(keys) {
        evidence.attempt(number, key, u64::from(number), 1, 200);
    }
    evidence
}

fn six_three_one(notices: &str) -> String {
    format!(
        "attempts: {{ distribution: {{ of: key, as: {{ first: 6, second: 3, third: 1 }}, false_alarm: 0.1%, notices: {notices} }} }}"
    )
}

#[test]
fn values_are_distributed_as_their_weights_say_or_not() {
    for (counts, notices, expected) in [
        ((1_800, 900, 300), "10%", Pass),
        ((1_830, 880, 290), "10%", Pass),
        ((1_600, 1_000, 400), "10%", Fail),
        ((1_800, 900, 300), "1%", Inconclusive),
        ((30, 15, 5), "10%", Inconclusive),
        ((18, 9, 3), "10%", NotExercised),
    ] {
        let evidence = spread(counts.0, counts.1, counts.2);
        all(&evidence, &[(six_three_one(notices).as_str(), expected)]);
    }
    let two = "attempts: { distribution: { of: key, as: { first: 1, second: 1 }, false_alarm: 0.1%, notices: 20% } }";
    let judged = judged(two, &spread(500, 500, 1));
    assert_eq!(judged.observed, "500 `first`, 500 `second`, and 1 of a value that has no weight");
    assert_eq!(judged.verdict, Fail);
}

#[test]
fn a_sample_that_is_too_small_tells_how_large_a_one_is_enough() {
    for (tens, told) in [
        (3, "30 are too few: at least 5 of each value have to be expected; "),
        (6, "60 are too few to notice a change of 10% reliably, only one of 32.23%; "),
    ] {
        let of_tens = |tens: u32| judged(&six_three_one("10%"), &spread(6 * tens, 3 * tens, tens));
        let observed = of_tens(tens).observed;
        let enough = observed.strip_prefix(told).and_then(|rest| rest.strip_suffix(" are enough"));
        let enough: u32 = enough.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{observed}"));
        // So many are enough indeed, and not many fewer would be.
        assert_eq!(of_tens(enough.div_ceil(10)).verdict, Pass, "{enough}");
        assert_eq!(of_tens(enough * 3 / 40).verdict, Inconclusive, "{enough}");
    }
    let judged = judged(&six_three_one("0.1%"), &spread(60, 30, 10));
    assert!(judged.observed.ends_with("; more than 65536 are needed"), "{}", judged.observed);
}

#[test]
fn a_quantile_is_a_value_that_was_seen_and_forgets_nothing() {
    let mut evidence = exchanges(200, |_| false);
    all(
        &evidence,
        &[
            ("exchanges: { quantile: { of: took, at: 50%, is: 100ms } }", Pass),
            ("exchanges: { quantile: { of: took, at: 99%, at_most: 198ms } }", Pass),
            ("exchanges: { quantile: { of: took, at: 99%, below: 198ms } }", Fail),
            ("exchanges: { quantile: { of: took, at: 100%, is: 200ms } }", Pass),
            // The thousandth part of two hundred is nobody.
            ("exchanges: { quantile: { of: took, at: 99.9%, at_most: 1s } }", NotExercised),
            ("exchanges: { quantile: { of: took, at: 50%, at_most: { field: service } } }", Pass),
        ],
    );
    // Three that never came back are slower than all that did.
    for row in evidence.exchanges.iter_mut().take(3) {
        (row.ended, row.outcome) = (record::NOT_REACHED, Outcome::Abandoned);
    }
    let judged = judged("exchanges: { quantile: { of: took, at: 99%, at_most: 10s } }", &evidence);
    assert_eq!(judged.verdict, Fail, "{}", judged.observed);
    assert_eq!(judged.observed, "`took` at 99% is beyond every value (200 exchanges, 3 without a value)");
}

#[test]
fn a_sum_is_exact_and_tells_what_it_is_compared_with() {
    let mut evidence = exchanges(3, |_| false);
    for row in &mut evidence.attempts {
        (row.input_tokens, row.output_tokens) = (10, 5);
    }
    all(
        &evidence,
        &[
            ("attempts: { sum: { of: input_tokens, is: 30 } }", Pass),
            ("attempts: { per: key, sum: { of: output_tokens, is: { field: input_tokens } } }", Fail),
            ("attempts: { sum: { of: took, at_most: 3ms } }", Pass),
            ("exchanges: { sum: { of: first_content, at_most: 3ms } }", Inconclusive),
        ],
    );
    let judged =
        judged("attempts: { per: key, sum: { of: output_tokens, is: { field: input_tokens } } }", &evidence);
    assert_eq!(
        judged.observed,
        "on key `first` the sum of `output_tokens` is 15 and the sum of `input_tokens` is 30"
    );
}

#[test]
fn windows_slide_over_rows() {
    let mut evidence = Evidence::whole();
    for (number, from) in (0..).zip([0, 100, 200, 300, 1_250, 1_300, 1_350, 1_400, 1_450]) {
        evidence.attempt(number, "first", from, 60, if number > 3 { 429 } else { 200 });
    }
    all(
        &evidence,
        &[
            ("attempts: { in_any: 1s, count: { at_most: 5 } }", Pass),
            ("attempts: { in_any: 1s, count: { at_most: 4 } }", Fail),
            // The burst at the end lies in a window that reaches beyond the last row.
            ("attempts: { in_any: 150ms, count: { at_most: 2 } }", Fail),
            ("attempts: { in_any: 1200ms, count: { at_least: 3 } }", Pass),
            // The second that begins right behind the row at 300 ms holds the one at 1250 ms and no other of those before 1301 ms.
            ("attempts: { in_any: 1s, count: { at_least: 3 } }", Fail),
            ("attempts: { in_any: 1s, share: { of: { status: 429 }, at_most: 20% } }", Fail),
            ("attempts: { in_any: 100ms, share: { of: { status: [200, 429] }, at_least: 100% } }", Pass),
            ("attempts: { where: { status: 200 }, in_any: 1s, count: { at_most: 4 } }", Pass),
            ("attempts: { where: { status: 404 }, in_any: 1s, count: { at_most: 4 } }", Pass),
            // Between 300 ms and 1250 ms there is nothing.
            ("attempts: { in_any: 800ms, count: { at_least: 1 } }", Fail),
            ("attempts: { in_any: 1s, count: { at_least: 1 } }", Pass),
            ("attempts: { peak: { at_most: 2 } }", Pass),
            ("attempts: { peak: { at_most: 1 } }", Fail),
            ("attempts: { where: { status: 200 }, peak: 1 }", Pass),
        ],
    );
}

#[test]
fn growth_is_that_of_the_median_from_the_first_tenth_to_the_last() {
    let evidence = exchanges(100, |_| false);
    all(
        &evidence,
        &[
            // From the median of 1..10 ms to that of 91..100 ms.
            ("exchanges: { growth: { of: took, is: 1500% } }", Pass),
            ("exchanges: { growth: { of: took, at_most: 10% } }", Fail),
        ],
    );
    all(&exchanges(19, |_| false), &[("exchanges: { growth: { of: took, at_most: 10% } }", NotExercised)]);
}

#[test]
fn attempts_keep_to_an_order_or_to_a_path() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 1, 429), ("first", 20, 429), ("second", 40, 200)]);
    evidence.tree(1, "ask", 100, &[("second", 101, 200)]);
    evidence.tree(2, "again", 1_000, &[("second", 1_001, 429), ("first", 1_020, 200)]);
    all(
        &evidence,
        &[
            ("attempts: { where: { exchange: 0 }, order: [{ key: first }, { key: second }] }", Pass),
            // An exchange that begins with the second one has skipped the first.
            ("attempts: { where: { exchange: 1 }, order: [{ key: first }, { key: second }] }", Fail),
            ("attempts: { order: [{ key: first }, { key: second }] }", Fail),
            ("attempts: { where: { step: ask }, order: [{ key: first }] }", Fail),
            (
                "attempts: { where: { step: again }, order: [{ key: second }, { key: first }, { key: third }] }",
                Pass,
            ),
            // The one in the middle is skipped.
            (
                "attempts: { where: { step: again }, order: [{ key: second }, { key: third }, { key: first }] }",
                Fail,
            ),
            // What satisfies two conditions takes the place that lets the rest go on.
            (
                "attempts: { where: { exchange: 0 }, order: [{ key: [first, second] }, { key: first }, { key: second }] }",
                Pass,
            ),
            (
                "attempts: { where: { step: again }, path: [{ status: 429 }, { key: first, status: 200 }] }",
                Pass,
            ),
            ("attempts: { where: { step: again }, path: [{ status: 429 }] }", Fail),
            ("attempts: { where: { step: ask }, path: [{ status: 429 }, { status: 200 }] }", Fail),
            ("attempts: { where: { phase: storm }, path: [{ status: 429 }] }", NotExercised),
        ],
    );
    let judged = judged("attempts: { order: [{ key: first }, { key: second }] }", &evidence);
    assert_eq!(
        judged.observed,
        "2 of 3 exchanges offend; the first: exchange 1 at 100ms: it is not what is wanted in the first place"
    );
    let Some(Shown::Tree(tree)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert_eq!(tree.attempts.iter().map(|attempt| attempt.offends).collect::<Vec<_>>(), [true]);
}

#[test]
fn an_exchange_without_attempts_has_left_its_path() {
    let mut evidence = Evidence::whole();
    evidence.exchange(0, "ask", 0, 10, 503);
    all(&evidence, &[("attempts: { where: { step: ask }, path: [{ status: 200 }] }", Fail)]);
}
