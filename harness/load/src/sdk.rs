//! How clients try again by themselves that are built on an official library: whether, and after what wait.
//!
//! The rules are facts about those libraries, read in their sources (`_base_client.py` of openai-python and of
//! anthropic-sdk-python, `_api_client.py` of python-genai):
//!
//! - openai-python: two retries. After a failed connection, a timeout, and the statuses 408, 409, 429 and 500 upwards;
//!   `x-should-retry: true` or `false` outranks the status. The wait is what `retry-after-ms`, or else `retry-after` in seconds
//!   or as a date, asks for, if that is more than nothing; otherwise half a second, doubled with each retry up to eight seconds,
//!   and shortened at random by up to a quarter. Since the version of 30 July 2026 a hint is obeyed up to two minutes, and a
//!   longer one ends the call, whatever `x-should-retry` says. Before, hints were obeyed up to one minute, and longer ones
//!   passed over.
//! - anthropic-sdk-python: the same, but that every hint is obeyed, up to fifty days. Before its version 1.8, as openai-python
//!   before July 2026.
//! - python-genai: nothing, unless the program asks for retries. Then, with its defaults, four retries after the statuses 408,
//!   429, 500, 502, 503 and 504, after a timeout and where no connection was made, and not after one that broke; it waits a
//!   second, doubled with each retry, with up to a second more at random, sixty seconds at most. It reads no hint.
//!
//! `.ci/sdk` runs the libraries themselves against simulated providers, and holds their waits.
//!
//! What comes after a stream has begun is tried again by none of them.

use std::time::{Duration, SystemTime};

use crate::draw::unit;

/// An official library whose way of trying again a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// The OpenAI library for Python.
    OpenaiPython,
    /// The same before a long hint ended a call.
    OpenaiPythonOld,
    /// The Anthropic library for Python.
    AnthropicPython,
    /// The same before it obeyed long hints.
    AnthropicPythonOld,
    /// The Google library for Python, of a program that asks for retries.
    GoogleGenai,
}

/// What came of a try.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tried<'a> {
    /// A response with this status and these headers.
    Answered { status: u16, headers: &'a [(String, String)] },
    /// No connection, or no response in time.
    Unreached,
    /// A connection that broke before there was a response, or before its end.
    Broken,
}

/// The longest hint that clients obeyed before a long hint ended a call, in seconds.
const MINUTE: f64 = 60.0;
/// The longest hint that today's OpenAI library obeys.
const TWO_MINUTES: f64 = 120.0;
/// The longest hint that today's Anthropic library obeys: as many milliseconds as 32 bits can count.
const FIFTY_DAYS: f64 = 4_294_967.0;

impl Sdk {
    /// How long the client waits before it tries again; none if it gives up. `retries` are those that it has made, `draw` lies
    /// between 0 and 1.
    pub(crate) fn wait(self, retries: u32, tried: Tried<'_>, now: SystemTime, draw: f64) -> Option<Duration> {
        if retries >= self.most_retries() {
            return None;
        }
        let hint = match (self, tried) {
            (Self::GoogleGenai, _) | (_, Tried::Broken | Tried::Unreached) => None,
            (_, Tried::Answered { headers, .. }) => hint(headers, now),
        };
        if self == Self::OpenaiPython && hint.is_some_and(|seconds| seconds > TWO_MINUTES) {
            return None;
        }
        if !self.retries(tried) {
            return None;
        }
        let longest = match self {
            Self::OpenaiPython => TWO_MINUTES,
            Self::AnthropicPython => FIFTY_DAYS,
            Self::OpenaiPythonOld | Self::AnthropicPythonOld | Self::GoogleGenai => MINUTE,
        };
        let obeyed = hint.filter(|seconds| *seconds > 0.0 && *seconds <= longest);
        Some(Duration::from_secs_f64(obeyed.unwrap_or_else(|| self.backoff(retries, draw))))
    }

    /// The wait before a client's try of this number, with a draw that depends on the seed and the exchange alone.
    pub(crate) fn draw(seed: u64, exchange: u32, retries: u32) -> f64 {
        unit(seed, u64::from(exchange) << 8 | u64::from(retries))
    }

    fn most_retries(self) -> u32 {
        match self {
            Self::GoogleGenai => 4,
            _ => 2,
        }
    }

