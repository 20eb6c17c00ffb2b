//! When an entry of the timeline holds.

use std::time::Duration;

use record::Moment;
use scenario::{Share, TimelineEntry};

use crate::traffic_signal::{PhaseNumber, TrafficSignal};

/// The time of a timeline's entry.
#[derive(Debug)]
pub(crate) enum When {
    During(PhaseNumber),
    /// From a time after the traffic's start on.
    From(Course),
    Never,
}

/// What becomes of an entry over time.
#[derive(Debug)]
pub(crate) struct Course {
    at: Duration,
    /// For so long; to the end if missing.
    lasts: Option<Duration>,
    /// From one beginning to the next.
    every: Option<Duration>,
    fades_in: Duration,
    fades_out: Duration,
}

/// What holds altogether.
pub(crate) const ALL: Share = Share { millionths: 1_000_000 };

impl When {
    pub(crate) fn new(entry: &TimelineEntry, traffic: &TrafficSignal) -> Self {
        match (&entry.during, entry.at) {
            // A phase that the traffic does not have never runs.
            (Some(phase), _) => traffic.phase(&phase.value).map_or(Self::Never, Self::During),
            (None, Some(at)) => Self::From(Course {
                at,
                lasts: entry.lasts,
                every: entry.every,
                fades_in: entry.fades_in.unwrap_or_default(),
                fades_out: entry.fades_out.unwrap_or_default(),
            }),
            (None, None) => Self::Never,
        }
    }

    /// For which share of the requests it holds; none for a time at which it does not hold.
    pub(crate) fn share(&self, traffic: &TrafficSignal, now: Moment) -> Option<Share> {
        match self {
            Self::During(phase) => traffic.is_running(*phase).then_some(ALL),
            Self::From(course) => {
                let start = traffic.start()?;
                (start <= now).then(|| course.share(now.since(start)))?
            }
            Self::Never => None,
        }
    }
}

impl Course {
    /// The share so long after the start of the traffic.
    fn share(&self, since_start: Duration) -> Option<Share> {
        let mut since = since_start.checked_sub(self.at)?;
        if let Some(every) = self.every.filter(|every| !every.is_zero()) {
            let since_then = since.as_nanos() % every.as_nanos();
            since = Duration::from_nanos(u64::try_from(since_then).unwrap_or(u64::MAX));
        }
        let left = self.lasts.map(|lasts| lasts.checked_sub(since).filter(|left| !left.is_zero()));
        let left = match left {
            None => Duration::MAX,
            Some(left) => left?,
        };
        let share = faded(since, self.fades_in).min(faded(left, self.fades_out));
        Some(Share { millionths: share })
    }
}

/// How far something has faded in, in millionths, after so long.
fn faded(since: Duration, fades: Duration) -> u32 {
    if since >= fades {
        return ALL.millionths;
    }
    let millionths = since.as_nanos() * u128::from(ALL.millionths) / fades.as_nanos().max(1);
    u32::try_from(millionths).unwrap_or(ALL.millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(course: &Course, at_millis: &[u64]) -> Vec<Option<u32>> {
        let share =
            |ms: &u64| course.share(Duration::from_millis(*ms)).map(|share| share.millionths / 10_000);
        at_millis.iter().map(share).collect()
    }

    fn course(at: u64, lasts: Option<u64>) -> Course {
        let (at, lasts) = (Duration::from_millis(at), lasts.map(Duration::from_millis));
        Course { at, lasts, every: None, fades_in: Duration::ZERO, fades_out: Duration::ZERO }
    }

    #[test]
    fn an_entry_holds_from_its_time_on_for_as_long_as_it_lasts() {
        assert_eq!(shares(&course(100, Some(50)), &[99, 100, 149, 150]), [None, Some(100), Some(100), None]);
        assert_eq!(shares(&course(100, None), &[99, 100, 1_000_000]), [None, Some(100), Some(100)]);
    }

    #[test]
    fn an_entry_that_comes_again_flaps() {
        let flapping = Course { every: Some(Duration::from_millis(20)), ..course(100, Some(5)) };
        assert_eq!(
            shares(&flapping, &[104, 105, 119, 120, 144, 145]),
            [Some(100), None, None, Some(100), Some(100), None]
        );
    }

    #[test]
    fn an_entry_fades_in_and_out_evenly() {
        let fade = Duration::from_millis(100);
        let fading = Course { fades_in: fade, fades_out: fade, ..course(0, Some(400)) };
        assert_eq!(
            shares(&fading, &[0, 25, 100, 300, 350, 399, 400]),
            [Some(0), Some(25), Some(100), Some(100), Some(50), Some(1), None]
        );
    }
}
