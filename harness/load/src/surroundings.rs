//! What clients are given to work with: the clock, the marks, the numbers of exchanges, the way to the evidence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use record::{Clock, Correlation, ExchangeId, FactSender, NameTable};

/// What all clients of a trial share with the rest of it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The trial's clock.
    pub clock: Clock,
    /// Writes the marks that join attempts to exchanges.
    pub correlation: Correlation,
    /// The next exchange's number, shared by steps and phases.
    pub next_exchange: Arc<AtomicU32>,
    /// Where exchanges and samples go.
    pub facts: FactSender,
    /// The numbers of names.
    pub names: NameTable,
}

impl Surroundings {
    /// The number of a new exchange.
    pub(crate) fn new_exchange(&self) -> ExchangeId {
        ExchangeId(self.next_exchange.fetch_add(1, Ordering::Relaxed))
    }
}
