//! A world at work: its running upstreams with all that is done to them by hand.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use record::{Clock, Correlation, NameTable, UpstreamCounts, fact_channel};
use upstream::{Listening, Surroundings, TrafficSignal, Upstreams};

use crate::settings::Refusal;
use crate::upstreams::journal::Journal;
use crate::upstreams::served::Served;

/// A world that is being served.
pub(crate) struct Serving {
    pub(crate) served: Served,
    pub(crate) upstreams: Upstreams,
    pub(crate) journal: Journal,
    surroundings: Surroundings,
    /// The phases that were begun by hand.
    running: Mutex<BTreeSet<String>>,
}

impl Serving {
    /// Starts every upstream; the time of `at:` begins at once.
    pub(crate) async fn start(served: Served, listening: Listening) -> Result<Self, Refusal> {
        let (facts, received) = fact_channel();
        let clock = Clock::start();
        let traffic = TrafficSignal::new(served.phases.iter().map(String::as_str));
        let surroundings = Surroundings {
            clock,
            correlation: Correlation::new(served.mark),
            names: NameTable::new(facts.clone()),
            facts,
            seed: served.seed,
            traffic,
            // The line of a request stands in its sample alone.
            samples: u32::MAX,
            canaries: Vec::new(),
            defect: None,
        };
        let journal = Journal::start(received, clock)
            .map_err(|error| Refusal::machine("the machine starts no threads", &error))?;
        let upstreams = Upstreams::start_at(&served.world, surroundings.clone(), listening).await;
        let upstreams = upstreams.map_err(|error| refusal(&error))?;
        surroundings.traffic.traffic_began(clock.now());
        Ok(Self { served, upstreams, journal, surroundings, running: Mutex::default() })
    }

    /// What each upstream has counted.
    pub(crate) fn counts(&self) -> Vec<UpstreamCounts> {
        self.upstreams.tallies()
    }

    /// Every upstream is as at the start, and the time of `at:` begins now.
    pub(crate) fn reset(&self) -> io::Result<()> {
        let mut running = self.running();
        self.upstreams.set_back(&self.served.world, &self.surroundings)?;
        self.surroundings.traffic.begins_anew(self.surroundings.clock.now());
        running.clear();
        self.journal.clear();
        Ok(())
    }

    /// The time of `at:` begins now.
    pub(crate) fn restart_clock(&self) {
        self.surroundings.traffic.clock_begins_anew(self.surroundings.clock.now());
    }

    /// A phase begins that timelines wait for, or ends. One that runs already goes on.
    pub(crate) fn turn_phase(&self, phase: &str, on: bool) {
        let mut running = self.running();
        if on {
            if running.insert(phase.to_owned()) {
                self.surroundings.traffic.began(phase);
            }
        } else if running.remove(phase) {
            self.surroundings.traffic.ended(phase);
        }
    }

    /// The timeline's entries of that name hold from now on, or no longer than they do by themselves.
    pub(crate) fn turn_entry(&self, entry: &str, on: bool) {
        if on {
            self.upstreams.fire(entry);
        } else {
            self.upstreams.call_off(entry);
        }
    }

    /// The phases that run.
    pub(crate) fn running(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A world that asks for what cannot be done is the user's to mend, and an address that is taken is the machine's.
fn refusal(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::InvalidInput => Refusal::misused(error),
        _ => Refusal::machine("cannot start an upstream", error),
    }
}
