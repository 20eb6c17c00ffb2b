//! How fast keys answer, and the choice of the fastest: by the time to the first byte of late answers, times the requests
//! that are under way, so that a crowd does not run to one key.
//!
//! A key of which nothing is known, or nothing of late, is looked at now and then, with a bounded share of the requests.

use std::time::Duration;

use tokio::time::Instant;

use super::ready::By;
use super::{Choosing, KeyIndex, Pool, Strategy};

/// How fast answers came of late.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Latency {
    /// Nothing before the first answer.
    micros: Option<u32>,
    measured: Option<Instant>,
    /// When it was measured or was last asked for the sake of it.
    looked_at: Option<Instant>,
}

/// What is older says nothing any more: the next answer counts as if it were the first.
const OLD: Duration = Duration::from_secs(10);
/// What a failure counts as, unless it took even longer: far more than an answer that is waited for gladly.
const FAILED: Duration = Duration::from_secs(10);
/// A late answer counts as much as all before it divided by this.
const MEMORY: i64 = 8;
/// One of so many choices, at most, may go to a key for the sake of looking at it.
pub(crate) const ONE_LOOK_IN: u32 = 10;

impl Latency {
    /// Takes in an answer, or that there was none.
    pub(crate) fn measure(&mut self, took: Duration, has_failed: bool, now: Instant) {
        let took = if has_failed { took.max(FAILED) } else { took };
        let sample = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let known = self.micros.filter(|_| !is_old(self.measured, now));
        let next = known.map_or(i64::from(sample), |known| {
            i64::from(known) + (i64::from(sample) - i64::from(known)) / MEMORY
        });
        self.micros = Some(u32::try_from(next).unwrap_or(u32::MAX));
        (self.measured, self.looked_at) = (Some(now), Some(now));
    }

    /// What another request is to be reckoned with, beside those that are under way. The most for one of which nothing is known.
    pub(crate) fn cost(&self, under_way: u32) -> u32 {
        self.micros
            .map_or(u32::MAX, |micros| micros.saturating_mul(under_way.saturating_add(1)).min(u32::MAX - 1))
    }

    /// Whether it is to be looked at.
    pub(crate) fn is_unknown(&self, now: Instant) -> bool {
        is_old(self.looked_at, now)
    }

    /// Takes in that it is asked now for the sake of looking at it.
    pub(crate) fn look(&mut self, now: Instant) {
        self.looked_at = Some(now);
    }
}

fn is_old(moment: Option<Instant>, now: Instant) -> bool {
    moment.is_none_or(|moment| now.saturating_duration_since(moment) > OLD)
}

impl Pool {
    /// The key that is looked at with this choice, if it is one for that.
    pub(super) fn next_look(
        &mut self,
        now: Instant,
        choosing: Choosing<'_>,
        spared: Option<usize>,
        skip: impl Fn(KeyIndex) -> bool,
    ) -> Option<KeyIndex> {
        if choosing.strategy != Strategy::LowestLatency {
            return None;
        }
        // A choice that is not used for it is not saved up, or the looks would come in crowds.
        self.looks = (self.looks + 1).min(ONE_LOOK_IN);
        if self.looks < ONE_LOOK_IN {
            return None;
        }
        let oldest = match spared {
            Some(place) => {
                let oldest = self.unspared(By::Looks, choosing, place, now, &skip);
                oldest.filter(|key| !self.ready.spared[place].has(*key))
            }
            None => {
                self.ready.keep(By::Looks, &self.turns, &self.keys);
                self.ready.first(By::Looks, |key| !skip(key) && self.fits(key, choosing, false, now))
            }
        };
        let key = oldest.filter(|key| self.keys[key.get()].latency.is_unknown(now))?;
        self.looks = 0;
        self.keys[key.get()].latency.look(now);
        self.was_looked_at(key);
        Some(key)
    }

    /// Takes in how long a key took to answer, or to fail.
    pub(crate) fn measure(&mut self, key: KeyIndex, took: Duration, has_failed: bool, now: Instant) {
        self.keys[key.get()].latency.measure(took, has_failed, now);
        self.was_looked_at(key);
    }

