//! Whole answers of each provider, as each surface tells them.

use serde_json::{Value, json};

use super::super::*;
use super::{PROVIDERS, SURFACES, answer, tally, telling};
use crate::accounts::{RowState, Tokens};

#[test]
fn a_whole_answer_keeps_its_text_its_calls_its_end_and_its_usage() {
    for provider in PROVIDERS {
        let reasoning = if provider == Dialect::Anthropic { 0 } else { 90 };
        for surface in SURFACES {
            let mut tally = tally();
            let body = answer(provider).to_string();
            let got = translated_answer(telling(surface), provider, body.as_bytes(), &mut tally).unwrap();
            let got: Value = serde_json::from_slice(&got).unwrap();
            let expected = Tokens { input: 1_200, cache_read: 800, cache_write: 0, output: 150, reasoning };
            assert_eq!((tally.completed().tokens, tally.completed().state), (expected, RowState::Settled));
            match surface {
                Surface::Chat => {
                    let choice = &got["choices"][0];
                    assert_eq!((&choice["finish_reason"], &got["id"]), (&json!("tool_calls"), &json!("a-1")));
                    assert_eq!(choice["message"]["content"], "let me see");
                    let calls = &choice["message"]["tool_calls"];
                    assert_eq!(calls[0]["function"], json!({ "name": "f", "arguments": "{\"a\":1.5}" }));
                    assert_eq!((&calls[1]["id"], calls.as_array().unwrap().len()), (&json!("t2"), 2));
                    let signed = json!({ "google": { "thought_signature": "c2ln" } });
                    let is_signed = [0, 1].map(|call| calls[call].get("extra_content") == Some(&signed));
                    assert_eq!(is_signed, [provider == Dialect::Gemini, false]);
                    assert_eq!(got["usage"]["prompt_tokens"], 2_000);
                    assert_eq!(got["usage"]["completion_tokens"], 150);
                    assert_eq!(got["usage"]["prompt_tokens_details"]["cached_tokens"], 800);
                }
                Surface::Responses => {
                    assert_eq!((&got["status"], &got["object"]), (&json!("completed"), &json!("response")));
                    assert_eq!(got["output"][0]["content"][0]["text"], "let me see");
                    let call = &got["output"][1];
                    assert_eq!((&call["call_id"], &call["arguments"]), (&json!("t1"), &json!("{\"a\":1.5}")));
                    assert_eq!(got["output"][2]["name"], "g");
                    assert_eq!(got["usage"]["input_tokens"], 2_000);
                    assert_eq!(got["usage"]["input_tokens_details"]["cached_tokens"], 800);
                    assert_eq!(got["usage"]["output_tokens_details"]["reasoning_tokens"], reasoning);
                }
                Surface::Embeddings => unreachable!("no chat is translated to vectors"),
                Surface::Messages => {
                    let content = json!([
                        { "type": "text", "text": "let me see" },
                        { "type": "tool_use", "id": "t1", "name": "f", "input": { "a": 1.5 } },
                        { "type": "tool_use", "id": "t2", "name": "g", "input": {} },
                    ]);
                    assert_eq!((&got["content"], &got["stop_reason"]), (&content, &json!("tool_use")));
                    let mut usage = json!({ "input_tokens": 1200, "cache_read_input_tokens": 800,
                        "cache_creation_input_tokens": 0, "output_tokens": 150 });
                    if reasoning > 0 {
                        usage["output_tokens_details"] = json!({ "thinking_tokens": reasoning });
                    }
                    assert_eq!(got["usage"], usage);
                }
                Surface::Generate => {
                    let parts = json!([
                        { "text": "let me see" },
                        { "functionCall": { "id": "t1", "name": "f", "args": { "a": 1.5 } } },
                        { "functionCall": { "id": "t2", "name": "g", "args": {} } },
                    ]);
                    assert_eq!(got["candidates"][0]["content"]["parts"], parts);
                    assert_eq!(got["candidates"][0]["finishReason"], "STOP");
                    let usage = &got["usageMetadata"];
                    assert_eq!(
                        (&usage["promptTokenCount"], &usage["totalTokenCount"]),
                        (&json!(2000), &json!(2150))
                    );
                    assert_eq!(usage["candidatesTokenCount"], 150 - reasoning);
                }
            }
        }
    }
}

#[test]
fn a_call_that_the_limit_cut_off_is_none_and_any_other_that_cannot_be_read_is_no_answer() {
    let completion = |finish: &str| {
        let function = json!({ "name": "f", "arguments": "{\"a\":" });
        json!({ "choices": [{ "finish_reason": finish, "message": { "content": "so", "tool_calls": [{ "id": "t", "function": function }] } }] }).to_string()
    };
    for surface in [Surface::Messages, Surface::Generate] {
        let told = |finish: &str| {
            translated_answer(telling(surface), Dialect::Openai, completion(finish).as_bytes(), &mut tally())
        };
        assert!(told("length").is_some() && told("tool_calls").is_none());
    }
}

#[test]
fn a_prompt_that_gemini_blocks_is_an_answer_that_says_so() {
    let body = br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#;
    let got = translated_answer(telling(Surface::Chat), Dialect::Gemini, body, &mut tally()).unwrap();
    let got: Value = serde_json::from_slice(&got).unwrap();
    assert_eq!(got["choices"][0]["finish_reason"], "content_filter");
}

#[test]
fn what_is_no_answer_is_none() {
    for provider in PROVIDERS {
        for body in ["", "<html>", "{}", r#"{"type":"error"}"#, "[]"] {
            let got = translated_answer(telling(Surface::Chat), provider, body.as_bytes(), &mut tally());
            assert!(got.is_none(), "{provider:?} {body}");
        }
    }
}
