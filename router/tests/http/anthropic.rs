//! An Anthropic provider behind an OpenAI surface and behind its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::support::*;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const ASK_CLAUDE: &str = r#"{"model":"chat","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"ping"}]}"#;

/// One Anthropic provider with two keys, and the model `chat`.
fn config(provider: &Provider, version: &str) -> ConfigFile {
    config_at(provider.address, version)
}

fn config_at(provider: SocketAddr, version: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  anthropic:\n    dialect: anthropic\n    base_url: http://{provider}{version}\n    keys: [{{ name: k1, secret: sk-1 }}, {{ name: k2, secret: sk-2 }}]\n\
         models:\n  chat: {{ provider: anthropic, model: claude-x }}\n"
    ))
}

fn message(text: &str) -> Answer {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
        "content": [{ "type": "text", "text": text }],
        "usage": { "input_tokens": 1200, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 200, "output_tokens": 150 },
    });
    answer(
        200,
        &[("request-id", "r1"), ("anthropic-organization-id", "org"), ("set-cookie", "a=b")],
        &body.to_string(),
    )
}

fn event(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
}

fn begin() -> String {
    let usage = json!({ "input_tokens": 10, "output_tokens": 1 });
    event(
        &json!({ "type": "message_start", "message": { "id": "msg_1", "model": "claude-x", "usage": usage } }),
    )
}

fn text(text: &str) -> String {
    event(
        &json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } }),
    )
}

fn end() -> String {
    let delta = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 5 } });
    event(&delta) + &event(&json!({ "type": "message_stop" }))
}

fn overloaded() -> String {
    event(&json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }))
}

#[tokio::test]
async fn a_chat_completion_is_asked_for_and_answered_in_other_words() {
    for version in ["", "/v1"] {
        let provider = Provider::start(|_| message("pong")).await;
        let router = start_router(&config(&provider, version), None).await;
        let mut request = post(&router, ASK_CLAUDE);
        request.headers_mut().insert("authorization", "Bearer caller-secret".parse().unwrap());
        request.headers_mut().insert("openai-beta", "x".parse().unwrap());
        let got = send(request).await;
        let attempt = &provider.attempts()[0];
        assert_eq!((attempt.path.as_str(), attempt.key()), ("/v1/messages", "sk-1"));
        assert_eq!(attempt.headers["anthropic-version"], "2023-06-01");
        assert!(
            !attempt.headers.contains_key("authorization") && !attempt.headers.contains_key("openai-beta")
        );
        let asked = attempt.json();
        assert_eq!((asked["model"].as_str(), asked["system"].as_str()), (Some("claude-x"), Some("be brief")));
        assert_eq!(asked["messages"], json!([{ "role": "user", "content": "ping" }]));
        assert!(asked["max_tokens"].as_u64().unwrap() > 0);
        assert_eq!((got.status, got.headers["x-router-provider"].to_str().unwrap()), (200, "anthropic"));
        assert_eq!(got.headers["x-provider-request-id"], "r1");
        assert!(
            !got.headers.contains_key("set-cookie") && !got.headers.contains_key("anthropic-organization-id")
        );
        let answer = got.json();
        assert_eq!(answer["choices"][0]["message"]["content"], "pong");
        assert_eq!(answer["usage"]["prompt_tokens"], 2_200);
        assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 800);
    }
}

