//! Amounts of money as targets write them, exact in millionths of a dollar.

use crate::told::MoneyUnit;

/// The millionths of a dollar in a number such as `0.000123`, `1.5e-4` or `7`; what is finer is rounded half to even, as
/// money is everywhere here. `None` if it is no number, or too large for an amount of money.
#[must_use]
pub fn money_micros(text: &str, unit: MoneyUnit) -> Option<i64> {
    let text = text.trim();
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || digits.len() > 36 {
        return None;
    }
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = match unit {
        MoneyUnit::Usd => 6,
        MoneyUnit::Micros => 0,
    };
    let shift = exponent.checked_add(places)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let scaled = match shift {
        0.. => value.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?,
        _ => rounded(value, 10_i128.checked_pow(shift.unsigned_abs()).unwrap_or(i128::MAX)),
    };
    i64::try_from(sign * scaled).ok()
}

fn rounded(value: i128, by: i128) -> i128 {
    let (whole, rest) = (value / by, value % by);
    // Half of an odd power cannot occur, and nothing here is large enough to overflow.
    let up = match (rest.saturating_mul(2)).cmp(&by) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    whole + i128::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_exact_to_the_millionth_and_rounded_half_to_even_below() {
        for (text, usd) in [
            ("0", Some(0)),
            ("1", Some(1_000_000)),
            ("0.000123", Some(123)),
            ("1.23e-4", Some(123)),
            ("1.23E-04", Some(123)),
            ("2e1", Some(20_000_000)),
            ("-0.5", Some(-500_000)),
            ("0.0000005", Some(0)),
            ("0.0000015", Some(2)),
            ("0.0000025", Some(2)),
            ("0.00000250000001", Some(3)),
            ("1e-300", Some(0)),
            (" 0.1 ", Some(100_000)),
            ("", None),
            (".5", None),
            ("abc", None),
            ("1,5", None),
            ("1e400", None),
            ("1e99999999999", None),
            ("99999999999999999999", None),
            ("NaN", None),
        ] {
            assert_eq!(money_micros(text, MoneyUnit::Usd), usd, "{text}");
        }
        assert_eq!(money_micros("123", MoneyUnit::Micros), Some(123));
        assert_eq!(money_micros("123.5", MoneyUnit::Micros), Some(124));
    }
}
