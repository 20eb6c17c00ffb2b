//! Fixed windows: at most so many in each of windows that follow one another, from the first request on or by the clock on
//! the wall.

use std::time::Duration;

use record::Moment;

use crate::gauge::{Room, Standing, needed, remaining};

/// What was taken in the window that is open.
#[derive(Debug)]
pub(crate) struct FixedWindow {
    max: u32,
    per: Duration,
    /// The Unix time of the clock's zero, for windows that begin at whole multiples of their length.
    epoch: Option<Duration>,
    /// When the window ends; none before the first request.
    ends: Option<Moment>,
    taken: u64,
}

impl FixedWindow {
    pub(super) fn new((max, per): (u32, Duration), epoch: Option<Duration>) -> Self {
        Self { max, per: per.max(Duration::from_nanos(1)), epoch, ends: None, taken: 0 }
    }

    pub(super) fn room(&mut self, amount: u64, now: Moment) -> Room {
        let ends = self.catch_up(now);
        if self.taken + needed(amount, self.max) <= u64::from(self.max) {
            return Room::Free;
        }
        Room::After(ends.since(now))
    }

    pub(super) fn take(&mut self, amount: u64, now: Moment) {
        self.catch_up(now);
        self.taken += amount;
    }

    pub(super) fn settle(&mut self, taken: u64, taken_at: Moment, used: u64, now: Moment) {
        // What was taken in a window that is over is over too.
        if self.catch_up(now) <= taken_at.after(self.per) {
            self.taken = (self.taken + used).saturating_sub(taken);
        }
    }

    pub(super) fn standing(&mut self, now: Moment) -> Standing {
        let ends = self.catch_up(now);
        let untouched = self.taken == 0;
        Standing {
            limit: self.max,
            remaining: remaining(self.max, self.taken),
            reset: if untouched { Duration::ZERO } else { ends.since(now) },
        }
    }

    /// The end of the window that is open now.
    fn catch_up(&mut self, now: Moment) -> Moment {
        match self.ends {
            Some(ends) if now < ends => return ends,
            Some(_) => self.taken = 0,
            None => {}
        }
        // How far the window is that is open now.
        let into = match (self.epoch, self.ends) {
            (Some(epoch), _) => (epoch + now.since(Moment(0))).as_nanos() % self.per.as_nanos(),
            (None, Some(ends)) => now.since(ends).as_nanos() % self.per.as_nanos(),
            (None, None) => 0,
        };
        let into = Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX));
        let ends = now.after(self.per.saturating_sub(into));
        self.ends = Some(ends);
        ends
    }
}
