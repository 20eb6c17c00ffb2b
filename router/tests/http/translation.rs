//! Clients and providers of any two dialects, and Gemini's own surface.

use crate::support::*;
use serde_json::{Value, json};

/// One provider of a dialect with two keys, and the model `chat`.
fn config(provider: &Provider, dialect: &str, more: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  one:\n    dialect: {dialect}\n    base_url: http://{}\n    keys: [{{ name: k1, secret: sk-1 }}, {{ name: k2, secret: sk-2 }}]\n\
         models:\n  chat: {{ provider: one, model: model-x }}\n{more}",
        provider.address
    ))
}

/// An answer of a dialect that says `pong`, for 2000 tokens of which 800 were cached, and 150.
fn pong(dialect: &str) -> Answer {
    let body = match dialect {
        "openai" => json!({
            "id": "c1", "model": "model-x", "choices": [{ "message": { "content": "pong" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 2000, "completion_tokens": 150, "prompt_tokens_details": { "cached_tokens": 800 } },
        }),
        "anthropic" => json!({
            "id": "m1", "type": "message", "model": "model-x", "content": [{ "type": "text", "text": "pong" }],
            "stop_reason": "end_turn",
            "usage": { "input_tokens": 1200, "cache_read_input_tokens": 800, "output_tokens": 150 },
        }),
        _ => json!({
            "candidates": [{ "content": { "role": "model", "parts": [{ "text": "pong" }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 2000, "cachedContentTokenCount": 800,
                "candidatesTokenCount": 60, "thoughtsTokenCount": 90 },
        }),
    };
    answer(200, &[], &body.to_string())
}

const DIALECTS: [&str; 3] = ["openai", "anthropic", "gemini"];

/// The path and the body of a request in a dialect.
fn ping(dialect: &str, stream: bool) -> (&'static str, String) {
    let messages = json!([{ "role": "user", "content": "ping" }]);
    match dialect {
        "openai" => (
            "/v1/chat/completions",
            json!({ "model": "chat", "stream": stream, "messages": messages }).to_string(),
        ),
        "anthropic" => (
            "/v1/messages",
            json!({ "model": "chat", "max_tokens": 9, "stream": stream, "messages": messages }).to_string(),
        ),
        _ => {
            let path = "/v1beta/models/chat:generateContent";
            let streamed = "/v1beta/models/chat:streamGenerateContent?alt=sse";
            let body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "ping" }] }] });
            (if stream { streamed } else { path }, body.to_string())
        }
    }
}

fn text_of(dialect: &str, answer: &Value) -> Value {
    match dialect {
        "openai" => answer["choices"][0]["message"]["content"].clone(),
        "anthropic" => answer["content"][0]["text"].clone(),
        _ => answer["candidates"][0]["content"]["parts"][0]["text"].clone(),
    }
}

#[tokio::test]
async fn a_client_of_any_dialect_reaches_a_provider_of_any_and_both_are_booked_alike() {
    for provider_speaks in DIALECTS {
        let provider = Provider::start(move |_| pong(provider_speaks)).await;
        let router =
            start_router(&config(&provider, provider_speaks, "admin: { secret: boss }\n"), None).await;
        for client_speaks in DIALECTS {
            let (path, body) = ping(client_speaks, false);
            let got = send(post_as(&router, path, "caller", &body)).await;
            assert_eq!(got.status, 200, "{client_speaks} to {provider_speaks}: {got:?}");
            assert_eq!(text_of(client_speaks, &got.json()), "pong", "{client_speaks} to {provider_speaks}");
        }
        let paths: Vec<String> = provider.attempts().into_iter().map(|attempt| attempt.path).collect();
        let path = match provider_speaks {
            "openai" => "/chat/completions",
            "anthropic" => "/v1/messages",
            _ => "/v1beta/models/model-x:generateContent",
        };
        assert_eq!(paths, [path; 3]);
        assert!(provider.keys().iter().all(|key| key.starts_with("sk-")));
        for row in rows(&router, 3).await {
            let tokens = &row["tokens"];
            assert_eq!((&tokens["input"], &tokens["cache_read"]), (&json!(1_200), &json!(800)), "{row}");
            assert_eq!(tokens["output"], 150, "{row}");
        }
    }
}

