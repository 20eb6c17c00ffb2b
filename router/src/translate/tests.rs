//! Requests, answers and streams between any two dialects: what goes in comes out with the same meaning.

use std::sync::Arc;

use bytes::BytesMut;
use serde_json::{Value, json};

use super::*;
use crate::accounts::{RowState, Tokens};
use crate::stream::{Framer, Step};
use crate::usage::{LatestReport, Tally};

const SURFACES: [Surface; 4] = [Surface::Chat, Surface::Messages, Surface::Generate, Surface::Responses];
const PROVIDERS: [Dialect; 3] = [Dialect::Openai, Dialect::Anthropic, Dialect::Gemini];

fn telling(surface: Surface) -> Telling<'static> {
    Telling { surface, id: "r", model: "public", usage_wanted: true, framing: GeminiFraming::Events }
}

fn tally() -> Tally {
    Tally::new(Arc::new(LatestReport), 0)
}

fn request(surface: Surface, provider: Dialect, body: &Value) -> Result<Value, Untranslatable> {
    let bytes = translated_request(surface, provider, body.to_string().as_bytes(), "m", true)?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

/// One conversation in the words of each surface: instructions, a picture, two calls, a result and a failure.
fn conversation(surface: Surface) -> Value {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    match surface {
        Surface::Chat => json!({
            "model": "m", "max_completion_tokens": 7, "temperature": 0.25, "stop": ["END"], "stream": true,
            "stream_options": { "include_usage": true },
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": [
                    { "type": "text", "text": "look" },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                ] },
                { "role": "assistant", "content": "let me see", "tool_calls": [
                    { "id": "t1", "type": "function", "function": { "name": "f", "arguments": "{\"city\":\"Bern\"}" } },
                    { "id": "t2", "type": "function", "function": { "name": "g", "arguments": "{}" } },
                ] },
                { "role": "tool", "tool_call_id": "t1", "content": "sunny" },
                { "role": "tool", "tool_call_id": "t2", "content": "noon" },
                { "role": "user", "content": "go on" },
            ],
            "tools": [{ "type": "function", "function": { "name": "f", "description": "d", "parameters": schema } }],
            "tool_choice": "required",
        }),
        Surface::Messages => json!({
            "model": "m", "max_tokens": 7, "system": "be brief", "temperature": 0.25,
            "stop_sequences": ["END"], "stream": true,
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": "look" },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AAAA" } },
                ] },
                { "role": "assistant", "content": [
                    { "type": "text", "text": "let me see" },
                    { "type": "tool_use", "id": "t1", "name": "f", "input": { "city": "Bern" } },
                    { "type": "tool_use", "id": "t2", "name": "g", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "t1", "content": "sunny" },
                    { "type": "tool_result", "tool_use_id": "t2", "content": "noon" },
                    { "type": "text", "text": "go on" },
                ] },
            ],
            "tools": [{ "name": "f", "description": "d", "input_schema": schema }],
            "tool_choice": { "type": "any" },
        }),
        Surface::Responses => json!({
            "model": "m", "max_output_tokens": 7, "temperature": 0.25, "stream": true, "store": false,
            "instructions": "be brief", "reasoning": null,
            "input": [
                { "role": "user", "content": [
                    { "type": "input_text", "text": "look" },
                    { "type": "input_image", "image_url": "data:image/png;base64,AAAA" },
                ] },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "let me see" }] },
                { "type": "function_call", "call_id": "t1", "name": "f", "arguments": "{\"city\":\"Bern\"}" },
                { "type": "function_call", "call_id": "t2", "name": "g", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "t1", "output": "sunny" },
                { "type": "function_call_output", "call_id": "t2", "output": "noon" },
                { "role": "user", "content": "go on" },
            ],
            "tools": [{ "type": "function", "name": "f", "description": "d", "parameters": schema }],
            "tool_choice": "required",
        }),
        Surface::Embeddings => Value::Null,
        Surface::Generate => json!({
            "systemInstruction": { "parts": [{ "text": "be brief" }] },
            "contents": [
                { "role": "user", "parts": [
                    { "text": "look" }, { "inlineData": { "mimeType": "image/png", "data": "AAAA" } },
                ] },
                { "role": "model", "parts": [
                    { "text": "let me see" },
                    { "functionCall": { "id": "t1", "name": "f", "args": { "city": "Bern" } } },
                    { "functionCall": { "id": "t2", "name": "g", "args": {} } },
                ] },
                { "role": "user", "parts": [
                    { "functionResponse": { "id": "t1", "name": "f", "response": { "output": "sunny" } } },
                    { "functionResponse": { "id": "t2", "name": "g", "response": { "output": "noon" } } },
                    { "text": "go on" },
                ] },
            ],
            "tools": [{ "functionDeclarations": [{ "name": "f", "description": "d", "parametersJsonSchema": schema }] }],
            "toolConfig": { "functionCallingConfig": { "mode": "ANY" } },
            "generationConfig": { "maxOutputTokens": 7, "temperature": 0.25, "stopSequences": ["END"] },
        }),
    }
}

