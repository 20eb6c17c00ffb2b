//! How long a reply asks its client to wait, in every form that providers use.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::hint::HintForm;
use crate::hint::duration::{duration, leading_duration};
use crate::hint::timestamp::read_rfc3339;

/// A wait hint that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitHint {
    /// The wait, counted from the arrival of the reply's head.
    pub wait: Duration,
    /// How it was told.
    pub form: HintForm,
}

/// What the head of a reply says about a wait. With the body, when that is there, it is a [`WaitHint`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderHints {
    refusal: bool,
    /// What a header says that has no other purpose; the more precise one of several.
    asked: Option<WaitHint>,
    /// The longest reset of a limit of which nothing remains.
    reset: Option<WaitHint>,
}

/// The wait that a reply asks for. `now` is the wall-clock time of its arrival.
///
/// `retry-after-ms` goes before `x-ms-retry-after-ms` and that before `retry-after`, as the official clients read them. A
/// refusal without one of them may tell its wait in the body: in details before prose. What is told of limits comes last,
/// since a reset is the time until a limit is whole again, and only for the limits of which nothing remains.
pub fn wait_hint_of<'a>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
    now: SystemTime,
) -> Option<WaitHint> {
    HeaderHints::read(status, headers, now).with_body(body)
}

/// The wait that the headers of a reply ask for, whatever its status and its body say: what a [`WaitHint`] is without these.
pub fn wait_hint<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    now: SystemTime,
) -> Option<Duration> {
    HeaderHints::read(200, headers, now).asked.map(|hint| hint.wait)
}

/// Whether a header of this name asks for a wait and for nothing else.
#[must_use]
pub fn is_wait_hint(name: &str) -> bool {
    place_of(name).is_some()
}

/// The place of such a header among those that go before one another.
fn place_of(name: &str) -> Option<usize> {
    ["retry-after-ms", "x-ms-retry-after-ms", "retry-after"]
        .iter()
        .position(|known| name.eq_ignore_ascii_case(known))
}

impl HeaderHints {
    /// Reads the headers. A date in the past asks for no wait at all; a negative number and anything that is no number and
    /// no date are no hint.
    pub fn read<'a>(
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        now: SystemTime,
    ) -> Self {
        let refusal = status >= 400;
        let mut asked: [Option<WaitHint>; 3] = [None; 3];
        let mut resets = Resets::default();
        for (name, value) in headers {
            match place_of(name) {
                Some(place) if asked[place].is_none() => {
                    asked[place] = text(value).and_then(|text| read_asked(place, text, now));
                }
                None if refusal => resets.read(name, value, now),
                Some(_) | None => {}
            }
        }
        Self { refusal, asked: asked.into_iter().flatten().next(), reset: resets.longest() }
    }

    /// The wait that the whole reply asks for. In its body and in resets, only a refusal asks for one.
    #[must_use]
    pub fn with_body(self, body: &[u8]) -> Option<WaitHint> {
        match self.asked {
            None if self.refusal => in_body(body).or(self.reset),
            asked => asked,
        }
    }
}

fn read_asked(place: usize, text: &str, now: SystemTime) -> Option<WaitHint> {
    let hint = |form| move |wait| WaitHint { wait, form };
    match place {
        0 => number(text, 1_000.0).map(hint(HintForm::Millis)),
        1 => number(text, 1_000.0).map(hint(HintForm::AzureMillis)),
        _ => {
            let form = if text.contains('.') { HintForm::Fraction } else { HintForm::Seconds };
            number(text, 1.0).map(hint(form)).or_else(|| date(text, now))
        }
    }
}

fn date(text: &str, now: SystemTime) -> Option<WaitHint> {
    let at = httpdate::parse_http_date(text).ok()?;
    let form = if at < now { HintForm::Past } else { HintForm::Date };
    Some(WaitHint { wait: at.duration_since(now).unwrap_or_default(), form })
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().map(str::trim)
}

fn number(text: &str, per_second: f64) -> Option<Duration> {
    // The parser of floating-point numbers also takes `inf`, `nan` and exponents, which are no header's numbers.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    Duration::try_from_secs_f64(text.parse::<f64>().ok()? / per_second).ok()
}

