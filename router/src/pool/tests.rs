//! The pool in time that the tests give.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

const TRUSTING: Choosing = Choosing { strategy: Strategy::Weighted, probes: None };
const NOBODY: fn(KeyIndex) -> bool = |_| false;

fn pool(keys: usize) -> Pool {
    Pool::new(std::iter::repeat_n(Some(1), keys))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn turns(pool: &mut Pool, now: Instant, count: usize) -> Vec<usize> {
    (0..count).map(|_| pool.next_open(now, TRUSTING, NOBODY).unwrap().get()).collect()
}

#[test]
fn open_keys_take_turns() {
    assert_eq!(turns(&mut pool(3), Instant::now(), 7), [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn a_limited_key_is_not_offered_again_until_its_time_is_over() {
    let (mut pool, now) = (pool(3), Instant::now());
    pool.close(KeyIndex(1), Standing::Limited, now + seconds(5));
    assert_eq!(turns(&mut pool, now, 4), [0, 2, 0, 2]);
    assert_eq!(turns(&mut pool, now + seconds(5) - Duration::from_nanos(1), 2), [0, 2]);
    assert_eq!(turns(&mut pool, now + seconds(5), 3), [0, 1, 2]);
}

#[test]
fn a_skipped_key_is_passed_over() {
    let (mut pool, now) = (pool(3), Instant::now());
    assert_eq!(pool.next_open(now, TRUSTING, |key| key.get() < 2), Some(KeyIndex(2)));
    assert_eq!(pool.next_open(now, TRUSTING, |_| true), None);
}

#[test]
fn the_outlook_is_that_of_the_most_hopeful_key() {
    let (mut pool, now) = (pool(3), Instant::now());
    assert_eq!(pool.outlook(now), Outlook::OpenIn(seconds(0)));
    for key in 0..3 {
        pool.close(KeyIndex(key), Standing::Invalid, now + Standing::LONG_PERIOD);
    }
    assert_eq!(pool.outlook(now), Outlook::Invalid);
    pool.close(KeyIndex(0), Standing::Exhausted, now + Standing::LONG_PERIOD + seconds(1));
    assert_eq!(pool.outlook(now), Outlook::Exhausted);
    pool.close(KeyIndex(1), Standing::Limited, now + Standing::LONG_PERIOD + seconds(2));
    assert_eq!(pool.outlook(now), Outlook::OpenIn(Standing::LONG_PERIOD + seconds(2)));
}

#[test]
fn a_disabled_key_is_never_offered() {
    let (mut pool, now) = (Pool::new([Some(1), None].into_iter()), Instant::now());
    assert_eq!(turns(&mut pool, now, 3), [0, 0, 0]);
    pool.close(KeyIndex(1), Standing::Limited, now + seconds(1));
    assert_eq!(turns(&mut pool, now + seconds(2), 2), [0, 0]);
    assert_eq!(pool.next_enabled(|key| key.get() == 0), None);
    let mut all_disabled = Pool::new([None].into_iter());
    assert_eq!(all_disabled.outlook(now), Outlook::Disabled);
}

#[test]
fn turns_follow_the_weights_and_are_evenly_mixed() {
    for weights in [[6, 3, 1], [1, 3, 6]] {
        let (mut pool, now) = (Pool::new(weights.iter().map(|weight| Some(*weight))), Instant::now());
        let turns = turns(&mut pool, now, 100);
        for (key, weight) in weights.iter().enumerate() {
            let share = turns.iter().filter(|turn| **turn == key).count();
            assert_eq!(share, *weight as usize * 10, "{weights:?}");
        }
        let longest = turns.chunk_by(|one, other| one == other).map(<[usize]>::len).max();
        assert!(longest <= Some(3), "{turns:?}");
    }
}

#[test]
fn a_strategy_may_disregard_weights_or_keep_to_the_first() {
    let weights = [Some(1), Some(5)];
    let now = Instant::now();
    let with = |strategy| Choosing { strategy, probes: None };
    let mut pool = Pool::new(weights.into_iter());
    let in_turn: Vec<usize> =
        (0..40).map(|_| pool.next_open(now, with(Strategy::RoundRobin), NOBODY).unwrap().get()).collect();
    assert_eq!(in_turn.iter().filter(|key| **key == 0).count(), 20);
    let first = |pool: &mut Pool| pool.next_open(now, with(Strategy::InOrder), NOBODY).unwrap().get();
    assert_eq!((first(&mut pool), first(&mut pool)), (0, 0));
}

#[test]
fn a_key_that_was_away_does_not_make_up_for_its_turns() {
    let (mut pool, now) = (pool(2), Instant::now());
    pool.close(KeyIndex(1), Standing::Limited, now + seconds(1));
    turns(&mut pool, now, 50);
    let later = turns(&mut pool, now + seconds(1), 10);
    assert_eq!(later.iter().filter(|key| **key == 1).count(), 5, "{later:?}");
}

#[test]
fn one_request_at_a_time_tries_a_key_that_is_back() {
    let (mut pool, begin) = (pool(1), Instant::now());
    let choosing = Choosing { strategy: Strategy::Weighted, probes: Some(1) };
    pool.close(KeyIndex(0), Standing::Limited, begin + seconds(1));
    let now = begin + seconds(1);
    let key = pool.next_open(now, choosing, NOBODY).unwrap();
    assert!(pool.begin(key, now));
    assert_eq!(pool.next_open(now, choosing, NOBODY), None);
    pool.end_probe(key);
    assert_eq!(pool.next_open(now, choosing, NOBODY), Some(key));
    assert!(pool.begin(key, now));
    pool.prove(key);
    assert_eq!(pool.next_open(now, choosing, NOBODY), Some(key));
    assert!(!pool.begin(key, now));
}

#[test]
fn a_probe_that_takes_long_keeps_nobody_out() {
    let (mut pool, begin) = (pool(1), Instant::now());
    let choosing = Choosing { strategy: Strategy::Weighted, probes: Some(1) };
    pool.close(KeyIndex(0), Standing::Limited, begin);
    pool.next_open(begin, choosing, NOBODY).unwrap();
    pool.begin(KeyIndex(0), begin);
    assert_eq!(pool.next_open(begin + seconds(4), choosing, NOBODY), None);
    assert!(pool.next_open(begin + seconds(5), choosing, NOBODY).is_some());
}
