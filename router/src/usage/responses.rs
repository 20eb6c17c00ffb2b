//! Usage as OpenAI's Responses API counts: as in chats, by other names.

use serde::{Deserialize, Serialize};

use super::UsageReport;
use crate::accounts::Tokens;

/// The `usage` of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ResponsesUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
    #[serde(default)]
    total_tokens: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: u64,
}

impl From<ResponsesUsage> for UsageReport {
    fn from(usage: ResponsesUsage) -> Self {
        let details = usage.input_tokens_details.unwrap_or_default();
        let (read, write) = (details.cached_tokens, details.cache_write_tokens.unwrap_or(0));
        Self {
            input: Some(usage.input_tokens.saturating_sub(read).saturating_sub(write)),
            cache_read: Some(read),
            cache_write: Some(write),
            output: Some(usage.output_tokens),
            reasoning: usage.output_tokens_details.map(|details| details.reasoning_tokens),
        }
    }
}

impl From<Tokens> for ResponsesUsage {
    fn from(tokens: Tokens) -> Self {
        let input = tokens.all_input();
        let written = (tokens.cache_write > 0).then_some(tokens.cache_write);
        Self {
            input_tokens: input,
            input_tokens_details: Some(InputDetails {
                cached_tokens: tokens.cache_read,
                cache_write_tokens: written,
            }),
            output_tokens: tokens.output,
            output_tokens_details: Some(OutputDetails { reasoning_tokens: tokens.reasoning }),
            total_tokens: input.saturating_add(tokens.output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_and_written_with_the_same_meaning() {
        let text = r#"{"input_tokens":2000,"input_tokens_details":{"cached_tokens":800},"output_tokens":150,
            "output_tokens_details":{"reasoning_tokens":90},"total_tokens":2150}"#;
        let read: ResponsesUsage = serde_json::from_str(text).unwrap();
        let tokens = UsageReport::from(read).tokens();
        let expected = Tokens { input: 1_200, cache_read: 800, cache_write: 0, output: 150, reasoning: 90 };
        assert_eq!((tokens, ResponsesUsage::from(tokens)), (expected, read));
    }
}
