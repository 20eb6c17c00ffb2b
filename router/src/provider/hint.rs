//! Wait hints: how a provider says when to come back, and how long a key is left alone for it.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;

use super::Failure;
use crate::pool::Standing;

/// Decides how long a key is closed after a limit, and how it comes back.
pub(crate) trait HintPolicy: Send + Sync {
    /// The time from now on in which the key is not offered. `lasts` is what the settings say for want of a hint.
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration;

    /// The end of a cooldown, when one is running already: the longer one counts, whichever came last.
    fn end(&self, running: Option<Instant>, later: Instant) -> Instant {
        running.map_or(later, |running| running.max(later))
    }

    /// Whether a failure says something about its key when there are many in a row.
    fn counts(&self, failure: Failure) -> bool {
        matches!(failure, Failure::Transient { .. })
    }

    /// After how many failures in a row a key is left alone, of which `set` is what the settings say.
    fn most_failures(&self, set: Option<u32>) -> Option<u32> {
        set
    }

    /// How long a key rests that only people can mend.
    fn rest_of_the_dead(&self) -> Duration {
        Standing::LONG_PERIOD
    }

    /// How many requests at once may try whether a key is back. Absent: all of them.
    fn probes(&self, set: u32) -> Option<u32> {
        Some(set)
    }

    /// Whether other routers with the same keys are told of a closed key.
    fn tells_others(&self) -> bool {
        true
    }

    /// Whether a key that met a rate rests for the model that met it, and not for all.
    fn rests_for_one_model(&self) -> bool {
        true
    }

    /// Whether a key that has no money, or is not accepted, rests for all models.
    fn rests_for_the_account(&self) -> bool {
        true
    }

    /// What a failure is taken for.
    fn taken_for(&self, failure: Failure) -> Failure {
        failure
    }

    /// Whether a provider that asks for less traffic gets less.
    fn slows_down(&self) -> bool {
        true
    }
}

/// What kind of limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The key's own rate.
    Rate,
    /// The provider asked all traffic to grow more slowly.
    Spike,
    /// No limit, but failures in a row.
    Failures,
    /// The key is not accepted or has nothing left, which only people mend.
    Account,
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
    fn cooldown(&self, limit: Limit, hint: Option<Duration>, lasts: Option<Duration>) -> Duration {
        match (hint, limit) {
            (Some(hint), _) => hint.clamp(SHORTEST, LONGEST),
            (None, Limit::Rate | Limit::Failures | Limit::Account) => lasts.unwrap_or(RATE_COOLDOWN),
            (None, Limit::Spike) => lasts.unwrap_or(SPIKE_COOLDOWN),
        }
    }
}

/// The wait asked for by headers, or else by the error's message. Negative, past and unreadable hints are none.
///
/// Milliseconds are finer and go first, in the headers of OpenAI and of Azure; `retry-after` is whole or fractional seconds or an
/// HTTP date.
pub(super) fn wait_hint(headers: &HeaderMap, message: &str, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    ["retry-after-ms", "x-ms-retry-after-ms"]
        .into_iter()
        .find_map(|name| scaled(text(name)?, 0.001))
        .or_else(|| text("retry-after").and_then(|value| scaled(value, 1.0).or_else(|| until(value, now))))
        .or_else(|| from_message(message))
}

/// What Google's errors say in their details, in any order.
#[derive(Debug, Default)]
pub(super) struct GoogleDetails<'a> {
    pub(super) hint: Option<Duration>,
    pub(super) reason: Option<&'a str>,
    /// Whether a limit of nothing was met, which no waiting helps.
    pub(super) has_no_quota: bool,
    /// Whether a limit of the day was met.
    pub(super) is_of_the_day: bool,
}

impl<'a> GoogleDetails<'a> {
    pub(super) fn of(error: &'a Value) -> Self {
        let mut read = Self::default();
        for detail in error["details"].as_array().into_iter().flatten() {
            let wait = [&detail["retryDelay"], &detail["metadata"]["quotaResetDelay"]];
            let wait = wait.into_iter().find_map(|wait| spelled(wait.as_str()?));
            read.hint = read.hint.max(wait);
            read.reason = read.reason.or(detail["reason"].as_str());
            for violation in detail["violations"].as_array().into_iter().flatten() {
                read.has_no_quota |= violation["quotaValue"] == "0";
                let id = violation["quotaId"].as_str().unwrap_or_default();
                read.is_of_the_day |= id.contains("PerDay");
            }
        }
        read
    }
}

