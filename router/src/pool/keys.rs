//! The pool: the standing of each key and the rotation over the open ones.
//!
//! Time is always given by the caller. Choosing a key costs a search in an ordered set, not a walk over all keys.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

/// The place of a key in its provider's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyIndex(usize);

impl KeyIndex {
    pub(crate) fn get(self) -> usize {
        self.0
    }
}

/// What is known about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Available,
    /// Its rate is used up.
    Limited,
    /// It met the provider's limit on growth.
    Spiking,
    /// Out of money or quota.
    Exhausted,
    /// Not accepted by the provider.
    Invalid,
    /// Taken out by the operator, for good.
    Disabled,
}

impl Standing {
    /// How long an exhausted or invalid key rests. Both are mended by people, so asking more often is noise; an hour
    /// still brings a mended key back without a restart.
    pub(crate) const LONG_PERIOD: Duration = Duration::from_secs(60 * 60);
}

/// What the pool can be expected to do next, by its most hopeful key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Some key is open, or will be after this time.
    OpenIn(Duration),
    /// No key will open by waiting; at least one only lacks money.
    Exhausted,
    /// No key is accepted by the provider.
    Invalid,
    /// The operator disabled every key.
    Disabled,
}

/// The keys of one provider.
#[derive(Debug)]
pub(crate) struct Pool {
    keys: Vec<KeyState>,
    open: BTreeSet<KeyIndex>,
    /// Closed keys by the moment they open; disabled ones are in neither set.
    closed: BTreeSet<(Instant, KeyIndex)>,
    /// Where the rotation goes on.
    next: KeyIndex,
}

#[derive(Debug, Clone, Copy)]
struct KeyState {
    standing: Standing,
    /// Set while the key stands in `closed`.
    until: Option<Instant>,
}

impl Pool {
    /// One key for each item, which says whether the operator disabled it.
    pub(crate) fn new(disabled: impl Iterator<Item = bool>) -> Self {
        let keys: Vec<KeyState> = disabled
            .map(|disabled| KeyState {
                standing: if disabled { Standing::Disabled } else { Standing::Available },
                until: None,
            })
            .collect();
        let open = (0..keys.len())
            .filter(|&index| keys[index].standing == Standing::Available)
            .map(KeyIndex)
            .collect();
        Self { keys, open, closed: BTreeSet::new(), next: KeyIndex(0) }
    }

    /// The next open key in turn that is not to be skipped; the rotation goes on behind it.
    pub(crate) fn next_open(&mut self, now: Instant, skip: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        self.reopen(now);
        let onwards = self.open.range(self.next..).chain(self.open.range(..self.next));
        let key = onwards.copied().find(|&key| !skip(key))?;
        self.next = KeyIndex(key.0 + 1);
        Some(key)
    }

    /// The next key in turn, open or closed, that the operator did not disable and that is not to be skipped.
    pub(crate) fn next_enabled(&mut self, skip: impl Fn(KeyIndex) -> bool) -> Option<KeyIndex> {
        let count = self.keys.len();
        let key = (0..count)
            .map(|step| KeyIndex((self.next.0 + step) % count))
            .find(|&key| self.keys[key.0].standing != Standing::Disabled && !skip(key))?;
        self.next = KeyIndex(key.0 + 1);
        Some(key)
    }

    /// Closes a key until a moment. A key that is already closed for longer stays as it is: the latest end wins.
    pub(crate) fn close(&mut self, key: KeyIndex, standing: Standing, until: Instant) {
        let state = &mut self.keys[key.0];
        if state.standing == Standing::Disabled || state.until.is_some_and(|earlier| earlier >= until) {
            return;
        }
        if let Some(earlier) = state.until.replace(until) {
            self.closed.remove(&(earlier, key));
        }
        state.standing = standing;
        self.open.remove(&key);
        self.closed.insert((until, key));
    }

