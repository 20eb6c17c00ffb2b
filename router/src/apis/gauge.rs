//! How much one key of an API was used, under limits of so many requests in any time of a length.
//!
//! When a request arrives at an API is not known: only that it is after it was sent and before its answer. So it counts from
//! the moment in which it is sent until a whole window after its answer, and no window of the API's own ever holds more
//! than the limit, however long the way is.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::growth::WHOLE;
use crate::pool::UseLimit;

/// A request that has no answer after this time has arrived, and the API is slow. It counts as arrived by then, or a slow
/// API could be asked only as often as its answers come.
const LONGEST_WAY: Duration = Duration::from_secs(1);

/// The uses of one key.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Requests without an answer: their numbers, and when they were sent.
    open: VecDeque<(u64, Instant)>,
    /// The latest moments in which the others can have arrived, in order.
    arrived: VecDeque<Instant>,
    next_number: u64,
    /// What the API itself said of its use.
    told: Option<Told>,
}

/// What an API said of its use.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// In millionths of its limit.
    share: u64,
    until: Instant,
}

impl Gauge {
    /// The share of the fullest limit that is used, in millionths.
    pub(super) fn share(&self, limits: &[UseLimit], now: Instant) -> u64 {
        let own = limits.iter().filter_map(|limit| {
            let most = limit.requests?.max(1);
            Some(self.used(limit.per, now).saturating_mul(WHOLE) / most)
        });
        let told = self.told.filter(|told| now < told.until).map(|told| told.share);
        own.chain(told).max().unwrap_or_default()
    }

    /// How many requests count in a window of this length.
    pub(super) fn used(&self, per: Duration, now: Instant) -> u64 {
        let over = self.arrived.partition_point(|at| *at + per <= now);
        // Those that are under way for long may have left the window as well.
        let open = self.open.iter().filter(|(_, sent)| now < *sent + LONGEST_WAY + per).count();
        count(self.arrived.len() - over + open)
    }

    /// How many requests have no answer yet.
    pub(super) fn open(&self) -> u64 {
        count(self.open.len())
    }

    /// When there is room again where there is none now; nothing if there is.
    pub(super) fn opens_in(&self, limits: &[UseLimit], now: Instant) -> Option<Duration> {
        let own = limits.iter().filter_map(|limit| {
            let most = limit.requests?;
            let used = self.used(limit.per, now);
            let too_many = usize::try_from(used.checked_sub(most)?).ok()?;
            let over = self.arrived.partition_point(|at| *at + limit.per <= now);
            // Of what is under way nobody knows, but it does not leave before a window has passed.
            let leaves = self.arrived.get(over + too_many).map_or(now + limit.per, |at| *at + limit.per);
            Some(leaves.saturating_duration_since(now))
        });
        let told = self.told.filter(|told| now < told.until && told.share >= WHOLE);
        own.chain(told.map(|told| told.until.saturating_duration_since(now))).max()
    }

    /// Counts a request that is sent now, and gives its number.
    pub(super) fn sent(&mut self, longest: Duration, now: Instant) -> u64 {
        self.settle(longest, now);
        self.next_number += 1;
        self.open.push_back((self.next_number, now));
        self.next_number
    }

    /// Takes in that a request has its answer, or is given up.
    pub(super) fn answered(&mut self, number: u64, longest: Duration, now: Instant) {
        self.settle(longest, now);
        if self.take_open(number) {
            self.arrived.push_back(now);
        }
    }

    /// Takes in that a request was never sent.
    pub(super) fn never_sent(&mut self, number: u64) {
        self.take_open(number);
    }

    /// Takes in what the API says of its use.
    pub(super) fn tell(&mut self, share: u64, until: Instant) {
        self.told = Some(Told { share, until });
    }

    fn take_open(&mut self, number: u64) -> bool {
        let place = self.open.iter().position(|(known, _)| *known == number);
        place.and_then(|place| self.open.remove(place)).is_some()
    }