/// The wait until a limit is free again, from the headers that Anthropic sends with every answer: a moment for each
/// kind of limit, as RFC 3339 or as seconds of the epoch. For an answer that met a limit and names no other wait.
///
/// The limits with nothing left are the ones that were met, and all of them must be free again. When none says so, the
/// first to be free is the least that can be meant.
pub(super) fn reset_hint(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let (mut met, mut others): (Option<Duration>, Option<Duration>) = (None, None);
    for (name, value) in headers {
        let family =
            name.as_str().strip_prefix("anthropic-ratelimit-").and_then(|name| name.strip_suffix("reset"));
        let Some(family) = family else { continue };
        let Some(wait) = value.to_str().ok().and_then(|moment| until_moment(moment.trim(), now)) else {
            continue;
        };
        let remaining = headers.get(format!("anthropic-ratelimit-{family}remaining"));
        if remaining.is_some_and(|remaining| remaining.as_bytes() != b"0") {
            others = Some(others.map_or(wait, |shortest| shortest.min(wait)));
        } else {
            met = Some(met.map_or(wait, |longest| longest.max(wait)));
        }
    }
    met.or(others)
}

fn until_moment(moment: &str, now: SystemTime) -> Option<Duration> {
    let is_number = !moment.is_empty() && moment.bytes().all(|byte| byte.is_ascii_digit());
    let at = if is_number {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(moment.parse().ok()?))?
    } else {
        humantime::parse_rfc3339(moment).ok()?
    };
    at.duration_since(now).ok()
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
    ["try again in ", "retry in ", "retry after "].into_iter().find_map(|lead| {
        let start = memchr::memmem::find(message.as_bytes(), lead.as_bytes())? + lead.len();
        spelled(&message[start..])
    })
}

/// The duration that a text begins with, such as `1m30.5s`.
pub(super) fn spelled(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: Option<Duration> = None;
    loop {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let after = rest[number..].trim_start_matches(' ');
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
        check(&[("x-ms-retry-after-ms", "1100"), ("retry-after", "2")], "", Some(1_100));
    }

    #[test]
    fn a_hint_in_prose_is_read_and_a_header_outranks_it() {
        check(&[], "Please try again in 20s. Visit ...", Some(20_000));
        check(&[], "try again in 120ms", Some(120));
        check(&[], "try again in 1m30.5s.", Some(90_500));
        check(&[], "try again in 1h2m", Some(3_720_000));
        check(&[], "Please retry after 7 seconds.", Some(7_000));
        check(&[], "retry after the reset", None);
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
    fn a_reset_of_a_limit_that_was_met_is_a_hint() {
        const REQUESTS: &str = "anthropic-ratelimit-requests-reset";
        const INPUT: &str = "anthropic-ratelimit-input-tokens-reset";
        const REQUESTS_LEFT: &str = "anthropic-ratelimit-requests-remaining";
        const INPUT_LEFT: &str = "anthropic-ratelimit-input-tokens-remaining";
        let (soon, later) = ("2026-09-21T08:00:05Z", "2026-09-21T08:00:20Z");
        type Case<'a> = (&'a [(&'static str, &'static str)], Option<u64>);
        let cases: [Case<'_>; 9] = [
            (&[(REQUESTS, soon)], Some(5)),
            (&[(REQUESTS, soon), (INPUT, later)], Some(20)),
            (&[(REQUESTS, soon), (REQUESTS_LEFT, "0"), (INPUT, later), (INPUT_LEFT, "900")], Some(5)),
            (&[(REQUESTS, soon), (REQUESTS_LEFT, "3"), (INPUT, later), (INPUT_LEFT, "900")], Some(5)),
            (&[("anthropic-ratelimit-unified-reset", "1789977630")], Some(30)),
            (&[(REQUESTS, "2026-09-21T08:00:00Z")], Some(0)),
            (&[(REQUESTS, "2026-09-21T07:59:59Z")], None),
            (&[(REQUESTS, "soon")], None),
            (&[("anthropic-ratelimit-requests-limit", "50")], None),
        ];
        for (headers, seconds) in cases {
            let map = headers.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            });
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(reset_hint(&map.collect(), now()), expected, "{headers:?}");
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
            assert_eq!(HonourHints.cooldown(limit, hint, None), expected, "{limit:?} {hint:?}");
        }
    }
}
