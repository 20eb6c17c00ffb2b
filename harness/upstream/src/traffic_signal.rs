//! What upstreams may know of the traffic: when it started, and which of its phases are running.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use record::Moment;

/// Tells upstreams how far the traffic is. The runner sets it; copies of one signal agree; reading it costs an atomic load.
#[derive(Clone, Debug)]
pub struct TrafficSignal {
    shared: Arc<Shared>,
}

/// A phase of a signal, looked up once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhaseNumber(usize);

#[derive(Debug)]
struct Shared {
    began_at: AtomicU64,
    phases: Box<[(String, AtomicU32)]>,
}

const NOT_BEGUN: u64 = u64::MAX;

impl TrafficSignal {
    /// The signal of a traffic with these steps and phases, none of which is running yet.
    #[must_use]
    pub fn new<'a>(traffic: impl IntoIterator<Item = &'a str>) -> Self {
        let phases = traffic.into_iter().map(|name| (name.to_owned(), AtomicU32::new(0))).collect();
        Self { shared: Arc::new(Shared { began_at: AtomicU64::new(NOT_BEGUN), phases }) }
    }

    /// The traffic begins. Only the first call counts.
    pub fn traffic_began(&self, at: Moment) {
        let began = &self.shared.began_at;
        // A signal that has begun stays as it is, so the failure of the exchange is no failure.
        let _: Result<u64, u64> =
            began.compare_exchange(NOT_BEGUN, at.0.min(NOT_BEGUN - 1), Ordering::Release, Ordering::Relaxed);
    }

    /// The traffic begins anew: its time counts from here, and no phase runs.
    pub fn begins_anew(&self, at: Moment) {
        self.clock_begins_anew(at);
        self.shared.phases.iter().for_each(|(_, running)| running.store(0, Ordering::Release));
    }

    /// The traffic's time counts from here, and phases go on.
    pub fn clock_begins_anew(&self, at: Moment) {
        self.shared.began_at.store(at.0.min(NOT_BEGUN - 1), Ordering::Release);
    }

    /// A phase begins. One that the traffic does not have is of no interest to any upstream.
    pub fn began(&self, phase: &str) {
        if let Some(running) = self.running(phase) {
            running.fetch_add(1, Ordering::Release);
        }
    }

    /// A phase ends that had begun.
    pub fn ended(&self, phase: &str) {
        if let Some(running) = self.running(phase) {
            let _: Result<u32, u32> =
                running.fetch_update(Ordering::Release, Ordering::Relaxed, |count| count.checked_sub(1));
        }
    }

    /// When the traffic began, if it has.
    #[must_use]
    pub fn start(&self) -> Option<Moment> {
        match self.shared.began_at.load(Ordering::Acquire) {
            NOT_BEGUN => None,
            nanos => Some(Moment(nanos)),
        }
    }

    pub(crate) fn phase(&self, name: &str) -> Option<PhaseNumber> {
        self.shared.phases.iter().position(|(phase, _)| phase == name).map(PhaseNumber)
    }

    pub(crate) fn is_running(&self, phase: PhaseNumber) -> bool {
        self.shared.phases[phase.0].1.load(Ordering::Acquire) > 0
    }

    fn running(&self, phase: &str) -> Option<&AtomicU32> {
        self.shared.phases.iter().find(|(name, _)| name == phase).map(|(_, running)| running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_runs_between_its_beginning_and_its_end() {
        let signal = TrafficSignal::new(["warm-up", "storm"]);
        let storm = signal.phase("storm").unwrap();
        assert!(!signal.is_running(storm));
        signal.clone().began("storm");
        signal.began("storm");
        signal.began("nothing");
        signal.ended("storm");
        assert!(signal.is_running(storm));
        signal.ended("storm");
        signal.ended("storm");
        assert!(!signal.is_running(storm));
        signal.began("storm");
        assert!(signal.is_running(storm));
        assert!(!signal.is_running(signal.phase("warm-up").unwrap()));
        assert_eq!(signal.phase("nothing"), None);
    }

    #[test]
    fn a_traffic_that_begins_anew_counts_from_there_and_has_no_phase() {
        let signal = TrafficSignal::new(["storm"]);
        let storm = signal.phase("storm").unwrap();
        signal.traffic_began(Moment(5));
        signal.began("storm");
        signal.clock_begins_anew(Moment(8));
        assert_eq!((signal.start(), signal.is_running(storm)), (Some(Moment(8)), true));
        signal.begins_anew(Moment(9));
        assert_eq!((signal.start(), signal.is_running(storm)), (Some(Moment(9)), false));
    }

    #[test]
    fn the_traffic_begins_once() {
        let signal = TrafficSignal::new([]);
        assert_eq!(signal.start(), None);
        signal.traffic_began(Moment(5));
        signal.traffic_began(Moment(9));
        assert_eq!(signal.start(), Some(Moment(5)));
    }
}
