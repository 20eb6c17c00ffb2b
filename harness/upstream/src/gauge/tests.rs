//! What gauges admit, and what they say of themselves.

use scenario::{Bucket, Rate, Span, Window};

use super::*;

const SECOND: u64 = 1_000_000_000;

fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

fn window_of(max: u32, per: u64) -> Window {
    Window { max, per: nanos(per), aligned: false, span: Span::default() }
}

fn log(max: u32, per: u64) -> Gauge {
    Gauge::new(&Limit::Log(&window_of(max, per)), Moment(0), Duration::ZERO)
}

fn window(max: u32, per: u64) -> Gauge {
    Gauge::new(&Limit::Fixed(&window_of(max, per)), Moment(0), Duration::ZERO)
}

fn bucket(capacity: u32, count: u32, per: u64) -> Gauge {
    let refill = Rate { count, per: nanos(per) };
    Gauge::new(&Limit::Bucket(&Bucket { capacity, refill, span: Span::default() }), Moment(0), Duration::ZERO)
}

fn admit(gauge: &mut Gauge, amount: u64, now: u64) -> Result<(), u64> {
    match gauge.room(amount, Moment(now)) {
        Room::Free => {
            gauge.take(amount, Moment(now));
            Ok(())
        }
        Room::After(wait) => Err(u64::try_from(wait.as_nanos()).unwrap()),
        Room::Unknown => Err(u64::MAX),
    }
}

#[test]
fn a_log_admits_so_many_in_any_window() {
    let mut gauge = log(2, SECOND);
    assert_eq!(admit(&mut gauge, 1, 0), Ok(()));
    assert_eq!(admit(&mut gauge, 1, 600_000_000), Ok(()));
    assert_eq!(admit(&mut gauge, 1, 900_000_000), Err(100_000_000));
    assert_eq!(admit(&mut gauge, 1, SECOND - 1), Err(1));
    assert_eq!(admit(&mut gauge, 1, SECOND), Ok(()));
    assert_eq!(admit(&mut gauge, 1, SECOND), Err(600_000_000));
}

#[test]
fn a_log_of_amounts_waits_until_enough_has_left_it() {
    let mut gauge = log(100, SECOND);
    for (amount, at) in [(30, 0), (40, 100), (20, 200)] {
        assert_eq!(admit(&mut gauge, amount, at), Ok(()));
    }
    assert_eq!(admit(&mut gauge, 10, 300), Ok(()));
    assert_eq!(admit(&mut gauge, 30, 400), Err(SECOND - 400));
    assert_eq!(admit(&mut gauge, 31, 400), Err(SECOND + 100 - 400));
    assert_eq!(admit(&mut gauge, 5_000, 400), Err(SECOND + 300 - 400), "no wait leads beyond an empty log");
}

#[test]
fn a_fixed_window_is_whole_again_at_its_end_and_not_before() {
    let mut gauge = window(2, SECOND);
    assert_eq!(admit(&mut gauge, 1, 500), Ok(()));
    assert_eq!(admit(&mut gauge, 1, SECOND), Ok(()));
    assert_eq!(admit(&mut gauge, 1, SECOND + 100), Err(400));
    for at in [SECOND + 500, SECOND + 501] {
        assert_eq!(admit(&mut gauge, 1, at), Ok(()));
    }
    assert_eq!(admit(&mut gauge, 1, SECOND + 502), Err(SECOND - 2));
    // Windows in which nothing happened count too.
    assert_eq!(admit(&mut gauge, 1, 4 * SECOND + 499), Ok(()));
    assert_eq!(gauge.standing(Moment(4 * SECOND + 499)).reset, nanos(1));
    assert_eq!(
        gauge.standing(Moment(4 * SECOND + 500)),
        Standing { limit: 2, remaining: 2, reset: nanos(0) }
    );
}

