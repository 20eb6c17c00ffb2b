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

impl Read for Duration {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let read = node.text().and_then(read_duration);
        read.or_else(|| {
            problems.push(
                Problem::new(node.span, format!("{} where a duration is wanted", node.described()))
                    .help("write a number with a unit: `250ms`, `20s`, `1.5s`, `2m`"),
            );
            None
        })
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        SchemaBook::or_substituted(
            &json!({ "type": "string", "pattern": r"^\d+(\.\d+)?(ns|us|ms|s|m|h)$", "examples": ["250ms", "20s"] }),
        )
    }
}

/// The duration in a text such as `1.5s`, exact to the nanosecond.
pub(crate) fn read_duration(text: &str) -> Option<Duration> {
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
    u64::try_from(total).ok().map(Duration::from_nanos)
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
                    .help("write how many in a time: `20/s`, `600/m`, `5 per 2s`"),
            );
        }
        read
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        SchemaBook::or_substituted(&json!({
            "type": "string",
            "pattern": r"^\d+(/(ms|s|m|h)| per \d+(\.\d+)?(ns|us|ms|s|m|h))$",
            "examples": ["20/s", "5 per 2s"],
        }))
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
    let count = count.trim().parse().ok().filter(|count| *count > 0)?;
    (!per.is_zero()).then_some(Rate { count, per })
}

/// One of a unit.
fn one(unit: &str) -> Option<Duration> {
    DURATION_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, nanos)| Duration::from_nanos(*nanos))
}

/// A range of whole numbers, both ends included: `1..2`.
pub(crate) fn read_range(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.split_once("..")?;
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
        for text in ["", "20", "s", "20 s", "-1s", "1.s", ".5s", "1e3s", "20sec", "99999999999999h"] {
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
        for text in ["20", "0/s", "20/", "20/fortnight", "20/1s", "x/s", "5 per 0s"] {
            assert_eq!(read_rate(text), None, "{text}");
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
