//! How much larger a field is through the target than straight to the upstream, by the pairs of a phase that sends both ways.
//!
//! The two exchanges of a pair are the same request, sent one right after the other, so that what the machine does to one it does to the
//! other. What is claimed is the median of their differences. Its interval needs no assumption about how the differences are spread: so many
//! of them lie below their true median as heads come up in so many tosses of a coin.

use std::collections::HashMap;

use record::{ExchangeId, Pair};
use scenario::{Comparator, PairedClaim};

use crate::chance::Binomial;
use crate::gathered::{Item, Rows};

/// The pairs of a trial, each exchange with its counterpart.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    direct_of: HashMap<ExchangeId, ExchangeId>,
}

impl Pairs {
    pub(crate) fn note(&mut self, pair: Pair) {
        self.direct_of.insert(pair.through, pair.direct);
    }
}

/// The differences between the exchanges of pairs, in the order of their size.
pub(crate) struct Differences {
    sorted: Vec<i64>,
    /// How many exchanges through the target had no counterpart among the rows, or no value on either side.
    pub(crate) lacking: usize,
}

impl Differences {
    /// Those of some rows, with the field's value as their first one.
    pub(crate) fn of(pairs: &Pairs, rows: &Rows, items: &[Item]) -> Self {
        let value = |item: &Item| rows.value(item, 0);
        let by_exchange: HashMap<u32, Option<i64>> =
            items.iter().map(|item| (item.exchange, value(item))).collect();
        let (mut sorted, mut lacking) = (Vec::new(), 0);
        for item in items {
            let Some(direct) = pairs.direct_of.get(&ExchangeId(item.exchange)) else { continue };
            let other = by_exchange.get(&direct.0).copied().flatten();
            match value(item).zip(other) {
                Some((through, direct)) => sorted.push(through.saturating_sub(direct)),
                None => lacking += 1,
            }
        }
        sorted.sort_unstable();
        Self { sorted, lacking }
    }

    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    pub(crate) fn median(&self) -> Option<i64> {
        self.sorted.get(self.sorted.len() / 2).copied()
    }

    /// Where their true median lies, beyond either end no more often than `rate` millionths of the time; none if there are too few.
    pub(crate) fn interval(&self, rate: u64) -> Option<(i64, i64)> {
        let count = u64::try_from(self.sorted.len()).ok()?;
        let beyond = Binomial::new(count, (1, 2)).critical(rate);
        let upper = usize::try_from(beyond).ok()?.checked_sub(1)?;
        let lower = self.sorted.len().checked_sub(upper + 1)?;
        Some((*self.sorted.get(lower)?, *self.sorted.get(upper)?))
    }
}

/// Whether a claim sets a limit above, and not below.
pub(crate) fn limits_above(claim: &PairedClaim) -> bool {
    claim
        .test
        .comparisons
        .iter()
        .all(|comparison| matches!(comparison.comparator, Comparator::AtMost | Comparator::Below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(sorted: Vec<i64>) -> Differences {
        Differences { sorted, lacking: 0 }
    }

    #[test]
    fn the_interval_of_a_median_is_that_of_the_tables() {
        // Of ten, the second and the ninth enclose the median with 97.9%: 11 of 1024 lie beyond either.
        let ten = differences((1..=10).collect());
        assert_eq!(ten.interval(10_743), Some((2, 9)));
        assert_eq!(ten.interval(10_000), Some((1, 10)));
        assert_eq!(ten.interval(900), None, "one in 1024 is more than that");
        assert_eq!(differences(Vec::new()).interval(100_000), None);
    }

    #[test]
    fn the_interval_of_many_is_narrow_and_holds_the_median() {
        for count in [1_000, 20_000] {
            let many = differences((0..count).collect());
            let (lower, upper) = many.interval(1_000).unwrap();
            let median = many.median().unwrap();
            assert!(lower < median && median < upper, "{lower} {median} {upper}");
            // The normal distribution says 3.09 standard deviations of half the root.
            let wide = 3.2 * (count as f64).sqrt();
            assert!(((upper - lower) as f64) < wide, "{}", upper - lower);
        }
    }

    #[test]
    fn what_has_no_counterpart_or_no_value_is_told() {
        let mut pairs = Pairs::default();
        for (through, direct) in [(1, 2), (4, 3), (5, 6), (7, 8)] {
            pairs.note(Pair {
                at: record::Moment(0),
                through: ExchangeId(through),
                direct: ExchangeId(direct),
            });
        }
        let mut rows = Rows::default();
        for (exchange, value) in [
            (1, Some(10)),
            (2, Some(4)),
            (3, Some(9)),
            (4, Some(8)),
            (5, Some(1)),
            (7, None),
            (8, Some(1)),
            (9, Some(7)),
        ] {
            rows.push((record::Moment(0), exchange), record::NOT_REACHED, false, [value]);
        }
        let of = Differences::of(&pairs, &rows, &rows.in_order());
        assert_eq!((of.sorted, of.lacking), (vec![-1, 6], 2));
    }
}
