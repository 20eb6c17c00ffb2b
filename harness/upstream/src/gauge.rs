//! The gauge of one limit: how much room there is, when there will be some, and what the limit headers say of it.

use std::collections::VecDeque;
use std::time::Duration;

use dialect::openai::RequestLimit;
use record::Moment;
use scenario::Limit;

/// What has been taken from a limit so far.
#[derive(Debug)]
pub(crate) enum Gauge {
    /// When each of the last requests was admitted.
    Log { max: u32, per: Duration, admitted: VecDeque<Moment> },
    /// How full the bucket is.
    Bucket(Level),
}

/// The level of a bucket in whole units, so that no rounding adds up: a request costs as many units as one period has
/// nanoseconds, and each nanosecond brings as many units as a period brings requests.
#[derive(Debug)]
pub(crate) struct Level {
    capacity: u32,
    cost: u128,
    per_nano: u128,
    units: u128,
    at: Moment,
}

impl Gauge {
    pub(crate) fn new(limit: &Limit<'_>, now: Moment) -> Self {
        match limit {
            Limit::Log(log) => Self::Log { max: log.max, per: log.per, admitted: VecDeque::new() },
            Limit::Bucket(bucket) => {
                let cost = bucket.refill.per.as_nanos().max(1);
                Self::Bucket(Level {
                    capacity: bucket.capacity,
                    cost,
                    per_nano: u128::from(bucket.refill.count.max(1)),
                    units: cost * u128::from(bucket.capacity),
                    at: now,
                })
            }
        }
    }

    /// How long until there is room for a request; none if there is now.
    pub(crate) fn wait(&mut self, now: Moment) -> Option<Duration> {
        self.catch_up(now);
        match self {
            Self::Log { max, per, admitted } => {
                let count = u32::try_from(admitted.len()).unwrap_or(u32::MAX);
                (count >= *max).then(|| admitted.front().map_or(*per, |first| first.after(*per).since(now)))
            }
            Self::Bucket(level) => {
                (level.units < level.cost).then(|| level.time_for(level.cost - level.units))
            }
        }
    }

    /// Takes a request's share. The caller has made sure that there is room.
    pub(crate) fn take(&mut self, now: Moment) {
        match self {
            // Two threads may have read the clock in the other order; the log stays sorted.
            Self::Log { admitted, .. } => {
                admitted.push_back(admitted.back().map_or(now, |last| now.max(*last)));
            }
            Self::Bucket(level) => level.units = level.units.saturating_sub(level.cost),
        }
    }

    /// What the limit headers say.
    pub(crate) fn limit(&mut self, now: Moment) -> RequestLimit {
        self.catch_up(now);
        match self {
            Self::Log { max, per, admitted } => RequestLimit {
                limit: *max,
                remaining: max.saturating_sub(u32::try_from(admitted.len()).unwrap_or(u32::MAX)),
                reset: admitted.back().map_or(Duration::ZERO, |last| last.after(*per).since(now)),
            },
            Self::Bucket(level) => RequestLimit {
                limit: level.capacity,
                remaining: u32::try_from(level.units / level.cost).unwrap_or(u32::MAX),
                reset: level.time_for(level.full() - level.units),
            },
        }
    }

    fn catch_up(&mut self, now: Moment) {
        match self {
            Self::Log { per, admitted, .. } => {
                while admitted.front().is_some_and(|first| first.after(*per) <= now) {
                    admitted.pop_front();
                }
            }
            Self::Bucket(level) => {
                let brought = now.since(level.at).as_nanos() * level.per_nano;
                level.units = (level.units + brought).min(level.full());
                level.at = level.at.max(now);
            }
        }
    }
}

impl Level {
    fn full(&self) -> u128 {
        self.cost * u128::from(self.capacity)
    }

