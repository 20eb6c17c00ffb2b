//! The headers that tell a deployment's limit on every reply: those of OpenAI, but with resets in whole seconds.

use crate::hint::whole_seconds;
use crate::limit::Limit;
use crate::openai;

/// The headers' names with their values.
pub(crate) fn limit_headers(limit: &Limit) -> [(&'static str, String); 3] {
    let [most, remaining, (reset, _)] = openai::limit_headers(limit);
    [most, remaining, (reset, whole_seconds(limit.reset).to_string())]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limit::Counted;

    #[test]
    fn a_reset_is_told_in_whole_seconds_rounded_up() {
        let limit =
            Limit { counted: Counted::Tokens, limit: 20, remaining: 3, reset: Duration::from_millis(90_001) };
        let told = limit_headers(&limit).map(|(name, value)| format!("{name}: {value}"));
        let expected = [
            "x-ratelimit-limit-tokens: 20",
            "x-ratelimit-remaining-tokens: 3",
            "x-ratelimit-reset-tokens: 91",
        ];
        assert_eq!(told, expected);
    }
}
