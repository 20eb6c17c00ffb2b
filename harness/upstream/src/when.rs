//! When an entry of the timeline holds.

use std::time::Duration;

use record::Moment;
use scenario::TimelineEntry;

use crate::traffic_signal::{PhaseNumber, TrafficSignal};

/// The time of a timeline's entry.
#[derive(Debug)]
pub(crate) enum When {
    During(PhaseNumber),
    /// From a time after the traffic's start on, for so long or to the end.
    From(Duration, Option<Duration>),
    Never,
}

impl When {
    pub(crate) fn new(entry: &TimelineEntry, traffic: &TrafficSignal) -> Self {
        match (&entry.during, entry.at) {
            // A phase that the traffic does not have never runs.
            (Some(phase), _) => traffic.phase(&phase.value).map_or(Self::Never, Self::During),
            (None, Some(at)) => Self::From(at, entry.lasts),
            (None, None) => Self::Never,
        }
    }

    pub(crate) fn holds(&self, traffic: &TrafficSignal, now: Moment) -> bool {
        match self {
            Self::During(phase) => traffic.is_running(*phase),
            Self::From(at, lasts) => traffic.start().is_some_and(|start| {
                let begins = start.after(*at);
                begins <= now && lasts.is_none_or(|lasts| now < begins.after(lasts))
            }),
            Self::Never => false,
        }
    }
}
