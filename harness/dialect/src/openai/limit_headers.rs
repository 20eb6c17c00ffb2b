//! The headers that tell a key's limit on every reply: `x-ratelimit-limit-requests` and its kin.

use std::fmt::Write;
use std::time::Duration;

/// A limit on requests at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    /// How many there may be at most.
    pub limit: u32,
    /// How many more there may be now.
    pub remaining: u32,
    /// How long it takes until there may be `limit` of them again. It is not the wait before the next one.
    pub reset: Duration,
}

impl RequestLimit {
    /// The headers' names with their values.
    #[must_use]
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("x-ratelimit-limit-requests", self.limit.to_string()),
            ("x-ratelimit-remaining-requests", self.remaining.to_string()),
            ("x-ratelimit-reset-requests", go_duration(self.reset)),
        ]
    }
}

/// A duration as Go writes it (`12ms`, `1.5s`, `6m0s`, `1h0m0s`), rounded up to a millisecond.
#[must_use]
pub fn go_duration(duration: Duration) -> String {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let mut text = String::new();
    let written = if hours > 0 {
        write!(text, "{hours}h{minutes}m")
    } else if minutes > 0 {
        write!(text, "{minutes}m")
    } else {
        Ok(())
    };
    written.and_then(|()| write!(text, "{}.{:03}", rest / 1_000, rest % 1_000)).expect("memory takes a text");
    let whole = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(whole);
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_does() {
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
            assert_eq!(go_duration(Duration::from_micros(micros)), expected, "{micros}");
        }
    }

    #[test]
    fn a_limit_is_told_in_three_headers() {
        let limit = RequestLimit { limit: 20, remaining: 0, reset: Duration::from_secs(360) };
        let expected = [
            ("x-ratelimit-limit-requests", "20".to_owned()),
            ("x-ratelimit-remaining-requests", "0".to_owned()),
            ("x-ratelimit-reset-requests", "6m0s".to_owned()),
        ];
        assert_eq!(limit.headers(), expected);
    }
}