#[test]
fn a_bucket_admits_its_capacity_and_then_what_is_refilled() {
    let mut gauge = bucket(3, 2, SECOND);
    for _ in 0..3 {
        assert_eq!(admit(&mut gauge, 1, 0), Ok(()));
    }
    assert_eq!(admit(&mut gauge, 1, 0), Err(SECOND / 2));
    assert_eq!(admit(&mut gauge, 1, SECOND / 2 - 1), Err(1));
    assert_eq!(admit(&mut gauge, 1, SECOND / 2), Ok(()));
    assert_eq!(admit(&mut gauge, 1, 100 * SECOND), Ok(()));
    assert_eq!(gauge.standing(Moment(100 * SECOND)).remaining, 2);
}

#[test]
fn an_uneven_refill_loses_nothing_to_rounding() {
    let mut gauge = bucket(1, 3, SECOND);
    assert_eq!(admit(&mut gauge, 1, 0), Ok(()));
    let mut admitted = 0;
    for step in 1..=3_000_u64 {
        admitted += u32::from(admit(&mut gauge, 1, step * SECOND / 1_000).is_ok());
    }
    // Steps of a millisecond see each third of a second up to a millisecond late, and the bucket holds no more than one.
    assert!((8..=9).contains(&admitted), "{admitted}");
    let mut exact = bucket(9, 3, SECOND);
    exact.take(9, Moment(0));
    for tick in 1..=3_000_u64 {
        exact.standing(Moment(tick * SECOND / 1_000));
    }
    assert_eq!(exact.standing(Moment(3 * SECOND)).remaining, 9);
}

#[test]
fn so_many_are_open_at_once_and_an_end_makes_room() {
    let mut gauge = Gauge::new(&Limit::AtOnce(2), Moment(0), Duration::ZERO);
    assert_eq!(admit(&mut gauge, 1, 0), Ok(()));
    assert_eq!(admit(&mut gauge, 1, 0), Ok(()));
    assert_eq!(gauge.room(1, Moment(9 * SECOND)), Room::Unknown);
    gauge.settle(1, Moment(0), 1, Moment(9 * SECOND));
    assert_eq!(gauge.standing(Moment(9 * SECOND)).remaining, 1);
    assert_eq!(admit(&mut gauge, 1, 9 * SECOND), Ok(()));
}

#[test]
fn what_was_reserved_is_settled_by_what_was_used() {
    for make in [log, window] {
        let mut gauge = make(100, SECOND);
        assert_eq!(admit(&mut gauge, 80, 5), Ok(()));
        assert!(admit(&mut gauge, 30, 6).is_err());
        gauge.settle(80, Moment(5), 20, Moment(10));
        assert_eq!(gauge.standing(Moment(10)).remaining, 80);
        // More than there was room for: the answer was longer than it was to be.
        gauge.settle(20, Moment(5), 150, Moment(10));
        assert_eq!(gauge.standing(Moment(10)).remaining, 0);
        // What is settled in a later window belongs to the one that it was taken in.
        assert_eq!(gauge.standing(Moment(2 * SECOND)).remaining, 100);
        gauge.settle(150, Moment(5), 1, Moment(2 * SECOND));
        assert_eq!(gauge.standing(Moment(2 * SECOND)).remaining, 100);
    }
    let mut gauge = bucket(100, 10, SECOND);
    gauge.take(80, Moment(0));
    gauge.settle(80, Moment(0), 150, Moment(0));
    assert_eq!(gauge.room(1, Moment(0)), Room::After(nanos(51 * SECOND / 10)));
    gauge.settle(150, Moment(0), 0, Moment(0));
    assert_eq!(gauge.standing(Moment(0)).remaining, 100);
}

#[test]
fn what_is_counted_only_afterwards_is_taken_then() {
    for mut gauge in [log(100, SECOND), window(100, SECOND), bucket(100, 1, 3_600 * SECOND)] {
        gauge.settle(0, Moment(0), 130, Moment(7));
        assert_eq!(gauge.standing(Moment(7)).remaining, 0);
        assert!(matches!(gauge.room(1, Moment(7)), Room::After(_)));
    }
}

