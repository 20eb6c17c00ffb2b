//! What clients are given to work with: the clock, the marks, the numbers of exchanges, the way to the evidence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::allowance::Allowance;
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
    /// What is recorded beside rows.
    pub recorded: Recorded,
    /// What may still be sent.
    pub allowance: Allowance,
}

/// What is recorded of every exchange beside its row. Most trials ask for nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Heads and bodies; some are recorded anyway.
    pub messages: bool,
    /// Every event of every stream.
    pub events: bool,
    /// The text of every answer.
    pub texts: bool,
    /// How every answer ended, and which tools it calls.
    pub tools: bool,
    /// Nothing at all, not even rows and histograms: what recording costs is measured against it.
    pub nothing: bool,
}

impl Surroundings {
    /// The number of a new exchange.
    pub(crate) fn new_exchange(&self) -> ExchangeId {
        ExchangeId(self.next_exchange.fetch_add(1, Ordering::Relaxed))
    }

    /// Up to how many bytes of a message a sample shows.
    pub(crate) fn shown_of_message(&self) -> usize {
        if self.recorded.messages { MOST_SHOWN } else { USUALLY_SHOWN }
    }
}

/// Of a message that shows what happened, no more than this is kept.
const USUALLY_SHOWN: usize = 4 * 1024;
/// Of a message that expectations look into.
const MOST_SHOWN: usize = 64 * 1024;
