//! Quantities with units: a bare number is never a duration or a rate.

use std::time::Duration;

use serde_json::json;

use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, wrong};

const DURATION_UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// More than a year: nothing takes longer, and the sum of several is still a time.
const LONGEST: Duration = Duration::from_secs(10_000 * 3_600);
/// Requests in a second that no machine sends.
const FASTEST: u128 = 1_000_000;

impl Read for Duration {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let read = node.text().and_then(read_duration);
        read.or_else(|| {
            problems.push(
                Problem::new(node.span, format!("{} where a duration is wanted", node.described()))
                    .help("write a number with a unit, up to 10000h: `250ms`, `20s`, `1.5s`, `2m`"),
            );
            None
        })
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "a duration", "type": "string", "pattern": r"^\d+(\.\d+)?(ns|us|ms|s|m|h)$" })
    }

    fn show(&self) -> Option<serde_json::Value> {
        Some(show_duration(*self).into())
    }
}

/// The duration in a text such as `1.5s`, exact to the nanosecond.
#[must_use]
pub fn read_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, nanos) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits =
        |part: &str| !part.is_empty() && part.len() <= 12 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let total =
        (whole.parse::<u128>().ok()? * scale + fraction.parse::<u128>().ok()?) * u128::from(*nanos) / scale;
    u64::try_from(total).ok().map(Duration::from_nanos).filter(|duration| *duration <= LONGEST)
}

/// A duration in the unit that shows it shortest, as the language writes it.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let whole = DURATION_UNITS
        .iter()
        .rev()
        .find(|(unit, size)| nanos.is_multiple_of(u128::from(*size)) && *unit != "h");
    match whole {
        Some(("ns", _)) if nanos >= 1_000_000 => format!("{:.1}ms", duration.as_secs_f64() * 1_000.0),
        Some(("us", _)) if nanos >= 1_000_000 => format!("{:.1}ms", duration.as_secs_f64() * 1_000.0),
        Some((unit, size)) => format!("{}{unit}", nanos / u128::from(*size)),
        None => format!("{nanos}ns"),
    }
}

/// So many in a time: `20/s`, `600/m`, `5 per 2s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub per: Duration,
}

impl Rate {
    /// The time from one to the next, if they come evenly.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.per / self.count.max(1)
    }
}

impl Read for Rate {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let read = node.text().and_then(read_rate);
        if read.is_none() {
            problems.push(
                Problem::new(node.span, format!("{} where a rate is wanted", node.described()))
                    .help("write how many in a time, up to 1000000/s: `20/s`, `600/m`, `5 per 2s`"),
            );
        }
        read
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({
            "title": "a rate",
            "type": "string",
            "pattern": r"^\d+(/(ns|us|ms|s|m|h)| per \d+(\.\d+)?(ns|us|ms|s|m|h))$",
        })
    }
}

fn read_rate(text: &str) -> Option<Rate> {
    let (count, per) = match text.split_once('/') {
        Some((count, unit)) => (count, one(unit)?),
        None => {
            let (count, per) = text.split_once(" per ")?;
            (count, read_duration(per)?)
        }
    };
    let digits = count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u32 = count.parse().ok().filter(|count| digits && *count > 0)?;
    let possible = u128::from(count) * 1_000_000_000 <= FASTEST * per.as_nanos();
    possible.then_some(Rate { count, per })
}

/// One of a unit.
fn one(unit: &str) -> Option<Duration> {
    DURATION_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, nanos)| Duration::from_nanos(*nanos))
}

/// A part of a whole, exact to a millionth: `99%`, `0.1%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Millionths of the whole.
    pub millionths: u32,
}

/// A number of bytes: `64KiB`, `2MiB`, `100B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Bytes.
    pub bytes: u64,
}

/// An amount of money: `10 USD`, `0.002 USD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money {
    /// Millionths of a dollar.
    pub micros: i64,
}

macro_rules! quantity {
    ($ty:ident, $what:literal, $read:path, $help:literal, $pattern:literal) => {
        impl Read for $ty {
            fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
                let read = node.text().and_then($read);
                if read.is_none() {
                    let message = format!("{} where {} is wanted", node.described(), $what);
                    problems.push(Problem::new(node.span, message).help($help));
                }
                read
            }

            fn schema(_: &mut SchemaBook) -> serde_json::Value {
                json!({ "title": $what, "type": "string", "pattern": $pattern })
            }

            fn show(&self) -> Option<serde_json::Value> {
                Some(self.to_string().into())
            }
        }
    };
}

quantity!(
    Share,
    "a share",
    read_share,
    "write a number with a percent sign: `99%`, `0.1%`",
    r"^\d+(\.\d+)?%$"
);
quantity!(
    Size,
    "a size",
    read_size,
    "write a number with a unit: `100B`, `64KiB`, `2MiB`",
    r"^\d+(\.\d+)?(B|KiB|MiB|GiB)$"
);
quantity!(
    Money,
    "an amount of money",
    read_money,
    "write a number of dollars: `10 USD`, `0.002 USD`",
    r"^\d+(\.\d+)? USD$"
);

