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
}

impl From<AnthropicUsage> for UsageReport {
    fn from(usage: AnthropicUsage) -> Self {
        Self {
            input: usage.input_tokens,
            cache_read: usage.cache_read_input_tokens,
            cache_write: usage.cache_creation_input_tokens,
            output: usage.output_tokens,
            // Thinking is not told apart.
            reasoning: None,
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
        }
    }
}