fn own_surface(provider: Dialect) -> Surface {
    SURFACES.into_iter().find(|surface| surface.dialect() == provider).unwrap()
}

#[test]
fn a_conversation_has_the_same_meaning_in_all_dialects() {
    for surface in SURFACES {
        for provider in PROVIDERS {
            let got = request(surface, provider, &conversation(surface)).unwrap();
            let mut expected = conversation(own_surface(provider));
            if surface == Surface::Responses {
                // It has no word for this.
                for (at, field) in
                    [("", "stop"), ("", "stop_sequences"), ("/generationConfig", "stopSequences")]
                {
                    let fields = expected.pointer_mut(at).and_then(Value::as_object_mut);
                    fields.and_then(|fields| fields.remove(field));
                }
            }
            assert_eq!(got, expected, "{surface:?} to {provider:?}");
        }
    }
}

#[test]
fn a_failure_of_a_tool_is_told_as_one() {
    let messages = json!([
        { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "f", "input": {} }] },
        { "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": "t", "is_error": true, "content": [{ "type": "text", "text": "no" }] },
        ] },
    ]);
    let body = json!({ "model": "m", "max_tokens": 1, "messages": messages });
    let gemini = request(Surface::Messages, Dialect::Gemini, &body).unwrap();
    let result = &gemini["contents"][1]["parts"][0]["functionResponse"];
    assert_eq!(*result, json!({ "id": "t", "name": "f", "response": { "error": "no" } }));
    let openai = request(Surface::Messages, Dialect::Openai, &body).unwrap();
    assert_eq!(openai["messages"][1]["content"], "Error: no");
}

