//! Streams of each provider, as each surface tells them.

use bytes::BytesMut;
use serde_json::{Value, json};

use super::super::*;
use super::{PROVIDERS, SURFACES, answer, tally, telling};
use crate::accounts::{RowState, Tokens};
use crate::stream::{Framer, Step};

/// The same answer as a stream, with a text in pieces and arguments in fragments, and the calls interleaved where the
/// dialect can.
fn stream(provider: Dialect) -> String {
    let data = |value: &Value| format!("data: {value}\n\n");
    let named = |value: &Value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap());
    match provider {
        Dialect::Openai => {
            let delta = |delta: Value| {
                data(&json!({ "id": "a-1", "model": "x", "choices": [{ "index": 0, "delta": delta }] }))
            };
            let begins = |index: u64, id: &str, name: &str| {
                let function = json!({ "name": name, "arguments": "" });
                delta(
                    json!({ "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] }),
                )
            };
            let part = |index: u64, part: &str| {
                delta(json!({ "tool_calls": [{ "index": index, "function": { "arguments": part } }] }))
            };
            let usage = answer(provider)["usage"].clone();
            [
                delta(json!({ "role": "assistant", "content": "" })),
                delta(json!({ "content": "汉" })),
                ": comment\n\n".to_owned(),
                delta(json!({ "content": "🙂" })),
                begins(0, "t1", "f"),
                part(0, "{\"a\""),
                begins(1, "t2", "g"),
                part(1, "{"),
                part(0, ":1.5}"),
                part(1, "}"),
                data(&json!({ "id": "a-1", "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] })),
                data(&json!({ "id": "a-1", "choices": [], "usage": usage })),
                "data: [DONE]\n\n".to_owned(),
            ]
            .concat()
        }
        Dialect::Anthropic => {
            let tool = |index: u64, id: &str, name: &str| {
                let block = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
                named(&json!({ "type": "content_block_start", "index": index, "content_block": block }))
            };
            let delta = |index: u64, delta: Value| {
                named(&json!({ "type": "content_block_delta", "index": index, "delta": delta }))
            };
            let stop = |index: u64| named(&json!({ "type": "content_block_stop", "index": index }));
            let usage = json!({ "input_tokens": 1200, "cache_read_input_tokens": 800, "output_tokens": 1 });
            [
                named(&json!({ "type": "message_start", "message": { "id": "a-1", "model": "x", "usage": usage } })),
                named(&json!({ "type": "ping" })),
                named(&json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } })),
                delta(0, json!({ "type": "text_delta", "text": "汉" })),
                named(&json!({ "type": "something_new", "index": 0 })),
                delta(0, json!({ "type": "text_delta", "text": "🙂" })),
                stop(0),
                tool(1, "t1", "f"),
                delta(1, json!({ "type": "input_json_delta", "partial_json": "" })),
                delta(1, json!({ "type": "input_json_delta", "partial_json": "{\"a\"" })),
                delta(1, json!({ "type": "input_json_delta", "partial_json": ":1.5}" })),
                stop(1),
                tool(2, "t2", "g"),
                stop(2),
                named(&json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 150 } })),
                named(&json!({ "type": "message_stop" })),
            ]
            .concat()
        }
        Dialect::Gemini => {
            let chunk = |parts: Value, finish: Option<&str>, output: u64| {
                data(&json!({
                    "responseId": "a-1", "modelVersion": "x",
                    "candidates": [{ "content": { "role": "model", "parts": parts }, "finishReason": finish }],
                    "usageMetadata": { "promptTokenCount": 2000, "cachedContentTokenCount": 800,
                        "candidatesTokenCount": output, "thoughtsTokenCount": 90 },
                }))
            };
            let calls = &answer(provider)["candidates"][0]["content"]["parts"];
            [
                chunk(json!([{ "text": "hm", "thought": true }]), None, 0),
                chunk(json!([{ "text": "汉" }]), None, 20),
                chunk(json!([{ "text": "🙂" }]), None, 30),
                chunk(json!([calls[2], calls[3]]), Some("STOP"), 60),
            ]
            .concat()
        }
    }
}

struct Carried {
    text: String,
    steps: Vec<Step>,
    tally: Tally,
}

