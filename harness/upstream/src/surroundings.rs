//! What upstreams are given to work with: the clock, the way to the evidence, the seed, the traffic's state.

use std::fmt;

use record::{Clock, Correlation, FactSender, NameTable};
use scenario::ServiceDefect;

use crate::traffic_signal::TrafficSignal;

/// What all upstreams of a trial share with the rest of it.
#[derive(Clone)]
pub struct Surroundings {
    /// The trial's clock.
    pub clock: Clock,
    /// Finds the marks that join attempts to exchanges.
    pub correlation: Correlation,
    /// Where attempts and samples go.
    pub facts: FactSender,
    /// The numbers of names.
    pub names: NameTable,
    /// The seed of keys, ids and draws.
    pub seed: u64,
    /// How far the traffic is.
    pub traffic: TrafficSignal,
    /// Of how many attempts each upstream keeps head and body, both ways; [`DEFAULT_SAMPLES`] where nothing says otherwise.
    pub samples: u32,
    /// Labels and texts of what must reach no upstream: `("tenant acme", "sk-...")`. The keys of the upstreams themselves are
    /// looked for without being named here.
    pub canaries: Vec<(String, String)>,
    /// A defect that is switched on in every service that keeps state.
    pub defect: Option<ServiceDefect>,
}

/// Of how many attempts an upstream keeps head and body, unless told otherwise.
pub const DEFAULT_SAMPLES: u32 = 200;

/// The canaries are secrets, so no debug dump shows them.
impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("seed", &self.seed)
            .field("samples", &self.samples)
            .field("canaries", &self.canaries.len())
            .finish_non_exhaustive()
    }
}