    fn retries(self, tried: Tried<'_>) -> bool {
        let (status, headers) = match tried {
            Tried::Unreached => return true,
            Tried::Broken => return self != Self::GoogleGenai,
            Tried::Answered { status, headers } => (status, headers),
        };
        if self == Self::GoogleGenai {
            return matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        }
        match value(headers, "x-should-retry") {
            // The header is looked at where the library raises an error.
            Some("true") => !(200..300).contains(&status),
            Some("false") => false,
            _ => matches!(status, 408 | 409 | 429 | 500..),
        }
    }

    /// The wait in seconds that nobody asked for.
    fn backoff(self, retries: u32, draw: f64) -> f64 {
        let doubled = f64::from(2_u32.saturating_pow(retries));
        match self {
            Self::GoogleGenai => (doubled + draw).min(60.0),
            _ => (0.5 * doubled).min(8.0) * (1.0 - 0.25 * draw),
        }
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The wait in seconds that a response asks for, as these libraries read it. It may be no wait at all, or none that anybody
/// could keep.
fn hint(headers: &[(String, String)], now: SystemTime) -> Option<f64> {
    let millis = value(headers, "retry-after-ms").and_then(number).map(|millis| millis / 1_000.0);
    let after = value(headers, "retry-after");
    let date =
        || dialect::wait_hint([("retry-after", after?.as_bytes())], now).map(|wait| wait.as_secs_f64());
    millis.or_else(|| after.and_then(number)).or_else(date).filter(|seconds| seconds.is_finite())
}

/// A number as Python's `float` reads it, where one that is too great stays a number.
fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    let too_great = number.is_infinite() && text.contains(|character: char| character.is_ascii_digit());
    Some(if too_great { f64::MAX.copysign(number) } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Sdk::{AnthropicPython, AnthropicPythonOld, GoogleGenai, OpenaiPython, OpenaiPythonOld};

    type Headers = &'static [(&'static str, &'static str)];

    /// The wait in milliseconds behind so many retries, with a draw in the middle.
    fn wait(sdk: Sdk, retries: u32, status: u16, headers: Headers) -> Option<u128> {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // Wed, 21 Oct 2026 07:28:00 GMT.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_792_567_680);
        let tried = Tried::Answered { status, headers: &headers };
        sdk.wait(retries, tried, now, 0.5).map(|wait| wait.as_millis())
    }

    #[test]
    fn a_status_decides_whether_there_is_another_try() {
        for (status, three, google) in [
            (200, false, false),
            (307, false, false),
            (400, false, false),
            (401, false, false),
            (404, false, false),
            (408, true, true),
            (409, true, false),
            (422, false, false),
            (424, false, false),
            (429, true, true),
            (500, true, true),
            (501, true, false),
            (503, true, true),
            (504, true, true),
            (529, true, false),
        ] {
            for (sdk, expected) in [
                (OpenaiPython, three),
                (OpenaiPythonOld, three),
                (AnthropicPython, three),
                (AnthropicPythonOld, three),
                (GoogleGenai, google),
            ] {
                assert_eq!(wait(sdk, 0, status, &[]).is_some(), expected, "{sdk:?} {status}");
            }
        }
    }

    #[test]
    fn a_server_s_word_outranks_the_status() {
        for sdk in [OpenaiPython, OpenaiPythonOld, AnthropicPython, AnthropicPythonOld] {
            assert_eq!(wait(sdk, 0, 400, &[("X-Should-Retry", "true")]), Some(437), "{sdk:?}");
            assert_eq!(wait(sdk, 0, 429, &[("x-should-retry", "false")]), None, "{sdk:?}");
            assert_eq!(wait(sdk, 0, 429, &[("x-should-retry", "maybe")]), Some(437), "{sdk:?}");
            assert_eq!(wait(sdk, 0, 200, &[("x-should-retry", "true")]), None, "{sdk:?}");
        }
        assert_eq!(wait(GoogleGenai, 0, 400, &[("x-should-retry", "true")]), None);
        assert_eq!(wait(GoogleGenai, 0, 429, &[("x-should-retry", "false")]), Some(1_500));
    }

    #[test]
    fn hints_are_read_and_obeyed_as_each_library_does() {
        let cases: [(Headers, Option<u128>, Option<u128>); 16] = [
            (&[], Some(437), Some(437)),
            (&[("Retry-After", "3")], Some(3_000), Some(3_000)),
            (&[("retry-after", "1.5")], Some(1_500), Some(1_500)),
            (&[("retry-after", "0")], Some(437), Some(437)),
            (&[("retry-after", "-3")], Some(437), Some(437)),
            (&[("retry-after", "soon")], Some(437), Some(437)),
            (&[("retry-after", "60")], Some(60_000), Some(60_000)),
            (&[("retry-after", "61")], Some(61_000), Some(437)),
            (&[("retry-after", "120")], Some(120_000), Some(437)),
            (&[("retry-after", "121")], None, Some(437)),
            (&[("retry-after", "1e999")], None, Some(437)),
            (&[("retry-after", "inf")], Some(437), Some(437)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:20 GMT")], Some(20_000), Some(20_000)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT")], Some(437), Some(437)),
            (&[("retry-after", "20"), ("retry-after-ms", "250")], Some(250), Some(250)),
            (&[("retry-after", "20"), ("retry-after-ms", "x")], Some(20_000), Some(20_000)),
        ];
        for (headers, today, before) in cases {
            assert_eq!(wait(OpenaiPython, 0, 429, headers), today, "{headers:?}");
            assert_eq!(wait(OpenaiPythonOld, 0, 429, headers), before, "{headers:?}");
            assert_eq!(wait(AnthropicPythonOld, 0, 429, headers), before, "{headers:?}");
            assert_eq!(wait(GoogleGenai, 0, 429, headers), Some(1_500), "{headers:?}");
        }
    }