    fn time_for(&self, units: u128) -> Duration {
        Duration::from_nanos(u64::try_from(units.div_ceil(self.per_nano)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use scenario::{Bucket, Log, Rate, Span};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn log(max: u32, per: u64) -> Gauge {
        Gauge::new(
            &Limit::Log(&Log { max, per: Duration::from_nanos(per), span: Span::default() }),
            Moment(0),
        )
    }

    fn bucket(capacity: u32, count: u32, per: u64) -> Gauge {
        let refill = Rate { count, per: Duration::from_nanos(per) };
        Gauge::new(&Limit::Bucket(&Bucket { capacity, refill, span: Span::default() }), Moment(0))
    }

    fn admit(gauge: &mut Gauge, now: u64) -> Result<(), u64> {
        match gauge.wait(Moment(now)) {
            None => {
                gauge.take(Moment(now));
                Ok(())
            }
            Some(wait) => Err(u64::try_from(wait.as_nanos()).unwrap()),
        }
    }

    #[test]
    fn a_log_admits_so_many_in_any_window() {
        let mut gauge = log(2, SECOND);
        assert_eq!(admit(&mut gauge, 0), Ok(()));
        assert_eq!(admit(&mut gauge, 600_000_000), Ok(()));
        assert_eq!(admit(&mut gauge, 900_000_000), Err(100_000_000));
        assert_eq!(admit(&mut gauge, SECOND - 1), Err(1));
        assert_eq!(admit(&mut gauge, SECOND), Ok(()));
        assert_eq!(admit(&mut gauge, SECOND), Err(600_000_000));
    }

    #[test]
    fn a_bucket_admits_its_capacity_and_then_what_is_refilled() {
        let mut gauge = bucket(3, 2, SECOND);
        for _ in 0..3 {
            assert_eq!(admit(&mut gauge, 0), Ok(()));
        }
        assert_eq!(admit(&mut gauge, 0), Err(SECOND / 2));
        assert_eq!(admit(&mut gauge, SECOND / 2 - 1), Err(1));
        assert_eq!(admit(&mut gauge, SECOND / 2), Ok(()));
        assert_eq!(admit(&mut gauge, 100 * SECOND), Ok(()));
        assert_eq!(gauge.limit(Moment(100 * SECOND)).remaining, 2);
    }

    #[test]
    fn an_uneven_refill_loses_nothing_to_rounding() {
        let mut gauge = bucket(1, 3, SECOND);
        assert_eq!(admit(&mut gauge, 0), Ok(()));
        let mut admitted = 0;
        for step in 1..=3_000_u64 {
            admitted += u32::from(admit(&mut gauge, step * SECOND / 1_000).is_ok());
        }
        // Steps of a millisecond see each third of a second up to a millisecond late, and the bucket holds no more than one.
        assert!((8..=9).contains(&admitted), "{admitted}");
        let mut exact = bucket(9, 3, SECOND);
        (0..9).for_each(|_| exact.take(Moment(0)));
        for tick in 1..=3_000_u64 {
            exact.catch_up(Moment(tick * SECOND / 1_000));
        }
        assert_eq!(exact.limit(Moment(3 * SECOND)).remaining, 9);
    }

    #[test]
    fn the_headers_tell_the_room_and_the_time_until_all_is_free_again() {
        let limit =
            |limit, remaining, reset| RequestLimit { limit, remaining, reset: Duration::from_nanos(reset) };
        let mut gauge = bucket(10, 5, SECOND);
        assert_eq!(gauge.limit(Moment(0)), limit(10, 10, 0));
        gauge.take(Moment(0));
        gauge.take(Moment(0));
        assert_eq!(gauge.limit(Moment(0)), limit(10, 8, 2 * SECOND / 5));
        assert_eq!(gauge.limit(Moment(SECOND / 10)), limit(10, 8, 3 * SECOND / 10));
        let mut gauge = log(3, SECOND);
        assert_eq!(gauge.limit(Moment(0)), limit(3, 3, 0));
        gauge.take(Moment(0));
        gauge.take(Moment(400));
        assert_eq!(gauge.limit(Moment(500)), limit(3, 1, SECOND - 100));
    }

    #[test]
    fn a_limit_of_nothing_admits_nothing() {
        assert_eq!(admit(&mut log(0, SECOND), 0), Err(SECOND));
        assert_eq!(admit(&mut bucket(0, 2, SECOND), 9 * SECOND), Err(SECOND / 2));
    }

    #[test]
    fn a_clock_that_was_read_earlier_gives_nothing_back() {
        let mut gauge = bucket(1, 1, SECOND);
        assert_eq!(admit(&mut gauge, SECOND), Ok(()));
        assert_eq!(admit(&mut gauge, SECOND / 2), Err(SECOND));
        assert_eq!(admit(&mut gauge, 2 * SECOND - 1), Err(1));
    }
}
