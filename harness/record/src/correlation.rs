//! The mark that joins an exchange to its attempts: a text of constant length that routers forward, whatever they do to headers.
//!
//! `[sp:0f3a9c2174be:0000001f]`: twelve hexadecimal digits name the trial, eight the exchange.

use serde::{Deserialize, Serialize};

/// The number of an exchange within its trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeId(pub u32);

impl ExchangeId {
    /// Stands in an attempt's row that joins no exchange.
    pub const NONE: Self = Self(u32::MAX);
}

/// How many bytes a mark takes.
pub const MARK_LENGTH: usize = 26;

const OPENING: &[u8] = b"[sp:";
const TRIAL_DIGITS: usize = 12;
const EXCHANGE_DIGITS: usize = 8;

/// Writes and finds the marks of one trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correlation {
    trial: u64,
}

/// What a text says of the exchange that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A mark of this trial.
    Exchange(ExchangeId),
    /// A mark of another trial.
    Foreign,
    /// No mark.
    Nothing,
}

impl Correlation {
    /// Marks of a trial; only the low 48 bits of the number count.
    #[must_use]
    pub fn new(trial: u64) -> Self {
        Self { trial: trial & 0xffff_ffff_ffff }
    }

    /// The mark of an exchange.
    #[must_use]
    pub fn mark(&self, exchange: ExchangeId) -> String {
        format!("[sp:{:012x}:{:08x}]", self.trial, exchange.0)
    }

    /// Finds the last mark in a text. The last one counts because a conversation carries those of its earlier turns too.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Found {
        let mut end = text.len();
        while let Some(start) = memchr::memrchr(OPENING[0], &text[..end]) {
            if let Some((trial, exchange)) = read_mark(&text[start..]) {
                return if trial == self.trial { Found::Exchange(exchange) } else { Found::Foreign };
            }
            end = start;
        }
        Found::Nothing
    }
}

fn read_mark(text: &[u8]) -> Option<(u64, ExchangeId)> {
    let mark = text.get(..MARK_LENGTH)?;
    let (trial, rest) = mark.strip_prefix(OPENING)?.split_at(TRIAL_DIGITS);
    let exchange = rest.strip_prefix(b":")?.strip_suffix(b"]")?;
    let digits = |part: &[u8]| u64::from_str_radix(std::str::from_utf8(part).ok()?, 16).ok();
    debug_assert_eq!(exchange.len(), EXCHANGE_DIGITS);
    Some((digits(trial)?, ExchangeId(u32::try_from(digits(exchange)?).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Correlation = Correlation { trial: 0x0f3a_9c21_74be };

    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        let mark = MINE.mark(ExchangeId(31));
        assert_eq!(mark, "[sp:0f3a9c2174be:0000001f]");
        assert_eq!(mark.len(), MARK_LENGTH);
        for text in [mark.clone(), format!("ping {mark}"), format!("{mark} and more"), format!("[sp: {mark}")]
        {
            assert_eq!(MINE.find(text.as_bytes()), Found::Exchange(ExchangeId(31)), "{text}");
        }
    }

    #[test]
    fn the_last_mark_counts() {
        let text = format!("{} then {}", MINE.mark(ExchangeId(1)), MINE.mark(ExchangeId(2)));
        assert_eq!(MINE.find(text.as_bytes()), Found::Exchange(ExchangeId(2)));
    }

    #[test]
    fn another_trial_s_mark_is_foreign_and_a_broken_one_is_nothing() {
        let foreign = Correlation::new(7).mark(ExchangeId(1));
        assert_eq!(MINE.find(foreign.as_bytes()), Found::Foreign);
        for text in ["", "[sp:", "[sp:0f3a9c2174be:0000001g]", "[sp:0f3a9c2174be-0000001f]"] {
            assert_eq!(MINE.find(text.as_bytes()), Found::Nothing, "{text}");
        }
    }
}
