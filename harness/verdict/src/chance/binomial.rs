//! The binomial distribution: how often something that has a certain chance happens in so many tries.

use crate::chance::interval::Interval;

/// So many tries, each with the same chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binomial {
    tries: u64,
    chance: (u128, u128),
}

impl Binomial {
    /// The chance is a fraction that is not above one.
    pub(crate) fn new(tries: u64, chance: (u128, u128)) -> Self {
        Self { tries, chance }
    }

    /// The smallest number of hits that comes, or is exceeded, no more often than `rate` millionths of the time: for certain,
    /// so that where the bounds leave a doubt it is the next larger one.
    pub(crate) fn critical(self, rate: u64) -> u64 {
        let usual = Interval::ratio(u128::from(super::WHOLE.saturating_sub(rate)), u128::from(super::WHOLE));
        let mut critical = 0;
        // No hit at all is always possible, so that at least one offence is needed.
        self.walk(|hits, up_to| {
            critical = hits + 1;
            up_to.is_at_least(usual)
        });
        critical
    }

    /// Whether so many hits or fewer certainly come no more often than `rate` millionths of the time.
    pub(crate) fn hardly_ever_at_most(self, hits: u64, rate: u64) -> bool {
        let rate = Interval::ratio(rate.into(), super::WHOLE.into());
        rate.is_at_least(self.at_most(hits))
    }

    /// Whether so many hits or fewer certainly come in all but `rate` millionths of the time.
    pub(crate) fn nearly_always_at_most(self, hits: u64, rate: u64) -> bool {
        let usual = Interval::ratio(u128::from(super::WHOLE.saturating_sub(rate)), u128::from(super::WHOLE));
        self.at_most(hits).is_at_least(usual)
    }

    /// How likely so many hits or fewer are.
    fn at_most(self, hits: u64) -> Interval {
        let mut likely = Interval::whole(0);
        self.walk(|count, up_to| {
            likely = up_to;
            count >= hits
        });
        likely
    }

    /// Goes through the numbers of hits, from none on, with the chance of so many or fewer, until `enough` says so.
    fn walk(self, mut enough: impl FnMut(u64, Interval) -> bool) {
        let (hit, all) = self.chance;
        let miss = all.saturating_sub(hit);
        if miss == 0 {
            // It always hits: fewer hits than tries have no chance at all.
            for hits in 0..=self.tries {
                let sure = Interval::whole(u128::from(hits == self.tries));
                if enough(hits, sure) {
                    return;
                }
            }
            return;
        }
        let odds = Interval::ratio(hit, miss);
        let mut term = Interval::ratio(miss, all).power(self.tries);
        let mut sum = term;
        for hits in 0..=self.tries {
            if enough(hits, sum) {
                return;
            }
            term = term.times(odds).times(Interval::ratio((self.tries - hits).into(), u128::from(hits) + 1));
            sum = sum.plus(term);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_number_is_that_of_the_tables() {
        for (tries, chance, rate, critical) in [
            // P(X >= 5) = 0.0328, P(X >= 4) = 0.1209 for ten tries at 20%.
            (10, (1, 5), 50_000, 5),
            (10, (1, 5), 130_000, 4),
            // P(X >= 10) = 1/1024 for ten tries of a coin: just above and just below.
            (10, (1, 2), 977, 10),
            (10, (1, 2), 976, 11),
            // P(X >= 22) = 0.00063, P(X >= 21) = 0.00136.
            (1_000, (1, 100), 1_000, 22),
            (5, (0, 1), 1_000, 1),
            (5, (1, 1), 1_000, 6),
        ] {
            assert_eq!(Binomial::new(tries, chance).critical(rate), critical, "{tries} {chance:?} {rate}");
        }
    }

    #[test]
    fn tails_are_bounded_from_the_right_side() {
        let coin = Binomial::new(10, (1, 2));
        // P(X <= 0) = 976.56 millionths.
        assert!(coin.hardly_ever_at_most(0, 977));
        assert!(!coin.hardly_ever_at_most(0, 976));
        assert!(coin.nearly_always_at_most(9, 977));
        assert!(!coin.nearly_always_at_most(9, 976));
        assert!(coin.nearly_always_at_most(10, 1));
    }

    #[test]
    fn a_million_tries_are_no_trouble() {
        let many = Binomial::new(1_000_000, (1, 1_000));
        // The mean is 1000 and the deviation 31.6: three deviations are about one in a thousand.
        let critical = many.critical(1_000);
        assert!((1_095..=1_103).contains(&critical), "{critical}");
    }
}
