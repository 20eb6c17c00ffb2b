//! What the beginning of an answer tells: whether it is one, or a failure that came with a success's head.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::responses::{responses_error, responses_has_content};
use super::{Event, gemini_error};
use crate::provider::Surface;

/// What one event at the beginning of a stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Nothing that a client would miss: a role, a sign of life.
    Nothing,
    /// Content, or the end, or something that is the client's to judge.
    Begun,
    /// An error, with the status that it would have had as an answer of its own.
    Failed(StatusCode, Bytes),
}

impl Beginning {
    pub(crate) fn of(event: &Event, surface: Surface) -> Self {
        if surface == Surface::Generate
            && let Some(error) = gemini_error(event)
        {
            let body = serde_json::json!({ "error": error }).to_string();
            return Self::Failed(status_of(&error), Bytes::from(body));
        }
        if event.data.is_empty() {
            return Self::Nothing;
        }
        let Ok(value) = serde_json::from_slice::<Value>(&event.data) else { return Self::Begun };
        if value["error"].is_object() || value["error"].is_string() {
            return Self::Failed(status_of(&value["error"]), event.data.clone());
        }
        if surface == Surface::Responses
            && let Some(error) = responses_error(&value)
        {
            let body = serde_json::json!({ "error": error }).to_string();
            return Self::Failed(status_of(error), Bytes::from(body));
        }
        let is_begun = match surface {
            Surface::Responses => responses_has_content(&value),
            Surface::Embeddings => true,
            Surface::Chat => openai_has_content(&value),
            Surface::Messages => anthropic_has_content(&value),
            Surface::Generate => gemini_has_content(&value),
        };
        if is_begun { Self::Begun } else { Self::Nothing }
    }
}

impl Beginning {
    /// The same of an answer that came whole. Nothing means that it is none.
    pub(crate) fn of_whole(body: &Bytes, surface: Surface) -> Self {
        // A list would be taken for the fields in their order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Self::Nothing;
        }
        match serde_json::from_slice::<Envelope<'_>>(body) {
            Ok(Envelope {
                error: Value::Null,
                choices,
                content,
                candidates,
                prompt_feedback,
                output,
                data,
            }) => {
                let is_answer = match surface {
                    Surface::Chat => choices.is_some_and(is_filled_list),
                    Surface::Responses => output.is_some_and(|output| output.get().starts_with('[')),
                    Surface::Embeddings => data.is_some_and(is_filled_list),
                    Surface::Messages => content.is_some_and(|content| content.get().starts_with('[')),
                    // A prompt that is blocked has no candidate.
                    Surface::Generate => prompt_feedback.is_some() || candidates.is_some_and(is_filled_list),
                };
                if is_answer { Self::Begun } else { Self::Nothing }
            }
            Ok(Envelope { error, .. }) => Self::Failed(status_of(&error), body.clone()),
            Err(_) => Self::Nothing,
        }
    }
}

/// What shows that something was answered. A message may have no content, but there is no completion without a choice.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    error: Value,
    #[serde(default, borrow)]
    choices: Option<&'a RawValue>,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    candidates: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "promptFeedback")]
    prompt_feedback: Option<&'a RawValue>,
    #[serde(default, borrow)]
    output: Option<&'a RawValue>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

fn is_filled_list(raw: &RawValue) -> bool {
    raw.get().strip_prefix('[').is_some_and(|items| !items.trim_start().starts_with(']'))
}

fn openai_has_content(chunk: &Value) -> bool {
    let choices = chunk["choices"].as_array().map_or(&[][..], Vec::as_slice);
    choices.iter().any(|choice| {
        let delta = choice["delta"].as_object().into_iter().flatten();
        let mut fields = delta.filter(|(name, _)| *name != "role").map(|(_, value)| value);
        !choice["finish_reason"].is_null() || fields.any(is_filled)
    })
}

fn anthropic_has_content(event: &Value) -> bool {
    match event["type"].as_str() {
        Some("message_start" | "ping") => false,
        Some("content_block_start") => {
            event["content_block"]["type"] != "text" || is_filled(&event["content_block"]["text"])
        }
        _ => true,
    }
}