/// The limits that the headers tell of, each by its dimension: `requests`, `tokens`.
#[derive(Default)]
struct Resets<'a> {
    resets: Vec<(Dimension<'a>, WaitHint)>,
    /// The limits of which something remains.
    open: Vec<Dimension<'a>>,
}

/// What a limit counts, as the header's name spells it: what stands before and behind the word that says what is told of it.
type Dimension<'a> = (&'a str, &'a str);

impl<'a> Resets<'a> {
    fn read(&mut self, name: &'a str, value: &[u8], now: SystemTime) {
        let of_a_limit = |word: &str| find(name, word).filter(|_| find(name, "ratelimit").is_some());
        if let Some(dimension) = of_a_limit("reset") {
            let hint = text(value).and_then(|text| reset(text, now));
            self.resets.extend(hint.map(|hint| (dimension, hint)));
        } else if let Some(dimension) = of_a_limit("remaining") {
            let remaining = text(value).and_then(|text| text.parse::<f64>().ok());
            self.open.extend(remaining.is_some_and(|count| count > 0.0).then_some(dimension));
        }
    }

    fn longest(self) -> Option<WaitHint> {
        let same = |(a, b): &Dimension<'_>, (c, d): &Dimension<'_>| {
            a.eq_ignore_ascii_case(c) && b.eq_ignore_ascii_case(d)
        };
        let spent = |limit: &Dimension<'_>| !self.open.iter().any(|open| same(open, limit));
        let spent = self.resets.iter().filter(|(limit, _)| spent(limit)).map(|(_, hint)| *hint);
        spent.max_by_key(|hint| hint.wait)
    }
}

/// What stands before and behind a word in a header's name, which has it in small or capital letters.
fn find<'a>(name: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let at =
        name.as_bytes().windows(word.len()).position(|part| part.eq_ignore_ascii_case(word.as_bytes()))?;
    // The word is ASCII, so its ends are those of characters.
    Some((name.get(..at)?, name.get(at + word.len()..)?))
}

/// A number below this is no Unix time but a wait: it would be in the year 2001.
const LEAST_EPOCH: f64 = 1e9;
/// A Unix time above this is in milliseconds: in seconds it would be in the year 33658.
const LEAST_EPOCH_MILLIS: f64 = 1e12;

/// The wait that a reset tells: a duration, seconds, a time in RFC 3339, seconds or milliseconds of Unix time.
fn reset(text: &str, now: SystemTime) -> Option<WaitHint> {
    let until = |at: SystemTime| at.duration_since(now).unwrap_or_default();
    if let Some(seconds) = number(text, 1.0) {
        let count = seconds.as_secs_f64();
        return Some(if count < LEAST_EPOCH {
            WaitHint { wait: seconds, form: HintForm::ResetSeconds }
        } else {
            let since = if count < LEAST_EPOCH_MILLIS { seconds } else { seconds / 1_000 };
            WaitHint { wait: until(UNIX_EPOCH.checked_add(since)?), form: HintForm::ResetEpoch }
        });
    }
    let of_duration = duration(text).map(|wait| WaitHint { wait, form: HintForm::ResetDuration });
    let at = || read_rfc3339(text).map(|at| WaitHint { wait: until(at), form: HintForm::ResetTimestamp });
    of_duration.or_else(at)
}

/// The wait that an error body tells.
fn in_body(body: &[u8]) -> Option<WaitHint> {
    let body: Value = serde_json::from_slice(body).ok()?;
    // Some wrap the error in a list.
    let body = body.get(0).unwrap_or(&body);
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let details =
        error.get("details").or(body.get("details")).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let told = |find: fn(&Value) -> Option<&Value>, form| {
        let text = details.iter().find_map(|item| find(item)?.as_str());
        text.and_then(duration).map(|wait| WaitHint { wait, form })
    };
    let message = error.as_str().or_else(|| error.get("message")?.as_str());
    told(|item| item.get("retryDelay"), HintForm::RetryInfo)
        .or_else(|| told(|item| item.get("metadata")?.get("quotaResetDelay"), HintForm::QuotaReset))
        .or_else(|| in_prose(message?).map(|wait| WaitHint { wait, form: HintForm::Prose }))
}

