//! A whole message as a chat completion.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::finish::finish_reason;
use super::stream::unix_seconds;
use crate::usage::{AnthropicUsage, OpenaiUsage, Tally};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<AnthropicUsage>,
}

/// One block. Not a tagged enum, so that the input of a tool stays as it was written.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    thinking: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
}

/// Puts a message into the client's words and counts it; nothing if the body is no message.
pub(crate) fn translated_answer(body: &[u8], tally: &mut Tally) -> Option<Bytes> {
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    if message.kind != "message" {
        return None;
    }
    let mut text: Option<String> = None;
    let mut calls = Vec::new();
    for block in &message.content {
        match block.kind.as_str() {
            "text" => {
                tally.passes(&block.text);
                text.get_or_insert_default().push_str(&block.text);
            }
            "tool_use" => {
                let arguments = block.input.map_or("{}", RawValue::get);
                tally.passes(arguments);
                let function = json!({ "name": block.name, "arguments": arguments });
                calls.push(json!({ "id": block.id, "type": "function", "function": function }));
            }
            "thinking" => tally.passes(&block.thinking),
            _ => {}
        }
    }
    if let Some(usage) = message.usage {
        tally.reports(usage);
    }
    let finish_reason = finish_reason(message.stop_reason.as_deref(), !calls.is_empty());
    let mut answer = json!({ "role": "assistant", "content": text, "refusal": null });
    if !calls.is_empty() {
        answer["tool_calls"] = Value::Array(calls);
    }
    let completion = json!({
        "id": message.id,
        "object": "chat.completion",
        "created": unix_seconds(),
        "model": message.model,
        "choices": [{ "index": 0, "message": answer, "logprobs": null, "finish_reason": finish_reason }],
        "usage": OpenaiUsage::from(tally.tokens()),
    });
    Some(Bytes::from(completion.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::accounts::{RowState, Tokens};
    use crate::usage::LatestReport;

    fn translated(body: &str) -> (Option<Value>, Tally) {
        let mut tally = Tally::new(Arc::new(LatestReport), 0);
        let answer = translated_answer(body.as_bytes(), &mut tally);
        (answer.map(|answer| serde_json::from_slice(&answer).unwrap()), tally)
    }

    #[test]
    fn text_tools_and_usage_keep_their_meaning() {
        let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","stop_reason":"tool_use",
            "content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"let "},{"type":"text","text":"me see"},
                {"type":"tool_use","id":"t1","name":"f","input":{"a": 1.10,"b":[]}},{"type":"tool_use","id":"t2","name":"g","input":{}}],
            "usage":{"input_tokens":1200,"cache_read_input_tokens":800,"cache_creation_input_tokens":200,"output_tokens":150,
                "cache_creation":{"ephemeral_5m_input_tokens":200}}}"#;
        let (got, tally) = translated(body);
        let got = got.unwrap();
        let choice = &got["choices"][0];
        assert_eq!((got["id"].as_str(), got["model"].as_str()), (Some("msg_1"), Some("claude-x")));
        assert_eq!(choice["message"]["content"], "let me see");
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{\"a\": 1.10,\"b\":[]}");
        assert_eq!(choice["message"]["tool_calls"][1]["id"], "t2");
        let usage = &got["usage"];
        assert_eq!(
            (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64()),
            (Some(2_200), Some(150))
        );
        assert_eq!(
            (usage["total_tokens"].as_u64(), &usage["prompt_tokens_details"]["cached_tokens"]),
            (Some(2_350), &json!(800))
        );
        let expected = Tokens { input: 1_200, cache_read: 800, cache_write: 200, output: 150, reasoning: 0 };
        assert_eq!((tally.completed().tokens, tally.completed().state), (expected, RowState::Settled));
    }

    #[test]
    fn an_answer_without_text_has_none_and_one_without_usage_is_estimated() {
        let (got, tally) = translated(r#"{"type":"message","content":[],"stop_reason":"max_tokens"}"#);
        let choice = &got.unwrap()["choices"][0];
        assert!(choice["message"]["content"].is_null() && choice["message"]["tool_calls"].is_null());
        assert_eq!(choice["finish_reason"], "length");
        assert_eq!(tally.completed().state, RowState::Unknown);
        let (_, tally) = translated(r#"{"type":"message","content":[{"type":"text","text":"four"}]}"#);
        assert_eq!(tally.completed().state, RowState::Estimated);
    }

    #[test]
    fn what_is_no_message_is_none() {
        for body in ["", "<html>", "{}", "[]", r#"{"type":"error","error":{}}"#, r#"{"type":"message"}"#] {
            assert!(translated(body).0.is_none(), "{body}");
        }
    }
}
