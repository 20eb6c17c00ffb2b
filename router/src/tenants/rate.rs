//! A tenant's own limit: at most so many requests in any minute.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A limit with the moments of the last minute's requests. Those that were refused do not count.
#[derive(Debug)]
pub(crate) struct MinuteLimit {
    limit: u32,
    let_in: Mutex<VecDeque<Instant>>,
}

/// Where a limit stands, to be told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateStanding {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// The time until the whole limit is free again.
    pub(crate) reset: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);

impl MinuteLimit {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, let_in: Mutex::default() }
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit
    }

    /// Counts a request, or says how long it would have to wait.
    pub(crate) fn admit(&self, now: Instant) -> Result<RateStanding, (RateStanding, Duration)> {
        // A moment is in or out, so a panic elsewhere spoils nothing.
        let mut let_in = self.let_in.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |then: Instant| (then + MINUTE).saturating_duration_since(now);
        while let_in.front().is_some_and(|&first| left(first).is_zero()) {
            let_in.pop_front();
        }
        let used = u32::try_from(let_in.len()).unwrap_or(u32::MAX);
        if used >= self.limit {
            let wait = let_in.front().map_or(MINUTE, |&first| left(first));
            let reset = let_in.back().map_or(MINUTE, |&last| left(last));
            return Err((RateStanding { limit: self.limit, remaining: 0, reset }, wait));
        }
        let_in.push_back(now);
        Ok(RateStanding { limit: self.limit, remaining: self.limit - used - 1, reset: MINUTE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_has_at_most_the_limit_and_refusals_do_not_count() {
        let (limit, start) = (MinuteLimit::new(2), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(limit.admit(at(0)).unwrap().remaining, 1);
        assert_eq!(limit.admit(at(30)).unwrap().remaining, 0);
        for seconds in [31, 40, 59] {
            let (standing, wait) = limit.admit(at(seconds)).unwrap_err();
            assert_eq!((standing.remaining, wait), (0, Duration::from_secs(60 - seconds)));
            assert_eq!(standing.reset, Duration::from_secs(90 - seconds));
        }
        assert!(limit.admit(at(60)).is_ok());
        assert!(limit.admit(at(89)).is_err());
        assert!(limit.admit(at(90)).is_ok());
    }
}
