//! How often an API was asked in each second of the last hour.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Counts by whole seconds since the beginning.
#[derive(Debug)]
pub(super) struct History {
    start: Instant,
    /// The second of the last count.
    latest: u64,
    /// The last one belongs to `latest`.
    counts: VecDeque<u32>,
}

const LONGEST: usize = 60 * 60;

impl History {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, latest: 0, counts: VecDeque::from([0]) }
    }

    pub(super) fn count(&mut self, now: Instant) {
        self.reach(now);
        if let Some(count) = self.counts.back_mut() {
            *count = count.saturating_add(1);
        }
    }

    /// Takes back the latest count: the request was never sent.
    pub(super) fn uncount(&mut self) {
        if let Some(count) = self.counts.iter_mut().rev().find(|count| **count > 0) {
            *count -= 1;
        }
    }

    /// How many there were in the last seconds, the one that is under way included.
    pub(super) fn in_last(&mut self, seconds: usize, now: Instant) -> u64 {
        self.reach(now);
        self.counts.iter().rev().take(seconds).map(|count| u64::from(*count)).sum()
    }

    /// The use of a limit at the end of each of the last whole seconds, the oldest first, in millionths. Only seconds since
    /// the beginning count.
    pub(super) fn shares(&mut self, most: u64, per: Duration, seconds: usize, now: Instant) -> Vec<u64> {
        self.reach(now);
        let whole = self.counts.len() - 1;
        let window = usize::try_from(per.as_secs().max(1)).unwrap_or(LONGEST);
        // A limit of less than a second is taken for what it allows in one.
        let most = if per < Duration::from_secs(1) {
            let scaled = u128::from(most) * 1_000_000_000 / per.as_nanos().max(1);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        } else {
            most
        };
        (whole.saturating_sub(seconds)..whole)
            .map(|second| {
                let from = (second + 1).saturating_sub(window);
                let used: u64 = self.counts.range(from..=second).map(|count| u64::from(*count)).sum();
                used.saturating_mul(crate::growth::WHOLE) / most.max(1)
            })
            .collect()
    }

    /// The second that is under way.
    pub(super) fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs()
    }

    fn reach(&mut self, now: Instant) {
        let second = self.second(now);
        let missed =
            usize::try_from(second.saturating_sub(self.latest)).unwrap_or(usize::MAX).min(LONGEST + 1);
        self.counts.extend(std::iter::repeat_n(0, missed));
        while self.counts.len() > LONGEST + 1 {
            self.counts.pop_front();
        }
        self.latest = self.latest.max(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn counts_are_kept_by_the_second() {
        let start = Instant::now();
        let mut history = History::new(start);
        for millis in [0, 500, 1_100, 1_200, 1_999, 4_000] {
            history.count(after(start, millis));
        }
        let now = after(start, 4_500);
        assert_eq!((history.in_last(1, now), history.in_last(60, now)), (1, 6));
        assert_eq!(history.shares(10, Duration::from_secs(1), 10, now), [200_000, 300_000, 0, 0]);
        assert_eq!(history.shares(10, Duration::from_secs(2), 2, now), [300_000, 0]);
        assert_eq!(history.shares(1, Duration::from_millis(100), 4, now)[1], 300_000);
        history.uncount();
        assert_eq!(history.in_last(1, now), 0);
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let start = Instant::now();
        let mut history = History::new(start);
        history.count(start);
        let late = after(start, 90 * 60 * 1_000);
        assert_eq!(history.in_last(usize::MAX, late), 0);
        assert_eq!(history.counts.len(), LONGEST + 1);
    }
}
