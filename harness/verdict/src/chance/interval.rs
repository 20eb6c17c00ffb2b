//! Numbers that are not below zero, each known by a lower and an upper bound.
//!
//! A bound has 64 bits and an exponent of its own, so that neither `0.99^1000000` nor `e^1000` is out of range. Each step
//! rounds the lower bound down and the upper one up. The true value therefore always lies between them, and the two drift
//! apart by less than one part in 2^62 for each step: after a million steps they still agree to twelve digits.

/// A number between two bounds, both included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    low: Bound,
    high: Bound,
}

/// `mantissa * 2^exponent`. The mantissa's highest bit is set, or the number is zero.
#[derive(Clone, Copy, Debug)]
struct Bound {
    mantissa: u64,
    exponent: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    Down,
    Up,
}

impl Interval {
    /// A whole number.
    pub(crate) fn whole(number: u128) -> Self {
        Self { low: Bound::of(number, 0, false, Round::Down), high: Bound::of(number, 0, false, Round::Up) }
    }

    /// A fraction. Its lower part must not be zero.
    pub(crate) fn ratio(upper: u128, lower: u128) -> Self {
        Self::whole(upper).over(Self::whole(lower))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { low: self.low.plus(other.low, Round::Down), high: self.high.plus(other.high, Round::Up) }
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self { low: self.low.times(other.low, Round::Down), high: self.high.times(other.high, Round::Up) }
    }

    /// Divided by a number that is not zero.
    pub(crate) fn over(self, other: Self) -> Self {
        Self { low: self.low.over(other.high, Round::Down), high: self.high.over(other.low, Round::Up) }
    }

    /// The square root.
    pub(crate) fn root(self) -> Self {
        Self { low: self.low.root(Round::Down), high: self.high.root(Round::Up) }
    }

    /// The power with a whole exponent.
    pub(crate) fn power(self, exponent: u64) -> Self {
        let (mut result, mut base, mut left) = (Self::whole(1), self, exponent);
        while left > 0 {
            if left % 2 == 1 {
                result = result.times(base);
            }
            base = base.times(base);
            left /= 2;
        }
        result
    }

    /// `e` to this power. The exponent is halved until it is below one; there the series is summed, and squared again.
    pub(crate) fn exponential(self) -> Self {
        let halvings = u64::try_from(self.high.magnitude().max(0)).unwrap_or(0);
        let halved = |bound: Bound| Bound { exponent: bound.exponent - halvings.cast_signed(), ..bound };
        let small = Self { low: halved(self.low), high: halved(self.high) };
        let (mut sum, mut term) = (Self::whole(1), Self::whole(1));
        for nth in 1..=TERMS {
            term = term.times(small).over(Self::whole(nth));
            sum = sum.plus(term);
        }
        // What is left of the series is smaller than its last term, since each term is at most half of the one before.
        sum.high = sum.high.plus(term.high, Round::Up);
        (0..halvings).fold(sum, |power, _| power.times(power))
    }

    /// All between the lower bound of this and the upper bound of another, which must not be below it.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { low: self.low, high: other.high }
    }

    /// Whether it is certainly this much or more.
    pub(crate) fn is_at_least(self, other: Self) -> bool {
        self.low.is_at_least(other.high)
    }
}

/// How many terms of the exponential series are summed: the next one is below 2^-80.
const TERMS: u128 = 24;

impl Bound {
    const ZERO: Self = Self { mantissa: 0, exponent: 0 };

    /// The nearest number on one side of `wide * 2^exponent`, where `more` tells of a rest below the last bit.
    fn of(wide: u128, exponent: i64, more: bool, round: Round) -> Self {
        if wide == 0 {
            return match (more, round) {
                (true, Round::Up) => Self { mantissa: 1 << 63, exponent: exponent - 63 },
                _ => Self::ZERO,
            };
        }
        let shift = 64 - i64::from(wide.leading_zeros());
        if shift <= 0 {
            let up = u64::from(more && round == Round::Up);
            // A number that was shifted up ends in zeros, so that one more does not overflow.
            let mantissa = u64::try_from(wide << -shift).unwrap_or(u64::MAX);
            return Self { mantissa, exponent: exponent + shift }.raised(up);
        }
        let mantissa = u64::try_from(wide >> shift).unwrap_or(u64::MAX);
        let lost = wide & ((1_u128 << shift) - 1) != 0;
        let up = u64::from((lost || more) && round == Round::Up);
        Self { mantissa, exponent: exponent + shift }.raised(up)
    }

    fn raised(self, by: u64) -> Self {
        match self.mantissa.checked_add(by) {
            Some(mantissa) => Self { mantissa, ..self },
            None => Self { mantissa: 1 << 63, exponent: self.exponent + 1 },
        }
    }

