//! What providers say of what is left of a key's limits, with every answer.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::hint::spelled;

/// The limits of OpenAI and of Anthropic, by the beginnings and ends of the headers that tell of them.
const LIMITS: [[&str; 3]; 6] = [
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
    [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ],
    [
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ],
    [
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ],
    [
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ],
];

/// Without a word on when it is otherwise a key is looked at again after this time.
const UNTOLD: Duration = Duration::from_secs(1);
/// No rate window is longer.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The limits of APIs that are no models, by the names that are common for them.
const LIMITS_OF_APIS: [[&str; 3]; 2] = [
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
];

/// For how long other keys are to be preferred, when a share of some limit is used up; `share` is in millionths.
pub(crate) fn used_up_for(headers: &HeaderMap, share: u64, now: SystemTime) -> Option<Duration> {
    let uses = uses_told(headers, &LIMITS, now);
    uses.filter(|(used, _)| *used >= share).map(|(_, wait)| wait).max()
}

/// The use of an API's fullest limit by its own word, in millionths, and how long that holds.
pub(crate) fn told_use(headers: &HeaderMap, now: SystemTime) -> Option<(u64, Duration)> {
    uses_told(headers, &LIMITS_OF_APIS, now).chain(uses_told(headers, &LIMITS, now)).max()
}

/// What is used of each limit, in millionths, and until when.
fn uses_told(
    headers: &HeaderMap,
    limits: &'static [[&'static str; 3]],
    now: SystemTime,
) -> impl Iterator<Item = (u64, Duration)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = move |name: &str| text(name)?.parse::<u64>().ok();
    limits.iter().filter_map(move |[limit, remaining, reset]| {
        // What is no count, such as -1, tells nothing.
        let (limit, remaining) = number(limit).filter(|limit| *limit > 0).zip(number(remaining))?;
        let used = u128::from(limit.saturating_sub(remaining)) * 1_000_000 / u128::from(limit);
        let wait = text(reset).and_then(|reset| wait(reset, now)).unwrap_or(UNTOLD).min(LONGEST);
        // What was used up until a moment that is over is there again.
        (!wait.is_zero()).then(|| (u64::try_from(used).unwrap_or(u64::MAX), wait))
    })
}

/// Whether an answer tells what is left of limits, and much of each of them is: at least half, or one request where the limit
/// itself is not told. A request that is refused for a limit all the same did not use it up.
pub(super) fn much_is_left(headers: &HeaderMap) -> bool {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let mut told = LIMITS.iter().filter_map(|[limit, remaining, _]| {
        let left = number(remaining)?;
        match number(limit).filter(|limit| *limit > 0) {
            Some(limit) => Some(left >= limit / 2 && left > 0),
            None => remaining.contains("requests").then_some(left > 0),
        }
    });
    let first = told.next();
    first.is_some_and(|much| much) && told.all(|much| much)
}

/// The wait until there is something left again of all limits of which nothing is, or of which no more is told than when
/// that will be. For an answer that met a limit and names no other wait.
pub(super) fn met_for(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let met = LIMITS.iter().filter(|[_, remaining, _]| text(remaining).is_none_or(|left| left == "0"));
    met.filter_map(|[_, _, reset]| wait(text(reset)?, now)).filter(|wait| !wait.is_zero()).max()
}

