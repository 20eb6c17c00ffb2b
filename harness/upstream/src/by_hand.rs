//! An entry of the timeline that is made to hold by hand, besides the times that the scenario gives it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use record::Moment;

/// Until when an entry holds that was fired.
#[derive(Debug)]
pub(crate) struct ByHand {
    lasts: Option<Duration>,
    /// In nanoseconds of the clock.
    until: AtomicU64,
}

const NOT_FIRED: u64 = 0;

impl ByHand {
    /// An entry that holds for so long whenever it is fired, or until it is called off.
    pub(crate) fn new(lasts: Option<Duration>) -> Self {
        Self { lasts, until: AtomicU64::new(NOT_FIRED) }
    }

    pub(crate) fn fire(&self, now: Moment) {
        let until = self.lasts.map_or(Moment(u64::MAX), |lasts| now.after(lasts));
        self.until.store(until.0, Ordering::Release);
    }

    pub(crate) fn call_off(&self) {
        self.until.store(NOT_FIRED, Ordering::Release);
    }

    pub(crate) fn holds(&self, now: Moment) -> bool {
        now.0 < self.until.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_holds_for_as_long_as_it_lasts_or_until_it_is_called_off() {
        let (short, long) = (ByHand::new(Some(Duration::from_nanos(5))), ByHand::new(None));
        assert!(!short.holds(Moment(0)) && !long.holds(Moment(0)));
        short.fire(Moment(10));
        long.fire(Moment(10));
        assert!(short.holds(Moment(14)) && !short.holds(Moment(15)));
        assert!(long.holds(Moment(1 << 60)));
        short.fire(Moment(20));
        short.call_off();
        long.call_off();
        assert!(!short.holds(Moment(21)) && !long.holds(Moment(21)));
    }
}
