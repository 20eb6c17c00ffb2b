//! The harness's own lag: when it was kept from running, for how long.

use std::collections::VecDeque;
use std::time::Duration;

use record::{Lag, Moment};

/// How many stalls are remembered. The sampler tells of at most two hundred in a second, so this is more than twenty minutes
/// of a machine that never keeps up; what is older excuses nothing any more.
const REMEMBERED: usize = 262_144;

/// How near a stall must be to a moment to cast doubt on it.
const NEAR: Duration = Duration::from_secs(1);

/// When the harness was kept from running, in the order of time and without overlaps.
#[derive(Debug, Default)]
pub(crate) struct LagLog {
    stalls: VecDeque<Stall>,
}

#[derive(Clone, Copy, Debug)]
struct Stall {
    from: Moment,
    to: Moment,
    /// All stalls before this one, in nanoseconds.
    before: u64,
}

impl Stall {
    fn length(self) -> u64 {
        self.to.0 - self.from.0
    }
}

impl LagLog {
    /// Notes a stall.
    pub(crate) fn note(&mut self, lag: Lag) {
        let to = lag.due.after(Duration::from_micros(u64::from(lag.late_us)));
        let last = self.stalls.back();
        let from = last.map_or(lag.due, |last| lag.due.max(last.to));
        if from >= to {
            return;
        }
        let before = last.map_or(0, |last| last.before + last.length());
        self.stalls.push_back(Stall { from, to, before });
        if self.stalls.len() > REMEMBERED {
            self.stalls.pop_front();
        }
    }

    /// The longest stall within the second before a moment.
    pub(crate) fn longest_before(&self, moment: Moment) -> Duration {
        let since = Moment(moment.0.saturating_sub(nanos(NEAR)));
        let end = self.stalls.partition_point(|stall| stall.from <= moment);
        let near = self.stalls.range(..end).rev().take_while(|stall| stall.to >= since);
        Duration::from_nanos(near.map(|stall| stall.length()).max().unwrap_or(0))
    }

    /// How much of the time between two moments the harness was kept from running.
    pub(crate) fn within(&self, from: Moment, to: Moment) -> Duration {
        Duration::from_nanos(self.until(to).saturating_sub(self.until(from)))
    }

    /// All stalls up to a moment, in nanoseconds.
    fn until(&self, moment: Moment) -> u64 {
        let end = self.stalls.partition_point(|stall| stall.from < moment);
        match end.checked_sub(1).map(|last| self.stalls[last]) {
            Some(last) => last.before + moment.min(last.to).0 - last.from.0,
            None => self.stalls.front().map_or(0, |first| first.before),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000_000)
    }

    fn log(stalls: &[(u64, u32)]) -> LagLog {
        let mut log = LagLog::default();
        for (due, late) in stalls {
            log.note(Lag { due: at(*due), late_us: late * 1_000 });
        }
        log
    }

    #[test]
    fn the_lag_between_two_moments_is_what_overlaps_them() {
        let log = log(&[(100, 50), (200, 10), (205, 20), (1_000, 5)]);
        for (from, to, millis) in [
            (0, 100, 0),
            (0, 5_000, 80),
            (120, 140, 20),
            (140, 205, 15),
            (150, 200, 0),
            (210, 300, 15),
            (2_000, 3_000, 0),
            (300, 200, 0),
        ] {
            assert_eq!(log.within(at(from), at(to)), Duration::from_millis(millis), "{from}..{to}");
        }
    }

    #[test]
    fn only_a_near_stall_casts_doubt_on_a_moment() {
        let log = log(&[(100, 50), (900, 20)]);
        for (moment, millis) in [(99, 0), (100, 50), (950, 50), (1_150, 50), (1_151, 20), (1_921, 0)] {
            assert_eq!(log.longest_before(at(moment)), Duration::from_millis(millis), "{moment}");
        }
    }
}
