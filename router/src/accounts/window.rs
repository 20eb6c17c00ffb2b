//! The time for which a budget is. One follows the other without a gap, also while the router is not running.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A window as it is kept in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetWindow {
    pub(crate) begin: SystemTime,
    pub(crate) length: Duration,
}

/// A window while the router runs. A clock that is set moves no end of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    kept: BudgetWindow,
    end: Instant,
}

impl Window {
    pub(super) fn beginning(length: Duration) -> Self {
        Self { kept: BudgetWindow { begin: SystemTime::now(), length }, end: Instant::now() + length }
    }

    /// The window that follows from one that was kept, and whether it is another one. One that has not begun yet, by a
    /// clock that was set back, ends after its length at the latest.
    pub(super) fn following(kept: BudgetWindow) -> (Self, bool) {
        let age = SystemTime::now().duration_since(kept.begin).unwrap_or_default();
        let mut window = Self { kept, end: Instant::now() + kept.length };
        let over = whole(age, kept.length);
        window.kept.begin += kept.length.saturating_mul(over);
        window.end -= age.saturating_sub(kept.length.saturating_mul(over)).min(kept.length);
        (window, over > 0)
    }

    /// One that all routers share: it began at this millisecond of the era, and so much of it is left.
    pub(super) fn of_all(begin: u64, length: Duration, left: Duration) -> Self {
        let begin = SystemTime::UNIX_EPOCH + Duration::from_millis(begin);
        Self { kept: BudgetWindow { begin, length }, end: Instant::now() + left }
    }

    /// Its length and its begin in the era, in milliseconds.
    pub(super) fn in_millis(&self) -> (u64, u64) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let begin = self.kept.begin.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (millis(self.kept.length), millis(begin))
    }

    /// Goes on to the window of this moment, and tells whether that is another one.
    pub(super) fn renew(&mut self, now: Instant) -> bool {
        if now < self.end {
            return false;
        }
        let length = self.kept.length;
        let missed = whole(now.saturating_duration_since(self.end), length).saturating_add(1);
        self.end += length.saturating_mul(missed);
        self.kept.begin += length.saturating_mul(missed);
        true
    }

    pub(super) fn kept(&self) -> BudgetWindow {
        self.kept
    }

    pub(super) fn length(&self) -> Duration {
        self.kept.length
    }

    pub(super) fn end(&self) -> Instant {
        self.end
    }
}

/// How many whole lengths a time holds.
fn whole(time: Duration, length: Duration) -> u32 {
    u32::try_from(time.as_nanos() / length.as_nanos().max(1)).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// The window that follows from one that began so long ago, and how much is left of it.
    fn following(age: Duration) -> (bool, Duration, Duration) {
        let kept = BudgetWindow { begin: SystemTime::now() - age, length: HOUR };
        let (window, is_another) = Window::following(kept);
        let moved = window.kept.begin.duration_since(kept.begin).unwrap();
        (is_another, moved, window.end.saturating_duration_since(Instant::now()))
    }

    #[tokio::test(start_paused = true)]
    async fn windows_follow_each_other_while_nobody_looks() {
        let minute = Duration::from_secs(60);
        for (age, is_another, moved, left) in [
            (minute, false, Duration::ZERO, HOUR - minute),
            (HOUR + minute, true, HOUR, HOUR - minute),
            (HOUR * 5, true, HOUR * 5, HOUR),
        ] {
            let found = following(age);
            assert_eq!((found.0, found.1), (is_another, moved), "{age:?}");
            // The clock of the machine goes on in the test.
            assert!(found.2 <= left && found.2 + minute > left, "{age:?}: {:?}", found.2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_set_back_makes_no_window_longer() {
        let kept = BudgetWindow { begin: SystemTime::now() + HOUR * 30, length: HOUR };
        let (window, is_another) = Window::following(kept);
        assert!(!is_another);
        assert_eq!(window.end.saturating_duration_since(Instant::now()), HOUR);
    }
}
