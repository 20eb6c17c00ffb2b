//! The pace: how fast a provider is asked after it said `slow_down`.
//!
//! Before the first such answer there is no limit. At each one the rate is halved, starting from what was really
//! sent in the second before; then it grows back, evenly, over [`RECOVERY`], and the limit is lifted when it has
//! reached the rate that was too much. What is above the pace is refused here and now, never held back.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The pace of one provider.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    sent: RecentSends,
    limit: Option<RateLimit>,
    last_event: Option<Instant>,
}

/// Answers to requests that were under way together tell of one event.
const ONE_EVENT: Duration = Duration::from_millis(250);
/// The time in which the rate grows from nothing to what it was. Slow, so that the provider's own patience grows too.
const RECOVERY: f64 = 20.0;
/// Something is always sent, else nobody would learn that the provider has recovered.
const SLOWEST: f64 = 1.0;
/// The least growth, in requests a second for each second, so that a slow provider is not slow for ever.
const LEAST_GROWTH: f64 = 0.5;

/// A token bucket that holds one second of sends, and whose rate grows.
#[derive(Debug)]
struct RateLimit {
    /// Requests a second.
    rate: f64,
    /// The rate that was too much.
    ceiling: f64,
    tokens: f64,
    updated: Instant,
}

impl Pace {
    /// Lets a request through, or says how long it would have to wait.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        self.grow(now);
        if let Some(limit) = &self.limit
            && limit.tokens < 1.0
        {
            return Err(Duration::from_secs_f64((1.0 - limit.tokens) / limit.rate));
        }
        self.follow(now);
        Ok(())
    }

    /// Counts a further attempt of a request that was let through. It is never refused: a client that was let in
    /// gets its answer, and what it costs is taken from those who come later.
    pub(crate) fn follow(&mut self, now: Instant) {
        self.grow(now);
        self.sent.count(now);
        if let Some(limit) = &mut self.limit {
            limit.tokens = (limit.tokens - 1.0).max(0.0);
        }
    }

    /// Takes in that the provider asked for less.
    pub(crate) fn slow_down(&mut self, now: Instant) {
        if self.last_event.is_some_and(|event| now.saturating_duration_since(event) < ONE_EVENT) {
            return;
        }
        self.grow(now);
        self.last_event = Some(now);
        let recent = self.sent.in_last_second(now);
        let (before, ceiling) = match &self.limit {
            Some(limit) => (limit.rate.min(recent), limit.ceiling),
            None => (recent, recent.max(2.0 * SLOWEST)),
        };
        let rate = (before / 2.0).max(SLOWEST);
        self.limit = Some(RateLimit { rate, ceiling, tokens: 0.0, updated: now });
    }

    fn grow(&mut self, now: Instant) {
        let Some(limit) = &mut self.limit else { return };
        let passed = now.saturating_duration_since(limit.updated).as_secs_f64();
        limit.updated = now;
        limit.rate += passed * (limit.ceiling / RECOVERY).max(LEAST_GROWTH);
        limit.tokens = (limit.tokens + passed * limit.rate).min(limit.rate);
        if limit.rate >= limit.ceiling {
            self.limit = None;
        }
    }
}

/// Sends of the last second, counted in slices so that memory does not grow with the rate.
#[derive(Debug, Default)]
struct RecentSends {
    /// The end of each slice, and what was sent in it.
    slices: VecDeque<(Instant, u32)>,
}

const SLICE: Duration = Duration::from_millis(20);
const WINDOW: Duration = Duration::from_secs(1);

impl RecentSends {
    fn count(&mut self, now: Instant) {
        match self.slices.back_mut() {
            Some((end, count)) if now < *end => *count += 1,
            _ => {
                while self.slices.front().is_some_and(|slice| !is_recent(slice, now)) {
                    self.slices.pop_front();
                }
                self.slices.push_back((now + SLICE, 1));
            }
        }
    }

    fn in_last_second(&self, now: Instant) -> f64 {
        let recent = self.slices.iter().filter(|slice| is_recent(slice, now));
        recent.map(|(_, count)| f64::from(*count)).sum()
    }
}

/// Whether a slice began within the last second.
fn is_recent((end, _): &(Instant, u32), now: Instant) -> bool {
    now < *end + (WINDOW - SLICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    /// How many of the requests that come every 5 ms in a span are let through.
    fn admitted(pace: &mut Pace, start: Instant, span: std::ops::Range<u64>) -> usize {
        span.step_by(5).filter(|&millis| pace.admit(after(start, millis)).is_ok()).count()
    }

    #[test]
    fn without_a_slow_down_everything_is_let_through() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(admitted(&mut pace, start, 0..5_000), 1_000);
    }

    #[test]
    fn a_slow_down_halves_what_was_sent() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        admitted(&mut pace, start, 0..1_000);
        pace.slow_down(after(start, 1_000));
        let second = admitted(&mut pace, start, 1_000..2_000);
        assert!((95..=110).contains(&second), "{second}");
    }

    #[test]
    fn answers_close_together_are_one_event() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        admitted(&mut pace, start, 0..1_000);
        for millis in [1_000, 1_020, 1_249] {
            pace.slow_down(after(start, millis));
        }
        let second = admitted(&mut pace, start, 1_250..2_250);
        assert!((95..=140).contains(&second), "{second}");
    }

    #[test]
    fn the_rate_grows_back_and_the_limit_is_lifted() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        admitted(&mut pace, start, 0..1_000);
        pace.slow_down(after(start, 1_000));
        let early = admitted(&mut pace, start, 1_000..2_000);
        admitted(&mut pace, start, 2_000..6_000);
        let later = admitted(&mut pace, start, 6_000..7_000);
        assert!(later > early && later < 190, "{early} {later}");
        admitted(&mut pace, start, 7_000..12_000);
        assert_eq!(admitted(&mut pace, start, 12_000..13_000), 200);
    }

    #[test]
    fn something_is_always_sent_and_a_refusal_says_when_to_come_back() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        for event in 0..40 {
            pace.slow_down(after(start, event * 300));
        }
        let end = after(start, 12_000);
        let wait = pace.admit(end).map_or_else(|wait| wait, |()| pace.admit(end).unwrap_err());
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(pace.admit(end + wait + Duration::from_millis(1)).is_ok());
    }
}