#[test]
fn calls_without_ids_are_answered_by_name_and_order() {
    let call = |day: u64| json!({ "functionCall": { "name": "f", "args": { "day": day } } });
    let answer = |text: &str| json!({ "functionResponse": { "name": "f", "response": { "weather": text } } });
    let body = json!({ "contents": [
        { "role": "model", "parts": [call(1), call(2)] },
        { "role": "user", "parts": [answer("sun"), answer("rain")] },
    ] });
    let got = request(Surface::Generate, Dialect::Openai, &body).unwrap();
    let id = |place: usize| got["messages"][0]["tool_calls"][place]["id"].clone();
    assert_ne!(id(0), id(1));
    assert_eq!(got["messages"][1]["tool_call_id"], id(0));
    assert_eq!(got["messages"][2]["tool_call_id"], id(1));
    assert_eq!(got["messages"][2]["content"], r#"{"weather":"rain"}"#);
    let unasked = json!({ "contents": [{ "parts": [answer("sun")] }] });
    assert_eq!(request(Surface::Generate, Dialect::Openai, &unasked).unwrap_err().field, "contents");
}

#[test]
fn schemas_of_gemini_are_written_as_others_write_them() {
    let schema =
        json!({ "type": "OBJECT", "properties": { "type": { "type": "STRING", "enum": ["STRING"] } } });
    let body = json!({ "contents": [], "tools": [{ "functionDeclarations": [{ "name": "f", "parameters": schema }] }] });
    let got = request(Surface::Generate, Dialect::Anthropic, &body).unwrap();
    let expected =
        json!({ "type": "object", "properties": { "type": { "type": "string", "enum": ["STRING"] } } });
    assert_eq!(got["tools"][0]["input_schema"], expected);
}

#[test]
fn what_has_no_counterpart_is_refused_by_the_clients_name_for_it() {
    use Dialect::{Anthropic, Gemini, Openai};
    let cases = [
        (Surface::Chat, Anthropic, "n", json!(2)),
        (Surface::Chat, Anthropic, "logprobs", json!(true)),
        (Surface::Chat, Anthropic, "response_format", json!({ "type": "json_object" })),
        (Surface::Chat, Anthropic, "frequency_penalty", json!(0.5)),
        (Surface::Chat, Anthropic, "functions", json!([])),
        (Surface::Chat, Anthropic, "never_heard_of", json!(1)),
        (Surface::Chat, Anthropic, "max_tokens", json!("many")),
        (Surface::Chat, Anthropic, "stop", json!(1)),
        (Surface::Chat, Anthropic, "tool_choice", json!("sometimes")),
        (Surface::Chat, Anthropic, "tool_choice", json!({})),
        (Surface::Chat, Anthropic, "messages", json!("hi")),
        (Surface::Chat, Anthropic, "messages", json!([{ "role": "function", "content": "x" }])),
        (Surface::Chat, Anthropic, "messages", json!([{ "role": "tool", "content": "x" }])),
        (
            Surface::Chat,
            Anthropic,
            "messages",
            json!([{ "role": "user", "content": [{ "type": "input_audio" }] }]),
        ),
        (
            Surface::Chat,
            Anthropic,
            "messages",
            json!([{ "role": "assistant", "tool_calls": [{ "id": "t", "function": { "name": "f", "arguments": "[1]" } }] }]),
        ),
        (Surface::Chat, Gemini, "parallel_tool_calls", json!(false)),
        (
            Surface::Chat,
            Gemini,
            "messages",
            json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "https://h/x.png" } }] }]),
        ),
        (Surface::Messages, Openai, "top_k", json!(3)),
        (Surface::Messages, Openai, "thinking", json!({ "type": "enabled", "budget_tokens": 1024 })),
        (Surface::Messages, Openai, "container", json!("c")),
        (Surface::Messages, Openai, "tools", json!([{ "type": "bash_20250124", "name": "bash" }])),
        (
            Surface::Messages,
            Openai,
            "messages",
            json!([{ "role": "user", "content": [{ "type": "document" }] }]),
        ),
        (Surface::Responses, Anthropic, "reasoning", json!({ "effort": "high" })),
        (Surface::Responses, Anthropic, "tools", json!([{ "type": "web_search" }])),
        (Surface::Responses, Anthropic, "text", json!({ "verbosity": "low" })),
        (Surface::Responses, Anthropic, "input", json!([{ "type": "item_reference", "id": "x" }])),
        (Surface::Embeddings, Anthropic, "model", json!("m")),
        (Surface::Generate, Openai, "cachedContent", json!("cachedContents/1")),
        (Surface::Generate, Openai, "tools", json!([{ "googleSearch": {} }])),
        (
            Surface::Generate,
            Openai,
            "toolConfig",
            json!({ "functionCallingConfig": { "mode": "VALIDATED" } }),
        ),
    ];
    for (surface, provider, field, value) in cases {
        let mut body = match surface {
            Surface::Generate => json!({ "contents": [] }),
            Surface::Responses => json!({ "model": "m", "input": "hi" }),
            _ => json!({ "model": "m", "messages": [] }),
        };
        body[field] = value;
        assert_eq!(request(surface, provider, &body).unwrap_err().field, field, "{body}");
    }
    let config = json!({ "contents": [], "generationConfig": { "candidateCount": 2 } });
    assert_eq!(request(Surface::Generate, Openai, &config).unwrap_err().field, "candidateCount");
    assert_eq!(request(Surface::Chat, Anthropic, &json!({})).unwrap_err().field, "messages");
}

#[test]
fn what_asks_for_nothing_is_left_out() {
    let body = json!({
        "model": "m", "n": 1, "seed": 3, "presence_penalty": 0, "metadata": { "a": "b" }, "logit_bias": null,
        "messages": [{ "role": "user", "content": "hi" }], "response_format": { "type": "text" }, "user": "u-1",
    });
    let expected = json!({
        "model": "m", "max_tokens": DEFAULT_MAX_TOKENS, "messages": [{ "role": "user", "content": "hi" }],
        "metadata": { "user_id": "u-1" },
    });
    assert_eq!(request(Surface::Chat, Dialect::Anthropic, &body).unwrap(), expected);
}

#[test]
fn an_answer_by_a_schema_is_asked_for_where_there_is_a_word_for_it() {
    let schema = json!({ "type": "object" });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } });
    let body = json!({ "model": "m", "messages": [], "response_format": format });
    let got = request(Surface::Chat, Dialect::Gemini, &body).unwrap();
    assert_eq!(
        got["generationConfig"],
        json!({ "responseMimeType": "application/json", "responseJsonSchema": schema })
    );
    let back = json!({ "contents": [], "generationConfig": got["generationConfig"] });
    assert_eq!(request(Surface::Generate, Dialect::Openai, &back).unwrap()["response_format"], format);
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
                { "functionCall": { "id": "t1", "name": "f", "args": { "a": 1.5 } } },
                { "functionCall": { "id": "t2", "name": "g" } },
            ] } }],
            "usageMetadata": { "promptTokenCount": 2000, "cachedContentTokenCount": 800, "candidatesTokenCount": 60,
                "thoughtsTokenCount": 90, "totalTokenCount": 2150 },
        }),
    }
}

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
                    assert_eq!(
                        got["usage"],
                        json!({ "input_tokens": 1200, "cache_read_input_tokens": 800,
                            "cache_creation_input_tokens": 0, "output_tokens": 150 })
                    );
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
