//! What each surface asks for, in the words of each provider.

use serde_json::{Value, json};

use super::super::*;
use super::{PROVIDERS, SURFACES};

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
fn a_signature_of_gemini_goes_back_to_it_and_to_nobody_else() {
    let mut body = conversation(Surface::Chat);
    let call = body.pointer_mut("/messages/2/tool_calls/0").unwrap();
    call["extra_content"] = json!({ "google": { "thought_signature": "c2ln" } });
    let parts = request(Surface::Chat, Dialect::Gemini, &body).unwrap()["contents"][1]["parts"].clone();
    assert_eq!(parts[1]["thoughtSignature"], "c2ln");
    assert!(parts[2].get("thoughtSignature").is_none());
    let anthropic = request(Surface::Chat, Dialect::Anthropic, &body).unwrap();
    assert!(!anthropic.to_string().contains("c2ln"));
    for stranger in [json!("x"), json!({ "google": 7 }), Value::Null] {
        body.pointer_mut("/messages/2/tool_calls/0").unwrap()["extra_content"] = stranger;
        let parts = request(Surface::Chat, Dialect::Gemini, &body).unwrap()["contents"][1]["parts"].clone();
        assert!(parts[1].get("thoughtSignature").is_none());
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
        (Surface::Messages, Openai, "thinking", json!({ "type": "sometimes" })),
        (Surface::Messages, Openai, "output_config", json!({ "task_budget": 3 })),
        (Surface::Chat, Anthropic, "reasoning_effort", json!("much")),
        (Surface::Messages, Openai, "container", json!("c")),
        (Surface::Messages, Openai, "tools", json!([{ "type": "bash_20250124", "name": "bash" }])),
        (
            Surface::Messages,
            Openai,
            "messages",
            json!([{ "role": "user", "content": [{ "type": "document" }] }]),
        ),
        (Surface::Responses, Anthropic, "reasoning", json!({ "encrypted": true })),
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

/// What a wish to think comes to at each provider, where it is said in a request of a surface.
fn thought_of(surface: Surface, fields: &Value, provider: Dialect) -> Value {
    let mut body = match surface {
        Surface::Generate => json!({ "contents": [] }),
        Surface::Responses => json!({ "model": "m", "input": "hi" }),
        _ => json!({ "model": "m", "messages": [], "max_tokens": 9_000 }),
    };
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let got = request(surface, provider, &body).unwrap();
    match provider {
        Dialect::Openai => got["reasoning_effort"].clone(),
        Dialect::Anthropic => json!([got["thinking"], got["output_config"]["effort"]]),
        Dialect::Gemini => got["generationConfig"]["thinkingConfig"].clone(),
    }
}

#[test]
fn a_wish_to_think_is_told_in_the_form_that_the_client_has_or_else_in_the_nearest() {
    let budget = |tokens: u64| json!([{ "type": "enabled", "budget_tokens": tokens }, null]);
    let config = |config: Value| json!({ "generationConfig": { "thinkingConfig": config } });
    let enabled = |tokens: u64| json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } });
    let cases = [
        (
            Surface::Chat,
            json!({ "reasoning_effort": "high" }),
            None,
            json!([null, "high"]),
            json!({ "thinkingLevel": "HIGH" }),
        ),
        (
            Surface::Chat,
            json!({ "reasoning_effort": "minimal" }),
            None,
            json!([null, "low"]),
            json!({ "thinkingLevel": "MINIMAL" }),
        ),
        (
            Surface::Chat,
            json!({ "reasoning_effort": "max" }),
            None,
            json!([null, "max"]),
            json!({ "thinkingLevel": "HIGH" }),
        ),
        (
            Surface::Chat,
            json!({ "reasoning_effort": "none" }),
            None,
            json!([null, null]),
            json!({ "thinkingBudget": 0 }),
        ),
        (
            Surface::Responses,
            json!({ "reasoning": { "effort": "low", "summary": "auto" } }),
            None,
            json!([null, "low"]),
            json!({ "thinkingLevel": "LOW" }),
        ),
        (
            Surface::Messages,
            enabled(2_048),
            Some(json!("low")),
            budget(2_048),
            json!({ "thinkingBudget": 2_048 }),
        ),
        (
            Surface::Messages,
            json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "xhigh" } }),
            Some(json!("xhigh")),
            json!([null, "xhigh"]),
            json!({ "thinkingLevel": "HIGH" }),
        ),
        (
            Surface::Messages,
            json!({ "thinking": { "type": "adaptive" } }),
            Some(Value::Null),
            json!([{ "type": "adaptive" }, null]),
            json!({ "thinkingBudget": -1 }),
        ),
        (
            Surface::Messages,
            json!({ "thinking": { "type": "disabled" } }),
            Some(Value::Null),
            json!([null, null]),
            json!({ "thinkingBudget": 0 }),
        ),
        (
            Surface::Generate,
            config(json!({ "thinkingBudget": 20_000, "includeThoughts": true })),
            Some(json!("medium")),
            budget(20_000),
            json!({ "thinkingBudget": 20_000 }),
        ),
        (
            Surface::Generate,
            config(json!({ "thinkingLevel": "low" })),
            Some(json!("low")),
            json!([null, "low"]),
            json!({ "thinkingLevel": "LOW" }),
        ),
        (
            Surface::Generate,
            config(json!({ "thinkingLevel": "THINKING_LEVEL_UNSPECIFIED" })),
            Some(Value::Null),
            json!([null, null]),
            Value::Null,
        ),
    ];
    for (surface, fields, openai, anthropic, gemini) in cases {
        let at = |provider| thought_of(surface, &fields, provider);
        if let Some(openai) = openai {
            assert_eq!(at(Dialect::Openai), openai, "{fields}");
        }
        assert_eq!((at(Dialect::Anthropic), at(Dialect::Gemini)), (anthropic, gemini), "{fields}");
    }
}