fn gemini_has_content(event: &Value) -> bool {
    let candidates = event["candidates"].as_array().map_or(&[][..], Vec::as_slice);
    let is_begun = |candidate: &Value| {
        let parts = candidate["content"]["parts"].as_array().map_or(&[][..], Vec::as_slice);
        let is_part = |part: &Value| part["text"].as_str() != Some("") && part["thought"] != true;
        !candidate["finishReason"].is_null() || parts.iter().any(is_part)
    };
    !event["promptFeedback"].is_null() || candidates.iter().any(is_begun)
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

/// The status of an error that came without one. What is not known is trouble of the provider's.
fn status_of(error: &Value) -> StatusCode {
    let told = error["status"].as_u64().or_else(|| error["code"].as_u64());
    let told =
        told.and_then(|status| u16::try_from(status).ok()).and_then(|it| StatusCode::from_u16(it).ok());
    if let Some(status) = told.filter(|status| status.is_client_error() || status.is_server_error()) {
        return status;
    }
    let marks = [error["type"].as_str(), error["code"].as_str(), error["status"].as_str()];
    let says = |words: &[&str]| marks.iter().flatten().any(|mark| words.contains(mark));
    if says(&[
        "rate_limit_error",
        "rate_limit_exceeded",
        "insufficient_quota",
        "slow_down",
        "RESOURCE_EXHAUSTED",
    ]) {
        StatusCode::TOO_MANY_REQUESTS
    } else if says(&["authentication_error", "invalid_api_key", "UNAUTHENTICATED"]) {
        StatusCode::UNAUTHORIZED
    } else if says(&["permission_error", "PERMISSION_DENIED"]) {
        StatusCode::FORBIDDEN
    } else if says(&["billing_error"]) {
        StatusCode::PAYMENT_REQUIRED
    } else if says(&[
        "invalid_request_error",
        "not_found_error",
        "request_too_large",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
    ]) {
        StatusCode::BAD_REQUEST
    } else if says(&["overloaded_error", "server_is_overloaded", "UNAVAILABLE"]) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::BAD_GATEWAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning(data: &'static str, surface: Surface) -> Beginning {
        let bytes = Bytes::from_static(data.as_bytes());
        Beginning::of(&Event { raw: bytes.clone(), name: Bytes::new(), data: bytes }, surface)
    }

    #[test]
    fn a_stream_begins_with_its_first_content() {
        let cases = [
            ("", false),
            (r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#, false),
            (r#"{"choices":[]}"#, false),
            (r#"{"choices":[{"delta":{"content":"a"}}]}"#, true),
            (r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, true),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, true),
            ("[DONE]", true),
            ("{oops", true),
        ];
        for (data, is_begun) in cases {
            assert_eq!(beginning(data, Surface::Chat) == Beginning::Begun, is_begun, "{data}");
        }
        let cases = [
            (r#"{"type":"message_start","message":{}}"#, false),
            (r#"{"type":"ping"}"#, false),
            (r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#, false),
            (r#"{"type":"content_block_start","content_block":{"type":"tool_use","id":"t"}}"#, true),
            (r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#, true),
            (r#"{"type":"message_stop"}"#, true),
        ];
        for (data, is_begun) in cases {
            assert_eq!(beginning(data, Surface::Messages) == Beginning::Begun, is_begun, "{data}");
        }
    }

    #[test]
    fn a_whole_answer_is_an_object_that_answers_and_has_no_error() {
        use Surface::{Chat, Messages};
        let cases = [
            (Chat, r#"{"choices":[{}]}"#, Beginning::Begun),
            (Chat, r#"{"error":null,"choices":[{}]}"#, Beginning::Begun),
            (Chat, r#"{"choices":[]}"#, Beginning::Nothing),
            (Chat, r#"{"choices":{}}"#, Beginning::Nothing),
            (Chat, r#"{"content":[]}"#, Beginning::Nothing),
            (Chat, r#"{"status":"ok"}"#, Beginning::Nothing),
            (Chat, "[]", Beginning::Nothing),
            (Chat, "", Beginning::Nothing),
            (Chat, "<html>", Beginning::Nothing),
            (Chat, r#"{"choices":["#, Beginning::Nothing),
            (Messages, r#"{"content":[]}"#, Beginning::Begun),
            (Messages, r#"{"content":null}"#, Beginning::Nothing),
            (Messages, r#"{"choices":[{}]}"#, Beginning::Nothing),
        ];
        for (surface, body, expected) in cases {
            assert_eq!(
                Beginning::of_whole(&Bytes::from_static(body.as_bytes()), surface),
                expected,
                "{body}"
            );
        }
        let error = Bytes::from_static(br#"{"error":{"code":"server_is_overloaded"}}"#);
        let failed = Beginning::Failed(StatusCode::SERVICE_UNAVAILABLE, error.clone());
        assert_eq!(Beginning::of_whole(&error, Chat), failed);
    }

    #[test]
    fn an_error_has_the_status_that_it_would_have_had() {
        let cases = [
            (r#"{"error":{"type":"overloaded_error"}}"#, 503),
            (r#"{"error":{"type":"rate_limit_error"}}"#, 429),
            (r#"{"error":{"code":"insufficient_quota"}}"#, 429),
            (r#"{"error":{"type":"invalid_request_error"}}"#, 400),
            (r#"{"error":{"code":529}}"#, 529),
            (r#"{"error":{"type":"new"}}"#, 502),
            (r#"{"error":"down"}"#, 502),
        ];
        for (data, expected) in cases {
            let Beginning::Failed(status, body) = beginning(data, Surface::Chat) else { panic!("{data}") };
            assert_eq!((status.as_u16(), body.as_ref()), (expected, data.as_bytes()));
        }
    }
}
