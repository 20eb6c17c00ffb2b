//! What keys were used for lately, under limits of the settings: so many requests or tokens in any time of a length.
//!
//! A use counts from the moment in which its attempt begins. What it costs in tokens is not known by then, so the most
//! that it may cost is set aside until its answer is counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::KeyIndex;
use super::growing::Growing;
use crate::growth::{Prediction, WHOLE};

/// A limit for each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UseLimit {
    pub(crate) requests: Option<u64>,
    pub(crate) tokens: Option<u64>,
    pub(crate) per: Duration,
}

/// What a request would use of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// The public model whose limits these are.
    pub(crate) model: &'a str,
    pub(crate) limits: &'a [UseLimit],
    /// From this share of a limit on other keys are preferred, in millionths.
    pub(crate) headroom: Option<u64>,
    /// What tells that the use of a key grows towards its limit, where other keys are preferred to one of which that is seen.
    pub(crate) predicts: Option<Prediction>,
    /// The most tokens that it can come to.
    pub(crate) most_tokens: u64,
}

impl Claim<'_> {
    /// Whether one key may be preferred to another.
    pub(super) fn prefers(&self) -> bool {
        self.headroom.is_some() || self.predicts.is_some()
    }
}

/// The uses of all keys, by the public model that they were used for.
#[derive(Debug, Clone, Default)]
pub(super) struct Uses(BTreeMap<String, UsesOfModel>);

#[derive(Debug, Clone, Default)]
struct UsesOfModel {
    /// By the place of the key.
    gauges: Vec<Gauge>,
    /// The most tokens that a late answer came to; the best guess at what the next one will.
    largest: Option<u64>,
}

/// One window for each limit.
#[derive(Debug, Clone, Default)]
struct Gauge {
    windows: Vec<Window>,
    /// Where it is looked ahead. Elsewhere it takes no room worth speaking of.
    growing: Option<Box<Growing>>,
}

#[derive(Debug, Clone)]
struct Window {
    limit: UseLimit,
    uses: VecDeque<Use>,
    tokens: u64,
    /// How many uses have left it.
    left: u64,
    /// How many of those in it were taken back.
    taken_back: usize,
}

#[derive(Debug, Clone, Copy)]
struct Use {
    /// When it leaves the window.
    leaves: Instant,
    tokens: u64,
    /// It never came to be.
    is_taken_back: bool,
}

/// A use whose tokens are not known yet: its number in each window.
#[derive(Debug)]
pub(crate) struct OpenUse {
    pub(super) key: KeyIndex,
    numbers: Vec<u64>,
    /// What is set aside for it.
    tokens: u64,
}

impl OpenUse {
    /// The tokens that are set aside for it.
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens
    }
}

/// An attempt arrives at the provider so much later than it began, at most. A window of the provider's begins then.
const LATEST_ARRIVAL: Duration = Duration::from_millis(50);

impl UseLimit {
    /// For how long a use counts.
    pub(crate) fn counts_for(&self) -> Duration {
        self.per + LATEST_ARRIVAL.min(self.per / 10)
    }
}

impl Uses {
    /// Whether a key has room for one more use, below the share from which on others are preferred or at all.
    pub(super) fn has_room(&self, key: KeyIndex, claim: &Claim<'_>, prefers: bool, now: Instant) -> bool {
        let Some(of_model) = self.0.get(claim.model) else { return true };
        let Some(gauge) = of_model.gauges.get(key.0) else { return true };
        let tokens = of_model.guess(claim);
        let headroom = claim.headroom.filter(|_| prefers);
        gauge.windows.iter().all(|window| {
            !claim.limits.contains(&window.limit) || window.opens_for(tokens, headroom, now).is_none()
        })
    }

    /// Counts a use. Also gives the moment from which on there is room for another one, when there is none now.
    pub(super) fn begin(
        &mut self,
        key: KeyIndex,
        claim: &Claim<'_>,
        now: Instant,
    ) -> (OpenUse, Option<Instant>) {
        let of_model = self.0.entry(claim.model.to_owned()).or_default();
        let tokens = of_model.guess(claim);
        if of_model.gauges.len() <= key.0 {
            of_model.gauges.resize_with(key.0 + 1, Gauge::default);
        }
        let gauge = &mut of_model.gauges[key.0];
        gauge.follow(claim.limits, now);
        gauge.reach(claim.predicts.is_some(), now);
        let numbers = gauge.windows.iter_mut().map(|window| window.count(tokens, now)).collect();
        let opens = gauge.windows.iter().filter_map(|window| window.opens_for(tokens, None, now)).max();
        (OpenUse { key, numbers, tokens }, opens)
    }

