//! When a phase sends: each request's intended time is a pure function of the seed, the phase and the request's number.

use std::time::Duration;

/// When a phase sends its requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// So many at once.
    Burst {
        /// How many.
        count: u64,
    },
    /// So many clients, each sending its next request when it has its answer.
    Closed {
        /// How many clients.
        clients: usize,
        /// How many requests in all; without end if missing.
        requests: Option<u64>,
        /// For how long; without end if missing.
        lasts: Option<Duration>,
    },
    /// At a rate, whatever the answers do.
    Open {
        /// The mean time from one request to the next.
        interval: Duration,
        /// How they are spread.
        arrivals: Arrivals,
        /// For how long; without end if missing.
        lasts: Option<Duration>,
    },
}

/// How the requests of an open schedule are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// At random, as independent users come.
    Poisson,
}

/// The intended times of a schedule, one after the other, counted from the phase's start.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    schedule: Schedule,
    seed: u64,
    next: u64,
    at: f64,
}

impl Times {
    pub(crate) fn new(schedule: Schedule, seed: u64) -> Self {
        Self { schedule, seed, next: 0, at: 0.0 }
    }

    /// How many more times there are, for the one schedule whose times need not be counted.
    pub(crate) fn left_of_burst(&self) -> Option<u64> {
        match self.schedule {
            Schedule::Burst { count } => Some(count - self.next),
            Schedule::Closed { .. } | Schedule::Open { .. } => None,
        }
    }
}

impl Iterator for Times {
    type Item = Duration;

    /// The next time. A closed schedule has none of its own: its clients send when they can.
    fn next(&mut self) -> Option<Duration> {
        let index = self.next;
        let time = match self.schedule {
            Schedule::Burst { count } => (index < count).then_some(Duration::ZERO)?,
            Schedule::Closed { .. } => return None,
            Schedule::Open { interval, arrivals: Arrivals::Constant, lasts } => {
                if lasts.is_some_and(|lasts| u128::from(index) >= evenly(interval, lasts)) {
                    return None;
                }
                let nanos = interval.as_nanos().saturating_mul(u128::from(index));
                Duration::from_nanos(u64::try_from(nanos).ok()?)
            }
            Schedule::Open { interval, arrivals: Arrivals::Poisson, lasts } => {
                self.at += exponential(self.seed, index) * interval.as_secs_f64();
                within(Duration::from_secs_f64(self.at), lasts)?
            }
        };
        self.next += 1;
        Some(time)
    }
}

/// How many times fit evenly into a duration. An interval is cut to whole nanoseconds, so that a rate of three a second would
/// squeeze a ninety-first request into thirty seconds if each interval did not get back the part of one that it may have lost.
fn evenly(interval: Duration, lasts: Duration) -> u128 {
    let (interval, lasts) = (interval.as_nanos().max(1), lasts.as_nanos());
    let (whole, rest) = (lasts / interval, lasts % interval);
    if rest <= whole { whole } else { whole + 1 }
}

fn within(time: Duration, lasts: Option<Duration>) -> Option<Duration> {
    lasts.is_none_or(|lasts| time < lasts).then_some(time)
}

/// The mean of one, drawn for a request's number.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a floating-point number holds")]
fn exponential(seed: u64, index: u64) -> f64 {
    let bits = mixed(seed ^ mixed(index)) >> 11;
    let unit = (bits as f64 + 1.0) / (1_u64 << 53) as f64;
    -unit.ln()
}

/// SplitMix64's finalizer: every bit of the result depends on every bit of the number.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(per_second: u32, arrivals: Arrivals, seconds: u64) -> Schedule {
        Schedule::Open {
            interval: Duration::from_secs(1) / per_second,
            arrivals,
            lasts: Some(Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn a_constant_rate_sends_exactly_its_number_evenly() {
        let times: Vec<Duration> = Times::new(open(200, Arrivals::Constant, 4), 1).collect();
        assert_eq!(times.len(), 800);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(5)));
    }

    #[test]
    fn a_rate_that_is_no_whole_number_of_nanoseconds_sends_exactly_its_number_too() {
        for (per_second, seconds) in [(3, 30), (7, 10), (6, 60), (30_000, 3), (1, 1)] {
            let times = Times::new(open(per_second, Arrivals::Constant, seconds), 1);
            assert_eq!(
                times.count() as u64,
                u64::from(per_second) * seconds,
                "{per_second}/s for {seconds}s"
            );
        }
        let half = Schedule::Open {
            interval: Duration::from_secs(1),
            arrivals: Arrivals::Constant,
            lasts: Some(Duration::from_millis(2_500)),
        };
        assert_eq!(Times::new(half, 1).count(), 3, "at 0, 1 and 2 seconds");
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_independent_users() {
        let times: Vec<f64> =
            Times::new(open(200, Arrivals::Poisson, 100), 7).map(|time| time.as_secs_f64()).collect();
        let expected = 20_000.0_f64;
        assert!((times.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", times.len());
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "an exponential's deviation is its mean");
    }

    #[test]
    fn the_seed_alone_decides_the_times() {
        let times = |seed| Times::new(open(100, Arrivals::Poisson, 1), seed).collect::<Vec<_>>();
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
    }
}