    /// What the most hopeful key promises.
    pub(crate) fn outlook(&mut self, now: Instant) -> Outlook {
        self.reopen(now);
        if !self.open.is_empty() {
            return Outlook::OpenIn(Duration::ZERO);
        }
        let standing = |key: KeyIndex| self.keys[key.0].standing;
        // Keys that are mended by people may open earlier than a limited one, but that is no promise.
        let limited = self
            .closed
            .iter()
            .find(|(_, key)| matches!(standing(*key), Standing::Limited | Standing::Spiking));
        if let Some((until, _)) = limited {
            return Outlook::OpenIn(until.saturating_duration_since(now));
        }
        let any = |wanted| self.keys.iter().any(|state| state.standing == wanted);
        if any(Standing::Exhausted) {
            Outlook::Exhausted
        } else if any(Standing::Invalid) {
            Outlook::Invalid
        } else {
            Outlook::Disabled
        }
    }

    fn reopen(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.closed.first()
            && until <= now
        {
            self.closed.pop_first();
            self.keys[key.0] = KeyState { standing: Standing::Available, until: None };
            self.open.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: fn(KeyIndex) -> bool = |_| false;

    fn pool(keys: usize) -> Pool {
        Pool::new(std::iter::repeat_n(false, keys))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn turns(pool: &mut Pool, now: Instant, count: usize) -> Vec<usize> {
        (0..count).map(|_| pool.next_open(now, NOBODY).unwrap().get()).collect()
    }

    #[test]
    fn open_keys_take_turns() {
        assert_eq!(turns(&mut pool(3), Instant::now(), 7), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_limited_key_is_not_offered_again_until_its_time_is_over() {
        let (mut pool, now) = (pool(3), Instant::now());
        pool.close(KeyIndex(1), Standing::Limited, now + seconds(5));
        assert_eq!(turns(&mut pool, now, 4), [0, 2, 0, 2]);
        assert_eq!(turns(&mut pool, now + seconds(5) - Duration::from_nanos(1), 2), [0, 2]);
        assert_eq!(turns(&mut pool, now + seconds(5), 3), [0, 1, 2]);
    }

    #[test]
    fn the_latest_end_wins_in_either_order() {
        for hints in [[1, 60], [60, 1]] {
            let (mut pool, now) = (pool(1), Instant::now());
            for hint in hints {
                pool.close(KeyIndex(0), Standing::Limited, now + seconds(hint));
            }
            assert_eq!(pool.outlook(now + seconds(2)), Outlook::OpenIn(seconds(58)), "{hints:?}");
            assert_eq!(pool.next_open(now + seconds(59), NOBODY), None);
            assert_eq!(pool.next_open(now + seconds(60), NOBODY), Some(KeyIndex(0)));
        }
    }

    #[test]
    fn a_skipped_key_is_passed_over() {
        let (mut pool, now) = (pool(3), Instant::now());
        assert_eq!(pool.next_open(now, |key| key.get() < 2), Some(KeyIndex(2)));
        assert_eq!(pool.next_open(now, |_| true), None);
    }

    #[test]
    fn the_outlook_is_that_of_the_most_hopeful_key() {
        let (mut pool, now) = (pool(3), Instant::now());
        assert_eq!(pool.outlook(now), Outlook::OpenIn(seconds(0)));
        for key in 0..3 {
            pool.close(KeyIndex(key), Standing::Invalid, now + Standing::LONG_PERIOD);
        }
        assert_eq!(pool.outlook(now), Outlook::Invalid);
        pool.close(KeyIndex(0), Standing::Exhausted, now + Standing::LONG_PERIOD + seconds(1));
        assert_eq!(pool.outlook(now), Outlook::Exhausted);
        pool.close(KeyIndex(1), Standing::Limited, now + Standing::LONG_PERIOD + seconds(2));
        assert_eq!(pool.outlook(now), Outlook::OpenIn(Standing::LONG_PERIOD + seconds(2)));
    }

    #[test]
    fn a_disabled_key_is_never_offered() {
        let (mut pool, now) = (Pool::new([false, true].into_iter()), Instant::now());
        assert_eq!(turns(&mut pool, now, 3), [0, 0, 0]);
        pool.close(KeyIndex(1), Standing::Limited, now + seconds(1));
        assert_eq!(turns(&mut pool, now + seconds(2), 2), [0, 0]);
        assert_eq!(pool.next_enabled(|key| key.get() == 0), None);
        let mut all_disabled = Pool::new([true].into_iter());
        assert_eq!(all_disabled.outlook(now), Outlook::Disabled);
    }
}