fn carry(telling: Telling<'_>, provider: Dialect, text: &str, split: usize) -> Carried {
    let mut passage = translated_stream(telling, provider);
    let (mut framer, mut out, mut tally) = (Framer::default(), BytesMut::new(), tally());
    let mut steps = Vec::new();
    for part in [&text.as_bytes()[..split], &text.as_bytes()[split..]] {
        framer.push(part).unwrap();
        while let Some(event) = framer.next() {
            steps.push(passage.take(&event, &mut tally, &mut out));
        }
    }
    if !matches!(steps.last(), Some(Step::Finished | Step::Failed)) {
        steps.push(passage.end(&mut tally, &mut out));
    }
    Carried { text: String::from_utf8(out.to_vec()).unwrap(), steps, tally }
}

/// What a client makes of a stream: its text, its calls as id, name and arguments, and its last word on the end.
fn understood(surface: Surface, text: &str) -> (String, Vec<(String, String, Value)>, Value) {
    let events: Vec<Value> = text
        .split("\n\n")
        .flat_map(|event| event.split("\r\n\r\n"))
        .filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let (mut said, mut calls, mut end) = (String::new(), Vec::<(String, String, String)>::new(), Value::Null);
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut open = usize::MAX;
    for event in &events {
        match surface {
            Surface::Chat => {
                let choice = &event["choices"][0];
                said += &string(&choice["delta"]["content"]);
                for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                    let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                    if index == calls.len() {
                        calls.push((string(&call["id"]), string(&call["function"]["name"]), String::new()));
                    }
                    calls[index].2 += &string(&call["function"]["arguments"]);
                }
                if choice["finish_reason"].is_string() {
                    end = choice["finish_reason"].clone();
                }
            }
            Surface::Messages => match event["type"].as_str().unwrap() {
                "content_block_start" => {
                    assert_eq!(open, usize::MAX, "one block is open at a time");
                    open = usize::try_from(event["index"].as_u64().unwrap()).unwrap();
                    let block = &event["content_block"];
                    if block["type"] == "tool_use" {
                        calls.push((string(&block["id"]), string(&block["name"]), String::new()));
                    }
                }
                "content_block_delta" => {
                    said += &string(&event["delta"]["text"]);
                    if event["delta"]["partial_json"].is_string() {
                        calls.last_mut().unwrap().2 += &string(&event["delta"]["partial_json"]);
                    }
                }
                "content_block_stop" => open = usize::MAX,
                "message_delta" => end = event["delta"]["stop_reason"].clone(),
                _ => {}
            },
            Surface::Responses => match event["type"].as_str().unwrap() {
                "response.output_text.delta" => said += &string(&event["delta"]),
                "response.function_call_arguments.delta" => {
                    calls.last_mut().unwrap().2 += &string(&event["delta"]);
                }
                "response.output_item.added" if event["item"]["type"] == "function_call" => {
                    calls.push((
                        string(&event["item"]["call_id"]),
                        string(&event["item"]["name"]),
                        String::new(),
                    ));
                }
                "response.completed" => {
                    end = event["response"]["status"].clone();
                    assert_eq!(event["response"]["output"].as_array().unwrap().len(), 3);
                }
                _ => {}
            },
            Surface::Embeddings => {}
            Surface::Generate => {
                let candidate = &event["candidates"][0];
                for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
                    said += &string(&part["text"]);
                    if let Some(call) = part["functionCall"].as_object() {
                        calls.push((string(&call["id"]), string(&call["name"]), call["args"].to_string()));
                    }
                }
                if candidate["finishReason"].is_string() {
                    end = candidate["finishReason"].clone();
                }
            }
        }
    }
    let object = |text: &str| serde_json::from_str(if text.is_empty() { "{}" } else { text }).unwrap();
    let calls = calls.into_iter().map(|(id, name, arguments)| (id, name, object(&arguments))).collect();
    (said, calls, end)
}

#[test]
fn a_stream_cut_anywhere_keeps_its_text_its_calls_its_end_and_its_usage() {
    for provider in PROVIDERS {
        let text = stream(provider);
        for surface in SURFACES {
            let whole = carry(telling(surface), provider, &text, 0);
            assert_eq!(whole.steps.last(), Some(&Step::Finished), "{provider:?} to {surface:?}");
            let call = |id: &str, name: &str, arguments: Value| (id.to_owned(), name.to_owned(), arguments);
            let end = match surface {
                Surface::Chat => "tool_calls",
                Surface::Messages => "tool_use",
                Surface::Generate => "STOP",
                Surface::Responses | Surface::Embeddings => "completed",
            };
            let expected = (
                "汉🙂".to_owned(),
                vec![call("t1", "f", json!({ "a": 1.5 })), call("t2", "g", json!({}))],
                json!(end),
            );
            assert_eq!(understood(surface, &whole.text), expected, "{provider:?} to {surface:?}");
            let reasoning = if provider == Dialect::Anthropic { 0 } else { 90 };
            let tokens = Tokens { input: 1_200, cache_read: 800, cache_write: 0, output: 150, reasoning };
            assert_eq!(whole.tally.completed().tokens, tokens, "{provider:?} to {surface:?}");
            for split in (1..text.len()).step_by(7) {
                let got = carry(telling(surface), provider, &text, split);
                assert_eq!(
                    understood(surface, &got.text),
                    expected,
                    "{provider:?} to {surface:?} at {split}"
                );
            }
        }
    }
}

