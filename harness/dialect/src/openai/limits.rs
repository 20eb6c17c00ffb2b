//! The headers that tell a key's limit on every reply: `x-ratelimit-limit-requests` and its kin.

use crate::hint::go_duration;
use crate::limit::{Counted, Limit};

/// The headers' names with their values. Tokens are one limit here, whether of requests or of answers.
pub(crate) fn limit_headers(limit: &Limit) -> [(&'static str, String); 3] {
    let [most, remaining, reset] = match limit.counted {
        Counted::Requests => {
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]
        }
        Counted::Tokens | Counted::InputTokens | Counted::OutputTokens => {
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]
        }
    };
    [
        (most, limit.limit.to_string()),
        (remaining, limit.remaining.to_string()),
        (reset, go_duration(limit.reset)),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_is_told_in_three_headers() {
        for (counted, word) in [(Counted::Requests, "requests"), (Counted::InputTokens, "tokens")] {
            let limit = Limit { counted, limit: 20, remaining: 0, reset: Duration::from_secs(360) };
            let told = limit_headers(&limit).map(|(name, value)| format!("{name}: {value}"));
            let expected = [("limit", "20"), ("remaining", "0"), ("reset", "6m0s")];
            assert_eq!(told, expected.map(|(what, value)| format!("x-ratelimit-{what}-{word}: {value}")));
        }
    }
}
