//! What a model's tokens cost. A request is added up exactly and rounded once.

use super::{MicroUsd, Tokens};

/// Millionths of a dollar for a million tokens, by class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    pub(crate) input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write: u64,
    pub(crate) output: u64,
    /// For the part of the output that was spent on reasoning.
    pub(crate) reasoning: u64,
}

const PER_TOKENS: u128 = 1_000_000;

impl Price {
    /// What one request's tokens cost. Tokens times price is in millionths of a millionth; the sum is rounded half to
    /// even, so that many requests do not drift in one direction.
    pub(crate) fn cost(&self, tokens: &Tokens) -> MicroUsd {
        let reasoning = tokens.reasoning.min(tokens.output);
        let exact = [
            (tokens.input, self.input),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
            (tokens.output - reasoning, self.output),
            (reasoning, self.reasoning),
        ]
        .into_iter()
        .fold(0u128, |sum, (count, price)| sum.saturating_add(u128::from(count) * u128::from(price)));
        let (whole, rest) = (exact / PER_TOKENS, exact % PER_TOKENS);
        let up = rest * 2 > PER_TOKENS || (rest * 2 == PER_TOKENS && whole % 2 == 1);
        MicroUsd(u64::try_from(whole + u128::from(up)).unwrap_or(u64::MAX))
    }

    /// What a request can cost whose input is not yet sorted into classes.
    pub(crate) fn most(&self, input: u64, output: u64) -> MicroUsd {
        let dearest = self.input.max(self.cache_read).max(self.cache_write);
        let price = Self { input: dearest, output: self.output.max(self.reasoning), ..*self };
        price.cost(&Tokens { input, output, ..Tokens::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_rounded_once_and_half_to_even() {
        let price =
            |input| Price { input, cache_read: input, cache_write: input, output: input, reasoning: input };
        let cases = [
            (500_000, [1, 0, 0, 0], 0),
            (500_000, [1, 1, 0, 0], 1),
            (500_000, [1, 1, 1, 0], 2),
            (500_000, [5, 0, 0, 0], 2),
            (500_001, [1, 0, 0, 0], 1),
            (499_999, [1, 0, 0, 0], 0),
            (1, [0, 0, 0, 499_999], 0),
            (0, [u64::MAX; 4], 0),
            (u64::MAX, [u64::MAX; 4], u64::MAX),
        ];
        for (micros, [input, cache_read, cache_write, output], expected) in cases {
            let tokens = Tokens { input, cache_read, cache_write, output, reasoning: 0 };
            assert_eq!(price(micros).cost(&tokens), MicroUsd(expected), "{micros} {tokens:?}");
        }
    }

    #[test]
    fn each_class_has_its_own_price() {
        let price = Price {
            input: 3_000_000,
            cache_read: 300_000,
            cache_write: 3_750_000,
            output: 15_000_000,
            reasoning: 60_000_000,
        };
        let tokens = Tokens { input: 1_200, cache_read: 800, cache_write: 200, output: 150, reasoning: 0 };
        assert_eq!(price.cost(&tokens), MicroUsd(3_600 + 240 + 750 + 2_250));
        let thought = Tokens { reasoning: 100, ..tokens };
        assert_eq!(price.cost(&thought), MicroUsd(3_600 + 240 + 750 + 50 * 15 + 100 * 60));
        let only_thought = Tokens { reasoning: 999, ..tokens };
        assert_eq!(price.cost(&only_thought), MicroUsd(3_600 + 240 + 750 + 150 * 60), "at most all of it");
        assert_eq!(price.most(1_000, 10), MicroUsd(3_750 + 600));
    }
}
