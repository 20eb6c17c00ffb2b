//! The evidence that is shown with an offence.

use record::{Outcome, Shown};

use super::evidence::{Evidence, judged};

#[test]
fn the_first_offending_exchange_is_shown_whatever_the_order_of_the_ends() {
    let mut evidence = Evidence::whole();
    // The exchange that begins first ends last.
    evidence.attempt(7, "second", 110, 10, 429);
    evidence.exchange(7, "ask", 100, 2_000, 503).outcome = Outcome::TimedOut;
    evidence.tree(8, "ask", 200, &[("first", 210, 429)]);
    let judged = judged("exchanges: { every: { status: 200 } }", &evidence);
    assert_eq!(judged.observed, "2 of 2 exchanges offend; the first: exchange 7 at 100ms: `status` is 503");
    let Some(Shown::Tree(tree)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert_eq!((tree.exchange, tree.at_ms, tree.took_ms), (7, 100.0, Some(2_000.0)));
    assert_eq!(tree.result, "503 timed_out");
    let [attempt] = tree.attempts.as_slice() else { panic!("{:?}", tree.attempts) };
    assert_eq!((attempt.upstream.as_str(), attempt.key.as_str()), ("openai", "second"));
    assert_eq!((attempt.result.as_str(), attempt.script.as_deref()), ("429 rate_limit", Some("limited")));
    assert!(!attempt.offends);
}

#[test]
fn a_key_that_is_asked_twice_is_marked_in_the_tree() {
    let mut evidence = Evidence::whole();
    evidence.tree(
        0,
        "ask",
        0,
        &[("first", 1, 429), ("second", 20, 429), ("first", 40, 429), ("third", 60, 200)],
    );
    let judged = judged("attempts: { per: [exchange, key], count: { at_most: 1 } }", &evidence);
    assert_eq!(judged.expected, "for each exchange and key, the number of attempts is at most 1");
    assert_eq!(judged.observed, "2 attempts on key `first` in exchange 0");
    let Some(Shown::Tree(tree)) = judged.shown else { panic!("{:?}", judged.shown) };
    let notes: Vec<_> =
        tree.attempts.iter().map(|attempt| (attempt.offends, attempt.note.as_deref())).collect();
    assert_eq!(notes, [(false, None), (false, None), (true, Some("same key again")), (false, None)]);
}

#[test]
fn too_few_attempts_are_no_attempt_s_fault() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 1, 429)]);
    let judged = judged("attempts: { per: exchange, count: { at_least: 2 } }", &evidence);
    let Some(Shown::Tree(tree)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert!(tree.attempts.iter().all(|attempt| !attempt.offends));
}

#[test]
fn a_group_of_many_exchanges_is_shown_by_its_first_attempts() {
    let mut evidence = Evidence::whole();
    for number in 0..10_u32 {
        let at = u64::from(9 - number) * 100;
        evidence.tree(number, "ask", at, &[("first", at + 1, 200)]);
    }
    let judged = judged("attempts: { per: key, count: { at_most: 3 } }", &evidence);
    let Some(Shown::Window(window)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert_eq!(window.title, "10 attempts on key `first`");
    let times: Vec<f64> = window.attempts.iter().map(|attempt| attempt.at_ms).collect();
    assert_eq!((times, window.left_out), (vec![1.0, 101.0, 201.0, 301.0, 401.0, 501.0], 4));
}

#[test]
fn the_first_offending_group_is_the_one_that_began_first() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 190, &[("first", 200, 200), ("first", 250, 200)]);
    evidence.tree(1, "ask", 290, &[("second", 300, 200)]);
    // It began before the others and ends after them.
    evidence.attempt(2, "second", 110, 10, 200);
    evidence.exchange(2, "ask", 100, 2_000, 200);
    let judged = judged("attempts: { per: key, count: { at_most: 1 } }", &evidence);
    assert_eq!(judged.observed, "2 attempts on key `second`; 2 of 2 groups offend");
}

#[test]
fn a_count_is_shown_as_a_number() {
    let mut evidence = Evidence::whole();
    evidence.tree(0, "ask", 0, &[("first", 1, 429)]);
    let judged = judged("attempts: { where: { status: 429 }, count: { at_least: 4 } }", &evidence);
    assert_eq!(judged.expected, "the number of attempts where `status` is 429 is at least 4");
    assert_eq!(judged.observed, "1 attempt");
    let numbers = vec![("attempts where `status` is 429".to_owned(), "1".to_owned())];
    assert_eq!(judged.shown, Some(Shown::Numbers(numbers)));
}

#[test]
fn what_came_before_the_traffic_is_at_no_time_of_it() {
    let mut evidence = Evidence::whole();
    let row = evidence.loose("first", 0, 10, 500);
    row.arrived.0 -= 250_000_000;
    let judged_at = judged("attempts: { where: { at: { below: 1s } }, count: 0 }", &evidence);
    assert_eq!(judged_at.verdict, record::Verdict::Pass);
    let judged = judged("attempts: { every: { status: 200 } }", &evidence);
    let Some(Shown::Window(window)) = judged.shown else { panic!("{:?}", judged.shown) };
    assert_eq!(window.attempts[0].at_ms, -250.0);
    assert_eq!(window.title, "an attempt that joins no exchange");
}
