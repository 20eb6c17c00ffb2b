//! Wait hints: how a provider says when to come back, and how long a key is left alone for it.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// Decides how long a key is closed after a limit.
pub(crate) trait HintPolicy: Send + Sync {
    /// The time from now on in which the key is not offered.
    fn cooldown(&self, limit: Limit, hint: Option<Duration>) -> Duration;
}

/// What kind of limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The key's own rate.
    Rate,
    /// The provider asked all traffic to grow more slowly.
    Spike,
}

/// The sound policy: the provider's hint, within bounds, else a short time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HonourHints;

/// Rates are counted by the second or the minute; one second lets a short window pass and costs little.
const RATE_COOLDOWN: Duration = Duration::from_secs(1);
/// A spike is over when the traffic is lower, which the provider's pace takes care of; the key only steps aside.
pub(crate) const SPIKE_COOLDOWN: Duration = Duration::from_millis(250);
/// A hint of nothing must not become a hot loop.
const SHORTEST: Duration = Duration::from_millis(100);
/// No rate window is longer than an hour; a longer hint is a slip (or means quota, which has its own period), and
/// obeying it would lose a key for a day.
const LONGEST: Duration = Duration::from_secs(60 * 60);

impl HintPolicy for HonourHints {
    fn cooldown(&self, limit: Limit, hint: Option<Duration>) -> Duration {
        match (hint, limit) {
            (Some(hint), _) => hint.clamp(SHORTEST, LONGEST),
            (None, Limit::Rate) => RATE_COOLDOWN,
            (None, Limit::Spike) => SPIKE_COOLDOWN,
        }
    }
}

/// The wait asked for by headers, or else by the error's message. Negative, past and unreadable hints are none.
///
/// `retry-after-ms` is the finer one and goes first; `retry-after` is whole or fractional seconds or an HTTP date.
pub(super) fn wait_hint(headers: &HeaderMap, message: &str, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    text("retry-after-ms")
        .and_then(|millis| scaled(millis, 0.001))
        .or_else(|| text("retry-after").and_then(|value| scaled(value, 1.0).or_else(|| until(value, now))))
        .or_else(|| from_message(message))
}

/// A number of units. More than can be counted is as long as can be, for the bound to deal with.
fn scaled(number: &str, unit: f64) -> Option<Duration> {
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let seconds = number.parse::<f64>().ok()? * unit;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn until(date: &str, now: SystemTime) -> Option<Duration> {
    httpdate::parse_http_date(date).ok()?.duration_since(now).ok()
}

/// Reads the wait out of prose such as `Please try again in 1m30.5s.`
fn from_message(message: &str) -> Option<Duration> {
    const LEAD: &str = "try again in ";
    let start = memchr::memmem::find(message.as_bytes(), LEAD.as_bytes())? + LEAD.len();
    let mut rest = &message[start..];
    let mut total: Option<Duration> = None;
    loop {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let after = &rest[number..];
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let scale = match &after[..unit] {
            "ms" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            _ => return total,
        };
        let Some(part) = scaled(&rest[..number], scale) else { return total };
        total = Some(total.unwrap_or_default().saturating_add(part));
        rest = &after[unit..];
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Mon, 21 Sep 2026 08:00:00 GMT.
    fn now() -> SystemTime {
        httpdate::parse_http_date("Mon, 21 Sep 2026 08:00:00 GMT").unwrap()
    }

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], message: &str, expected: Option<u64>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let millis = wait_hint(&map, message, now()).map(|hint| hint.as_millis());
        assert_eq!(millis, expected.map(u128::from), "{headers:?} {message}");
    }

    #[test]
    fn every_form_of_hint_is_read() {
        check(&[("retry-after", "5")], "", Some(5_000));
        check(&[("retry-after", " 1.25 ")], "", Some(1_250));
        check(&[("retry-after", "0")], "", Some(0));
        check(&[("retry-after", "86400")], "", Some(86_400_000));
        check(&[("retry-after", "Mon, 21 Sep 2026 08:00:20 GMT")], "", Some(20_000));
        check(&[("retry-after-ms", "750")], "", Some(750));
        check(&[("retry-after-ms", "750"), ("retry-after", "1")], "", Some(750));
        check(&[("retry-after-ms", "soon"), ("retry-after", "1")], "", Some(1_000));
    }

    #[test]
    fn a_hint_in_prose_is_read_and_a_header_outranks_it() {
        check(&[], "Please try again in 20s. Visit ...", Some(20_000));
        check(&[], "try again in 120ms", Some(120));
        check(&[], "try again in 1m30.5s.", Some(90_500));
        check(&[], "try again in 1h2m", Some(3_720_000));
        check(&[], "try again in 2 days", None);
        check(&[], "try again in ", None);
        check(&[("retry-after", "3")], "try again in 20s", Some(3_000));
    }

    #[test]
    fn broken_hints_are_none() {
        for broken in ["-1", "soon", "", "NaN", "inf", "1e9", "1.2.3", "Mon, 21 Sep 2020 08:00:00 GMT"] {
            check(&[("retry-after", broken)], "", None);
        }
    }

    #[test]
    fn a_cooldown_is_bounded_on_both_sides() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            (Limit::Rate, seconds(5), Duration::from_secs(5)),
            (Limit::Rate, seconds(0), SHORTEST),
            (Limit::Rate, seconds(86_400), LONGEST),
            (Limit::Rate, Some(Duration::MAX), LONGEST),
            (Limit::Rate, None, RATE_COOLDOWN),
            (Limit::Spike, None, SPIKE_COOLDOWN),
            (Limit::Spike, seconds(2), Duration::from_secs(2)),
        ];
        for (limit, hint, expected) in cases {
            assert_eq!(HonourHints.cooldown(limit, hint), expected, "{limit:?} {hint:?}");
        }
    }
}