/// A decimal number as a whole number of its `10^places`-th parts, if it is exactly that.
fn decimal(text: &str, places: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |part: &str| !part.is_empty() && part.len() <= 12 && part.bytes().all(|b| b.is_ascii_digit());
    let fraction_end = fraction.trim_end_matches('0');
    if !digits(whole) || !digits(fraction) || fraction_end.len() > places as usize {
        return None;
    }
    let padded = format!("{fraction_end:0<width$}", width = places as usize);
    let fraction: u64 = if padded.is_empty() { 0 } else { padded.parse().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(10_u64.checked_pow(places)?)?.checked_add(fraction)
}

fn read_share(text: &str) -> Option<Share> {
    let millionths = decimal(text.strip_suffix('%')?, 4)?;
    u32::try_from(millionths).ok().map(|millionths| Share { millionths })
}

pub(crate) fn read_size(text: &str) -> Option<Size> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    let millionths = u128::from(decimal(number, 6)?) << shift;
    let bytes = (millionths % 1_000_000 == 0).then_some(millionths / 1_000_000)?;
    u64::try_from(bytes).ok().map(|bytes| Size { bytes })
}

/// The amount in a text such as `0.002 USD`, exact to the millionth of a dollar.
#[must_use]
pub fn read_money(text: &str) -> Option<Money> {
    let micros = decimal(text.strip_suffix("USD")?.strip_suffix(' ')?, 6)?;
    i64::try_from(micros).ok().map(|micros| Money { micros })
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}%", shown_decimal(u64::from(self.millionths), 4))
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        write!(f, "{sign}{} USD", shown_decimal(self.micros.unsigned_abs(), 6))
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = [("GiB", 30), ("MiB", 20), ("KiB", 10)]
            .into_iter()
            .find(|(_, shift)| self.bytes > 0 && self.bytes.is_multiple_of(1_u64 << shift));
        match unit {
            Some((unit, shift)) => write!(f, "{}{unit}", self.bytes >> shift),
            None => write!(f, "{}B", self.bytes),
        }
    }
}

fn shown_decimal(parts: u64, places: usize) -> String {
    let digits = format!("{parts:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// A range of whole numbers, both ends included: `1..2`.
pub(crate) fn read_range(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..")?;
    if !from.bytes().chain(to.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to).then_some((from, to))
}

/// Tells that a value is no range.
pub(crate) fn wrong_range<T>(node: &Node, problems: &mut Vec<Problem>) -> Option<T> {
    wrong(node, "a whole number or a range such as `1..2`", problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        for (text, millis) in [("250ms", 250), ("20s", 20_000), ("1.5s", 1_500), ("2m", 120_000), ("0s", 0)] {
            assert_eq!(read_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "20", "s", "20 s", "-1s", "1.s", ".5s", "1e3s", "20sec", "99999999999999h", "10001h"]
        {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_is_written() {
        for text in ["250ms", "20s", "1500ms", "2m", "7us", "0s"] {
            assert_eq!(show_duration(read_duration(text).unwrap()), text);
        }
        assert_eq!(show_duration(Duration::from_nanos(12_345_678)), "12.3ms");
    }

    #[test]
    fn a_rate_is_a_number_in_a_time() {
        assert_eq!(read_rate("20/s"), Some(Rate { count: 20, per: Duration::from_secs(1) }));
        assert_eq!(read_rate("600/m"), Some(Rate { count: 600, per: Duration::from_secs(60) }));
        assert_eq!(read_rate("5 per 2s"), Some(Rate { count: 5, per: Duration::from_secs(2) }));
        for text in
            ["20", "0/s", "20/", "20/fortnight", "20/1s", "x/s", "5 per 0s", "+5/s", "2000000/s", "1/ns"]
        {
            assert_eq!(read_rate(text), None, "{text}");
        }
    }

    #[test]
    fn a_share_a_size_and_money_are_exact_and_shown_as_they_are_written() {
        for (text, millionths) in
            [("99%", 990_000), ("0.1%", 1_000), ("100%", 1_000_000), ("250%", 2_500_000)]
        {
            assert_eq!(read_share(text), Some(Share { millionths }), "{text}");
            assert_eq!(Share { millionths }.to_string(), text);
        }
        for (text, bytes) in [("100B", 100), ("64KiB", 65_536), ("2MiB", 2_097_152), ("1GiB", 1 << 30)] {
            assert_eq!(read_size(text), Some(Size { bytes }), "{text}");
            assert_eq!(Size { bytes }.to_string(), text);
        }
        for (text, micros) in [("10 USD", 10_000_000), ("0.002 USD", 2_000), ("0.000001 USD", 1)] {
            assert_eq!(read_money(text), Some(Money { micros }), "{text}");
            assert_eq!(Money { micros }.to_string(), text);
        }
        assert_eq!(read_size("1.5KiB"), Some(Size { bytes: 1_536 }));
        for text in [
            "99",
            "%",
            "-1%",
            "0.00001%",
            "1e2%",
            "64kb",
            "KiB",
            "0.3B",
            "10",
            "10USD",
            "1 EUR",
            "0.0000001 USD",
        ] {
            assert_eq!((read_share(text), read_size(text), read_money(text)), (None, None, None), "{text}");
        }
    }

    #[test]
    fn a_range_includes_both_ends() {
        assert_eq!(read_range("1..2"), Some((1, 2)));
        for text in ["2..1", "1..", "..2", "1...2", "a..b"] {
            assert_eq!(read_range(text), None, "{text}");
        }
    }
}
