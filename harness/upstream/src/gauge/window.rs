//! Fixed windows: at most so many in each of windows that follow one another from the first request on.

use std::time::Duration;

use record::Moment;

use crate::gauge::{Room, Standing, needed, remaining};

/// What was taken in the window that is open.
#[derive(Debug)]
pub(crate) struct FixedWindow {
    max: u32,
    per: Duration,
    /// When the window began; none before the first request.
    begun: Option<Moment>,
    taken: u64,
}

impl FixedWindow {
    pub(super) fn new(max: u32, per: Duration) -> Self {
        Self { max, per: per.max(Duration::from_nanos(1)), begun: None, taken: 0 }
    }

    pub(super) fn room(&mut self, amount: u64, now: Moment) -> Room {
        let begun = self.catch_up(now);
        if self.taken + needed(amount, self.max) <= u64::from(self.max) {
            return Room::Free;
        }
        Room::After(begun.after(self.per).since(now))
    }

    pub(super) fn take(&mut self, amount: u64, now: Moment) {
        self.catch_up(now);
        self.taken += amount;
    }

    pub(super) fn settle(&mut self, taken: u64, taken_at: Moment, used: u64, now: Moment) {
        // What was taken in a window that is over is over too.
        if self.catch_up(now) <= taken_at {
            self.taken = (self.taken + used).saturating_sub(taken);
        }
    }

    pub(super) fn standing(&mut self, now: Moment) -> Standing {
        let begun = self.catch_up(now);
        let untouched = self.taken == 0;
        Standing {
            limit: self.max,
            remaining: remaining(self.max, self.taken),
            reset: if untouched { Duration::ZERO } else { begun.after(self.per).since(now) },
        }
    }

    /// The beginning of the window that is open now.
    fn catch_up(&mut self, now: Moment) -> Moment {
        let begun = *self.begun.get_or_insert(now);
        let (gone, per) = (now.since(begun).as_nanos(), self.per.as_nanos());
        if gone < per {
            return begun;
        }
        let whole = u64::try_from(gone - gone % per).unwrap_or(u64::MAX);
        let begun = begun.after(Duration::from_nanos(whole));
        (self.begun, self.taken) = (Some(begun), 0);
        begun
    }
}
