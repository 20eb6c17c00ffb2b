//! Many exchanges at once: floods, steps of load, and keys that come back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::provider::{HintPolicy, Limit};

/// Floods a provider that accepts 20 requests in any sliding second over all its keys, and answers `slow_down`
/// beyond. Gives the attempts by second, and how many of them were refused.
async fn flood(latency: Duration, hint: Option<&'static str>, counts_refused: bool) -> (Vec<usize>, usize) {
    let accepted: Mutex<VecDeque<Instant>> = Mutex::default();
    let refused = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&refused);
    let mut world = World::new(4, 2, move |_, now| {
        let mut accepted = accepted.lock().unwrap();
        while accepted.front().is_some_and(|first| now - *first >= Duration::from_secs(1)) {
            accepted.pop_front();
        }
        let over = accepted.len() >= 20;
        if !over || counts_refused {
            accepted.push_back(now);
        }
        if !over {
            return ok();
        }
        *counter.lock().unwrap() += 1;
        let body = r#"{"error":{"type":"rate_limit_error","code":"slow_down","message":"m"}}"#;
        match hint {
            Some(seconds) => error(429, &[("retry-after", seconds)], body),
            None => error(429, &[], body),
        }
    });
    world.upstream.latency = latency;
    let (world, begin) = (Arc::new(world), Instant::now());
    let mut clients = tokio::task::JoinSet::new();
    for arrival in 0..800 {
        let world = Arc::clone(&world);
        clients.spawn(async move {
            tokio::time::sleep_until(begin + Duration::from_millis(arrival * 5)).await;
            world.ask().await.attempts
        });
    }
    clients.join_all().await;
    let mut by_second = vec![0; 4];
    for (at, _) in world.upstream.seen.lock().unwrap().iter() {
        let second = usize::try_from((*at - begin).as_secs()).unwrap();
        by_second[second.min(3)] += 1;
    }
    let refused = *refused.lock().unwrap();
    (by_second, refused)
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_to_slow_down_is_asked_at_most_half_as_often() {
    for latency in [0, 1, 5, 20, 50] {
        for hint in [None, Some("1"), Some("0.5")] {
            for counts_refused in [false, true] {
                let case = format!("latency {latency} ms, hint {hint:?}, counts refused: {counts_refused}");
                let (attempts, refused) = flood(Duration::from_millis(latency), hint, counts_refused).await;
                assert!(refused >= 5, "{case}: {refused} refused of {attempts:?}");
                // A margin of a fifth, where the rule asks for half.
                let late = attempts[2] + attempts[3];
                assert!(late * 10 <= attempts[0] * 8, "{case}: {attempts:?}");
                assert!(attempts[2] > 0 && attempts[3] > 0, "{case}: {attempts:?}");
            }
        }
    }
}

/// Attempts that were refused, of all, in a step from 30 to 300 requests a second against four keys of which each has
/// a bucket of twenty that fills with twenty a second.
async fn step_of_ten(hints: Option<Box<dyn HintPolicy>>) -> (usize, usize) {
    let begin = Instant::now();
    let buckets = Mutex::new([(20.0_f64, begin); 4]);
    let counted = Arc::new(Mutex::new((0, 0)));
    let counter = Arc::clone(&counted);
    let mut world = World::new(4, 2, move |key, now| {
        let (tokens, updated) = &mut buckets.lock().unwrap()[usize::from(key.as_bytes()[0] - b'a')];
        *tokens = (*tokens + (now - *updated).as_secs_f64() * 20.0).min(20.0);
        *updated = now;
        let mut counter = counter.lock().unwrap();
        counter.1 += 1;
        if *tokens >= 1.0 {
            *tokens -= 1.0;
            return ok();
        }
        counter.0 += 1;
        let wait = format!("{:.1}", (1.0 - *tokens) / 20.0 * 1_000.0);
        let Reply::Error(mut error) = error(429, &[], "") else { panic!("an error is one") };
        error.headers.insert("retry-after-ms", wait.parse().unwrap());
        Reply::Error(error)
    });
    if let Some(hints) = hints {
        world.policies.hints = hints;
    }
    let world = Arc::new(world);
    let arrivals = (0..30).map(|at| at * 33).chain((0..600).map(|at| 1_000 + at * 10 / 3));
    let mut clients = tokio::task::JoinSet::new();
    for arrival in arrivals {
        let world = Arc::clone(&world);
        clients.spawn(async move {
            tokio::time::sleep_until(begin + Duration::from_millis(arrival)).await;
            world.ask().await.attempts
        });
    }
    clients.join_all().await;
    *counted.lock().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_tenfold_step_is_not_met_by_knocking_on_every_door() {
    let (refused, all) = step_of_ten(None).await;
    assert!(refused > 0 && refused * 100 <= all * 35, "{refused} of {all}");
    let (refused, all) = step_of_ten(Some(Box::new(Blind))).await;
    assert!(refused * 100 > all * 40, "{refused} of {all}");
}

/// Closes no key, whatever it is told.
struct Blind;

impl HintPolicy for Blind {
    fn cooldown(&self, _: Limit, _: Option<Duration>, _: Option<Duration>) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_comes_back_is_tried_by_one_request_at_a_time_until_it_answers() {
    for (probes, latency) in [(1, 20), (3, 50)] {
        let begin = Instant::now();
        let mut world = World::new(1, 2, move |_, now| {
            if now - begin < Duration::from_millis(300) {
                error(429, &[("retry-after", "1")], "")
            } else {
                ok()
            }
        });
        world.set.cooldown.probes = probes;
        world.upstream.latency = Duration::from_millis(latency);
        let world = Arc::new(world);
        let mut clients = tokio::task::JoinSet::new();
        for arrival in 0..200 {
            let world = Arc::clone(&world);
            clients.spawn(async move {
                tokio::time::sleep_until(begin + Duration::from_millis(arrival * 10)).await;
                told(&world.ask().await)
            });
        }
        let answers = clients.join_all().await;
        let seen: Vec<_> = world.upstream.seen.lock().unwrap().drain(..).collect();
        let tries = || seen.iter().map(|(at, _)| *at - begin).filter(|at| *at > Duration::from_millis(300));
        let first = tries().min().unwrap();
        let peak = tries().filter(|at| *at < first + Duration::from_millis(latency)).count();
        assert!(peak <= probes as usize, "{peak} of {probes}");
        let served = answers.iter().filter(|answer| *answer == "success").count();
        assert!(served > 80, "{served}");
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_failed_together_do_not_come_back_together() {
    let world = World { backoff: Backoff::from_system(), ..World::new(1, 3, |_, _| error(500, &[], "")) };
    let (world, begin) = (Arc::new(world), Instant::now());
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let world = Arc::clone(&world);
        clients.spawn(async move { world.ask().await.attempts });
    }
    clients.join_all().await;
    let mut later: Vec<u128> = world
        .upstream
        .seen
        .lock()
        .unwrap()
        .iter()
        .skip(100)
        .map(|(at, _)| (*at - begin).as_millis())
        .collect();
    later.sort_unstable();
    let crowd =
        later.iter().map(|at| later.iter().filter(|other| (*at..at + 50).contains(other)).count()).max();
    assert!(crowd < Some(60), "{crowd:?}");
}