    #[test]
    fn a_hint_that_is_too_long_ends_the_call_of_today_s_client_whatever_the_server_says() {
        let headers: Headers = &[("retry-after", "600"), ("x-should-retry", "true")];
        assert_eq!(wait(OpenaiPython, 0, 429, headers), None);
        assert_eq!(wait(AnthropicPythonOld, 0, 429, headers), Some(437));
    }

    #[test]
    fn today_s_anthropic_client_obeys_every_hint_that_it_can_count() {
        let cases: [(Headers, u128); 6] = [
            (&[("retry-after", "60")], 60_000),
            (&[("retry-after", "121")], 121_000),
            (&[("retry-after", "4294967")], 4_294_967_000),
            (&[("retry-after", "4294968")], 437),
            (&[("retry-after", "1e999")], 437),
            (&[("retry-after", "-1")], 437),
        ];
        for (headers, waits) in cases {
            assert_eq!(wait(AnthropicPython, 0, 429, headers), Some(waits), "{headers:?}");
        }
    }

    #[test]
    fn waits_double_until_the_client_gives_up() {
        let waits = |sdk| (0..6).map(|retries| wait(sdk, retries, 503, &[])).collect::<Vec<_>>();
        for sdk in [OpenaiPython, OpenaiPythonOld, AnthropicPython, AnthropicPythonOld] {
            assert_eq!(waits(sdk), [Some(437), Some(875), None, None, None, None]);
        }
        assert_eq!(waits(GoogleGenai), [Some(1_500), Some(2_500), Some(4_500), Some(8_500), None, None]);
    }

    #[test]
    fn a_draw_shortens_a_wait_by_a_quarter_at_most() {
        let now = SystemTime::UNIX_EPOCH;
        let wait = |sdk: Sdk, draw| sdk.wait(1, Tried::Broken, now, draw).map(|wait| wait.as_millis());
        assert_eq!((wait(OpenaiPython, 0.0), wait(OpenaiPython, 1.0)), (Some(1_000), Some(750)));
        assert_eq!(wait(GoogleGenai, 0.0), None, "a broken connection is nothing that it tries again");
        let unreached = GoogleGenai.wait(1, Tried::Unreached, now, 0.0).map(|wait| wait.as_millis());
        assert_eq!(unreached, Some(2_000), "one that was never made is");
        let draws: Vec<f64> = (0..100).map(|exchange| Sdk::draw(7, exchange, 0)).collect();
        assert!(draws.iter().any(|draw| *draw < 0.1) && draws.iter().any(|draw| *draw > 0.9));
        assert_eq!(draws[3].to_bits(), Sdk::draw(7, 3, 0).to_bits());
        assert_ne!(Sdk::draw(7, 3, 0).to_bits(), Sdk::draw(7, 3, 1).to_bits());
    }
}
