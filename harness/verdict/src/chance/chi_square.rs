//! The chi-square distribution: how far counts stray from their expected shares by chance alone.

use crate::chance::WHOLE;
use crate::chance::interval::Interval;

/// The distribution of the statistic for so many degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChiSquare {
    degrees: u32,
}

/// Pi, from below and from above, in units of 10^-18.
const PI: (u128, u128) = (3_141_592_653_589_793_238, 3_141_592_653_589_793_239);
const PI_UNIT: u128 = 1_000_000_000_000_000_000;

impl ChiSquare {
    pub(crate) fn new(degrees: u32) -> Self {
        Self { degrees: degrees.max(1) }
    }

    /// A value, in thousandths, that is exceeded no more often than `rate` millionths of the time, and no more than a
    /// thousandth above the smallest such value.
    pub(crate) fn critical_thousandths(self, rate: u64) -> u128 {
        let usual = Interval::ratio(u128::from(WHOLE.saturating_sub(rate)), WHOLE.into());
        let (mut below, mut above) = (0, 1_000 * self.far());
        while above - below > 1 {
            let middle = u128::midpoint(above, below);
            if self.at_most(Interval::ratio(middle, 2_000)).is_at_least(usual) {
                above = middle;
            } else {
                below = middle;
            }
        }
        above
    }

    /// A value beyond which the chance is below one in a million: for the chance `e^-t` it is at most `d + 2 sqrt(d t) + 2 t`
    /// (Laurent and Massart, 2000), which for `t` = 20 is not above this.
    fn far(self) -> u128 {
        2 * u128::from(self.degrees) + 60
    }

    /// How likely a value is that does not exceed twice `half`: the regularised lower gamma function, by its series
    /// `half^a e^-half / gamma(a + 1) * (1 + half / (a + 1) + half^2 / ((a + 1) (a + 2)) + ...)` with `a` half the degrees.
    fn at_most(self, half: Interval) -> Interval {
        let degrees = u128::from(self.degrees);
        let (mut factor, mut twice) = if degrees.is_multiple_of(2) {
            (Interval::whole(1), 2)
        } else {
            // gamma(3/2) is half the root of pi.
            let pi = Interval::ratio(PI.0, PI_UNIT).hull(Interval::ratio(PI.1, PI_UNIT));
            let root = half.over(pi).root();
            (root.times(Interval::whole(2)), 3)
        };
        while twice <= degrees {
            factor = factor.times(half).times(Interval::ratio(2, twice));
            twice += 2;
        }
        let (mut sum, mut term, mut below) = (Interval::whole(1), Interval::whole(1), degrees + 2);
        // Beyond so many terms each is less than half of the one before, and all that is left less than the last.
        let enough = 4 * self.far() + 64;
        for _ in 0..enough {
            term = term.times(half).times(Interval::ratio(2, below));
            sum = sum.plus(term);
            below += 2;
        }
        factor.times(sum.hull(sum.plus(term))).over(half.exponential())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (degrees, rate, thousandths) in [
            (1, 50_000, 3_842),
            (1, 1_000, 10_828),
            (1, 100, 15_137),
            (2, 10_000, 9_211),
            (2, 100, 18_421),
            (3, 50_000, 7_815),
            (3, 1_000, 16_267),
            (9, 10_000, 21_666),
            (10, 1_000, 29_589),
            (30, 50_000, 43_773),
            (99, 10_000, 134_642),
        ] {
            let critical = ChiSquare::new(degrees).critical_thousandths(rate);
            assert!(critical.abs_diff(thousandths) <= 1, "{degrees} {rate}: {critical}");
        }
    }
}
