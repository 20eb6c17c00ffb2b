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
    sent: u64,
    failed: u64,
    clamped: u64,
    response: Histogram<u64>,
    service: Histogram<u64>,
    lateness: Histogram<u64>,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self {
            sent: 0,
            failed: 0,
            clamped: 0,
            response: histogram(),
            service: histogram(),
            lateness: histogram(),
        }
    }

    /// The driver has given a request its connection, so late.
    pub(super) fn begun(&mut self, late_us: u32) {
        record(&mut self.lateness, late_us, &mut self.clamped);
    }

    /// An exchange is over. One that was abandoned counts as failed, but how long it would have taken is not known.
    pub(super) fn ended(&mut self, row: &ExchangeRow) {
        self.sent += u64::from(row.sent != NOT_REACHED);
        self.failed += u64::from(row.outcome != Outcome::Complete);
        if row.outcome == Outcome::Abandoned {
            return;
        }
        record(&mut self.response, row.ended, &mut self.clamped);
        if row.sent != NOT_REACHED {
            record(&mut self.service, row.ended.saturating_sub(row.sent), &mut self.clamped);
        }
    }

    /// How many values were beyond the histograms' range, and stand in them as its end.
    pub(super) fn clamped(&self) -> u64 {
        self.clamped
    }

    pub(super) fn finish(self, traffic: NameId, planned: u64) -> PhaseFigures {
        PhaseFigures {
            traffic,
            planned,
            sent: self.sent,
            failed: self.failed,
            response: serialised(&self.response),
            service: serialised(&self.service),
            lateness: serialised(&self.lateness),
        }
    }
}

fn record(histogram: &mut Histogram<u64>, micros: u32, clamped: &mut u64) {
    *clamped += u64::from(u64::from(micros) > HIGHEST_US);
    histogram.saturating_record(u64::from(micros));
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_US, SIGNIFICANT_DIGITS).expect("these bounds make a histogram")
}

fn serialised(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("a vector takes every byte");
    STANDARD.encode(bytes)
}