    fn was_looked_at(&mut self, key: KeyIndex) {
        self.looked += 1;
        let state = &mut self.keys[key.get()];
        state.looked = self.looked;
        self.ready.shift(key, &self.turns[key.get()], state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FASTEST: Choosing<'static> =
        Choosing { strategy: Strategy::LowestLatency, probes: None, claim: None, session: None };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn pool(keys: usize) -> Pool {
        Pool::new((0..keys).map(|_| Some(1)))
    }

    /// Chooses, and measures what the key takes at once.
    fn ask(pool: &mut Pool, now: Instant, takes: impl Fn(usize) -> (u64, bool)) -> usize {
        let key = pool.next_open(now, FASTEST, |_| false).unwrap();
        let (took, has_failed) = takes(key.get());
        pool.measure(key, millis(took), has_failed, now);
        key.get()
    }

    #[test]
    fn the_fastest_key_gets_all_but_the_share_for_looking_at_the_others() {
        let (mut pool, start) = (pool(4), Instant::now());
        let mut asked = [0; 4];
        for request in 0..2_000 {
            let now = start + millis(request * 50);
            asked[ask(&mut pool, now, |key| ([80, 20, 300, 90][key], false))] += 1;
        }
        // A hundred seconds: each of the others is old ten times. The first was the only one known at the beginning.
        assert!(asked[1] >= 1_900, "{asked:?}");
        assert!([asked[0], asked[2], asked[3]].iter().all(|count| (8..=20).contains(count)), "{asked:?}");
    }

    #[test]
    fn keys_of_which_nothing_is_known_are_asked_in_turn_and_with_a_bounded_share_once_something_is() {
        let (mut pool, now) = (pool(5), Instant::now());
        let mut first: Vec<usize> =
            (0..5).map(|_| pool.next_open(now, FASTEST, |_| false).unwrap().get()).collect();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2, 3, 4], "nothing is measured yet");
        pool.measure(KeyIndex::new(3), millis(10), false, now);
        let others =
            (0..1_000).filter(|_| pool.next_open(now, FASTEST, |_| false).unwrap().get() != 3).count();
        assert!(others <= 1_000 / usize::try_from(ONE_LOOK_IN).unwrap(), "{others}");
    }

    #[test]
    fn a_crowd_is_spread_by_what_each_key_has_under_way() {
        let (mut pool, now) = (pool(3), Instant::now());
        for (key, took) in [(0, 10), (1, 20), (2, 40)] {
            pool.measure(KeyIndex::new(key), millis(took), false, now);
        }
        let mut asked = [0_u32; 3];
        for _ in 0..70 {
            let key = pool.next_open(now, FASTEST, |_| false).unwrap();
            pool.busy(key);
            asked[key.get()] += 1;
        }
        assert_eq!(asked, [40, 20, 10], "in proportion to how fast they are");
    }

    #[test]
    fn a_failure_counts_as_slow_and_is_forgotten_when_it_is_old() {
        let (mut pool, start) = (pool(2), Instant::now());
        for (key, took) in [(0, 10), (1, 100)] {
            pool.measure(KeyIndex::new(key), millis(took), false, start);
        }
        assert_eq!(ask(&mut pool, start, |_| (1, true)), 0);
        let after: Vec<usize> =
            (1..50).map(|step| ask(&mut pool, start + millis(step * 100), |_| (100, false))).collect();
        assert!(after.iter().all(|key| *key == 1), "{after:?}");
        // Old by now: looked at once more, and trusted again at once.
        let late = start + OLD + millis(200);
        let after: Vec<usize> =
            (0..40).map(|step| ask(&mut pool, late + millis(step), |key| ([10, 100][key], false))).collect();
        let looked = after.iter().position(|key| *key == 0).expect("it is looked at");
        assert!(looked < 10 && after[looked..].iter().all(|key| *key == 0), "{after:?}");
    }

    #[test]
    fn one_slow_answer_is_not_all_that_is_known() {
        let (mut latency, now) = (Latency::default(), Instant::now());
        for _ in 0..20 {
            latency.measure(millis(100), false, now);
        }
        latency.measure(millis(900), false, now);
        assert_eq!(latency.cost(0), 200_000);
        for _ in 0..40 {
            latency.measure(millis(100), false, now);
        }
        assert!(latency.cost(0) < 101_000);
        assert_eq!(latency.cost(1), 2 * latency.cost(0));
        assert_eq!(Latency::default().cost(0), u32::MAX);
        latency.measure(Duration::MAX, false, now);
        assert!(latency.cost(u32::MAX) < u32::MAX, "a key that is known comes before one that is not");
    }

    #[test]
    fn a_key_that_hangs_while_it_is_looked_at_is_not_looked_at_again_before_long() {
        let (mut pool, now) = (pool(2), Instant::now());
        pool.measure(KeyIndex::new(0), millis(50), false, now);
        let asked = (0..200).filter(|_| pool.next_open(now, FASTEST, |_| false).unwrap().get() == 1).count();
        assert_eq!(asked, 1);
    }
}
