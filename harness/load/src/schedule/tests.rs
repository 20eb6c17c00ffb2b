//! The times of every schedule: exact counts, the right spread, and nothing but the seed behind them.

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn times(schedule: &Schedule, seed: u64) -> Vec<Duration> {
    schedule.check(1).unwrap();
    Times::new(schedule, seed, Share::ALL).unwrap().collect()
}

fn every(per_second: u32) -> Duration {
    Duration::from_secs(1) / per_second
}

fn open(per_second: u32, arrivals: Arrivals, seconds: u64) -> Schedule {
    Schedule::Open { interval: every(per_second), arrivals, lasts: Some(Duration::from_secs(seconds)) }
}

fn ramp(from: u32, to: u32, arrivals: Arrivals, seconds: u64) -> Schedule {
    Schedule::Ramp { from: every(from), to: every(to), arrivals, lasts: Duration::from_secs(seconds) }
}

fn between(times: &[Duration], from: Duration, to: Duration) -> usize {
    times.iter().filter(|time| (from..to).contains(time)).count()
}

#[test]
fn a_constant_rate_sends_exactly_its_number_evenly() {
    let times = times(&open(200, Arrivals::Constant, 4), 1);
    assert_eq!(times.len(), 800);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == ms(5)));
}

#[test]
fn a_rate_that_is_no_whole_number_of_nanoseconds_sends_exactly_its_number_too() {
    for (per_second, seconds) in [(3, 30), (7, 10), (6, 60), (30_000, 3), (1, 1)] {
        let sent = times(&open(per_second, Arrivals::Constant, seconds), 1).len();
        assert_eq!(sent as u64, u64::from(per_second) * seconds, "{per_second}/s for {seconds}s");
    }
    let half = Schedule::Open {
        interval: Duration::from_secs(1),
        arrivals: Arrivals::Constant,
        lasts: Some(ms(2_500)),
    };
    assert_eq!(times(&half, 1).len(), 3, "at 0, 1 and 2 seconds");
}

#[test]
fn poisson_arrivals_have_the_rate_and_the_spread_of_independent_users() {
    let times: Vec<f64> =
        times(&open(200, Arrivals::Poisson, 100), 7).iter().map(Duration::as_secs_f64).collect();
    let expected = 20_000.0_f64;
    assert!((times.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", times.len());
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "an exponential's deviation is its mean");
}

#[test]
fn a_ramp_sends_the_mean_of_its_rates_exactly() {
    for (from, to, seconds, expected) in [
        (10, 200, 3, 315),
        (200, 10, 3, 315),
        (1, 3, 30, 60),
        (3, 3, 30, 90),
        (10_000, 30_000, 3, 60_000),
        (30_000, 30_000, 3, 90_000),
        (1, 2, 1, 2),
    ] {
        let times = times(&ramp(from, to, Arrivals::Constant, seconds), 1);
        assert_eq!(times.len(), expected, "{from}/s to {to}/s in {seconds}s");
        assert!(times.is_sorted() && times.last().unwrap() < &Duration::from_secs(seconds));
        assert_eq!(times[0], Duration::ZERO);
    }
}

#[test]
fn a_ramp_grows_evenly_and_falls_evenly() {
    let second = |times: &[Duration], nth: u64| {
        between(times, Duration::from_secs(nth), Duration::from_secs(nth + 1)) as f64
    };
    for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
        let up = times(&ramp(100, 1_100, arrivals, 10), 3);
        let down = times(&ramp(1_100, 100, arrivals, 10), 3);
        for nth in 0..10 {
            let expected = 100.0 * (nth as f64 + 1.5);
            let allowed = if arrivals == Arrivals::Constant { 1.5 } else { 5.0 * expected.sqrt() };
            assert!(
                (second(&up, nth) - expected).abs() < allowed,
                "{arrivals:?} {nth}: {}",
                second(&up, nth)
            );
            let mirrored = second(&down, 9 - nth);
            assert!((mirrored - expected).abs() < allowed, "{arrivals:?} {nth}: {mirrored}");
        }
    }
}

#[test]
fn steps_follow_each_other_each_with_its_own_number() {
    let steps = vec![(every(20), ms(1_000)), (every(200), ms(500)), (every(3), ms(2_000))];
    let constant = times(&Schedule::Steps { steps: steps.clone(), arrivals: Arrivals::Constant }, 1);
    let counts = |times: &[Duration]| {
        [(0, 1_000), (1_000, 1_500), (1_500, 3_500)].map(|(from, to)| between(times, ms(from), ms(to)))
    };
    assert_eq!((counts(&constant), constant.len()), ([20, 100, 6], 126));
    assert_eq!(constant[20], ms(1_000), "a step begins with a request");
    let long = steps.iter().map(|(interval, lasts)| (*interval, *lasts * 100)).collect();
    let poisson = times(&Schedule::Steps { steps: long, arrivals: Arrivals::Poisson }, 1);
    assert!(poisson.is_sorted());
    for (from, to, expected) in
        [(0, 100_000, 2_000.0), (100_000, 150_000, 10_000.0), (150_000, 350_000, 600.0)]
    {
        let came = between(&poisson, ms(from), ms(to)) as f64;
        assert!((came - expected).abs() < 4.0 * f64::sqrt(expected), "{came} of {expected}");
    }
}

