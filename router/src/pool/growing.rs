//! How much of its limits a key had used at the end of each of the last seconds, and whether that grows towards them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::growth::{LOOKS_AHEAD, LOOKS_BACK, Prediction};

/// What is looked back at of the use of one key for one model.
#[derive(Debug, Clone)]
pub(super) struct Growing {
    start: Instant,
    /// How many seconds are over of which the share was taken in.
    seconds: u64,
    /// The latest ones, in millionths.
    shares: VecDeque<u64>,
    is_looked_at: bool,
    until: Option<Instant>,
    /// How often it began to grow.
    begun: u64,
}

impl Growing {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            seconds: 0,
            shares: VecDeque::with_capacity(LOOKS_BACK + 1),
            is_looked_at: true,
            until: None,
            begun: 0,
        }
    }

    /// Forgets what was used, when other limits hold.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        *self = Self { begun: self.begun, ..Self::new(now) };
    }

    /// Takes in the share at the end of each second that is over by now.
    pub(super) fn reach(&mut self, now: Instant, share_at: impl Fn(Instant) -> u64) {
        let over = now.saturating_duration_since(self.start).as_secs();
        if over == self.seconds {
            return;
        }
        let kept = u64::try_from(LOOKS_BACK).unwrap_or(u64::MAX);
        for second in self.seconds.max(over.saturating_sub(kept)) + 1..=over {
            self.shares.push_back(share_at(self.start + Duration::from_secs(second)));
        }
        while self.shares.len() > LOOKS_BACK {
            self.shares.pop_front();
        }
        (self.seconds, self.is_looked_at) = (over, false);
    }

    /// Looks once in each second, and tells whether it is seen now that the use grows.
    pub(super) fn is_seen(&mut self, predicts: Prediction) -> bool {
        if std::mem::replace(&mut self.is_looked_at, true) || !predicts(self.shares.make_contiguous()) {
            return false;
        }
        let second = self.start + Duration::from_secs(self.seconds);
        // While it was taken for growing nothing begins.
        self.begun += u64::from(self.until.is_none_or(|until| until <= second));
        // Held for as long as was looked ahead: traffic that has moved on is no sign that it would not grow here.
        self.until = Some(second + Duration::from_secs(LOOKS_AHEAD));
        true
    }

    /// Until when it is taken for growing, also when that is over.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// How often it began to grow.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::{WHOLE, grows_to_the_limit};
    use crate::pool::{Choosing, Claim, KeyIndex, Pool, Strategy, UseLimit};

    const LIMITS: [UseLimit; 1] =
        [UseLimit { requests: Some(10), tokens: None, per: Duration::from_secs(1) }];

    fn in_order(predicts: Option<Prediction>) -> Choosing<'static> {
        let claim = Claim { model: "chat", limits: &LIMITS, headroom: None, predicts, most_tokens: 0 };
        Choosing { strategy: Strategy::InOrder, probes: Some(1), claim: Some(claim), session: None }
    }

    /// A moment of a second, a little later in each one, so that no two are a whole second apart.
    fn moment(begin: Instant, second: u64, use_: u64, of: u64) -> Instant {
        let within =
            Duration::from_secs(1) * u32::try_from(2 * use_ + 1).unwrap() / u32::try_from(2 * of).unwrap();
        begin + Duration::from_secs(second) + within + Duration::from_millis(3 * second)
    }

    /// The first key is used so often in each second. Tells which one is chosen after that.
    fn chosen_after(uses: &[u64], predicts: Option<Prediction>) -> usize {
        let (mut pool, begin) = (Pool::new([Some(1), Some(1)].into_iter()), Instant::now());
        let how = in_order(predicts);
        for (second, uses) in (0..).zip(uses) {
            for use_ in 0..*uses {
                pool.begin(KeyIndex(0), how.claim, moment(begin, second, use_, *uses));
            }
        }
        let end = begin + Duration::from_secs(u64::try_from(uses.len()).unwrap());
        pool.next_open(end, how, |_| false).unwrap().get()
    }

    #[test]
    fn a_key_is_left_when_its_use_grows_towards_the_limit_and_in_no_other_case() {
        let cases: [(&str, &[u64], usize); 9] = [
            ("none", &[], 0),
            ("too few", &[3, 6, 9], 0),
            ("flat", &[5; 9], 0),
            ("flat and high", &[8; 9], 0),
            ("falling", &[9, 8, 7, 6, 5, 4, 3, 2, 1], 0),
            ("a single peak", &[1, 1, 1, 1, 9, 1, 1, 1, 1], 0),
            ("up and down", &[2, 8, 2, 8, 2, 8, 2, 8], 0),
            ("rising", &[1, 2, 3, 4, 5, 6, 7, 8], 1),
            ("rising late", &[1, 1, 1, 2, 4, 6, 9], 1),
        ];
        for (name, uses, expected) in cases {
            assert_eq!(chosen_after(uses, Some(grows_to_the_limit)), expected, "{name}");
            assert_eq!(chosen_after(uses, None), 0, "{name}, where nothing is looked at");
        }
    }

    /// In each second one request more than in the one before, to keys in their order: how many of each second went to the first.
    fn ramp(predicts: Option<Prediction>) -> (Vec<usize>, u64) {
        let (mut pool, begin) = (Pool::new([Some(1), Some(1)].into_iter()), Instant::now());
        let how = in_order(predicts);
        let mut seconds = Vec::new();
        for second in 0..13 {
            let rate = (second + 1).min(9);
            let mut first = 0;
            for use_ in 0..rate {
                let now = moment(begin, second, use_, rate);
                let key = pool.next_open(now, how, |_| false).unwrap();
                pool.begin(key, how.claim, now);
                first += usize::from(key == KeyIndex(0));
            }
            seconds.push(first);
        }
        let begun = pool.uses.growths(KeyIndex(0), begin).map(|(_, _, begun)| begun).sum();
        (seconds, begun)
    }

    #[test]
    fn a_ramp_moves_on_before_the_limit_and_comes_back_when_it_is_over() {
        let (with, begun) = ramp(Some(grows_to_the_limit));
        assert_eq!(with[..6], [1, 2, 3, 4, 5, 6], "{with:?}");
        // Seconds of the key's own begin with its first use, so that the eighth may have begun before the growth is seen.
        assert!(with[8..10].iter().all(|first| *first == 0), "{with:?}");
        assert!(with[10..].iter().any(|first| *first > 0), "{with:?}");
        assert!(begun >= 1, "{begun}");
        let (without, begun) = ramp(None);
        assert_eq!((without, begun), ((0..13).map(|second| (second + 1).min(9)).collect(), 0));
    }

    #[test]
    fn keys_that_all_grow_are_used_all_the_same_and_few_are_looked_at_with_one_choice() {
        let always: Prediction = |shares| shares.iter().any(|share| *share > 0);
        let (mut pool, begin) = (Pool::new(std::iter::repeat_n(Some(1), 50)), Instant::now());
        let how = in_order(Some(always));
        for key in 0..50 {
            for millis in [1, 100] {
                pool.begin(KeyIndex(key), how.claim, begin + Duration::from_millis(millis));
            }
        }
        let later = begin + Duration::from_millis(1_500);
        for _ in 0..100 {
            assert!(pool.next_open(later, how, |_| false).is_some());
        }
        let grown = |key| pool.uses.growths(KeyIndex(key), later).any(|(_, grows, _)| grows);
        assert!((0..50).all(grown));
    }

    #[test]
    fn what_other_limits_were_used_for_is_forgotten_and_what_was_counted_is_not() {
        let now = Instant::now();
        let mut growing = Growing::new(now);
        let later = now + Duration::from_secs(5);
        growing.reach(later, |_| WHOLE);
        assert!(growing.is_seen(|_| true) && !growing.is_seen(|_| true), "once in a second");
        growing.begin_anew(later);
        assert_eq!((growing.begun(), growing.until(), growing.shares.len()), (1, None, 0));
    }
}
