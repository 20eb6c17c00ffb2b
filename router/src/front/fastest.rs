//! Which of several providers of one model answers fastest, by the same reckoning as of keys.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::pool::{Latency, ONE_LOOK_IN};

/// The providers among which the fastest is asked first, by their places.
#[derive(Debug)]
pub(super) struct Fastest {
    providers: Vec<Measured>,
    /// How many choices there were since one was looked at.
    looks: AtomicU32,
}

#[derive(Debug, Default)]
struct Measured {
    latency: Mutex<Latency>,
    /// Requests without a first byte.
    under_way: AtomicU32,
}

/// A request that a provider has not answered yet. Dropping it says that nothing was learned.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    provider: &'a Measured,
    begin: Instant,
}

impl Fastest {
    pub(super) fn new(providers: usize) -> Self {
        let providers = std::iter::repeat_with(Measured::default).take(providers).collect();
        Self { providers, looks: AtomicU32::new(ONE_LOOK_IN) }
    }

    /// The one to ask first. Of several alike the first, unless `turn` says otherwise.
    pub(super) fn first(&self, turn: u64, now: Instant) -> usize {
        if self.looks.fetch_add(1, Ordering::Relaxed) >= ONE_LOOK_IN
            && let Some(unknown) = self.next_look(turn, now)
        {
            self.looks.store(0, Ordering::Relaxed);
            return unknown;
        }
        let cost = |place: &usize| {
            let provider = &self.providers[*place];
            provider.latency().cost(provider.under_way.load(Ordering::Relaxed))
        };
        self.from(turn).min_by_key(cost).unwrap_or_default()
    }

    /// The next in turn of which nothing is known, or nothing of late.
    fn next_look(&self, turn: u64, now: Instant) -> Option<usize> {
        let unknown = self.from(turn).find(|place| self.providers[*place].latency().is_unknown(now))?;
        self.providers[unknown].latency().look(now);
        Some(unknown)
    }

    /// All places, from the one whose turn it is.
    fn from(&self, turn: u64) -> impl Iterator<Item = usize> {
        let count = self.providers.len();
        let first =
            usize::try_from(turn % u64::try_from(count.max(1)).unwrap_or(u64::MAX)).unwrap_or_default();
        (first..count).chain(0..first)
    }

    /// Counts a request that is put to a provider now; nothing for one that is not among these.
    pub(super) fn ask(&self, place: usize) -> Option<UnderWay<'_>> {
        let provider = self.providers.get(place)?;
        provider.under_way.fetch_add(1, Ordering::Relaxed);
        Some(UnderWay { provider, begin: Instant::now() })
    }
}

impl Measured {
    fn latency(&self) -> MutexGuard<'_, Latency> {
        // Held for a few steps, and each of them leaves it whole.
        self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay<'_> {
    /// Takes in that it was answered, or could not be.
    pub(super) fn ended(self, has_failed: bool) {
        let now = Instant::now();
        self.provider.latency().measure(now.saturating_duration_since(self.begin), has_failed, now);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.provider.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    async fn ask(fastest: &Fastest, turn: u64, takes: [u64; 3], fails: Option<usize>) -> usize {
        let place = fastest.first(turn, Instant::now());
        let under_way = fastest.ask(place).unwrap();
        advance(Duration::from_millis(takes[place])).await;
        under_way.ended(fails == Some(place));
        place
    }

    #[tokio::test(start_paused = true)]
    async fn the_fastest_provider_is_asked_first_and_a_failing_one_is_left_until_it_is_looked_at_again() {
        let (fastest, takes) = (Fastest::new(3), [30, 10, 20]);
        let mut asked = [0; 3];
        for turn in 0..500 {
            asked[ask(&fastest, turn, takes, None).await] += 1;
        }
        assert!(asked[1] > 450, "{asked:?}");
        assert!(asked[0] >= 1 && asked[2] >= 1, "each was looked at: {asked:?}");
        ask(&fastest, 0, takes, Some(1)).await;
        let mut asked = [0; 3];
        for turn in 0..100 {
            asked[ask(&fastest, turn, takes, Some(1)).await] += 1;
        }
        assert!(asked[2] > 90 && asked[1] <= 1, "{asked:?}");
        advance(Duration::from_secs(11)).await;
        let late: Vec<usize> = {
            let mut late = Vec::new();
            for turn in 0..60 {
                late.push(ask(&fastest, turn, takes, None).await);
            }
            late
        };
        assert_eq!(late.last(), Some(&1), "it is the fastest again: {late:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_wait_for_a_first_byte_are_reckoned_with() {
        let (fastest, now) = (Fastest::new(2), Instant::now());
        for (place, took) in [(0, 10), (1, 25)] {
            let under_way = fastest.ask(place).unwrap();
            advance(Duration::from_millis(took)).await;
            under_way.ended(false);
        }
        let mut waiting = Vec::new();
        let mut asked = [0; 2];
        for _ in 0..7 {
            let place = fastest.first(0, now);
            asked[place] += 1;
            waiting.push(fastest.ask(place));
        }
        assert_eq!(asked, [5, 2]);
        drop(waiting);
        assert_eq!(fastest.first(0, now), 0);
        assert!(fastest.ask(2).is_none());
    }
}
