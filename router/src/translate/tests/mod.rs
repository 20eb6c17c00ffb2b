//! Requests, answers and streams between any two dialects: what goes in comes out with the same meaning.

mod answers;
mod requests;
mod streams;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::usage::{LatestReport, Tally};

const SURFACES: [Surface; 4] = [Surface::Chat, Surface::Messages, Surface::Generate, Surface::Responses];
const PROVIDERS: [Dialect; 3] = [Dialect::Openai, Dialect::Anthropic, Dialect::Gemini];

fn telling(surface: Surface) -> Telling<'static> {
    Telling { surface, id: "r", model: "public", usage_wanted: true, framing: GeminiFraming::Events }
}

fn tally() -> Tally {
    Tally::new(Arc::new(LatestReport), 0)
}

/// An answer of a provider with a text, two calls, and tokens of each class that it knows.
fn answer(provider: Dialect) -> Value {
    match provider {
        Dialect::Openai => json!({
            "id": "a-1", "model": "x",
            "choices": [{ "finish_reason": "stop", "message": { "role": "assistant", "content": "let me see", "tool_calls": [
                { "id": "t1", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1.5}" } },
                { "id": "t2", "type": "function", "function": { "name": "g", "arguments": "" } },
            ] } }],
            "usage": { "prompt_tokens": 2000, "completion_tokens": 150,
                "prompt_tokens_details": { "cached_tokens": 800 }, "completion_tokens_details": { "reasoning_tokens": 90 } },
        }),
        Dialect::Anthropic => json!({
            "id": "a-1", "type": "message", "role": "assistant", "model": "x", "stop_reason": "tool_use",
            "content": [
                { "type": "thinking", "thinking": "hm", "signature": "s" },
                { "type": "text", "text": "let me see" },
                { "type": "tool_use", "id": "t1", "name": "f", "input": { "a": 1.5 } },
                { "type": "tool_use", "id": "t2", "name": "g", "input": {} },
            ],
            "usage": { "input_tokens": 1200, "cache_read_input_tokens": 800, "output_tokens": 150 },
        }),
        Dialect::Gemini => json!({
            "responseId": "a-1", "modelVersion": "x",
            "candidates": [{ "finishReason": "STOP", "content": { "role": "model", "parts": [
                { "text": "hm", "thought": true },
                { "text": "let me see" },
                { "functionCall": { "id": "t1", "name": "f", "args": { "a": 1.5 } }, "thoughtSignature": "c2ln" },
                { "functionCall": { "id": "t2", "name": "g" } },
            ] } }],
            "usageMetadata": { "promptTokenCount": 2000, "cachedContentTokenCount": 800, "candidatesTokenCount": 60,
                "thoughtsTokenCount": 90, "totalTokenCount": 2150 },
        }),
    }
}