#[test]
fn a_signature_of_gemini_comes_with_the_call_that_it_is_of() {
    let text = carry(telling(Surface::Chat), Dialect::Gemini, &stream(Dialect::Gemini), 0).text;
    let chunks =
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let signed: Vec<Value> = chunks
        .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].clone())
        .filter(|call| !call["extra_content"].is_null())
        .collect();
    let function = json!({ "name": "f", "arguments": "" });
    let expected = json!({ "index": 0, "id": "t1", "type": "function", "function": function,
        "extra_content": { "google": { "thought_signature": "c2ln" } } });
    assert_eq!(signed, [expected]);
}

#[test]
fn usage_stands_behind_the_end_and_only_for_clients_of_openai_that_asked() {
    let text = stream(Dialect::Anthropic);
    let asked = carry(telling(Surface::Chat), Dialect::Anthropic, &text, 0).text;
    assert!(
        asked.ends_with("data: [DONE]\n\n")
            && asked.contains(r#""choices":[],"usage":{"prompt_tokens":2000,"#)
    );
    let unasked = Telling { usage_wanted: false, ..telling(Surface::Chat) };
    assert!(!carry(unasked, Dialect::Anthropic, &text, 0).text.contains("usage"));
}

#[test]
fn an_error_inside_of_a_stream_is_told_in_the_clients_words_and_ends_nothing_cleanly() {
    let error = |provider| match provider {
        Dialect::Openai => {
            "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"service_unavailable_error\",\"code\":\"server_is_overloaded\"}}\n\n"
        }
        Dialect::Anthropic => {
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
        }
        Dialect::Gemini => {
            "{\"error\":{\"code\":503,\"message\":\"Overloaded\",\"status\":\"UNAVAILABLE\"}}\n\n"
        }
    };
    for provider in PROVIDERS {
        let text = stream(provider);
        let half = &text[..text.find("🙂").unwrap()];
        let half = &half[..half.rfind("\n\n").unwrap() + 2];
        for surface in SURFACES {
            let got = carry(telling(surface), provider, &format!("{half}{}", error(provider)), 0);
            assert_eq!(got.steps.last(), Some(&Step::Failed));
            let told = match surface {
                Surface::Chat => {
                    r#""type":"service_unavailable_error","param":null,"code":"server_is_overloaded""#
                }
                Surface::Messages => r#""type":"overloaded_error","message":"Overloaded""#,
                Surface::Responses | Surface::Embeddings => {
                    r#""code":"server_is_overloaded","message":"Overloaded""#
                }
                Surface::Generate => r#""code":503,"message":"Overloaded","status":"UNAVAILABLE""#,
            };
            assert!(got.text.contains(told), "{provider:?} to {surface:?}: {}", got.text);
            let has_end = ["[DONE]", "message_stop", "finishReason", "response.completed"]
                .iter()
                .any(|end| got.text.contains(end));
            assert!(!has_end, "{}", got.text);
            assert_ne!(got.tally.broken_off().state, RowState::Unknown);
        }
    }
}

#[test]
fn a_stream_of_gemini_without_a_reason_to_end_has_not_ended() {
    let text = stream(Dialect::Gemini);
    let half = &text[..text.find("🙂").unwrap()];
    let half = &half[..half.rfind("\n\n").unwrap() + 2];
    assert_eq!(carry(telling(Surface::Chat), Dialect::Gemini, half, 0).steps.last(), Some(&Step::Idle));
}

#[test]
fn an_array_for_clients_of_gemini_is_whole() {
    let array = Telling { framing: GeminiFraming::Array { has_begun: false }, ..telling(Surface::Generate) };
    let got = carry(array, Dialect::Openai, &stream(Dialect::Openai), 0).text;
    let items: Vec<Value> = serde_json::from_str(&got).unwrap();
    assert_eq!(items.last().unwrap()["candidates"][0]["finishReason"], "STOP");
}
