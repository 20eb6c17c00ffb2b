//! What a phase measures: three histograms in microseconds, and counts. Failures count in the distributions as answers do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use record::{ExchangeRow, NOT_REACHED, NameId, Outcome, PhaseFigures};

/// An hour: nothing waits longer.
const HIGHEST_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// The recorders of one phase.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) planned: u64,
    sent: u64,
    failed: u64,
    response: Histogram<u64>,
    service: Histogram<u64>,
    lateness: Histogram<u64>,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            planned: 0,
            sent: 0,
            failed: 0,
            response: histogram(),
            service: histogram(),
            lateness: histogram(),
        }
    }

    /// An exchange is over.
    pub(super) fn record(&mut self, row: &ExchangeRow) {
        if row.sent != NOT_REACHED {
            self.sent += 1;
            self.lateness.saturating_record(u64::from(row.sent));
        }
        if row.outcome != Outcome::Complete {
            self.failed += 1;
        }
        if row.ended != NOT_REACHED {
            self.response.saturating_record(u64::from(row.ended));
            if row.sent != NOT_REACHED {
                self.service.saturating_record(u64::from(row.ended.saturating_sub(row.sent)));
            }
        }
    }

    pub(super) fn finish(self, traffic: NameId) -> PhaseFigures {
        PhaseFigures {
            traffic,
            planned: self.planned,
            sent: self.sent,
            failed: self.failed,
            response: serialised(&self.response),
            service: serialised(&self.service),
            lateness: serialised(&self.lateness),
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_US, SIGNIFICANT_DIGITS).expect("these bounds make a histogram")
}

fn serialised(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("a vector takes every byte");
    STANDARD.encode(bytes)
}