#[test]
fn a_replay_sends_when_its_list_says() {
    let offsets: Arc<[Duration]> = Arc::from([ms(0), ms(7), ms(7), ms(90)]);
    assert_eq!(times(&Schedule::Replay { offsets: Arc::clone(&offsets) }, 1), *offsets);
}

#[test]
fn the_seed_alone_decides_the_times() {
    for schedule in [
        open(100, Arrivals::Poisson, 1),
        ramp(100, 200, Arrivals::Poisson, 1),
        Schedule::Steps { steps: vec![(every(100), ms(1_000))], arrivals: Arrivals::Poisson },
    ] {
        assert_eq!(times(&schedule, 7), times(&schedule, 7));
        assert_ne!(times(&schedule, 7), times(&schedule, 8));
    }
}

#[test]
fn a_schedule_that_cannot_be_kept_is_refused() {
    let flow = |does: &[Deed]| Schedule::Flow { users: 1, does: does.to_vec(), rounds: None, lasts: None };
    let arrivals = Arrivals::Constant;
    let cases = [
        (Schedule::Open { interval: ms(0), arrivals, lasts: None }, Err(BadSchedule::NoInterval)),
        (Schedule::Ramp { from: ms(0), to: ms(1), arrivals, lasts: ms(1) }, Err(BadSchedule::NoInterval)),
        (Schedule::Ramp { from: ms(1), to: ms(0), arrivals, lasts: ms(1) }, Err(BadSchedule::NoInterval)),
        (Schedule::Steps { steps: vec![(ms(0), ms(1))], arrivals }, Err(BadSchedule::NoInterval)),
        (Schedule::Replay { offsets: Arc::from([ms(2), ms(1)]) }, Err(BadSchedule::GoesBack)),
        (Schedule::Replay { offsets: Arc::from([]) }, Ok(())),
        (flow(&[]), Err(BadSchedule::NothingToSend)),
        (flow(&[Deed::Pause(ms(1))]), Err(BadSchedule::NothingToSend)),
        (flow(&[Deed::Send(0..3)]), Err(BadSchedule::NoSuchRequest)),
        (flow(&[Deed::Send(1..1)]), Err(BadSchedule::NoSuchRequest)),
        (flow(&[Deed::Send(0..2)]), Ok(())),
        (Schedule::Burst { count: 0 }, Ok(())),
    ];
    for (schedule, expected) in cases {
        assert_eq!(schedule.check(2), expected, "{schedule:?}");
    }
}

#[test]
fn a_ramp_that_lasts_no_time_sends_nothing() {
    let schedule = Schedule::Ramp { from: ms(1), to: ms(2), arrivals: Arrivals::Constant, lasts: ms(0) };
    assert_eq!(times(&schedule, 1), []);
    assert_eq!(
        times(&Schedule::Ramp { from: ms(1), to: ms(2), arrivals: Arrivals::Poisson, lasts: ms(0) }, 1),
        []
    );
}

#[test]
fn workers_share_a_schedule_and_leave_nothing_out() {
    let replay = Schedule::Replay { offsets: (0..31).map(ms).collect() };
    let steps = Schedule::Steps {
        steps: vec![(every(7), ms(2_000)), (every(90), ms(500))],
        arrivals: Arrivals::Poisson,
    };
    let schedules = [
        open(100, Arrivals::Poisson, 2),
        ramp(10, 50, Arrivals::Constant, 1),
        steps,
        replay,
        Schedule::Burst { count: 10 },
    ];
    for schedule in schedules {
        let alone = times(&schedule, 7);
        for of in [1, 2, 3, 7] {
            let shares = (0..of).map(|nth| Times::new(&schedule, 7, Share { nth, of }).unwrap());
            let mut shared: Vec<Duration> = shares.flatten().collect();
            shared.sort_unstable();
            assert_eq!(shared, alone, "{schedule:?} by {of}");
        }
    }
}

#[test]
fn clients_and_requests_are_shared_evenly_and_without_remainder() {
    for (clients, requests, of) in [(1, 1, 1), (50, 1_000, 4), (3, 103, 2), (7, 5, 7), (10, u64::MAX, 3)] {
        let shares = || (0..of).map(|nth| Share { nth, of });
        assert_eq!(shares().map(|share| share.clients(clients)).sum::<usize>(), clients);
        assert_eq!(
            shares().map(|share| u128::from(share.requests(requests, clients))).sum::<u128>(),
            requests.into()
        );
        for share in shares() {
            let each = share.requests(requests, clients) / share.clients(clients) as u64;
            assert!(each.abs_diff(requests / clients as u64) <= 1, "{share:?}: {each}");
        }
    }
}
