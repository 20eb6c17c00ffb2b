//! Clients that rest: those that read slowly, until they read again, and those that try again by themselves.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use record::Moment;

/// Something that is to be done at a time, the earliest first.
#[derive(Debug)]
pub(super) struct Rests<T> {
    waiting: BinaryHeap<Reverse<(Moment, T)>>,
}

/// A request that a client sends once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Retry {
    pub(super) request: usize,
    pub(super) client: usize,
    pub(super) retries: u32,
}

impl<T: Ord> Rests<T> {
    pub(super) fn new() -> Self {
        Self { waiting: BinaryHeap::new() }
    }

    pub(super) fn add(&mut self, at: Moment, what: T) {
        self.waiting.push(Reverse((at, what)));
    }

    /// When the first of them is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.waiting.peek().map(|Reverse((at, _))| *at)
    }

    /// The first of them, if it is due by now.
    pub(super) fn take(&mut self, now: Moment) -> Option<(Moment, T)> {
        self.next().filter(|at| *at <= now)?;
        self.waiting.pop().map(|Reverse(due)| due)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