/// The duration behind the words that announce one.
fn in_prose(message: &str) -> Option<Duration> {
    const ANNOUNCEMENTS: [&str; 5] =
        ["try again in ", "retry in ", "retry after ", "try again after ", "reset after "];
    let told = |announcement| find(message, announcement).and_then(|(_, rest)| leading_duration(rest));
    ANNOUNCEMENTS.into_iter().find_map(told).map(|(wait, _)| wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Hint;

    fn now() -> SystemTime {
        httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap()
    }

    fn read(status: u16, headers: &[(&str, &str)], body: &str) -> Option<WaitHint> {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        wait_hint_of(status, headers, body.as_bytes(), now())
    }

    #[test]
    fn every_form_that_can_be_read_is_read_as_it_was_written() {
        for form in HintForm::ALL {
            let hint = Hint { form: *form, wait: Duration::from_secs(90) };
            let header = hint.header(now());
            let headers: Vec<_> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let sentence = hint.sentence().unwrap_or_default();
            let details = hint.detail().unwrap_or_default();
            let body = format!(r#"{{"error":{{"message":"No. {sentence}","details":[{details}]}}}}"#);
            let expected = match form {
                HintForm::Past => Some(Duration::ZERO),
                HintForm::Negative | HintForm::Nonsense | HintForm::ResetUnknown => None,
                _ => Some(hint.wait),
            };
            let expected = expected.map(|wait| WaitHint { wait, form: *form });
            assert_eq!(read(429, &headers, &body), expected, "{form:?}");
        }
    }

    #[test]
    fn what_a_hint_tells_is_what_is_read_of_it() {
        for millis in [0, 1, 999, 1_000, 1_200, 90_250, 3_600_001] {
            for form in HintForm::ALL {
                let now = now() + Duration::from_millis(300);
                let hint = Hint { form: *form, wait: Duration::from_millis(millis) };
                let header = hint.header(now);
                let headers = header.iter().map(|(name, value)| (*name, value.as_bytes()));
                let (sentence, detail) =
                    (hint.sentence().unwrap_or_default(), hint.detail().unwrap_or_default());
                let body = format!(r#"{{"error":{{"message":"No. {sentence}","details":[{detail}]}}}}"#);
                let read = wait_hint_of(429, headers, body.as_bytes(), now).map(|hint| hint.wait);
                let read = read.filter(|_| *form != HintForm::Past);
                let nearly = |wait: Duration| wait.as_micros().div_ceil(10);
                assert_eq!(hint.told(now).map(nearly), read.map(nearly), "{form:?} {millis}");
            }
        }
    }

    #[test]
    fn headers_that_ask_for_a_wait_are_read_in_their_order() {
        let hint = |form, millis| Some(WaitHint { wait: Duration::from_millis(millis), form });
        type Case = (&'static [(&'static str, &'static str)], Option<WaitHint>);
        let cases: [Case; 19] = [
            (&[], None),
            (&[("content-type", "20")], None),
            (&[("Retry-After", "20")], hint(HintForm::Seconds, 20_000)),
            (&[("retry-after", " 1.5 ")], hint(HintForm::Fraction, 1_500)),
            (&[("retry-after", "0")], hint(HintForm::Seconds, 0)),
            (&[("retry-after", "86400")], hint(HintForm::Seconds, 86_400_000)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], hint(HintForm::Date, 30_000)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT")], hint(HintForm::Past, 0)),
            (&[("retry-after", "-3")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "1e3")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "99999999999999999999999999")], None),
            (&[("retry-after-ms", "250")], hint(HintForm::Millis, 250)),
            (&[("x-ms-retry-after-ms", "250"), ("retry-after", "20")], hint(HintForm::AzureMillis, 250)),
            (&[("retry-after", "20"), ("Retry-After-Ms", "250")], hint(HintForm::Millis, 250)),
            (&[("retry-after", "20"), ("retry-after-ms", "soon")], hint(HintForm::Seconds, 20_000)),
            (&[("retry-after", "20"), ("retry-after", "30")], hint(HintForm::Seconds, 20_000)),
        ];
        for (headers, expected) in cases {
            assert_eq!(read(429, headers, ""), expected, "{headers:?}");
            assert_eq!(read(200, headers, ""), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_reset_is_a_hint_where_nothing_remains() {
        let hint = |form, seconds| Some(WaitHint { wait: Duration::from_secs(seconds), form });
        type Case = (&'static [(&'static str, &'static str)], Option<WaitHint>);
        let cases: [Case; 12] = [
            (&[("x-ratelimit-reset-requests", "6m0s")], hint(HintForm::ResetDuration, 360)),
            (
                &[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")],
                hint(HintForm::ResetDuration, 360),
            ),
            (&[("x-ratelimit-remaining-requests", "3"), ("x-ratelimit-reset-requests", "6m0s")], None),
            (
                &[
                    ("x-ratelimit-reset-requests", "6m0s"),
                    ("x-ratelimit-reset-tokens", "1s"),
                    ("X-RateLimit-Remaining-Requests", "3"),
                    ("x-ratelimit-remaining-tokens", "0"),
                ],
                hint(HintForm::ResetDuration, 1),
            ),
            (&[("x-ratelimit-reset-tokens", "20")], hint(HintForm::ResetSeconds, 20)),
            (&[("x-ratelimit-reset-tokens", "-1")], None),
            (&[("X-RateLimit-Reset", "1792567700")], hint(HintForm::ResetEpoch, 20)),
            (&[("X-RateLimit-Reset", "1792567700000")], hint(HintForm::ResetEpoch, 20)),
            (&[("anthropic-ratelimit-unified-5h-reset", "1792567000")], hint(HintForm::ResetEpoch, 0)),
            (
                &[
                    ("anthropic-ratelimit-requests-reset", "2026-10-21T07:28:09Z"),
                    ("anthropic-ratelimit-input-tokens-reset", "2026-10-21T07:28:05Z"),
                ],
                hint(HintForm::ResetTimestamp, 9),
            ),
            (
                &[
                    ("anthropic-ratelimit-requests-reset", "2026-10-21T07:28:09Z"),
                    ("anthropic-ratelimit-requests-remaining", "1"),
                    ("anthropic-ratelimit-input-tokens-reset", "2026-10-21T07:28:05Z"),
                ],
                hint(HintForm::ResetTimestamp, 5),
            ),
            (&[("retry-after", "2"), ("x-ratelimit-reset-requests", "6m0s")], hint(HintForm::Seconds, 2)),
        ];
        for (headers, expected) in cases {
            assert_eq!(read(429, headers, ""), expected, "{headers:?}");
            let without_resets = expected.filter(|hint| hint.form == HintForm::Seconds);
            assert_eq!(read(200, headers, ""), without_resets, "{headers:?}");
        }
    }

    #[test]
    fn the_body_of_a_refusal_is_read() {
        let hint = |form, millis| Some(WaitHint { wait: Duration::from_millis(millis), form });
        for (body, expected) in [
            (r#"{"error":{"message":"Please retry in 10h17m5.7s."}}"#, hint(HintForm::Prose, 37_025_700)),
            (r#"{"error":"Try again in 20 seconds, or pay."}"#, hint(HintForm::Prose, 20_000)),
            (r#"{"message":"retry after 5 seconds"}"#, hint(HintForm::Prose, 5_000)),
            (r#"{"error":{"message":"try again in a while"}}"#, None),
            (r#"{"error":{"message":"try again in 20"}}"#, None),
            (
                r#"{"error":{"message":"retry in 26s","details":[{"metadata":{"quotaResetDelay":"373ms"}},{"@type":"x","retryDelay":"22s"}]}}"#,
                hint(HintForm::RetryInfo, 22_000),
            ),
            (
                r#"[{"error":{"details":[{"reason":"r","metadata":{"quotaResetDelay":"1.5s"}}]}}]"#,
                hint(HintForm::QuotaReset, 1_500),
            ),
            (r#"{"error":{"details":[{"retryDelay":"soon"}],"message":7}}"#, None),
            ("<html>try again in 5 minutes", None),
            ("", None),
        ] {
            assert_eq!(read(429, &[], body), expected, "{body}");
            assert_eq!(read(200, &[], body), None, "{body}");
            let both = read(429, &[("retry-after", "7")], body);
            assert_eq!(both, hint(HintForm::Seconds, 7_000), "{body}");
        }
    }
}
