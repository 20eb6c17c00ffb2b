//! A phase as it is asked for, and what it comes to.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use record::{Moment, NameId, PhaseFigures};

use crate::allowance::Cap;
use crate::drive::figures::Figures;
use crate::drive::worker::Worker;
use crate::request::Request;
use crate::schedule::{BadSchedule, Schedule, Share};
use crate::sending::Sending;
use crate::stop::{StopSignal, Stopping};
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
    /// What is sent.
    pub requests: Vec<Request>,
    /// In which order it is sent, by a schedule that does not say so itself.
    pub order: Order,
    /// How long a response may take.
    pub timeout: Duration,
    /// The seed of its arrivals.
    pub seed: u64,
    /// How many connections it may hold at once; requests beyond wait, and are late.
    pub most_connections: usize,
    /// How its clients behave.
    pub sending: Sending,
    /// It ends by itself when nobody has listened at its address for so long; it goes on in any case if missing.
    pub gives_up_after: Option<Duration>,
    /// How many threads drive it, each with its own connections and recorders. More than it has clients are of no use.
    pub workers: usize,
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
    /// Why it ended before its schedule was over, if it did so by itself.
    pub ended_early: Option<EndedEarly>,
}

/// In which order a phase's requests are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// One after the other, and again from the first.
    #[default]
    InTurn,
    /// In pairs that are to be compared: each of the first half with its counterpart in the second half, which goes straight to the
    /// upstream. Which of the two comes first is drawn for each pair. One worker sends all of them.
    Pairs,
}

/// Why a phase ended by itself before its schedule was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedEarly {
    /// No more may be sent.
    Capped(Cap),
    /// Nobody listened any more: so many requests in a row were refused.
    Down {
        /// How many.
        refused: u32,
    },
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
    job: &PhaseJob,
    surroundings: &Surroundings,
    stop: &StopSignal,
) -> Result<PhaseReport, PhaseError> {
    if job.requests.is_empty() {
        return Err(PhaseError::NoRequest);
    }
    job.schedule.check(job.requests.len())?;
    let began = surroundings.clock.now();
    let workers = match job.order {
        Order::InTurn => job.workers.clamp(1, job.schedule.most_workers().max(1)),
        Order::Pairs => 1,
    };
    let work = |nth| work(job, Share { nth, of: workers }, began, (surroundings.clone(), stop));
    let parts = match workers {
        1 => work(0)?,
        _ => in_threads(workers, work)?,
    };
    Ok(parts.into_report(job.traffic))
}

/// Does one worker's share of a phase. The phase is over for all of them when one cannot go on.
fn work(
    job: &PhaseJob,
    share: Share,
    began: Moment,
    (surroundings, stop): (Surroundings, &StopSignal),
) -> Result<Part, PhaseError> {
    let mut worker = Worker::new(job, share, began, (surroundings, stop))?;
    worker.run().inspect_err(|_| stop.stop(Stopping::Now))?;
    Ok(worker.into_part())
}

/// Works in as many threads, and joins what they measured.
fn in_threads(
    workers: usize,
    work: impl Fn(usize) -> Result<Part, PhaseError> + Sync,
) -> Result<Part, PhaseError> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..workers).map(|nth| scope.spawn(move || work(nth))).collect();
        let parts = threads.into_iter().map(|thread| match thread.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // All of them are waited for before the first error is told.
        let parts: Vec<_> = parts.collect();
        let mut joined: Option<Part> = None;
        for part in parts {
            let part = part?;
            joined = Some(match joined {
                None => part,
                Some(before) => before.with(&part),
            });
        }
        joined.ok_or(PhaseError::NoRequest)
    })
}

/// What one worker's share of a phase came to.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) figures: Figures,
    pub(super) planned: u64,
    pub(super) connections: u64,
    pub(super) short_of_sockets: bool,
    pub(super) ended_early: Option<EndedEarly>,
}

impl Part {
    fn with(self, other: &Self) -> Self {
        Self {
            figures: self.figures.with(&other.figures),
            planned: self.planned + other.planned,
            connections: self.connections + other.connections,
            short_of_sockets: self.short_of_sockets || other.short_of_sockets,
            ended_early: self.ended_early.or(other.ended_early),
        }
    }

    fn into_report(self, traffic: NameId) -> PhaseReport {
        PhaseReport {
            clamped: self.figures.clamped(),
            figures: self.figures.finish(traffic, self.planned),
            connections: self.connections,
            short_of_sockets: self.short_of_sockets,
            ended_early: self.ended_early,
        }
    }
}