#[test]
fn a_limit_that_counts_refusals_stays_shut_for_as_long_as_it_is_asked() {
    let mut gauge = log(2, SECOND);
    gauge.take(2, Moment(0));
    for at in 1..=50 {
        gauge.take_refused(1, Moment(at * SECOND / 10));
        assert!(matches!(gauge.room(1, Moment(at * SECOND / 10)), Room::After(_)), "at {at}");
    }
    assert_eq!(gauge.room(1, Moment(5 * SECOND)), Room::After(nanos(9 * SECOND / 10)));
    let mut gauge = bucket(2, 1, SECOND);
    (0..1_000).for_each(|_| gauge.take_refused(1, Moment(0)));
    assert_eq!(gauge.room(1, Moment(0)), Room::After(nanos(3 * SECOND)), "no deeper than an empty bucket");
}

#[test]
fn the_headers_tell_the_room_and_the_time_until_all_is_free_again() {
    let standing = |limit, remaining, reset| Standing { limit, remaining, reset: nanos(reset) };
    let mut gauge = bucket(10, 5, SECOND);
    assert_eq!(gauge.standing(Moment(0)), standing(10, 10, 0));
    gauge.take(2, Moment(0));
    assert_eq!(gauge.standing(Moment(0)), standing(10, 8, 2 * SECOND / 5));
    assert_eq!(gauge.standing(Moment(SECOND / 10)), standing(10, 8, 3 * SECOND / 10));
    let mut gauge = log(3, SECOND);
    assert_eq!(gauge.standing(Moment(0)), standing(3, 3, 0));
    gauge.take(1, Moment(0));
    gauge.take(1, Moment(400));
    assert_eq!(gauge.standing(Moment(500)), standing(3, 1, SECOND - 100));
}

#[test]
fn a_limit_of_nothing_admits_nothing() {
    assert_eq!(admit(&mut log(0, SECOND), 1, 0), Err(SECOND));
    assert_eq!(admit(&mut window(0, SECOND), 1, 0), Err(SECOND));
    assert_eq!(admit(&mut bucket(0, 2, SECOND), 1, 9 * SECOND), Err(SECOND / 2));
}

#[test]
fn a_clock_that_was_read_earlier_gives_nothing_back() {
    let mut gauge = bucket(1, 1, SECOND);
    assert_eq!(admit(&mut gauge, 1, SECOND), Ok(()));
    assert_eq!(admit(&mut gauge, 1, SECOND / 2), Err(SECOND));
    assert_eq!(admit(&mut gauge, 1, 2 * SECOND - 1), Err(1));
}

#[test]
fn an_aligned_window_begins_at_whole_multiples_by_the_clock_on_the_wall() {
    let hour = 3_600 * SECOND;
    let day = Window { aligned: true, ..window_of(2, 24 * hour) };
    // The clock was started at 22:00 in UTC.
    let epoch = nanos(1_700_006_400 * SECOND - 2 * hour);
    assert_eq!(epoch.as_secs() % 86_400, 22 * 3_600);
    let mut gauge = Gauge::new(&Limit::Fixed(&day), Moment(0), epoch);
    assert_eq!(admit(&mut gauge, 1, hour), Ok(()));
    assert_eq!(admit(&mut gauge, 1, 2 * hour - 1), Ok(()));
    assert_eq!(admit(&mut gauge, 1, 2 * hour - 1), Err(1));
    assert_eq!(admit(&mut gauge, 2, 2 * hour), Ok(()), "midnight");
    assert_eq!(gauge.standing(Moment(2 * hour)).reset, nanos(24 * hour));
    assert_eq!(admit(&mut gauge, 1, 26 * hour - 1), Err(1));
    assert_eq!(admit(&mut gauge, 1, 99 * hour), Ok(()), "days later");
    assert_eq!(gauge.standing(Moment(99 * hour)).reset, nanos(23 * hour));
}
