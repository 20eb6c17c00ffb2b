//! The one monotonic clock of a trial: every moment in its evidence counts from the same instant.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The value of a row's time field for something that never happened.
pub const NOT_REACHED: u32 = u32::MAX;

/// Nanoseconds since the trial's clock was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment that lies this long after this one.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// How long after `earlier` this moment lies; zero if it does not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment as the microseconds after `earlier` that a row keeps, saturating below [`NOT_REACHED`].
    #[must_use]
    pub fn micros_after(self, earlier: Self) -> u32 {
        u32::try_from(self.0.saturating_sub(earlier.0) / 1_000).unwrap_or(NOT_REACHED).min(NOT_REACHED - 1)
    }

    /// The moment that a row keeps as microseconds after this one, if it was reached.
    #[must_use]
    pub fn plus_micros(self, micros: u32) -> Option<Self> {
        (micros != NOT_REACHED).then(|| Self(self.0.saturating_add(u64::from(micros) * 1_000)))
    }
}

/// Reads the time of a trial. Copies of one clock agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// Starts a clock: this instant is its zero.
    #[must_use]
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    /// The moment of an instant read elsewhere.
    #[must_use]
    pub fn moment(&self, instant: Instant) -> Moment {
        Moment(nanos(instant.saturating_duration_since(self.epoch)))
    }

    /// The instant of a moment, for timers.
    #[must_use]
    pub fn instant(&self, moment: Moment) -> Instant {
        self.epoch + Duration::from_nanos(moment.0)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micros_after_a_moment_lead_back_to_it() {
        let start = Moment(5_000_000);
        let later = start.after(Duration::from_micros(1_234));
        assert_eq!(start.plus_micros(later.micros_after(start)), Some(later));
    }

    #[test]
    fn a_time_beyond_the_field_stays_apart_from_never() {
        let start = Moment(0);
        let far = Moment(u64::MAX);
        assert!(far.micros_after(start) < NOT_REACHED);
        assert_eq!(start.plus_micros(NOT_REACHED), None);
    }
}
