//! What keys were used for lately, under limits of the settings: so many requests or tokens in any time of a length.
//!
//! A use counts from the moment in which its attempt begins. What it costs in tokens is not known by then, so the most
//! that it may cost is set aside until its answer is counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::KeyIndex;

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
    /// The most tokens that it can come to.
    pub(crate) most_tokens: u64,
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
struct Gauge(Vec<Window>);

#[derive(Debug, Clone)]
struct Window {
    limit: UseLimit,
    /// When each use leaves the window, and its tokens.
    uses: VecDeque<(Instant, u64)>,
    tokens: u64,
    /// How many uses have left it.
    left: u64,
}

/// A use whose tokens are not known yet: its number in each window.
#[derive(Debug)]
pub(crate) struct OpenUse {
    pub(super) key: KeyIndex,
    numbers: Vec<u64>,
}

/// An attempt arrives at the provider so much later than it began, at most. A window of the provider's begins then.
const LATEST_ARRIVAL: Duration = Duration::from_millis(50);

impl Uses {
    /// Whether a key has room for one more use, below the share from which on others are preferred or at all.
    pub(super) fn has_room(&self, key: KeyIndex, claim: &Claim<'_>, prefers: bool, now: Instant) -> bool {
        let Some(of_model) = self.0.get(claim.model) else { return true };
        let Some(gauge) = of_model.gauges.get(key.0) else { return true };
        let tokens = of_model.guess(claim);
        let headroom = claim.headroom.filter(|_| prefers);
        gauge.0.iter().all(|window| {
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
        gauge.follow(claim.limits);
        let numbers = gauge.0.iter_mut().map(|window| window.count(tokens, now)).collect();
        let opens = gauge.0.iter().filter_map(|window| window.opens_for(tokens, None, now)).max();
        (OpenUse { key, numbers }, opens)
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
        for (window, number) in gauge.0.iter_mut().zip(&open.numbers) {
            window.settle(*number, tokens);
        }
    }

    /// Whether a key has no room for one more use like those before.
    pub(super) fn is_full(&self, key: KeyIndex, now: Instant) -> bool {
        let gauges =
            self.0.values().filter_map(|of_model| Some((of_model.gauges.get(key.0)?, of_model.largest)));
        gauges
            .flat_map(|(gauge, largest)| gauge.0.iter().map(move |window| (window, largest)))
            .any(|(window, largest)| window.opens_for(largest.unwrap_or_default(), None, now).is_some())
    }
}

impl UsesOfModel {
    fn guess(&self, claim: &Claim<'_>) -> u64 {
        self.largest.map_or(claim.most_tokens, |largest| largest.min(claim.most_tokens))
    }
}

impl Gauge {
    /// Takes over the limits of the settings; what was counted under other ones is forgotten.
    fn follow(&mut self, limits: &[UseLimit]) {
        if !self.0.iter().map(|window| window.limit).eq(limits.iter().copied()) {
            let window =
                |limit: &UseLimit| Window { limit: *limit, uses: VecDeque::new(), tokens: 0, left: 0 };
            self.0 = limits.iter().map(window).collect();
        }
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
        let gone = self.uses.partition_point(|use_| use_.0 <= now);
        let first = self.uses.get(gone)?.0;
        let count = u64::try_from(self.uses.len() - gone).unwrap_or(u64::MAX);
        let requests_full = self.limit.requests.is_some_and(|limit| count >= bound(limit));
        let gone: u64 = self.uses.range(..gone).map(|use_| use_.1).sum();
        let used = self.tokens.saturating_sub(gone).saturating_add(tokens);
        let tokens_full = self.limit.tokens.is_some_and(|limit| used > bound(limit));
        (requests_full || tokens_full).then_some(first)
    }

    /// Counts a use and gives its number.
    fn count(&mut self, tokens: u64, now: Instant) -> u64 {
        while self.uses.front().is_some_and(|use_| use_.0 <= now) {
            let (_, tokens) = self.uses.pop_front().unwrap_or((now, 0));
            self.tokens = self.tokens.saturating_sub(tokens);
            self.left += 1;
        }
        self.uses.push_back((now + self.limit.per + LATEST_ARRIVAL.min(self.limit.per / 10), tokens));
        self.tokens = self.tokens.saturating_add(tokens);
        self.left + u64::try_from(self.uses.len()).unwrap_or(u64::MAX) - 1
    }

    fn settle(&mut self, number: u64, tokens: u64) {
        let place = number.checked_sub(self.left).and_then(|place| usize::try_from(place).ok());
        let Some(use_) = place.and_then(|place| self.uses.get_mut(place)) else { return };
        self.tokens = self.tokens.saturating_sub(use_.1).saturating_add(tokens);
        use_.1 = tokens;
    }
}
