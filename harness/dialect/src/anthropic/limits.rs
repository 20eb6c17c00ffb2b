//! The headers that tell a key's limit on every reply: `anthropic-ratelimit-requests-limit` and its kin.

use std::time::SystemTime;

use crate::hint::{next_second, rfc3339};
use crate::limit::{Counted, Limit};

/// The headers' names with their values. A reset is a time in whole seconds, rounded up.
pub(crate) fn limit_headers(limit: &Limit, now: SystemTime) -> [(&'static str, String); 3] {
    let [most, remaining, reset] = match limit.counted {
        Counted::Requests => [
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ],
        Counted::Tokens => [
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ],
        Counted::InputTokens => [
            "anthropic-ratelimit-input-tokens-limit",
            "anthropic-ratelimit-input-tokens-remaining",
            "anthropic-ratelimit-input-tokens-reset",
        ],
        Counted::OutputTokens => [
            "anthropic-ratelimit-output-tokens-limit",
            "anthropic-ratelimit-output-tokens-remaining",
            "anthropic-ratelimit-output-tokens-reset",
        ],
    };
    let at = now.checked_add(limit.reset).unwrap_or(now);
    [
        (most, limit.limit.to_string()),
        (remaining, limit.remaining.to_string()),
        (reset, rfc3339(next_second(at))),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_limit_is_told_in_three_headers() {
        let now = UNIX_EPOCH + Duration::from_secs(1_792_567_680);
        for (counted, word) in [
            (Counted::Requests, "requests"),
            (Counted::Tokens, "tokens"),
            (Counted::InputTokens, "input-tokens"),
            (Counted::OutputTokens, "output-tokens"),
        ] {
            let limit = Limit { counted, limit: 20, remaining: 3, reset: Duration::from_millis(359_001) };
            let told = limit_headers(&limit, now).map(|(name, value)| format!("{name}: {value}"));
            let expected = [("limit", "20"), ("remaining", "3"), ("reset", "2026-10-21T07:34:00Z")];
            let line = |(what, value)| format!("anthropic-ratelimit-{word}-{what}: {value}");
            assert_eq!(told, expected.map(line));
        }
    }
}
