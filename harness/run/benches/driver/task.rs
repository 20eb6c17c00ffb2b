//! What a process of its own is to drive, and what came of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use record::PhaseFigures;
use serde::{Deserialize, Serialize};

/// What is to be driven.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) to: SocketAddr,
    pub(crate) path: String,
    pub(crate) traffic: Traffic,
    pub(crate) connections: usize,
    /// Whether anything is recorded: rows, histograms, marks.
    pub(crate) recorded: bool,
}

/// When it is sent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Traffic {
    /// So many requests in all, each connection's next one when it was answered.
    Closed(u64),
    /// So many a second, for so many seconds.
    Open { rate: u32, seconds: u64 },
    /// So many streams, all at once.
    Streams(u64),
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Drove {
    pub(crate) requests: u64,
    /// The processor time of the whole process, from its start.
    pub(crate) cpu_us: f64,
    /// The most that it had in its memory.
    pub(crate) peak_kib: u64,
    pub(crate) figures: Option<PhaseFigures>,
    /// Where the evidence is, for whoever removes it.
    pub(crate) folder: Option<PathBuf>,
    /// The bytes of the evidence.
    pub(crate) evidence: u64,
    /// Requests sent in a second, from the first to the last, where that was looked at.
    pub(crate) achieved: Option<f64>,
    /// The time to the first content of each stream, in microseconds.
    pub(crate) first_contents: Vec<f64>,
}

impl Drove {
    /// Microseconds of processor time for each request.
    pub(crate) fn cost(&self) -> f64 {
        self.cpu_us / per(self.requests)
    }
}

/// A count as what something is divided by.
pub(crate) fn per(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a measurement stay far below 2^53")]
    let count = count as f64;
    count
}
