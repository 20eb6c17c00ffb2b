//! The pool in time that the tests give.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

const TRUSTING: Choosing<'_> =
    Choosing { strategy: Strategy::Weighted, probes: None, claim: None, session: None };
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
    let with = |strategy| Choosing { strategy, probes: None, claim: None, session: None };
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
    let choosing = Choosing { strategy: Strategy::Weighted, probes: Some(1), claim: None, session: None };
    pool.close(KeyIndex(0), Standing::Limited, begin + seconds(1));
    let now = begin + seconds(1);
    let key = pool.next_open(now, choosing, NOBODY).unwrap();
    assert!(pool.begin(key, None, now).0);
    assert_eq!(pool.next_open(now, choosing, NOBODY), None);
    pool.end_probe(key);
    assert_eq!(pool.next_open(now, choosing, NOBODY), Some(key));
    assert!(pool.begin(key, None, now).0);
    pool.prove(key, None);
    assert_eq!(pool.next_open(now, choosing, NOBODY), Some(key));
    assert!(!pool.begin(key, None, now).0);
}

#[test]
fn a_probe_that_takes_long_keeps_nobody_out() {
    let (mut pool, begin) = (pool(1), Instant::now());
    let choosing = Choosing { strategy: Strategy::Weighted, probes: Some(1), claim: None, session: None };
    pool.close(KeyIndex(0), Standing::Limited, begin);
    pool.next_open(begin, choosing, NOBODY).unwrap();
    pool.begin(KeyIndex(0), None, begin);
    assert_eq!(pool.next_open(begin + seconds(4), choosing, NOBODY), None);
    assert!(pool.next_open(begin + seconds(5), choosing, NOBODY).is_some());
}

fn claiming<'a>(limits: &'a [UseLimit], headroom: Option<u64>, most_tokens: u64) -> Choosing<'a> {
    let claim = Claim { model: "chat", limits, headroom, predicts: None, most_tokens };
    Choosing { strategy: Strategy::Weighted, probes: Some(1), claim: Some(claim), session: None }
}

/// Uses keys until there is none with room, or so many times.
fn use_up(pool: &mut Pool, how: Choosing<'_>, now: Instant, most: usize) -> Vec<(KeyIndex, OpenUse)> {
    let mut used = Vec::new();
    while used.len() < most {
        let Some(key) = pool.next_open(now, how, NOBODY) else { break };
        used.push((key, pool.begin(key, how.claim, now).1.unwrap()));
    }
    used
}

#[test]
fn keys_are_used_as_much_as_the_settings_allow_in_any_time_of_that_length() {
    let limits = [UseLimit { requests: Some(3), tokens: None, per: seconds(1) }];
    let (mut pool, begin) = (pool(2), Instant::now());
    let how = claiming(&limits, None, 0);
    assert_eq!(use_up(&mut pool, how, begin, 100).len(), 6);
    assert!(pool.in_order().into_iter().all(|key| pool.standing(key, begin).0 == Standing::Full));
    let Outlook::OpenIn(wait) = pool.outlook(begin) else { panic!("full keys open again") };
    assert!(wait > seconds(1) && wait <= Duration::from_millis(1_050), "{wait:?}");
    assert!(
        use_up(&mut pool, how, begin + seconds(1), 100).is_empty(),
        "an attempt may arrive a little late"
    );
    // What was only full is trusted at once: no probes.
    assert_eq!(use_up(&mut pool, how, begin + wait, 4).len(), 4);
    assert_eq!(use_up(&mut pool, how, begin + wait + wait / 2, 100).len(), 2);
    assert_eq!(use_up(&mut pool, how, begin + wait * 2, 100).len(), 4, "windows slide");
}

#[test]
fn the_tightest_of_several_limits_counts() {
    let limit = |requests, per| UseLimit { requests: Some(requests), tokens: None, per: seconds(per) };
    let limits = [limit(2, 1), limit(3, 10)];
    let (mut pool, begin) = (pool(1), Instant::now());
    let how = claiming(&limits, None, 0);
    assert_eq!(use_up(&mut pool, how, begin, 9).len(), 2);
    assert_eq!(use_up(&mut pool, how, begin + seconds(2), 9).len(), 1);
    assert_eq!(use_up(&mut pool, how, begin + seconds(4), 9).len(), 0);
    assert_eq!(use_up(&mut pool, how, begin + seconds(11), 9).len(), 2);
}

#[test]
fn tokens_are_set_aside_until_it_is_known_what_they_came_to() {
    let limits = [UseLimit { requests: None, tokens: Some(100), per: seconds(1) }];
    let (mut pool, now) = (pool(1), Instant::now());
    let unknown = claiming(&limits, None, 4_000);
    let first = use_up(&mut pool, unknown, now, 9);
    assert_eq!(first.len(), 1, "what may be too much goes alone");
    pool.settle("chat", &first[0].1, 30, now);
    assert_eq!(use_up(&mut pool, unknown, now, 9).len(), 2, "the next ones are guessed by it");
    assert!(use_up(&mut pool, unknown, now, 9).is_empty());
    let later = now + Duration::from_millis(1_050);
    let all = use_up(&mut pool, unknown, later, 9);
    assert_eq!(all.len(), 3);
    for (_, open) in &all {
        pool.settle("chat", open, 0, later);
    }
    assert_eq!(use_up(&mut pool, unknown, later, 9).len(), 3, "what failed used nothing");
}