    fn plus(self, other: Self, round: Round) -> Self {
        let (large, small) =
            if self.magnitude() >= other.magnitude() { (self, other) } else { (other, self) };
        if small.mantissa == 0 {
            return large;
        }
        let apart = large.exponent - small.exponent;
        if apart > 63 {
            return Self::of(u128::from(large.mantissa) << 63, large.exponent - 63, true, round);
        }
        // The two have the same exponent, or the larger one has the larger exponent.
        let wide = (u128::from(large.mantissa) << apart).checked_add(small.mantissa.into());
        match wide {
            Some(wide) => Self::of(wide, small.exponent, false, round),
            None => Self::of(u128::from(large.mantissa) << 62, large.exponent - 62, true, Round::Up),
        }
    }

    fn times(self, other: Self, round: Round) -> Self {
        let wide = u128::from(self.mantissa) * u128::from(other.mantissa);
        Self::of(wide, self.exponent + other.exponent, false, round)
    }

    fn over(self, other: Self, round: Round) -> Self {
        let (upper, lower) = (u128::from(self.mantissa) << 63, u128::from(other.mantissa.max(1)));
        Self::of(upper / lower, self.exponent - 63 - other.exponent, upper % lower != 0, round)
    }

    fn root(self, round: Round) -> Self {
        // An even exponent, so that it can be halved.
        let (shift, exponent) =
            if self.exponent % 2 == 0 { (62, self.exponent - 62) } else { (63, self.exponent - 63) };
        let wide = u128::from(self.mantissa) << shift;
        let root = wide.isqrt();
        Self::of(root, exponent / 2, root * root != wide, round)
    }

    /// The exponent of the power of two that is just above it; very low for zero.
    fn magnitude(self) -> i64 {
        if self.mantissa == 0 { i64::MIN / 2 } else { self.exponent + 64 }
    }

    fn is_at_least(self, other: Self) -> bool {
        match self.magnitude().cmp(&other.magnitude()) {
            std::cmp::Ordering::Equal => self.mantissa >= other.mantissa,
            different => different.is_gt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both bounds in billionths, where the number is between one billionth and a billion.
    fn billionths(number: Interval) -> (u128, u128) {
        let told = |bound: Bound| {
            let scaled = bound.times(Bound::of(1_000_000_000, 0, false, Round::Down), Round::Down);
            match scaled.exponent {
                exponent @ 1.. => u128::from(scaled.mantissa) << exponent,
                exponent => {
                    u128::from(scaled.mantissa).checked_shr((-exponent).try_into().unwrap()).unwrap_or(0)
                }
            }
        };
        (told(number.low), told(number.high))
    }

    #[test]
    fn the_bounds_hold_the_true_value_and_nothing_that_differs_in_nine_digits() {
        let whole = Interval::whole;
        for (number, low, high) in [
            (Interval::ratio(1, 3), 333_333_333, 333_333_333),
            (Interval::ratio(2, 3).plus(Interval::ratio(1, 6)), 833_333_333, 833_333_333),
            (whole(7).over(whole(11)).times(whole(11)), 6_999_999_999, 7_000_000_000),
            (whole(2).root(), 1_414_213_562, 1_414_213_562),
            (whole(9).root(), 3_000_000_000, 3_000_000_000),
            (Interval::ratio(1, 2).power(20), 953, 953),
            (whole(1).exponential(), 2_718_281_828, 2_718_281_828),
            (Interval::ratio(1, 10).exponential(), 1_105_170_918, 1_105_170_918),
            (whole(20).exponential().over(whole(1_000_000_000)), 485_165_195, 485_165_195),
            (whole(0).plus(whole(5)).times(whole(0)), 0, 0),
        ] {
            let (below, above) = billionths(number);
            assert!(below >= low && above <= high && below <= above, "{number:?}: {below} {above}");
        }
    }

    #[test]
    fn far_exponents_stay_in_order() {
        let tiny = Interval::ratio(1, 1_000_000).power(1_000_000);
        let tinier = Interval::ratio(1, 1_000_001).power(1_000_000);
        assert!(tiny.is_at_least(tinier) && !tinier.is_at_least(tiny));
        assert!(Interval::whole(1).plus(tiny).is_at_least(Interval::whole(1)));
        assert!(!Interval::whole(1).is_at_least(Interval::whole(1).plus(tiny)));
    }

    #[test]
    fn a_million_steps_cost_no_more_than_a_few_digits() {
        let step = Interval::ratio(999_999, 1_000_000);
        let walked = (0..1_000_000).fold(Interval::whole(1), |number, _| number.times(step));
        let (low, high) = billionths(walked);
        // 1/e, nearly.
        assert!(low == high && low == 367_879_257, "{low} {high}");
    }
}