#[tokio::test]
async fn an_error_reaches_each_client_in_its_own_shape() {
    for client_speaks in DIALECTS {
        for provider_speaks in DIALECTS {
            let provider = Provider::start(|_| answer(400, &[], r#"{"error":{"message":"no"}}"#)).await;
            let router = start_router(&config(&provider, provider_speaks, ""), None).await;
            let (path, body) = ping(client_speaks, true);
            let got = send(post_as(&router, path, "caller", &body)).await;
            let error = got.json()["error"].clone();
            assert_eq!((got.status, error["message"].as_str()), (400, Some("no")));
            match client_speaks {
                "gemini" => {
                    assert_eq!((&error["status"], &error["code"]), (&json!("INVALID_ARGUMENT"), &json!(400)));
                }
                _ => assert_eq!(error["type"], "invalid_request_error"),
            }
        }
    }
}

const GEMINI_STREAM: &str = concat!(
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"po\"}],\"role\": \"model\"}}]}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"ng\"}],\"role\": \"model\"},\"finishReason\": \"STOP\"}],\"usageMetadata\": {\"promptTokenCount\": 9,\"candidatesTokenCount\": 2}}\r\n\r\n",
);

#[tokio::test]
async fn a_stream_of_gemini_passes_as_it_came_or_as_an_array() {
    let provider = Provider::start(|_| stream(GEMINI_STREAM)).await;
    let router = start_router(&config(&provider, "gemini", ""), None).await;
    let (path, body) = ping("gemini", true);
    let got = send(post_as(&router, path, "caller", &body)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, GEMINI_STREAM.as_bytes()));
    assert_eq!(got.headers["content-type"], "text/event-stream");
    let got = send(post_as(&router, "/v1beta/models/chat:streamGenerateContent", "caller", &body)).await;
    assert_eq!(
        (got.headers["content-type"].to_str().unwrap(), got.json().as_array().unwrap().len()),
        ("application/json", 2)
    );
    let attempt = &provider.attempts()[0];
    assert_eq!(attempt.path, "/v1beta/models/model-x:streamGenerateContent");
    assert_eq!(
        (attempt.body.as_ref(), attempt.headers["x-goog-api-key"].to_str().unwrap()),
        (body.as_bytes(), "sk-1")
    );
}

#[tokio::test]
async fn a_stream_is_told_in_the_clients_words() {
    let provider = Provider::start(|_| stream(GEMINI_STREAM)).await;
    let router = start_router(&config(&provider, "gemini", ""), None).await;
    for (client_speaks, end) in
        [("openai", "data: [DONE]\n\n"), ("anthropic", "data: {\"type\":\"message_stop\"}\n\n")]
    {
        let (path, body) = ping(client_speaks, true);
        let got = send(post_as(&router, path, "caller", &body)).await;
        let text = String::from_utf8(got.body.to_vec()).unwrap();
        assert!(text.contains("\"po\"") && text.contains("\"ng\"") && text.ends_with(end), "{text}");
    }
}

#[tokio::test]
async fn what_the_provider_has_no_word_for_is_refused_in_the_clients_shape_before_it_is_asked() {
    let provider = Provider::start(|_| pong("openai")).await;
    let router = start_router(&config(&provider, "openai", ""), None).await;
    let body = r#"{"model":"chat","max_tokens":1,"messages":[],"top_k":4}"#;
    let got = send(post_as(&router, "/v1/messages", "caller", body)).await;
    assert_eq!((got.status, got.json()["type"].as_str()), (400, Some("error")));
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("`top_k`"));
    assert_eq!(provider.keys().len(), 0);
}

#[tokio::test]
async fn a_wait_in_the_details_of_gemini_closes_its_key_and_is_told_as_a_header() {
    let details = json!([
        { "@type": "type.googleapis.com/google.rpc.Help" },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "26.66s" },
    ]);
    let error = json!({ "code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED", "details": details });
    let body = json!([{ "error": error }]).to_string();
    let provider = Provider::start(move |_| answer(429, &[], &body)).await;
    let router = start_router(&config(&provider, "gemini", ""), None).await;
    let (path, body) = ping("gemini", false);
    let got = send(post_as(&router, path, "caller", &body)).await;
    assert_eq!((got.status, got.headers["retry-after"].to_str().unwrap()), (429, "27"));
    assert_eq!(got.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(provider.keys(), ["sk-1", "sk-2"]);
}