    /// Forgets what is out of all windows, and takes for arrived what has been under way for long.
    fn settle(&mut self, longest: Duration, now: Instant) {
        while let Some((_, sent)) = self.open.front().filter(|(_, sent)| *sent + LONGEST_WAY <= now) {
            let arrived = *sent + LONGEST_WAY;
            let place = self.arrived.partition_point(|at| *at <= arrived);
            self.arrived.insert(place, arrived);
            self.open.pop_front();
        }
        while self.arrived.front().is_some_and(|at| *at + longest <= now) {
            self.arrived.pop_front();
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(requests: u64, per: Duration) -> UseLimit {
        UseLimit { requests: Some(requests), tokens: None, per }
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_request_counts_until_a_window_after_its_answer() {
        let (mut gauge, start) = (Gauge::default(), Instant::now());
        let limits = [limit(2, SECOND)];
        let first = gauge.sent(SECOND, start);
        let second = gauge.sent(SECOND, start);
        assert_eq!(gauge.share(&limits, start), WHOLE);
        gauge.answered(first, SECOND, start + millis(100));
        gauge.answered(second, SECOND, start + millis(300));
        assert_eq!(gauge.opens_in(&limits, start + millis(300)), Some(millis(800)));
        assert_eq!(gauge.share(&limits, start + millis(1_099)), WHOLE);
        assert_eq!(gauge.share(&limits, start + millis(1_100)), WHOLE / 2);
        assert_eq!(gauge.opens_in(&limits, start + millis(1_100)), None);
        assert_eq!(gauge.share(&limits, start + millis(1_300)), 0);
    }

    #[test]
    fn what_was_never_sent_does_not_count() {
        let (mut gauge, start) = (Gauge::default(), Instant::now());
        let number = gauge.sent(SECOND, start);
        gauge.never_sent(number);
        assert_eq!(gauge.used(SECOND, start), 0);
    }

    #[test]
    fn an_answer_that_takes_long_does_not_keep_its_place_for_ever() {
        let (mut gauge, start) = (Gauge::default(), Instant::now());
        let slow = gauge.sent(SECOND, start);
        assert_eq!(gauge.used(SECOND, start + millis(1_999)), 1);
        assert_eq!(gauge.used(SECOND, start + millis(2_000)), 0);
        gauge.sent(SECOND, start + millis(2_500));
        gauge.answered(slow, SECOND, start + millis(2_600));
        assert_eq!(gauge.used(SECOND, start + millis(2_600)), 1);
    }

    #[test]
    fn the_fullest_of_several_limits_counts_and_so_does_what_the_api_says() {
        let (mut gauge, start) = (Gauge::default(), Instant::now());
        let limits = [limit(10, SECOND), limit(30, 60 * SECOND)];
        for request in 0..24 {
            let at = start + request * SECOND;
            let number = gauge.sent(60 * SECOND, at);
            gauge.answered(number, 60 * SECOND, at);
        }
        let now = start + 30 * SECOND;
        assert_eq!(gauge.share(&limits, now), 800_000);
        gauge.tell(900_000, now + SECOND);
        assert_eq!(gauge.share(&limits, now), 900_000);
        assert_eq!(gauge.share(&limits, now + SECOND), 800_000);
        gauge.tell(WHOLE, now + SECOND);
        assert_eq!(gauge.opens_in(&limits, now), Some(SECOND));
    }

    /// Whatever the way takes and wherever the requests arrive on it, no window at the API holds more than the limit.
    #[test]
    fn no_window_at_the_api_ever_holds_more_than_the_limit() {
        let random = crate::splitmix::Splitmix::with_seed(11);
        for _ in 0..50 {
            let (mut gauge, start) = (Gauge::default(), Instant::now());
            let limits = [limit(7, SECOND)];
            let (mut arrivals, mut under_way): (Vec<Instant>, Vec<(u64, Instant)>) = (Vec::new(), Vec::new());
            for step in 0..4_000 {
                let now = start + millis(step * 2);
                under_way.retain(|(number, answered)| {
                    let is_over = *answered <= now;
                    if is_over {
                        gauge.answered(*number, SECOND, now);
                    }
                    !is_over
                });
                while gauge.share(&limits, now) < WHOLE {
                    let (way, back) = (random.next() % 400, random.next() % 400);
                    let number = gauge.sent(SECOND, now);
                    arrivals.push(now + millis(way));
                    under_way.push((number, now + millis(way + back)));
                }
            }
            arrivals.sort();
            let closest = arrivals.windows(8).map(|eight| eight[7] - eight[0]).min().unwrap();
            assert!(closest >= SECOND, "{closest:?}");
            assert!(arrivals.len() > 7 * 4, "{}", arrivals.len());
        }
    }
}