#[test]
fn keys_with_headroom_are_preferred_and_then_all_is_used() {
    let limits = [UseLimit { requests: Some(10), tokens: None, per: seconds(1) }];
    let now = Instant::now();
    let mut pool = Pool::new([Some(100), Some(1)].into_iter());
    let used = use_up(&mut pool, claiming(&limits, Some(800_000), 0), now, 100);
    let keys: Vec<usize> = used.iter().map(|(key, _)| key.get()).collect();
    assert_eq!(keys.len(), 20);
    assert_eq!(keys[..16].iter().filter(|key| **key == 0).count(), 8, "{keys:?}");
}

#[test]
fn a_key_that_is_taken_out_keeps_what_is_known_of_it() {
    let (mut pool, now) = (pool(3), Instant::now());
    pool.close(KeyIndex(0), Standing::Limited, now + seconds(5));
    for key in [0, 1] {
        pool.disable(KeyIndex(key));
    }
    assert_eq!(turns(&mut pool, now, 2), [2, 2]);
    assert_eq!(pool.standing(KeyIndex(0), now), (Standing::Disabled, None));
    assert_eq!(
        (pool.next_disabled(NOBODY), pool.next_disabled(|key| key.get() == 0)),
        (Some(KeyIndex(0)), Some(KeyIndex(1)))
    );
    for key in [0, 1] {
        pool.enable(KeyIndex(key));
    }
    assert_eq!(pool.standing(KeyIndex(0), now).0, Standing::Limited);
    assert!(!turns(&mut pool, now, 4).contains(&0));
    pool.remove(KeyIndex(2));
    assert_eq!(turns(&mut pool, now, 2), [1, 1]);
    assert_eq!(pool.in_order(), [KeyIndex(0), KeyIndex(1)]);
    pool.keep(KeyIndex(2), 1, 0);
    assert!(turns(&mut pool, now, 2).contains(&2));
    assert_eq!(pool.in_order()[0], KeyIndex(0));
    for key in 0..3 {
        pool.remove(KeyIndex(key));
    }
    assert_eq!((pool.outlook(now), pool.has_enabled_key()), (Outlook::NoKey, false));
}

#[test]
fn a_new_key_gets_no_burst() {
    let (mut pool, now) = (pool(2), Instant::now());
    turns(&mut pool, now, 50);
    pool.add(1, 2);
    let later = turns(&mut pool, now, 9);
    assert_eq!(later.iter().filter(|key| **key == 2).count(), 3, "{later:?}");
}

#[test]
fn a_session_stays_at_its_key_while_that_is_open_and_then_at_the_next() {
    let (mut pool, now) = (pool(3), Instant::now());
    let next = |pool: &mut Pool, now, session| {
        let how = Choosing { session: Some(Session(session)), ..TRUSTING };
        pool.next_open(now, how, NOBODY).unwrap().get()
    };
    let first: Vec<usize> = (0..3).map(|session| next(&mut pool, now, session)).collect();
    assert_eq!(first, [0, 1, 2], "sessions are spread like requests");
    for _ in 0..3 {
        assert_eq!((0..3).map(|session| next(&mut pool, now, session)).collect::<Vec<_>>(), first);
    }
    let how = Choosing { session: Some(Session(1)), ..TRUSTING };
    assert_ne!(pool.next_open(now, how, |key| key.get() == 1).unwrap().get(), 1, "a retry goes elsewhere");
    assert_eq!(next(&mut pool, now, 1), 1);
    pool.close(KeyIndex(1), Standing::Limited, now + seconds(1));
    let moved = next(&mut pool, now, 1);
    assert_ne!(moved, 1);
    for after in [now, now + seconds(2)] {
        assert_eq!(next(&mut pool, after, 1), moved, "it stays where it went");
    }
}

#[test]
fn a_key_of_which_little_is_left_is_passed_over_while_others_have_more() {
    let (mut pool, now) = (pool(2), Instant::now());
    let limits = [];
    let how = claiming(&limits, Some(800_000), 0);
    let next = |pool: &mut Pool, now| pool.next_open(now, how, NOBODY).unwrap().get();
    pool.prove(KeyIndex(0), Some(now + seconds(5)));
    assert_eq!((0..20).map(|_| next(&mut pool, now)).collect::<Vec<_>>(), [1; 20]);
    assert_eq!(
        pool.next_open(now, TRUSTING, NOBODY),
        Some(KeyIndex(0)),
        "who has no such setting takes its turn"
    );
    assert_eq!(pool.next_open(now, how, |key| key.get() == 1), Some(KeyIndex(0)), "better than none");
    let later: Vec<usize> = (0..20).map(|_| next(&mut pool, now + seconds(5))).collect();
    let back = later.iter().filter(|key| **key == 0).count();
    assert!((10..=12).contains(&back), "it does not make up for its turns: {later:?}");
}
