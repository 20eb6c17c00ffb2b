//! Amounts of money as they are written in the configuration: `10 USD`, `0.002 USD`.

use serde::{Deserialize, Deserializer, de};

use crate::accounts::MicroUsd;

/// An amount of dollars with at most six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenMoney(pub(super) MicroUsd);

fn parse(text: &str) -> Option<MicroUsd> {
    let amount = text.strip_suffix("USD")?.trim_end();
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(fraction).map(MicroUsd)
}

impl<'de> Deserialize<'de> for WrittenMoney {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| {
            de::Error::custom("not an amount of money: write one such as `10 USD` or `0.002 USD`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_number_of_dollars() {
        let cases = [
            ("10 USD", Some(10_000_000)),
            ("0.002 USD", Some(2_000)),
            ("0.000001 USD", Some(1)),
            ("0USD", Some(0)),
            ("0.0000001 USD", None),
            ("10", None),
            ("USD", None),
            ("-1 USD", None),
            ("1. USD", None),
            ("1e3 USD", None),
            ("10 EUR", None),
            ("99999999999999999999 USD", None),
        ];
        for (text, micros) in cases {
            assert_eq!(parse(text), micros.map(MicroUsd), "{text}");
        }
    }
}
