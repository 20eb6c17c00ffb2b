//! What is done to running upstreams by hand, besides asking them: they are counted, set back, and made to misbehave now.

use std::io;

use record::UpstreamCounts;
use scenario::World;

use super::Upstreams;
use crate::surroundings::Surroundings;

impl Upstreams {
    /// What each upstream has counted so far, in the order of the world.
    #[must_use]
    pub fn tallies(&self) -> Vec<UpstreamCounts> {
        let counts =
            self.running.iter().map(|running| running.tally.counts(&running.name, &running.base_url));
        counts.collect()
    }

    /// Sets every upstream back to what it was at the start: what scripts and plans have counted, states, draws and tallies.
    /// Addresses and keys stay. `world` and `surroundings` are those that the upstreams were started with; the traffic's signal
    /// is theirs who set it.
    ///
    /// # Errors
    /// What cannot be done as the world says; then nothing is set back.
    pub fn set_back(&self, world: &World, surroundings: &Surroundings) -> io::Result<()> {
        let mut fresh = Vec::with_capacity(self.running.len());
        for (running, named) in self.running.iter().zip(&world.upstreams.0) {
            let journal = running.incumbent.now().journal.clone();
            let upstream = self.make(named, world, (&running.keys, journal), surroundings)?;
            fresh.push((&running.incumbent, upstream));
        }
        for (incumbent, upstream) in fresh {
            incumbent.replace(upstream);
        }
        self.running.iter().for_each(|running| running.tally.set_back());
        Ok(())
    }

    /// Makes the timeline's entries of that name hold from now on: for as long as they last, or until they are called off.
    pub fn fire(&self, entry: &str) {
        for running in &self.running {
            let upstream = running.incumbent.now();
            upstream.rules.fire(entry, upstream.journal.clock.now());
        }
    }

    /// Calls off what was fired under that name. Their own times stay.
    pub fn call_off(&self, entry: &str) {
        self.running.iter().for_each(|running| running.incumbent.now().rules.call_off(entry));
    }
}
