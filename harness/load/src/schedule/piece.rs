//! A piece of an open schedule: one rate, or one that changes evenly, with how many arrivals are expected until when.

use std::time::Duration;

/// Arrivals that a computation with floating-point numbers may be off by.
const CLOSE: f64 = 1e-6;

/// A rate, or a rate that changes evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece {
    /// Always the same, for so long or without end.
    Even { interval: Duration, lasts: Option<Duration> },
    /// From one to another in so long. Rates are arrivals in a second.
    Ramp { from: f64, to: f64, lasts: Duration },
}

impl Piece {
    pub(crate) fn even(interval: Duration, lasts: Option<Duration>) -> Self {
        Self::Even { interval, lasts }
    }

    pub(crate) fn ramp(from: Duration, to: Duration, lasts: Duration) -> Self {
        Self::Ramp { from: rate(from), to: rate(to), lasts }
    }

    pub(crate) fn lasts(&self) -> Option<Duration> {
        match self {
            Self::Even { lasts, .. } => *lasts,
            Self::Ramp { lasts, .. } => Some(*lasts),
        }
    }

    /// How many arrivals there are if they come evenly; none if they never end.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count is small and positive"
    )]
    pub(crate) fn evenly(&self) -> Option<u64> {
        match self {
            Self::Even { interval, lasts } => {
                Some(u64::try_from(evenly(*interval, (*lasts)?)).unwrap_or(u64::MAX))
            }
            Self::Ramp { .. } => self.expected().map(|expected| (expected - CLOSE).ceil().max(0.0) as u64),
        }
    }

    /// The time of an arrival if they come evenly, counted from the piece's start.
    #[expect(clippy::cast_precision_loss, reason = "no phase has as many arrivals as would lose one")]
    pub(crate) fn even_time(&self, index: u64) -> Option<Duration> {
        match self {
            Self::Even { interval, .. } => {
                let nanos = interval.as_nanos().saturating_mul(u128::from(index));
                Some(Duration::from_nanos(u64::try_from(nanos).ok()?))
            }
            Self::Ramp { .. } => self.time_of(index as f64),
        }
    }

    /// How many arrivals are expected in all; none if they never end.
    pub(crate) fn expected(&self) -> Option<f64> {
        match self {
            Self::Even { interval, lasts } => Some((*lasts)?.as_secs_f64() / interval.as_secs_f64()),
            Self::Ramp { from, to, lasts } => Some(f64::midpoint(*from, *to) * lasts.as_secs_f64()),
        }
    }

    /// By when so many arrivals are expected, counted from the piece's start.
    pub(crate) fn time_of(&self, expected: f64) -> Option<Duration> {
        let seconds = match self {
            Self::Even { interval, .. } => expected * interval.as_secs_f64(),
            Self::Ramp { from, to, lasts } => {
                // Until t, `from * t + grows * t² / 2` are expected; this form of the root holds for a rate that stays, too.
                let grows = (to - from) / lasts.as_secs_f64();
                let root = (from * from + 2.0 * grows * expected).max(0.0).sqrt();
                2.0 * expected / (from + root)
            }
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// How many times fit evenly into a duration. An interval is cut to whole nanoseconds, so that a rate of three a second would
/// squeeze a ninety-first request into thirty seconds if each interval did not get back the part of one that it may have lost.
fn evenly(interval: Duration, lasts: Duration) -> u128 {
    let (interval, lasts) = (interval.as_nanos().max(1), lasts.as_nanos());
    let (whole, rest) = (lasts / interval, lasts % interval);
    if rest <= whole { whole } else { whole + 1 }
}

/// Arrivals in a second. An interval is cut to whole nanoseconds: where a whole number of arrivals lies within what it lost,
/// that number was meant. Up to some thirty thousand a second it is the only one.
#[expect(
    clippy::cast_precision_loss,
    reason = "an interval is far shorter than what would lose a nanosecond"
)]
fn rate(interval: Duration) -> f64 {
    let nanos = interval.as_nanos() as f64;
    let (rate, least) = (1e9 / nanos, 1e9 / (nanos + 1.0));
    let whole = rate.floor();
    if whole > least { whole } else { rate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_was_written_before_it_was_cut_to_nanoseconds() {
        for per_second in [1_u32, 2, 3, 7, 600, 30_000] {
            let rate = rate(Duration::from_secs(1) / per_second);
            assert!((rate - f64::from(per_second)).abs() < 1e-9, "{per_second}: {rate}");
        }
        assert!((rate(Duration::from_secs(10)) - 0.1).abs() < 1e-12);
    }
}
