//! Upstreams that speak another dialect, or none.

use serde_json::{Value, json};

use crate::stage::{Ending, Stage, request};

const ASKED: &str = r#"{"model":"chat","max_tokens":50,"messages":[{"role":"user","content":"ping"}]}"#;

fn messages(secret: &str, body: &str) -> String {
    request("POST /v1/messages", secret, body)
        .replace("authorization: Bearer ", "anthropic-version: 2023-06-01\r\nx-api-key: ")
}

#[tokio::test]
async fn the_other_dialect_is_spoken_to_the_letter() {
    let world = json!({ "dialect": "anthropic", "keys": 1, "reply": { "text": "It is so.", "usage": { "input": 9, "output": 4 } },
        "script": [{ "name": "busy", "when": { "nth": 3 }, "reply": { "error": "overloaded" } }] });
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    caller.send(&messages(stage.secret(0), ASKED)).await;
    let reply = caller.reply().await;
    assert!(reply.header("request-id").is_some() && reply.header("openai-processing-ms").is_none());
    assert_eq!(reply.json()["content"][0]["text"], json!("It is so."));
    caller.send(&messages(stage.secret(0), &ASKED.replace("{\"model\"", "{\"stream\":true,\"model\""))).await;
    let reply = caller.reply().await;
    let names: Vec<&str> = reply.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("message_start", "message_stop"), "{names:?}");
    caller.send(&messages(stage.secret(0), ASKED)).await;
    let reply = caller.reply().await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (529, &json!("overloaded_error")));
    caller.send(&messages(stage.secret(0), ASKED).replace("anthropic-version: 2023-06-01\r\n", "")).await;
    assert_eq!(caller.reply().await.status, 400);
    let seen = stage.leave().await;
    assert_eq!((seen.rows[0].input_tokens, seen.rows[0].output_tokens), (9, 4));
    assert_eq!((seen.rows[1].input_tokens, seen.rows[1].output_tokens), (9, 4));
    assert_eq!(seen.rows[0].text_hash, seen.rows[1].text_hash, "plain or streamed is the same text");
}

#[tokio::test]
async fn a_service_replies_with_status_headers_and_body() {
    let world = json!({
        "dialect": "http",
        "reply": { "headers": { "x-kind": "order" }, "body": "{\"path\":\"{{ request.path }}\",\"id\":\"{{ request.body_id }}\"}" },
        "script": [
            { "name": "gone", "when": { "header": { "x-order": "o-8" } }, "reply": { "status": 404, "body": "no such order" } },
            { "name": "torn", "when": { "json": { "$.id": "torn" } }, "connection": "reset_in_body" },
            { "name": "third", "when": { "nth": 3 }, "reply": { "status": 204 } },
        ],
    });
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    caller.send(&request("PUT /orders/o-7", "none", r#"{"id":"x"}"#)).await;
    let reply = caller.reply().await;
    assert_eq!((reply.status, reply.header("x-kind")), (200, Some("order")));
    assert_eq!(reply.json(), json!({ "path": "/orders/o-7", "id": "x" }));
    assert!(reply.header("x-request-id").is_none());
    caller.send(&request("GET /", "none", "").replace("host: upstream", "host: u\r\nx-order: o-8")).await;
    assert_eq!(caller.reply().await.status, 404);
    caller.send(&request("GET /", "none", "")).await;
    caller.wait_for("HTTP/1.1 204").await;
    let mut torn = stage.caller().await;
    torn.send(&request("POST /", "none", r#"{"id":"torn"}"#)).await;
    assert!(matches!(torn.ending().await, Ending::Reset(_)));
    let seen = stage.leave().await;
    assert_eq!(
        seen.rows.iter().map(|row| seen.name(row.script)).collect::<Vec<_>>(),
        ["", "gone", "third", "torn"]
    );
    assert!(seen.answers.is_empty() || seen.answers.iter().all(|answer| answer.text.is_some()));
}

#[tokio::test]
async fn a_service_with_keys_and_plans_refuses_without_a_dialect() {
    let world = json!({ "dialect": "http", "keys": 1, "plans": [{ "name": "one", "log": { "max": 1, "per": "1h" } }] });
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    let mut got = Vec::new();
    for secret in ["sk-other", stage.secret(0), stage.secret(0)] {
        caller.send(&request("GET /", secret, "")).await;
        let reply = caller.reply().await;
        got.push((reply.status, reply.json()));
    }
    let error = |name: &str| json!({ "error": name });
    let expected: [(u16, Value); 3] =
        [(401, error("invalid_key")), (200, json!({ "ok": true })), (429, error("rate_limit"))];
    assert_eq!(got, expected);
}
