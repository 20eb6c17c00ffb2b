//! When a phase sends: each request's intended time is a pure function of the seed, the phase and the request's number.

mod course;
mod piece;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use course::Course;
pub(crate) use piece::Piece;

/// When a phase sends its requests. A rate is written as the mean time from one request to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// So many at once.
    Burst {
        /// How many.
        count: u64,
    },
    /// So many clients, each sending its next request when it has its answer.
    Closed {
        /// How many clients.
        clients: usize,
        /// How many requests in all; without end if missing.
        requests: Option<u64>,
        /// For how long; without end if missing.
        lasts: Option<Duration>,
        /// How long a client pauses between an answer and its next request.
        pause: Duration,
    },
    /// At a rate, whatever the answers do.
    Open {
        /// The rate.
        interval: Duration,
        /// How the requests are spread.
        arrivals: Arrivals,
        /// For how long; without end if missing.
        lasts: Option<Duration>,
    },
    /// At a rate that changes evenly from one to another.
    Ramp {
        /// The rate at the start.
        from: Duration,
        /// The rate at the end.
        to: Duration,
        /// How the requests are spread.
        arrivals: Arrivals,
        /// For how long.
        lasts: Duration,
    },
    /// At rates one after the other.
    Steps {
        /// Each rate, and for how long.
        steps: Vec<(Duration, Duration)>,
        /// How the requests are spread.
        arrivals: Arrivals,
    },
    /// At these times after the phase's start, which never go back.
    Replay {
        /// The times.
        offsets: Arc<[Duration]>,
    },
    /// So many users, each going through the same deeds again and again.
    Flow {
        /// How many users.
        users: usize,
        /// What each does, in order.
        does: Vec<Deed>,
        /// How often each goes through it; without end if missing.
        rounds: Option<u64>,
        /// For how long users begin requests; without end if missing.
        lasts: Option<Duration>,
    },
}

/// One thing that a user of a flow does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It sends one of these requests of the phase, taken in turn, and waits for the answer.
    Send(Range<usize>),
    /// It thinks for a while.
    Pause(Duration),
}

/// How the requests of an open schedule are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// At random, as independent users come.
    Poisson,
}

/// A schedule that no phase can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// Everything at once, for ever.
    #[error("an open schedule needs an interval longer than nothing between its requests")]
    NoInterval,
    /// A time lies before the one ahead of it.
    #[error("the times of a replay go back")]
    GoesBack,
    /// A flow sends nothing, and would go round for ever.
    #[error("the users of a flow send nothing")]
    NothingToSend,
    /// A flow sends a request that the phase does not have.
    #[error("a flow sends a request that the phase does not have")]
    NoSuchRequest,
}

impl Schedule {
    /// How many workers can share it: none is left without a client.
    pub(crate) fn most_workers(&self) -> usize {
        match self {
            Self::Burst { count } => usize::try_from(*count).unwrap_or(usize::MAX),
            Self::Closed { clients, .. } => *clients,
            Self::Flow { users, .. } => *users,
            Self::Open { .. } | Self::Ramp { .. } | Self::Steps { .. } | Self::Replay { .. } => usize::MAX,
        }
    }

    /// Whether a phase with so many requests can keep it.
    pub(crate) fn check(&self, requests: usize) -> Result<(), BadSchedule> {
        let bad_interval = match self {
            Self::Open { interval, .. } => interval.is_zero(),
            Self::Ramp { from, to, .. } => from.is_zero() || to.is_zero(),
            Self::Steps { steps, .. } => steps.iter().any(|(interval, _)| interval.is_zero()),
            Self::Burst { .. } | Self::Closed { .. } | Self::Replay { .. } | Self::Flow { .. } => false,
        };
        if bad_interval {
            return Err(BadSchedule::NoInterval);
        }
        match self {
            Self::Replay { offsets } if !offsets.is_sorted() => Err(BadSchedule::GoesBack),
            Self::Flow { does, .. } => check_deeds(does, requests),
            _ => Ok(()),
        }
    }
}

fn check_deeds(does: &[Deed], requests: usize) -> Result<(), BadSchedule> {
    let mut sends = false;
    for deed in does {
        if let Deed::Send(range) = deed {
            if range.is_empty() || range.end > requests {
                return Err(BadSchedule::NoSuchRequest);
            }
            sends = true;
        }
    }
    if sends { Ok(()) } else { Err(BadSchedule::NothingToSend) }
}