    /// Takes in what a use came to.
    pub(super) fn settle(&mut self, model: &str, open: &OpenUse, tokens: u64) {
        let Some(of_model) = self.0.get_mut(model) else { return };
        if tokens > 0 {
            // A large answer is remembered for a while, and not for ever.
            let faded = of_model.largest.map_or(0, |largest| largest - largest / 8);
            of_model.largest = Some(tokens.max(faded));
        }
        let Some(gauge) = of_model.gauges.get_mut(open.key.0) else { return };
        for (window, number) in gauge.windows.iter_mut().zip(&open.numbers) {
            window.settle(*number, tokens);
        }
    }

    /// Takes a use back that never came to be.
    pub(super) fn take_back(&mut self, model: &str, open: &OpenUse) {
        let Some(of_model) = self.0.get_mut(model) else { return };
        let Some(gauge) = of_model.gauges.get_mut(open.key.0) else { return };
        for (window, number) in gauge.windows.iter_mut().zip(&open.numbers) {
            window.take_back(*number);
        }
    }

    /// Whether a key has no room for one more use like those before.
    pub(super) fn is_full(&self, key: KeyIndex, now: Instant) -> bool {
        let gauges =
            self.0.values().filter_map(|of_model| Some((of_model.gauges.get(key.0)?, of_model.largest)));
        gauges
            .flat_map(|(gauge, largest)| gauge.windows.iter().map(move |window| (window, largest)))
            .any(|(window, largest)| window.opens_for(largest.unwrap_or_default(), None, now).is_some())
    }

    /// Until when at least the use of a key for a model is beyond the share from which on others are preferred; nothing if it
    /// is not.
    pub(super) fn fills_until(
        &self,
        key: KeyIndex,
        model: &str,
        limits: &[UseLimit],
        headroom: Option<u64>,
        now: Instant,
    ) -> Option<Instant> {
        headroom?;
        let of_model = self.0.get(model)?;
        let tokens = of_model.largest.unwrap_or_default();
        let windows = of_model.gauges.get(key.0)?.windows.iter();
        let counting = windows.filter(|window| limits.contains(&window.limit));
        counting.filter_map(|window| window.opens_for(tokens, headroom, now)).max()
    }

    /// Looks ahead, once in each second, and tells whether it is seen now that the use of a key grows towards its limit.
    pub(super) fn begins_to_grow(&mut self, key: KeyIndex, claim: &Claim<'_>, now: Instant) -> bool {
        let Some(predicts) = claim.predicts else { return false };
        let of_model = self.0.get_mut(claim.model);
        let Some(gauge) = of_model.and_then(|of_model| of_model.gauges.get_mut(key.0)) else { return false };
        gauge.reach(true, now);
        gauge.growing.as_mut().is_some_and(|growing| growing.is_seen(predicts))
    }

    /// Until when the use of a key for a model is taken for growing, also when that is over.
    pub(super) fn grows_until(&self, key: KeyIndex, model: &str) -> Option<Instant> {
        self.0.get(model)?.gauges.get(key.0)?.growing.as_ref()?.until()
    }

    /// For each public model for which it is looked ahead: whether the use of a key grows now, and how often it began to.
    pub(super) fn growths(&self, key: KeyIndex, now: Instant) -> impl Iterator<Item = (&str, bool, u64)> {
        self.0.iter().filter_map(move |(model, of_model)| {
            let growing = of_model.gauges.get(key.0)?.growing.as_ref()?;
            Some((model.as_str(), growing.until().is_some_and(|until| now < until), growing.begun()))
        })
    }
}

impl UsesOfModel {
    fn guess(&self, claim: &Claim<'_>) -> u64 {
        self.largest.map_or(claim.most_tokens, |largest| largest.min(claim.most_tokens))
    }
}

