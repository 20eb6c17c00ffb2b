//! Usage as Gemini counts: what is cached is part of the input, and thoughts stand beside the output.

use serde::{Deserialize, Serialize};

use super::UsageReport;
use crate::accounts::Tokens;

/// The `usageMetadata` of content or of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GeminiUsage {
    #[serde(default)]
    prompt_token_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached_content_token_count: Option<u64>,
    /// Input as well, and beside the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(default)]
    candidates_token_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thoughts_token_count: Option<u64>,
    #[serde(default, skip_deserializing)]
    total_token_count: u64,
}

impl From<GeminiUsage> for UsageReport {
    fn from(usage: GeminiUsage) -> Self {
        let cached = usage.cached_content_token_count.unwrap_or(0);
        let of_tools = usage.tool_use_prompt_token_count.unwrap_or(0);
        let thoughts = usage.thoughts_token_count;
        let has_output = usage.candidates_token_count.is_some() || thoughts.is_some();
        let output = usage.candidates_token_count.unwrap_or(0).saturating_add(thoughts.unwrap_or(0));
        Self {
            input: usage
                .prompt_token_count
                .map(|prompt| prompt.saturating_sub(cached).saturating_add(of_tools)),
            cache_read: usage.prompt_token_count.map(|_| cached),
            cache_write: None,
            output: has_output.then_some(output),
            reasoning: thoughts,
        }
    }
}

impl From<Tokens> for GeminiUsage {
    fn from(tokens: Tokens) -> Self {
        let input = tokens.all_input();
        Self {
            prompt_token_count: Some(input),
            cached_content_token_count: (tokens.cache_read > 0).then_some(tokens.cache_read),
            tool_use_prompt_token_count: None,
            candidates_token_count: Some(tokens.output.saturating_sub(tokens.reasoning)),
            thoughts_token_count: (tokens.reasoning > 0).then_some(tokens.reasoning),
            total_token_count: input.saturating_add(tokens.output),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thoughts_are_added_to_the_output_and_what_is_cached_is_taken_out_of_the_input() {
        let text = r#"{"promptTokenCount":2000,"cachedContentTokenCount":800,"candidatesTokenCount":60,
            "thoughtsTokenCount":90,"totalTokenCount":2150,"promptTokensDetails":[]}"#;
        let read: GeminiUsage = serde_json::from_str(text).unwrap();
        let tokens = UsageReport::from(read).tokens();
        assert_eq!(
            tokens,
            Tokens { input: 1_200, cache_read: 800, cache_write: 0, output: 150, reasoning: 90 }
        );
        let written = serde_json::to_value(GeminiUsage::from(tokens)).unwrap();
        let expected = json!({
            "promptTokenCount": 2000, "cachedContentTokenCount": 800, "candidatesTokenCount": 60,
            "thoughtsTokenCount": 90, "totalTokenCount": 2150,
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn a_count_of_the_prompt_alone_says_nothing_of_the_output() {
        let read: GeminiUsage =
            serde_json::from_str(r#"{"promptTokenCount":7,"toolUsePromptTokenCount":2}"#).unwrap();
        let report = UsageReport::from(read);
        assert_eq!((report.input, report.output, report.reasoning), (Some(9), None, None));
    }
}
