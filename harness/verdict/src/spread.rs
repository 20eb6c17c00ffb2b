//! Values in the order of their size, in a memory that does not grow with their number: exact while few of them differ, and then to
//! a known precision.

use std::collections::BTreeMap;

use scenario::Share;

use crate::chance;

/// So many different values are told apart exactly. Beyond them, values that share their highest [`DIGITS`] binary digits are kept
/// together.
const MOST_EXACT: usize = 16_384;

/// Values that agree in so many digits differ by less than a thousandth of either.
const DIGITS: u32 = 11;

/// How many rows have which value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// By what the values in it have in common: their highest digits, and on which side of each limit they lie.
    kept: BTreeMap<(i64, usize), Together>,
    /// Numbers that values are compared with, in order: what lies on different sides of one is never kept together.
    limits: Vec<i64>,
    coarse: bool,
    count: u64,
    without: u64,
}

/// Values that are not told apart, between the least and the greatest of them.
#[derive(Clone, Copy, Debug)]
struct Together {
    count: u64,
    least: i64,
    most: i64,
}

/// A value that is known to lie between two that were seen; they are the same where it is known exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) least: i64,
    pub(crate) most: i64,
}

impl Spread {
    /// One whose values are compared with these numbers.
    pub(crate) fn new(mut limits: Vec<i64>) -> Self {
        limits.sort_unstable();
        limits.dedup();
        Self { limits, ..Self::default() }
    }

    /// Takes the value of a row; a row without one counts as beyond every value.
    pub(crate) fn take(&mut self, value: Option<i64>) {
        self.count += 1;
        let Some(value) = value else {
            self.without += 1;
            return;
        };
        self.add(Together { count: 1, least: value, most: value });
        if !self.coarse && self.kept.len() > MOST_EXACT {
            self.coarse = true;
            for together in std::mem::take(&mut self.kept).into_values() {
                self.add(together);
            }
        }
    }

    fn add(&mut self, more: Together) {
        let side = self.limits.partition_point(|limit| *limit < more.least)
            + self.limits.partition_point(|limit| *limit <= more.least);
        let shared = if self.coarse { highest_digits(more.least) } else { more.least };
        let known = self.kept.entry((shared, side)).or_insert(Together { count: 0, ..more });
        known.count += more.count;
        known.least = known.least.min(more.least);
        known.most = known.most.max(more.most);
    }

    /// How many rows there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// How many of them had no value.
    pub(crate) fn without(&self) -> u64 {
        self.without
    }

    /// The smallest value that so many of all do not exceed; none if that is one of those that have none.
    pub(crate) fn quantile(&self, at: Share) -> Option<Between> {
        let rank = (u128::from(self.count) * u128::from(at.millionths)).div_ceil(chance::WHOLE.into()).max(1);
        let mut up_to = 0_u128;
        let mut reaches = self.kept.values().skip_while(|together| {
            up_to += u128::from(together.count);
            up_to < rank
        });
        reaches.next().map(|Together { least, most, .. }| Between { least: *least, most: *most })
    }

    /// How much is kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }
}

impl Between {
    pub(crate) fn is_exact(self) -> bool {
        self.least == self.most
    }
}

/// A number with nothing but zeros behind its highest digits.
fn highest_digits(value: i64) -> i64 {
    let size = value.unsigned_abs();
    let dropped = (u64::BITS - size.leading_zeros()).saturating_sub(DIGITS);
    let shared = i64::try_from(size >> dropped << dropped).unwrap_or(i64::MAX);
    if value < 0 { -shared } else { shared }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = i64>, limits: &[i64]) -> Spread {
        let mut spread = Spread::new(limits.to_vec());
        values.into_iter().for_each(|value| spread.take(Some(value)));
        spread
    }

    fn at(millionths: u32) -> Share {
        Share { millionths }
    }

    /// Numbers that come in no order, each once: so many of them.
    fn shuffled(count: i64) -> impl Iterator<Item = i64> {
        (0..count).map(move |nth| nth * 7_919 % count)
    }

    #[test]
    fn few_values_are_exact_however_many_rows_have_them() {
        let spread = of((0..1_000_000).map(|nth| 1_000_003 * (nth % 1_000)), &[]);
        assert_eq!(spread.kept(), 1_000);
        for (share, value) in
            [(1, 0), (1_000, 0), (1_001, 1), (500_000, 499), (999_000, 998), (1_000_000, 999)]
        {
            let exact = 1_000_003 * value;
            assert_eq!(spread.quantile(at(share)), Some(Between { least: exact, most: exact }), "{share}");
        }
    }

    #[test]
    fn many_values_are_known_to_a_thousandth_in_a_memory_of_one_size() {
        let spread = of(shuffled(1_000_000).map(|nth| 1_000 * nth), &[]);
        assert!(spread.kept() < MOST_EXACT, "{}", spread.kept());
        for share in [1_000, 250_000, 500_000, 990_000, 999_999, 1_000_000] {
            let Between { least, most } = spread.quantile(at(share)).unwrap();
            let exact = 1_000 * (i64::from(share) - 1);
            assert!(least <= exact && exact <= most, "{least} {exact} {most}");
            assert!(1_000 * (most - least) < exact, "{least} {exact} {most}");
        }
    }

    #[test]
    fn what_lies_on_different_sides_of_a_limit_is_told_apart() {
        let limit = 700_001;
        let spread = of(shuffled(1_000_000), &[limit]);
        for (share, is_over) in [(700_001, false), (700_002, false), (700_003, true)] {
            let found = spread.quantile(at(share)).unwrap();
            assert_eq!((found.least > limit, found.most > limit), (is_over, is_over), "{share} {found:?}");
        }
        assert_eq!(spread.quantile(at(700_002)), Some(Between { least: limit, most: limit }));
    }

    #[test]
    fn the_order_in_which_values_come_makes_no_difference() {
        let forth = of(-20_000..20_000, &[5]);
        let back = of((-20_000..20_000).rev(), &[5]);
        let told = |spread: &Spread| format!("{:?}", spread.kept);
        assert_eq!(told(&forth), told(&back));
        let greatest = forth.quantile(at(1_000_000)).unwrap();
        assert_eq!(greatest.most, 19_999);
        assert_eq!(forth.quantile(at(1)).unwrap().least, -20_000);
    }

    #[test]
    fn a_row_without_a_value_is_beyond_every_other_one() {
        let mut spread = of([1, 2, 3], &[]);
        spread.take(None);
        assert_eq!(spread.quantile(at(750_000)), Some(Between { least: 3, most: 3 }));
        assert_eq!(spread.quantile(at(750_001)), None);
        assert_eq!((spread.count(), spread.without()), (4, 1));
    }

    #[test]
    fn the_greatest_numbers_of_all_have_their_place() {
        let spread = of([i64::MAX, i64::MIN, 0, -1].into_iter().chain(0..20_000), &[i64::MIN, i64::MAX]);
        assert_eq!(spread.quantile(at(1)), Some(Between { least: i64::MIN, most: i64::MIN }));
        assert_eq!(spread.quantile(at(1_000_000)), Some(Between { least: i64::MAX, most: i64::MAX }));
    }
}