#[tokio::test]
async fn a_key_may_stand_in_the_address_of_gemini_alone_and_stays_here() {
    let provider = Provider::start(|_| pong("gemini")).await;
    let tenants = "tenants:\n  acme: { keys: [acme-key] }\n";
    let router = start_router(&config(&provider, "gemini", tenants), None).await;
    let ask = |path: &str, body: &str| {
        let mut request = post_as(&router, path, "", body);
        request.headers_mut().remove("authorization");
        send(request)
    };
    let (path, body) = ping("gemini", false);
    assert_eq!(ask(&format!("{path}?key=acme-key"), &body).await.status, 200);
    assert_eq!(ask(&format!("{path}?key=other"), &body).await.status, 401);
    assert_eq!(ask(path, &body).await.status, 401);
    let (path, body) = ping("openai", false);
    assert_eq!(ask(&format!("{path}?key=acme-key"), &body).await.status, 401);
    assert_eq!(provider.keys(), ["sk-1"]);
}

fn responses_stream() -> String {
    let usage = r#"{"input_tokens":2000,"input_tokens_details":{"cached_tokens":800},"output_tokens":150}"#;
    [
        r#"{"type":"response.created","response":{"id":"resp_1"}}"#.to_owned(),
        r#"{"type":"response.output_text.delta","delta":"pong"}"#.to_owned(),
        format!(r#"{{"type":"response.completed","response":{{"usage":{usage}}}}}"#),
    ]
    .map(|data| format!("event: x\ndata: {data}\n\n"))
    .concat()
}

#[tokio::test]
async fn a_response_passes_to_its_own_provider_which_keeps_nothing_and_is_booked() {
    let sent = responses_stream();
    let told = sent.clone();
    let provider = Provider::start(move |attempt| {
        let whole = r#"{"object":"response","output":[],"usage":{"input_tokens":2000,"input_tokens_details":{"cached_tokens":800},"output_tokens":150}}"#;
        if attempt.json()["stream"] == true { stream(&told) } else { answer(200, &[], whole) }
    })
    .await;
    let router = start_router(&config(&provider, "openai", "admin: { secret: boss }\n"), None).await;
    let streamed = r#"{"model":"chat","input":"ping","stream":true,"x":1.10}"#;
    let got = send(post_as(&router, "/v1/responses", "caller", streamed)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, sent.as_bytes()));
    let plain = send(post_as(&router, "/v1/responses", "caller", r#"{"model":"chat","input":"ping"}"#)).await;
    assert_eq!(plain.json()["object"], "response");
    let attempt = &provider.attempts()[0];
    let expected = r#"{"model":"model-x","input":"ping","stream":true,"x":1.10,"store":false}"#;
    assert_eq!((attempt.path.as_str(), attempt.body.as_ref()), ("/responses", expected.as_bytes()));
    for row in rows(&router, 2).await {
        assert_eq!(
            (&row["tokens"]["cache_read"], &row["tokens"]["output"]),
            (&json!(800), &json!(150)),
            "{row}"
        );
    }
}

#[tokio::test]
async fn a_response_of_another_provider_is_translated() {
    for dialect in ["anthropic", "gemini"] {
        let provider = Provider::start(move |_| pong(dialect)).await;
        let router = start_router(&config(&provider, dialect, ""), None).await;
        let got =
            send(post_as(&router, "/v1/responses", "caller", r#"{"model":"chat","input":"ping"}"#)).await;
        assert_eq!(got.json()["output"][0]["content"][0]["text"], "pong", "{got:?}");
    }
}

#[tokio::test]
async fn what_a_response_would_have_to_remember_is_refused_by_name() {
    let provider = Provider::start(|_| pong("openai")).await;
    let router = start_router(&config(&provider, "openai", ""), None).await;
    for (field, value) in [
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("store", json!(true)),
        ("background", json!(true)),
    ] {
        let mut body = json!({ "model": "chat", "input": "ping" });
        body[field] = value;
        let got = send(post_as(&router, "/v1/responses", "caller", &body.to_string())).await;
        assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some(field)));
    }
    assert_eq!(provider.keys().len(), 0);
}

#[tokio::test]
async fn a_failure_in_the_second_event_of_a_response_leads_to_another_key() {
    let failed = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n\
        event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}}\n\n";
    let provider =
        Provider::start(move |attempt| stream(if attempt.key() == "sk-1" { failed } else { &GOOD })).await;
    static GOOD: std::sync::LazyLock<String> = std::sync::LazyLock::new(responses_stream);
    let router = start_router(&config(&provider, "openai", ""), None).await;
    let body = r#"{"model":"chat","input":"ping","stream":true}"#;
    let got = send(post_as(&router, "/v1/responses", "caller", body)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, GOOD.as_bytes()));
    assert_eq!(provider.keys(), ["sk-1", "sk-2"]);
}

