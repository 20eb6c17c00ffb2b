//! Durations in the words of providers: `6m0s` as Go writes it, `20 seconds` as prose has it.

use std::fmt::Write;
use std::time::Duration;

/// A duration as Go writes it (`12ms`, `1.5s`, `6m0s`, `1h0m0s`), rounded up to a millisecond.
#[must_use]
pub fn go_duration(duration: Duration) -> String {
    let millis = whole_millis(duration);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1_000 {
        return millis.to_string() + "ms";
    }
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let mut text = match (hours, minutes) {
        (0, 0) => String::new(),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    };
    text.push_str(&seconds(rest));
    text.push('s');
    text
}

/// Seconds as a number, with as much of a fraction as there is, rounded up to a millisecond.
pub(super) fn decimal_seconds(duration: Duration) -> String {
    seconds(whole_millis(duration))
}

fn seconds(millis: u64) -> String {
    let mut text = (millis / 1_000).to_string();
    let rest = millis % 1_000;
    if rest > 0 {
        // Memory takes a text: there is no error to hand on.
        write!(text, ".{rest:03}").unwrap_or_default();
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

/// Milliseconds, rounded up: who waits so long never comes too early.
pub(super) fn whole_millis(duration: Duration) -> u64 {
    let millis = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    duration.as_secs().saturating_mul(1_000).saturating_add(millis)
}

/// Seconds, rounded up.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// A text that is a duration with units and nothing else.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (duration, rest) = leading_duration(text.trim())?;
    rest.is_empty().then_some(duration)
}

/// The duration with units at the beginning of a text, and what follows it.
pub(super) fn leading_duration(text: &str) -> Option<(Duration, &str)> {
    let mut total = None;
    let mut rest = text;
    while let Some((part, later)) = part(rest.trim_start_matches(' ')) {
        total = Some(total.unwrap_or(Duration::ZERO).checked_add(part)?);
        rest = later;
    }
    total.map(|total| (total, rest))
}

/// One number with its unit.
fn part(text: &str) -> Option<(Duration, &str)> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(number_end);
    let rest = rest.trim_start_matches(' ');
    let unit_end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let per_second = seconds_of(unit)?;
    let duration = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * per_second).ok()?;
    Some((duration, rest))
}

fn seconds_of(unit: &str) -> Option<f64> {
    const UNITS: [(&[&str], f64); 7] = [
        (&["ns"], 1e-9),
        (&["us", "µs", "μs"], 1e-6),
        (&["ms", "millisecond", "milliseconds"], 1e-3),
        (&["s", "sec", "secs", "second", "seconds"], 1.0),
        (&["m", "min", "mins", "minute", "minutes"], 60.0),
        (&["h", "hour", "hours"], 3_600.0),
        (&["d", "day", "days"], 86_400.0),
    ];
    let named = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(unit));
    UNITS.iter().find(|(names, _)| named(names)).map(|(_, seconds)| *seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_does_and_read_back() {
        for (micros, expected) in [
            (0, "0s"),
            (1, "1ms"),
            (12_000, "12ms"),
            (12_001, "13ms"),
            (999_001, "1s"),
            (1_000_000, "1s"),
            (1_500_000, "1.5s"),
            (20_001_000, "20.001s"),
            (10_000_000, "10s"),
            (60_000_000, "1m0s"),
            (360_000_000, "6m0s"),
            (90_250_000, "1m30.25s"),
            (3_600_000_000, "1h0m0s"),
            (86_400_000_000, "24h0m0s"),
        ] {
            let written = go_duration(Duration::from_micros(micros));
            assert_eq!(written, expected, "{micros}");
            let millis = micros.div_ceil(1_000);
            assert_eq!(duration(&written), Some(Duration::from_millis(millis)), "{written}");
        }
    }

    #[test]
    fn durations_are_read_in_every_spelling() {
        for (text, millis) in [
            ("373.8ms", Some(374)),
            ("2h57m16.9s", Some(10_636_900)),
            ("10h17m5.7s", Some(37_025_700)),
            ("86400s", Some(86_400_000)),
            ("20 seconds", Some(20_000)),
            ("1 minute 30 seconds", Some(90_000)),
            ("2 Days", Some(172_800_000)),
            ("0s", Some(0)),
            ("20", None),
            ("", None),
            ("s", None),
            ("-3s", None),
            ("1.2.3s", None),
            ("20 apples", None),
            ("5s and more", None),
            ("99999999999999999999999999s", None),
        ] {
            let read = duration(text).map(whole_millis);
            assert_eq!(read, millis, "{text}");
        }
    }
}
