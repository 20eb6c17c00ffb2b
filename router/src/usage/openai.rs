//! Usage as OpenAI counts: tokens of the cache are part of the input, those of reasoning part of the output.

use serde::{Deserialize, Serialize};

use super::UsageReport;
use crate::accounts::Tokens;

/// The `usage` of an answer or a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct OpenaiUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl From<OpenaiUsage> for UsageReport {
    fn from(usage: OpenaiUsage) -> Self {
        let details = usage.prompt_tokens_details.unwrap_or_default();
        let read = details.cached_tokens.unwrap_or(0);
        let write = details.cache_write_tokens.unwrap_or(0);
        Self {
            input: Some(usage.prompt_tokens.saturating_sub(read).saturating_sub(write)),
            cache_read: Some(read),
            cache_write: Some(write),
            output: Some(usage.completion_tokens),
            reasoning: usage.completion_tokens_details.and_then(|details| details.reasoning_tokens),
        }
    }
}

impl From<Tokens> for OpenaiUsage {
    fn from(tokens: Tokens) -> Self {
        let Tokens { cache_read, cache_write, output, reasoning, .. } = tokens;
        let prompt_tokens = tokens.all_input();
        Self {
            prompt_tokens,
            completion_tokens: output,
            total_tokens: prompt_tokens.saturating_add(output),
            prompt_tokens_details: Some(PromptDetails {
                cached_tokens: Some(cache_read),
                cache_write_tokens: Some(cache_write),
            }),
            completion_tokens_details: (reasoning > 0)
                .then_some(CompletionDetails { reasoning_tokens: Some(reasoning) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_the_cache_are_taken_out_of_the_input_and_put_back() {
        let text = r#"{"prompt_tokens":2200,"completion_tokens":150,"total_tokens":2350,
            "prompt_tokens_details":{"cached_tokens":800,"cache_write_tokens":200,"audio_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":50}}"#;
        let usage: OpenaiUsage = serde_json::from_str(text).unwrap();
        let tokens = UsageReport::from(usage).tokens();
        let expected = Tokens { input: 1_200, cache_read: 800, cache_write: 200, output: 150, reasoning: 50 };
        assert_eq!(tokens, expected);
        assert_eq!(OpenaiUsage::from(tokens), usage);
    }

    #[test]
    fn what_is_missing_is_zero() {
        let usage: OpenaiUsage =
            serde_json::from_str(r#"{"prompt_tokens":7,"prompt_tokens_details":null}"#).unwrap();
        assert_eq!(UsageReport::from(usage).tokens(), Tokens { input: 7, ..Tokens::default() });
    }
}
