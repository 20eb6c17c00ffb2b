//! A token bucket.

use std::time::Duration;

use record::Moment;
use scenario::Bucket;

use crate::gauge::{Room, Standing, needed};

/// The level of a bucket in whole units, so that no rounding adds up: one of what it counts costs as many units as one period
/// has nanoseconds, and each nanosecond brings as many units as a period brings of it. It can be below zero.
#[derive(Debug)]
pub(crate) struct Level {
    capacity: u32,
    cost: i128,
    per_nano: i128,
    units: i128,
    at: Moment,
}

impl Level {
    pub(super) fn new(bucket: &Bucket, now: Moment) -> Self {
        let cost = i128::from(u64::try_from(bucket.refill.per.as_nanos()).unwrap_or(u64::MAX).max(1));
        let units = cost * i128::from(bucket.capacity);
        Self { capacity: bucket.capacity, cost, per_nano: bucket.refill.count.max(1).into(), units, at: now }
    }

    pub(super) fn room(&mut self, amount: u64, now: Moment) -> Room {
        self.catch_up(now);
        let needed = self.cost * i128::from(needed(amount, self.capacity));
        if self.units < needed { Room::After(self.time_for(needed - self.units)) } else { Room::Free }
    }

    pub(super) fn take(&mut self, amount: u64, now: Moment) {
        self.catch_up(now);
        self.units -= self.cost * i128::from(amount);
    }

    pub(super) fn take_refused(&mut self, amount: u64, now: Moment) {
        let before = self.units.min(-self.full());
        self.take(amount, now);
        self.units = self.units.max(before);
    }

    pub(super) fn settle(&mut self, taken: u64, used: u64, now: Moment) {
        self.catch_up(now);
        self.units += self.cost * (i128::from(taken) - i128::from(used));
        self.units = self.units.min(self.full());
    }

    pub(super) fn standing(&mut self, now: Moment) -> Standing {
        self.catch_up(now);
        Standing {
            limit: self.capacity,
            remaining: u32::try_from(self.units.max(0) / self.cost).unwrap_or(u32::MAX),
            reset: self.time_for(self.full() - self.units),
        }
    }

    fn catch_up(&mut self, now: Moment) {
        let gone = u64::try_from(now.since(self.at).as_nanos()).unwrap_or(u64::MAX);
        self.units = (self.units + i128::from(gone) * self.per_nano).min(self.full());
        self.at = self.at.max(now);
    }

    fn full(&self) -> i128 {
        self.cost * i128::from(self.capacity)
    }

    fn time_for(&self, units: i128) -> Duration {
        let nanos = (units + self.per_nano - 1) / self.per_nano;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
