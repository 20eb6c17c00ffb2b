//! A phase as it is asked for, and what it comes to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use record::{NameId, PhaseFigures};

use crate::drive::worker::Worker;
use crate::request::Request;
use crate::schedule::{BadSchedule, Schedule};
use crate::sending::Sending;
use crate::stop::StopSignal;
use crate::surroundings::Surroundings;

/// A phase to be driven.
#[derive(Clone, Debug)]
pub struct PhaseJob {
    /// Its name.
    pub traffic: NameId,
    /// Where its requests go.
    pub to: SocketAddr,
    /// When they go.
    pub schedule: Schedule,
    /// What is sent, taken in turn.
    pub requests: Vec<Request>,
    /// How long a response may take.
    pub timeout: Duration,
    /// The seed of its arrivals.
    pub seed: u64,
    /// How many connections it may hold at once; requests beyond wait, and are late.
    pub most_connections: usize,
    /// How its clients behave.
    pub sending: Sending,
}

/// What a phase came to.
#[derive(Clone, Debug)]
pub struct PhaseReport {
    /// Counts and histograms.
    pub figures: PhaseFigures,
    /// How many values were beyond the histograms' range, and stand in them as its end.
    pub clamped: u64,
    /// How many connections were opened.
    pub connections: u64,
    /// Whether the machine gave fewer connections at once than the job allows: requests were late for want of sockets, which is
    /// no fault of the target's.
    pub short_of_sockets: bool,
}

/// Why a phase cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// There is nothing to send.
    #[error("a phase needs at least one request to send")]
    NoRequest,
    /// Its schedule cannot be kept.
    #[error(transparent)]
    Schedule(#[from] BadSchedule),
    /// The machine gives no timer, no event queue or not a single socket.
    #[error("the machine gives the phase driver nothing to work with: {0}")]
    System(#[from] io::Error),
}

/// Drives a phase until its schedule is over and all its exchanges have ended, or until it is stopped. Blocks: it wants a thread
/// of its own.
///
/// # Errors
///
/// If there is nothing to send, or the machine gives no timer.
pub fn drive(
    job: PhaseJob,
    surroundings: Surroundings,
    stop: &StopSignal,
) -> Result<PhaseReport, PhaseError> {
    if job.requests.is_empty() {
        return Err(PhaseError::NoRequest);
    }
    job.schedule.check(job.requests.len())?;
    let mut worker = Worker::new(job, surroundings, stop)?;
    worker.run()?;
    Ok(worker.into_report())
}
