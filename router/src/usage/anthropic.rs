//! Usage as Anthropic counts: input, cache reads and cache writes stand side by side, and thinking is output.

use serde::{Deserialize, Serialize};

use super::UsageReport;
use crate::accounts::Tokens;

/// The `usage` of a message or of an event.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
pub(crate) struct AnthropicUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

impl From<AnthropicUsage> for UsageReport {
    fn from(usage: AnthropicUsage) -> Self {
        Self {
            input: usage.input_tokens,
            cache_read: usage.cache_read_input_tokens,
            cache_write: usage.cache_creation_input_tokens,
            output: usage.output_tokens,
            // Told apart of late, and not by every model.
            reasoning: usage.output_tokens_details.and_then(|details| details.thinking_tokens),
        }
    }
}

impl From<Tokens> for AnthropicUsage {
    fn from(tokens: Tokens) -> Self {
        Self {
            input_tokens: Some(tokens.input),
            cache_read_input_tokens: Some(tokens.cache_read),
            cache_creation_input_tokens: Some(tokens.cache_write),
            output_tokens: Some(tokens.output),
            output_tokens_details: (tokens.reasoning > 0)
                .then_some(OutputDetails { thinking_tokens: Some(tokens.reasoning) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_told_apart_where_the_provider_does() {
        let read = |text: &str| UsageReport::from(serde_json::from_str::<AnthropicUsage>(text).unwrap());
        let plain = read(r#"{"input_tokens":3,"output_tokens":9}"#);
        assert_eq!((plain.output, plain.reasoning), (Some(9), None));
        let told = read(r#"{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}"#);
        assert_eq!((told.output, told.reasoning), (Some(9), Some(4)));
        let back = serde_json::to_value(AnthropicUsage::from(told.tokens())).unwrap();
        assert_eq!(back["output_tokens_details"]["thinking_tokens"], 4);
    }
}