#[test]
fn a_budget_for_thoughts_fits_into_the_limit_of_the_answer_and_never_stops_a_turn() {
    let with = |limit: Value, tokens: u64| {
        let config = json!({ "maxOutputTokens": limit, "thinkingConfig": { "thinkingBudget": tokens } });
        let body = json!({ "contents": [], "generationConfig": config });
        let got = request(Surface::Generate, Dialect::Anthropic, &body).unwrap();
        (got["max_tokens"].as_u64().unwrap(), got["thinking"]["budget_tokens"].as_u64())
    };
    assert_eq!(with(json!(5_000), 2_000), (5_000, Some(2_000)));
    assert_eq!(with(json!(5_000), 9_000), (5_000, Some(4_999)));
    assert_eq!(with(json!(5_000), 10), (5_000, Some(1_024)), "fewer are refused");
    assert_eq!(with(json!(1_000), 500), (1_000, None), "there is no room for any");
    assert_eq!(
        with(Value::Null, 9_000),
        (DEFAULT_MAX_TOKENS + 9_000, Some(9_000)),
        "the answer has its own room"
    );
    let called = json!({ "role": "model", "parts": [{ "functionCall": { "id": "t", "name": "f" } }] });
    let answered = json!({ "role": "user", "parts": [{ "functionResponse": { "id": "t", "name": "f", "response": {} } }] });
    let config = json!({ "thinkingConfig": { "thinkingBudget": 2_000 } });
    let body = json!({ "contents": [called, answered], "generationConfig": config });
    let got = request(Surface::Generate, Dialect::Anthropic, &body).unwrap();
    assert_eq!((&got["thinking"], &got["max_tokens"]), (&Value::Null, &json!(DEFAULT_MAX_TOKENS)));
}

#[test]
fn an_answer_by_a_schema_is_asked_of_anthropic_and_by_its_clients() {
    let schema = json!({ "type": "object" });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } });
    let body = json!({ "model": "m", "messages": [], "response_format": format });
    let got = request(Surface::Chat, Dialect::Anthropic, &body).unwrap();
    assert_eq!(got["output_config"], json!({ "format": { "type": "json_schema", "schema": schema } }));
    let back = json!({ "model": "m", "messages": [], "output_config": got["output_config"] });
    assert_eq!(request(Surface::Messages, Dialect::Openai, &back).unwrap()["response_format"], format);
}

/// A picture that a tool gave back, beside a text, as each surface says it.
fn pictured(surface: Surface) -> Value {
    let data_url = "data:image/png;base64,AAAA";
    match surface {
        Surface::Chat => {
            let function = json!({ "name": "f", "arguments": "{}" });
            let content = json!([{ "type": "text", "text": "look" }, { "type": "image_url", "image_url": { "url": data_url } }]);
            json!({ "model": "m", "messages": [
                { "role": "assistant", "tool_calls": [{ "id": "t", "type": "function", "function": function }] },
                { "role": "tool", "tool_call_id": "t", "content": content },
            ] })
        }
        Surface::Responses => json!({ "model": "m", "input": [
            { "type": "function_call", "call_id": "t", "name": "f", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "t", "output": [
                { "type": "input_text", "text": "look" }, { "type": "input_image", "image_url": data_url },
            ] },
        ] }),
        Surface::Generate => json!({ "contents": [
            { "role": "model", "parts": [{ "functionCall": { "id": "t", "name": "f", "args": {} } }] },
            { "role": "user", "parts": [{ "functionResponse": { "id": "t", "name": "f", "response": { "output": "look" },
                "parts": [{ "inlineData": { "mimeType": "image/png", "data": "AAAA" } }] } }] },
        ] }),
        _ => json!({ "model": "m", "max_tokens": 9, "messages": [
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "f", "input": {} }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t", "content": [
                { "type": "text", "text": "look" },
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AAAA" } },
            ] }] },
        ] }),
    }
}

#[test]
fn a_picture_in_the_result_of_a_tool_reaches_every_provider() {
    for surface in SURFACES {
        let told = |provider| request(surface, provider, &pictured(surface)).unwrap();
        let openai = told(Dialect::Openai)["messages"].clone();
        assert_eq!(
            openai[1],
            json!({ "role": "tool", "tool_call_id": "t", "content": "look" }),
            "{surface:?}"
        );
        let image = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } });
        assert_eq!((&openai[2]["role"], &openai[2]["content"][1]), (&json!("user"), &image), "{surface:?}");
        let anthropic = told(Dialect::Anthropic)["messages"][1]["content"][0].clone();
        assert_eq!(anthropic, pictured(Surface::Messages)["messages"][1]["content"][0], "{surface:?}");
        let gemini = told(Dialect::Gemini)["contents"][1]["parts"].clone();
        let response = json!({ "id": "t", "name": "f", "response": { "output": "look" } });
        assert_eq!(gemini[0]["functionResponse"], response, "{surface:?}");
        assert_eq!(
            gemini[1],
            json!({ "inlineData": { "mimeType": "image/png", "data": "AAAA" } }),
            "{surface:?}"
        );
    }
}
