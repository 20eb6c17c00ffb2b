//! A sliding log: at most so many in any window of a length.

use std::collections::VecDeque;
use std::time::Duration;

use record::Moment;

use crate::gauge::{Room, Standing, needed, remaining};

/// What was taken in the last window, and when.
#[derive(Debug)]
pub(crate) struct Log {
    max: u32,
    per: Duration,
    taken: VecDeque<(Moment, u64)>,
    /// All of it together.
    sum: u64,
}

impl Log {
    pub(super) fn new(max: u32, per: Duration) -> Self {
        Self { max, per, taken: VecDeque::new(), sum: 0 }
    }

    pub(super) fn room(&mut self, amount: u64, now: Moment) -> Room {
        self.catch_up(now);
        let max = u64::from(self.max);
        let Some(mut missing) = (self.sum + needed(amount, self.max)).checked_sub(max).filter(|n| *n > 0)
        else {
            return Room::Free;
        };
        for (at, taken) in &self.taken {
            if *taken >= missing {
                return Room::After(at.after(self.per).since(now));
            }
            missing -= taken;
        }
        Room::After(self.per)
    }

    pub(super) fn take(&mut self, amount: u64, now: Moment) {
        // Two threads may have read the clock in the other order; the log stays sorted.
        let at = self.taken.back().map_or(now, |(last, _)| now.max(*last));
        self.taken.push_back((at, amount));
        self.sum += amount;
    }

    pub(super) fn take_refused(&mut self, amount: u64, now: Moment) {
        self.take(amount, now);
        // What the newest entries fill alone, the older ones do not make fuller.
        while let Some((_, oldest)) = self.taken.front()
            && self.sum - oldest >= u64::from(self.max)
            && self.taken.len() > 1
        {
            self.sum -= oldest;
            self.taken.pop_front();
        }
    }

    pub(super) fn settle(&mut self, taken: u64, taken_at: Moment, used: u64) {
        let entry = self.taken.iter_mut().find(|(at, amount)| *at >= taken_at && *amount == taken);
        if let Some((_, amount)) = entry {
            self.sum = self.sum - taken + used;
            *amount = used;
        }
    }

    pub(super) fn standing(&mut self, now: Moment) -> Standing {
        self.catch_up(now);
        Standing {
            limit: self.max,
            remaining: remaining(self.max, self.sum),
            reset: self.taken.back().map_or(Duration::ZERO, |(last, _)| last.after(self.per).since(now)),
        }
    }

    fn catch_up(&mut self, now: Moment) {
        while let Some((first, amount)) = self.taken.front()
            && first.after(self.per) <= now
        {
            self.sum -= amount;
            self.taken.pop_front();
        }
    }
}
