//! A failure that a profile confesses: it is checked again in every run, and must be renewed or removed in time.

use std::fmt;

use scenario::{At, Node, Problem, Read, SchemaBook, part, words};
use serde_json::json;

part! {
    /// A failure that is known.
    "a known failure" => KnownFailure {
        /// The rule that is broken. For example `rule: OBS-005`.
        rule: At<String>,
        /// The scenario that shows it, as its path below the folder of scenarios, without the ending.
        /// For example `scenario: observability/attempts-shown`.
        scenario: At<String>,
        /// The case; all if missing. For example `case: streamed`.
        case: Option<At<String>>,
        /// What it ends in. For example `verdict: fail`.
        verdict: Confessed,
        /// Whether it comes in every run. For example `comes: sometimes`.
        comes: Comes = Comes::Always,
        /// Why it is so. For example `reason: it has no such header`.
        reason: String,
        /// The version of the target in which it was seen. For example `seen_in: "1.80"`.
        seen_in: Option<String>,
        /// The last day on which it counts as known. For example `until: 2027-06-30`.
        until: At<Date>,
    }
}

words! {
    /// A verdict that can be confessed.
    "a verdict that can be confessed" => Confessed {
        /// The expectation does not hold.
        "fail" => Fail,
        /// A SHOULD does not hold.
        "warn" => Warn,
        /// The target never becomes ready, or dies.
        "blocked" => Blocked,
        /// What the scenario provokes never comes to pass with this target, for a failure of another kind.
        "not_exercised" => NotExercised,
    }
}

words! {
    /// How often a failure comes.
    "how often a failure comes" => Comes {
        /// In every run: one in which it does not come says that it is known no more.
        "always" => Always,
        /// In some runs and not in others, since the target chooses at random: that it does not come says nothing.
        "sometimes" => Sometimes,
    }
}

/// A day of the calendar. Earlier days are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

impl Date {
    /// The day in a text such as `2027-06-30`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shape {
            return None;
        }
        let (year, month, day) = (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
        let leap =
            |year: u16| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            2 if leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=last).contains(&day).then_some(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Read for Date {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        node.text().and_then(Self::parse).or_else(|| {
            let message = format!("{} where a day is wanted", node.described());
            problems.push(Problem::new(node.span, message).help("write year, month and day: `2027-06-30`"));
            None
        })
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "string", "format": "date" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        for text in ["2027-06-30", "2024-02-29", "2000-02-29"] {
            assert_eq!(Date::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "2027-6-30",
            "2027-06-31",
            "2023-02-29",
            "1900-02-29",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "30.06.2027",
            "2027-06-3ä",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert!(Date::parse("2027-06-30") < Date::parse("2027-07-01"));
    }
}