/// What one of a phase's workers does of it: the requests whose numbers leave this remainder, and its share of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which worker, from 0.
    pub(crate) nth: usize,
    /// How many workers there are.
    pub(crate) of: usize,
}

impl Share {
    /// Everything, for a worker that is alone.
    pub(crate) const ALL: Self = Self { nth: 0, of: 1 };

    /// How many of so many are its own; the shares of all workers add up to all.
    pub(crate) fn part(self, all: u64) -> u64 {
        let (nth, of) = (self.nth as u64, self.of.max(1) as u64);
        all / of + u64::from(nth < all % of)
    }

    /// How many of so many clients are its own.
    pub(crate) fn clients(self, all: usize) -> usize {
        all / self.of.max(1) + usize::from(self.nth < all % self.of.max(1))
    }

    /// How many of so many requests its clients send, of so many clients in all: as many for each client as for any other, or one more.
    pub(crate) fn requests(self, all: u64, clients: usize) -> u64 {
        let ahead: usize = (0..self.nth).map(|nth| Self { nth, ..self }.clients(clients)).sum();
        let until = |clients_before: usize| {
            let sent = u128::from(all) * clients_before as u128 / clients.max(1) as u128;
            u64::try_from(sent).unwrap_or(u64::MAX)
        };
        until(ahead + self.clients(clients)) - until(ahead)
    }
}

/// The intended times of one worker's share of a schedule, one after the other, counted from the phase's start.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    all: AllTimes,
    /// How many times of other workers lie ahead of the next one of its own.
    skip: usize,
    share: Share,
}

/// The intended times of a schedule.
#[derive(Clone, Debug)]
enum AllTimes {
    /// So many more at once, of one worker.
    Burst { left: u64 },
    /// As the rate has it.
    Course(Course),
    /// As they are listed, from this one on.
    Listed { offsets: Arc<[Duration]>, next: usize },
}

impl Times {
    /// The times of a schedule; none for one whose clients or users send when they can.
    pub(crate) fn new(schedule: &Schedule, seed: u64, share: Share) -> Option<Self> {
        let course = |pieces, arrivals| AllTimes::Course(Course::new(pieces, arrivals, seed));
        let all = match schedule {
            // Which of them are whose makes no difference.
            Schedule::Burst { count } => {
                let all = AllTimes::Burst { left: share.part(*count) };
                return Some(Self { all, skip: 0, share: Share::ALL });
            }
            Schedule::Open { interval, arrivals, lasts } => {
                course(vec![Piece::even(*interval, *lasts)], *arrivals)
            }
            Schedule::Ramp { from, to, arrivals, lasts } => {
                course(vec![Piece::ramp(*from, *to, *lasts)], *arrivals)
            }
            Schedule::Steps { steps, arrivals } => {
                let pieces = steps.iter().map(|(interval, lasts)| Piece::even(*interval, Some(*lasts)));
                course(pieces.collect(), *arrivals)
            }
            Schedule::Replay { offsets } => AllTimes::Listed { offsets: Arc::clone(offsets), next: 0 },
            Schedule::Closed { .. } | Schedule::Flow { .. } => return None,
        };
        Some(Self { all, skip: share.nth, share })
    }

    /// How many more times there are, for the one schedule whose times need not be counted.
    pub(crate) fn left_of_burst(&self) -> Option<u64> {
        match self.all {
            AllTimes::Burst { left } => Some(left),
            AllTimes::Course(_) | AllTimes::Listed { .. } => None,
        }
    }
}

impl Iterator for Times {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let others = std::mem::replace(&mut self.skip, self.share.of - 1);
        self.all.nth(others)
    }
}

impl Iterator for AllTimes {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match self {
            Self::Burst { left } => {
                *left = left.checked_sub(1)?;
                Some(Duration::ZERO)
            }
            Self::Course(course) => course.next(),
            Self::Listed { offsets, next } => {
                let time = offsets.get(*next).copied()?;
                *next += 1;
                Some(time)
            }
        }
    }
}

#[cfg(test)]
mod tests;