#[tokio::test]
async fn embeddings_pass_in_batches_and_only_to_who_makes_them() {
    let vectors = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10]},{"object":"embedding","index":1,"embedding":[1e-3]}],"usage":{"prompt_tokens":9,"total_tokens":9}}"#;
    let provider = Provider::start(move |_| answer(200, &[], vectors)).await;
    let router = start_router(&config(&provider, "openai", "admin: { secret: boss }\n"), None).await;
    let body = r#"{"model":"chat","input":["a","b"]}"#;
    let got = send(post_as(&router, "/v1/embeddings", "caller", body)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, vectors.as_bytes()));
    let attempt = &provider.attempts()[0];
    assert_eq!((attempt.path.as_str(), attempt.json()["input"].clone()), ("/embeddings", json!(["a", "b"])));
    let row = &rows(&router, 1).await[0];
    assert_eq!(
        (&row["tokens"]["input"], &row["tokens"]["output"], &row["state"]),
        (&json!(9), &json!(0), &json!("settled"))
    );
    let other = Provider::start(|_| pong("anthropic")).await;
    let router = start_router(&config(&other, "anthropic", ""), None).await;
    let got = send(post_as(&router, "/v1/embeddings", "caller", body)).await;
    assert_eq!((got.status, got.json()["error"]["param"].as_str()), (400, Some("model")));
}

#[tokio::test]
async fn a_signature_of_gemini_does_not_go_on_to_a_provider_of_openai_that_stands_in_for_it() {
    let signed = json!({ "google": { "thought_signature": "c2ln" } });
    let call = json!({ "id": "t1", "type": "function", "extra_content": signed,
        "function": { "name": "f", "arguments": "{}" } });
    let ask = json!({ "model": "chat", "messages": [
        { "role": "user", "content": "ping" },
        { "role": "assistant", "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "t1", "content": "noon" },
    ] });
    for (dialect, is_passed_on) in [("gemini", false), ("openai", true)] {
        let failing = Provider::start(|_| answer(500, &[], "{}")).await;
        let standing_in = Provider::start(|_| pong("openai")).await;
        let of = |name: &str, dialect: &str, provider: &Provider| {
            format!(
                "  {name}:\n    dialect: {dialect}\n    base_url: http://{}\n    keys: [{{ name: k, secret: sk-{name} }}]\n",
                provider.address
            )
        };
        let router = start_router(
            &ConfigFile::new(&format!(
                "providers:\n{}{}models:\n  chat: {{ provider: one, retries: 0, fallbacks: [spare] }}\n  spare: {{ provider: two }}\n",
                of("one", dialect, &failing),
                of("two", "openai", &standing_in)
            )),
            None,
        )
        .await;
        assert_eq!(send(post(&router, ask.to_string())).await.status, 200);
        let asked = standing_in.attempts()[0].json();
        let call = &asked["messages"][1]["tool_calls"][0];
        assert_eq!(call.get("extra_content") == Some(&signed), is_passed_on, "{dialect}");
        assert_eq!(call["function"], json!({ "name": "f", "arguments": "{}" }));
        let asked = failing.attempts()[0].json();
        let first = asked.pointer("/contents/1/parts/0/thoughtSignature");
        assert_eq!(first, Some(&json!("c2ln")).filter(|_| dialect == "gemini"));
    }
}
