//! The gauge of one limit: how much room there is, when there will be some, and what the limit headers say of it.

mod bucket;
mod log;
mod window;

use std::time::Duration;

use record::Moment;
use scenario::Limit;

use bucket::Level;
use log::Log;
use window::FixedWindow;

/// What has been taken from a limit so far.
#[derive(Debug)]
pub(crate) enum Gauge {
    /// At most so many in any window.
    Log(Log),
    /// At most so many in each of windows that follow one another.
    Window(FixedWindow),
    /// A bucket.
    Bucket(Level),
    /// At most so many open at once.
    AtOnce {
        /// How many.
        max: u32,
        /// How many are open.
        open: u64,
    },
}

/// Whether there is room for an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Free,
    /// There will be after so long, if nothing else is taken.
    After(Duration),
    /// There is none, and nobody knows when there will be.
    Unknown,
}

/// What the limit headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// How long until the whole limit is free again.
    pub(crate) reset: Duration,
}

impl Gauge {
    /// A gauge that is untouched. `epoch` is the Unix time of the clock's zero.
    pub(crate) fn new(limit: &Limit<'_>, now: Moment, epoch: Duration) -> Self {
        match limit {
            Limit::Log(window) => Self::Log(Log::new(window.max, window.per)),
            Limit::Fixed(window) => {
                let epoch = window.aligned.then_some(epoch);
                Self::Window(FixedWindow::new((window.max, window.per), epoch))
            }
            Limit::Bucket(bucket) => Self::Bucket(Level::new(bucket, now)),
            Limit::AtOnce(max) => Self::AtOnce { max: *max, open: 0 },
        }
    }

    /// Whether there is room for an amount. More than the whole limit finds room where the whole limit would.
    pub(crate) fn room(&mut self, amount: u64, now: Moment) -> Room {
        match self {
            Self::Log(log) => log.room(amount, now),
            Self::Window(window) => window.room(amount, now),
            Self::Bucket(level) => level.room(amount, now),
            Self::AtOnce { max, open } if *open < u64::from(*max) => Room::Free,
            Self::AtOnce { .. } => Room::Unknown,
        }
    }

    /// Takes an amount, whether there is room or not.
    pub(crate) fn take(&mut self, amount: u64, now: Moment) {
        match self {
            Self::Log(log) => log.take(amount, now),
            Self::Window(window) => window.take(amount, now),
            Self::Bucket(level) => level.take(amount, now),
            Self::AtOnce { open, .. } => *open += 1,
        }
    }

    /// Takes an amount for a request that was refused. However many are refused, it goes no deeper than an empty limit.
    pub(crate) fn take_refused(&mut self, amount: u64, now: Moment) {
        match self {
            Self::Log(log) => log.take_refused(amount, now),
            Self::Window(window) => window.take(amount, now),
            Self::Bucket(level) => level.take_refused(amount, now),
            Self::AtOnce { .. } => {}
        }
    }

    /// What was taken turns out to be another amount, now that the request is over.
    pub(crate) fn settle(&mut self, taken: u64, taken_at: Moment, used: u64, now: Moment) {
        match self {
            Self::AtOnce { open, .. } => *open = open.saturating_sub(1),
            _ if taken == 0 => {
                if used > 0 {
                    self.take(used, now);
                }
            }
            Self::Log(log) => log.settle(taken, taken_at, used),
            Self::Window(window) => window.settle(taken, taken_at, used, now),
            Self::Bucket(level) => level.settle(taken, used, now),
        }
    }

    /// What the limit headers say.
    pub(crate) fn standing(&mut self, now: Moment) -> Standing {
        match self {
            Self::Log(log) => log.standing(now),
            Self::Window(window) => window.standing(now),
            Self::Bucket(level) => level.standing(now),
            Self::AtOnce { max, open } => Standing {
                limit: *max,
                remaining: u32::try_from(u64::from(*max).saturating_sub(*open)).unwrap_or(0),
                reset: Duration::ZERO,
            },
        }
    }
}

/// What is left of a limit from which so much has been taken.
fn remaining(max: u32, taken: u64) -> u32 {
    u32::try_from(u64::from(max).saturating_sub(taken)).unwrap_or(0)
}

/// How much room an amount needs. Nobody waits for more than the whole limit, and nothing at all fits no limit of nothing.
fn needed(amount: u64, max: u32) -> u64 {
    amount.min(max.into()).max(1)
}

#[cfg(test)]
mod tests;