impl Gauge {
    /// Takes over the limits of the settings; what was counted under other ones is forgotten.
    fn follow(&mut self, limits: &[UseLimit], now: Instant) {
        if !self.windows.iter().map(|window| window.limit).eq(limits.iter().copied()) {
            let window = |limit: &UseLimit| Window {
                limit: *limit,
                uses: VecDeque::new(),
                tokens: 0,
                left: 0,
                taken_back: 0,
            };
            self.windows = limits.iter().map(window).collect();
            if let Some(growing) = &mut self.growing {
                growing.begin_anew(now);
            }
        }
    }

    /// Takes in the use at the end of the seconds that are over, before it leaves its windows.
    fn reach(&mut self, predicts: bool, now: Instant) {
        if !predicts {
            return;
        }
        let windows = &self.windows;
        let share_at = |at| windows.iter().map(|window| window.share_at(at)).max().unwrap_or_default();
        self.growing.get_or_insert_with(|| Box::new(Growing::new(now))).reach(now, share_at);
    }
}

impl Window {
    /// When there is room for one more use; nothing if there is now. What alone is more than the limit has room when
    /// nothing else counts, or it would never have.
    fn opens_for(&self, tokens: u64, headroom: Option<u64>, now: Instant) -> Option<Instant> {
        let bound = |limit: u64| match headroom {
            Some(millionths) => (limit.saturating_mul(millionths) / 1_000_000).max(1),
            None => limit,
        };
        let gone = self.uses.partition_point(|use_| use_.leaves <= now);
        let first = self.uses.range(gone..).find(|use_| !use_.is_taken_back)?.leaves;
        let none = self.taken_back - self.uses.range(..gone).filter(|use_| use_.is_taken_back).count();
        let count = u64::try_from(self.uses.len() - gone - none).unwrap_or(u64::MAX);
        let requests_full = self.limit.requests.is_some_and(|limit| count >= bound(limit));
        let gone: u64 = self.uses.range(..gone).map(|use_| use_.tokens).sum();
        let used = self.tokens.saturating_sub(gone).saturating_add(tokens);
        let tokens_full = self.limit.tokens.is_some_and(|limit| used > bound(limit));
        (requests_full || tokens_full).then_some(first)
    }

    /// The share that was used at a moment since the latest use, in millionths.
    fn share_at(&self, at: Instant) -> u64 {
        let gone = self.uses.partition_point(|use_| use_.leaves <= at + self.latest_arrival());
        let share =
            |used: u64, most: Option<u64>| most.map_or(0, |most| used.saturating_mul(WHOLE) / most.max(1));
        let there = || self.uses.range(gone..).filter(|use_| !use_.is_taken_back);
        let count = u64::try_from(there().count()).unwrap_or(u64::MAX);
        let tokens = there().fold(0_u64, |sum, use_| sum.saturating_add(use_.tokens));
        share(count, self.limit.requests).max(share(tokens, self.limit.tokens))
    }

    fn latest_arrival(&self) -> Duration {
        self.limit.counts_for() - self.limit.per
    }

    /// Counts a use and gives its number.
    fn count(&mut self, tokens: u64, now: Instant) -> u64 {
        while let Some(&over) = self.uses.front()
            && over.leaves <= now
        {
            self.uses.pop_front();
            self.tokens = self.tokens.saturating_sub(over.tokens);
            self.taken_back -= usize::from(over.is_taken_back);
            self.left += 1;
        }
        self.uses.push_back(Use { leaves: now + self.limit.counts_for(), tokens, is_taken_back: false });
        self.tokens = self.tokens.saturating_add(tokens);
        self.left + u64::try_from(self.uses.len()).unwrap_or(u64::MAX) - 1
    }

    fn settle(&mut self, number: u64, tokens: u64) {
        let Some(place) = self.place(number) else { return };
        let use_ = &mut self.uses[place];
        self.tokens = self.tokens.saturating_sub(use_.tokens).saturating_add(tokens);
        use_.tokens = tokens;
    }

    fn take_back(&mut self, number: u64) {
        self.settle(number, 0);
        if let Some(place) = self.place(number) {
            self.taken_back += usize::from(!self.uses[place].is_taken_back);
            self.uses[place].is_taken_back = true;
        }
    }

    /// Where a use is, if it has not left.
    fn place(&self, number: u64) -> Option<usize> {
        let place = usize::try_from(number.checked_sub(self.left)?).ok()?;
        (place < self.uses.len()).then_some(place)
    }
}