#[tokio::test]
async fn what_the_provider_has_no_word_for_is_refused_before_it_is_asked() {
    let provider = Provider::start(|_| message("pong")).await;
    let router = start_router(&config(&provider, ""), None).await;
    let got = send(post(&router, r#"{"model":"chat","messages":[],"logprobs":true}"#)).await;
    assert_eq!((got.status, got.error_code().as_str()), (400, "unsupported_parameter"));
    assert_eq!(got.json()["error"]["param"], "logprobs");
    assert_eq!(provider.keys().len(), 0);
}

#[tokio::test]
async fn a_stream_is_carried_over_while_the_provider_is_still_writing() {
    let (hand_over, mut streams) = tokio::sync::mpsc::unbounded_channel();
    let provider = Provider::start(move |_| {
        let (sender, answer) = frames();
        hand_over.send(sender).unwrap();
        answer
    })
    .await;
    let router = start_router(&config(&provider, ""), None).await;
    let ask = ASK_CLAUDE.replacen('{', r#"{"stream":true,"stream_options":{"include_usage":true},"#, 1);
    let asked = tokio::spawn(client().request(post(&router, ask)));
    let frames: Frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    let first = begin() + &event(&json!({ "type": "ping" })) + &text("汉");
    // Cut inside of an event and of a character.
    let cut = first.find('汉').unwrap() + 1;
    frames.send(Ok(Bytes::copy_from_slice(&first.as_bytes()[..cut]))).await.unwrap();
    frames.send(Ok(Bytes::copy_from_slice(&first.as_bytes()[cut..]))).await.unwrap();
    let mut response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
    let mut received = String::new();
    while !received.contains('汉') {
        let frame = timeout(SOON, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
        received.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    frames.send(Ok(Bytes::from(end()))).await.unwrap();
    let rest = timeout(SOON, response.collect()).await.unwrap().unwrap().to_bytes();
    let rest = std::str::from_utf8(&rest).unwrap();
    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    assert!(
        rest.contains(r#""choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15"#),
        "{rest}"
    );
    assert_eq!(provider.attempts()[0].json()["stream"], true);
}

/// Everything that a client gets of one stream, with the connection's own framing.
async fn raw_stream(router: &router::Router, path: &str, ask: &str) -> String {
    let mut stream = TcpStream::connect(router.address()).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{ask}",
        ask.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = timeout(SOON, stream.read(&mut buffer)).await.unwrap() {
        received.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn a_stream_without_its_end_or_with_an_error_does_not_end_cleanly() {
    let ask = ASK_CLAUDE.replacen('{', r#"{"stream":true,"#, 1);
    let cases = [
        (begin() + &text("half"), "half", false),
        (begin() + &text("half") + &overloaded(), "server_is_overloaded", false),
        (begin() + &text("whole") + &end(), "[DONE]", true),
    ];
    for (sent, expected, is_clean) in cases {
        let provider = Provider::start({
            let sent = sent.clone();
            move |_| stream(&sent)
        })
        .await;
        let router = start_router(&config(&provider, ""), None).await;
        let received = raw_stream(&router, "/v1/chat/completions", &ask).await;
        assert!(received.contains(expected), "{received}");
        assert_eq!(received.ends_with("\r\n0\r\n\r\n"), is_clean, "{received}");
        assert_eq!(received.contains("[DONE]"), is_clean, "{received}");
        assert_eq!(provider.keys().len(), 1);
        let native = raw_stream(&router, "/v1/messages", r#"{"model":"chat","stream":true}"#).await;
        assert_eq!(native.ends_with("\r\n0\r\n\r\n"), is_clean, "{native}");
        assert!(native.contains(sent.lines().last().unwrap()) && !native.contains("[DONE]"), "{native}");
    }
}

#[tokio::test]
async fn the_native_surface_passes_both_ways_what_was_sent() {
    let sent = begin() + &event(&json!({ "type": "ping" })) + &text("hi") + &end();
    let provider = Provider::start({
        let sent = sent.clone();
        move |a| if a.json()["stream"] == true { stream(&sent) } else { message("pong") }
    })
    .await;
    let router = start_router(&config(&provider, ""), None).await;
    let ask = |body: &'static str| {
        let uri = format!("http://{}/v1/messages", router.address());
        let request = Request::post(uri).header("x-api-key", "caller-secret").header("anthropic-beta", "b1");
        send(request.body(Full::from(body)).unwrap())
    };
    let got = ask(r#"{"model": "chat","max_tokens":7, "x":1.10}"#).await;
    assert_eq!((got.status, got.json()["content"][0]["text"].as_str()), (200, Some("pong")));
    assert_eq!(ask(r#"{"model":"chat","stream":true}"#).await.body, sent);
    let attempt = &provider.attempts()[0];
    assert_eq!((attempt.path.as_str(), attempt.key()), ("/v1/messages", "sk-1"));
    assert_eq!(attempt.body, r#"{"model": "claude-x","max_tokens":7, "x":1.10}"#);
    assert_eq!(attempt.headers["anthropic-beta"], "b1");
    assert_eq!(attempt.headers["anthropic-version"], "2023-06-01");
    let unknown = ask(r#"{"model":"nope"}"#).await;
    assert_eq!((unknown.status, unknown.json()["error"]["type"].as_str()), (404, Some("not_found_error")));
}

#[tokio::test]
async fn limits_and_errors_of_anthropic_rotate_cool_and_are_told_like_any_other() {
    let reset = humantime_after(30);
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#;
    let provider = Provider::start(move |a| {
        let headers = [
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", reset.as_str()),
        ];
        if a.key() == "sk-1" { answer(429, &headers, body) } else { message("pong") }
    })
    .await;
    let router = start_router(&config(&provider, ""), None).await;
    for _ in 0..3 {
        assert_eq!(send(post(&router, ASK_CLAUDE)).await.status, 200);
    }
    assert_eq!(provider.keys(), ["sk-1", "sk-2", "sk-2", "sk-2"], "the limited key rests until its reset");

    let body =
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too large"}}"#;
    let provider = Provider::start(move |_| answer(400, &[], body)).await;
    let router = start_router(&config(&provider, ""), None).await;
    let got = send(post(&router, ASK_CLAUDE)).await;
    assert_eq!((got.status, got.json()["error"]["message"].as_str()), (400, Some("max_tokens: too large")));
    assert!(got.json().get("type").is_none());

    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#;
    let provider = Provider::start(move |_| answer(400, &[], body)).await;
    let router = start_router(&config(&provider, ""), None).await;
    let got = send(post(&router, ASK_CLAUDE)).await;
    assert_eq!(
        (got.status, got.error_code().as_str(), provider.keys().len()),
        (503, "insufficient_quota", 2)
    );
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_gateway_error() {
    let error = r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#;
    for (body, expected) in [("", 502), ("<html>", 502), (error, 502)] {
        let provider = Provider::start(move |_| answer(200, &[], body)).await;
        let router = start_router(&config(&provider, ""), None).await;
        let got = send(post(&router, ASK_CLAUDE)).await;
        assert_eq!(got.status, expected, "{body}");
        assert_eq!(got.error_code() == "provider_unreadable", body != error, "{body}");
    }
}

#[tokio::test]
async fn the_defect_sums_cumulative_usage_tells_more_than_was_used() {
    let ask = ASK_CLAUDE.replacen('{', r#"{"stream":true,"stream_options":{"include_usage":true},"#, 1);
    for (defect, expected) in [(None, 5), (Some("sums-cumulative-usage"), 6)] {
        let provider = Provider::start(|_| stream(&(begin() + &text("hi") + &end()))).await;
        let router = start_router(&config(&provider, ""), defect).await;
        let got = send(post(&router, ask.clone())).await;
        let told = String::from_utf8_lossy(&got.body).into_owned();
        assert!(told.contains(&format!("\"completion_tokens\":{expected},")), "{defect:?} {told}");
    }
}

/// A moment in some seconds, as the provider writes it.
fn humantime_after(seconds: u64) -> String {
    let at = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A provider whose heads are written as they stand here, since a library would lower the letters of their names. It knows a key
/// by its header, limits the first one in this way, and notes who asked.
async fn spelt_out(limited: String) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, keys) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&keys);
    let body = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","stop_reason":"end_turn","content":[{"type":"text","text":"pong"}],"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let good = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut read = Vec::new();
            let whole = |read: &[u8]| {
                let text = String::from_utf8_lossy(read).into_owned();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let length: usize = value("content-length:")?.parse().ok()?;
                (body.len() >= length).then(|| value("x-api-key:").unwrap_or_default().to_owned())
            };
            let key = loop {
                if caller.read_buf(&mut read).await.unwrap_or(0) == 0 {
                    break None;
                }
                if let Some(key) = whole(&read) {
                    break Some(key);
                }
            };
            let Some(key) = key else { continue };
            let reply = if key == "sk-1" { &limited } else { &good };
            noted.lock().unwrap().push(key);
            drop(caller.write_all(reply.as_bytes()).await);
        }
    });
    (address, keys)
}

#[tokio::test]
async fn a_limit_is_known_by_its_type_and_headers_whatever_their_letters_and_its_status() {
    let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#;
    for (status, wait) in [(429, "Retry-AFTER: 30\r\n"), (529, "")] {
        let (address, keys) = spelt_out(format!(
            "HTTP/1.1 {status} Limited\r\nCONTENT-TYPE: application/json\r\n{wait}\
             Anthropic-RateLimit-Requests-Remaining: 0\r\nCONNECTION: close\r\nContent-LENGTH: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        let router = start_router(&config_at(address, ""), None).await;
        for _ in 0..3 {
            assert_eq!(send(post(&router, ASK_CLAUDE)).await.status, 200, "{status}");
        }
        let keys = keys.lock().unwrap().clone();
        assert_eq!(keys[..2], ["sk-1", "sk-2"], "{status}: the next key answers");
        if status == 429 {
            assert_eq!(keys[2..], ["sk-2", "sk-2"], "the limited one rests for its half minute");
        }
    }
}