/// A duration such as `6m0s`, a number of seconds, a moment, or one in seconds of the epoch. Nothing is left of what is
/// over.
fn wait(reset: &str, now: SystemTime) -> Option<Duration> {
    const EPOCH_FROM: u64 = 1_000_000_000;
    let until = |moment: SystemTime| moment.duration_since(now).unwrap_or_default();
    match reset.parse::<u64>() {
        Ok(seconds) if seconds < EPOCH_FROM => Some(Duration::from_secs(seconds)),
        Ok(seconds) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(until),
        Err(_) => humantime::parse_rfc3339(reset).ok().map(until).or_else(|| spelled(reset)),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_is_left_is_read_in_every_form_and_never_wrongly() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let openai =
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
        let tokens = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
        let anthropic = LIMITS[4];
        let cases: [([&str; 3], [&str; 3], Option<u64>); 16] = [
            (openai, ["100", "21", "1s"], None),
            (openai, ["100", "20", "6m0s"], Some(360_000)),
            (openai, ["100", "0", "20ms"], Some(20)),
            (tokens, ["1000", "100", "7"], Some(7_000)),
            (tokens, ["1000", "100", "1800000009"], Some(9_000)),
            (anthropic, ["1000", "100", "2027-01-15T08:00:03Z"], Some(3_000)),
            (anthropic, ["1000", "900", "2027-01-15T08:00:03Z"], None),
            (anthropic, ["1000", "0", "2024-01-01T00:00:00Z"], None),
            (tokens, ["1000", "0", "1700000000"], None),
            (tokens, ["1000", "0", "0"], None),
            (openai, ["100", "5", "soon"], Some(1_000)),
            (openai, ["100", "-1", "1s"], None),
            (openai, ["-1", "0", "1s"], None),
            (openai, ["0", "0", "1s"], None),
            (openai, ["", "", ""], None),
            (openai, ["100", "0", "99999h"], Some(3_600_000)),
        ];
        for (names, values, expected) in cases {
            let pairs = names.into_iter().zip(values).map(|(name, value)| {
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value))
            });
            let got = used_up_for(&pairs.collect(), 800_000, now);
            assert_eq!(got, expected.map(Duration::from_millis), "{values:?}");
        }
    }

    #[test]
    fn an_api_tells_of_its_use_under_common_names() {
        let named = |[limit, remaining, reset]: [&'static str; 3], values: [&'static str; 3]| {
            let pairs = [(limit, values[0]), (remaining, values[1]), (reset, values[2])];
            let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
            pairs.into_iter().map(header).collect::<HeaderMap>()
        };
        for names in [LIMITS_OF_APIS[0], LIMITS_OF_APIS[1], LIMITS[0]] {
            let told = |values| told_use(&named(names, values), SystemTime::now());
            assert_eq!(told(["10", "2", "3"]), Some((800_000, Duration::from_secs(3))));
            assert_eq!(told(["10", "0", "3"]), Some((1_000_000, Duration::from_secs(3))));
            assert_eq!(told(["10", "2", "0"]), None);
            assert_eq!(told(["0", "0", "3"]), None);
            assert_eq!(told(["many", "2", "3"]), None);
        }
    }

    #[test]
    fn much_is_left_where_every_limit_that_is_told_says_so() {
        const OPENAI: [&str; 2] = ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"];
        const TOKENS: [&str; 2] = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"];
        const ANTHROPIC: [&str; 2] =
            ["anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining"];
        let cases: [(&[(&str, &str)], bool); 10] = [
            (&[(ANTHROPIC[1], "100")], true),
            (&[(ANTHROPIC[0], "1000"), (ANTHROPIC[1], "900")], true),
            (&[(ANTHROPIC[0], "1000"), (ANTHROPIC[1], "100")], false),
            (&[(ANTHROPIC[1], "0")], false),
            (&[], false),
            (&[(ANTHROPIC[1], "many")], false),
            (&[(TOKENS[1], "100")], false),
            (&[(OPENAI[0], "60"), (OPENAI[1], "50"), (TOKENS[0], "1000"), (TOKENS[1], "10")], false),
            (&[(OPENAI[0], "60"), (OPENAI[1], "50"), (TOKENS[0], "1000"), (TOKENS[1], "800")], true),
            (&[(OPENAI[0], "1"), (OPENAI[1], "0")], false),
        ];
        for (headers, expected) in cases {
            let named = |(name, value): &(&str, &str)| {
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
            };
            assert_eq!(much_is_left(&headers.iter().map(named).collect()), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_limit_that_was_met_tells_a_wait_and_the_others_do_not() {
        type Case = (&'static [(&'static str, &'static str)], Option<u64>);
        const REQUESTS: [&str; 2] = ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
        const TOKENS: [&str; 2] = ["x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
        let cases: [Case; 7] = [
            (&[(REQUESTS[1], "7s")], Some(7)),
            (&[(REQUESTS[0], "0"), (REQUESTS[1], "7s")], Some(7)),
            (&[(REQUESTS[0], "0"), (REQUESTS[1], "7s"), (TOKENS[0], "0"), (TOKENS[1], "1m0s")], Some(60)),
            (&[(REQUESTS[0], "0"), (REQUESTS[1], "7s"), (TOKENS[0], "9"), (TOKENS[1], "1m0s")], Some(7)),
            (&[(REQUESTS[0], "1"), (REQUESTS[1], "7s")], None),
            (&[(REQUESTS[0], "0"), (REQUESTS[1], "soon")], None),
            (&[(REQUESTS[0], "0"), (REQUESTS[1], "0s")], None),
        ];
        let named = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        for (headers, expected) in cases {
            let map = headers.iter().map(named).collect();
            assert_eq!(met_for(&map, SystemTime::now()), expected.map(Duration::from_secs), "{headers:?}");
        }
    }
}
