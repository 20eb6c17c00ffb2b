//! Which attempt of its exchange a request is, as far as one upstream is concerned.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use record::{ExchangeId, Found};

/// Counts the attempts of exchanges, for an upstream that is asked for their ordinals; the others keep nothing.
#[derive(Debug)]
pub(crate) struct ExchangeCounts(Option<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    by_exchange: HashMap<ExchangeId, u32>,
    /// The exchanges in the order of their first attempts.
    order: VecDeque<ExchangeId>,
}

/// So many exchanges are remembered. An exchange would have to be open while so many others begin for its count to be lost;
/// its next attempt is then taken for its first.
const REMEMBERED: usize = 65_536;

impl ExchangeCounts {
    pub(crate) fn new(is_asked_for: bool) -> Self {
        Self(is_asked_for.then(Mutex::default))
    }

    /// The ordinal of a request, which is thereby counted. One without a mark of this trial belongs to no exchange that is
    /// known here: it counts as the first attempt of its own.
    pub(crate) fn count(&self, found: Found) -> u32 {
        let (Some(counts), Found::Exchange(exchange)) = (&self.0, found) else { return 1 };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.count(exchange)
    }
}

impl Counts {
    fn count(&mut self, exchange: ExchangeId) -> u32 {
        if let Some(count) = self.by_exchange.get_mut(&exchange) {
            *count = count.saturating_add(1);
            return *count;
        }
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_exchange.remove(&oldest);
        }
        self.order.push_back(exchange);
        self.by_exchange.insert(exchange, 1);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(number: usize) -> Found {
        Found::Exchange(ExchangeId(u32::try_from(number).unwrap()))
    }

    #[test]
    fn each_exchange_has_its_own_count_and_what_has_no_mark_is_a_first_attempt() {
        let counts = ExchangeCounts::new(true);
        let seen = [exchange(1), exchange(2), exchange(1), Found::Nothing, Found::Nothing, Found::Foreign];
        assert_eq!(seen.map(|found| counts.count(found)), [1, 1, 2, 1, 1, 1]);
        assert_eq!(counts.count(exchange(1)), 3);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_nothing_is_where_nobody_asks() {
        let counts = ExchangeCounts::new(true);
        for number in 0..=REMEMBERED {
            assert_eq!(counts.count(exchange(number)), 1);
        }
        assert_eq!(counts.count(exchange(REMEMBERED)), 2, "the latest is remembered");
        assert_eq!(counts.count(exchange(0)), 1, "the oldest had to go");
        let kept = counts.0.as_ref().unwrap().lock().unwrap();
        assert_eq!((kept.by_exchange.len(), kept.order.len()), (REMEMBERED, REMEMBERED));
        let nobody = ExchangeCounts::new(false);
        assert_eq!((nobody.count(exchange(1)), nobody.count(exchange(1))), (1, 1));
        assert!(nobody.0.is_none());
    }
}
