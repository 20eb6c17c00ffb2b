//! Requests that no entry of the script took: which entry came nearest, and why it did not take them.

use serde_json::json;

use crate::stage::{PING, Stage, request};

#[tokio::test]
async fn an_unmatched_request_names_the_nearest_entry_and_what_differs() {
    let script = json!([
        { "name": "far", "when": { "model": "other", "stream": true }, "reply": { "error": "server_error" } },
        { "name": "near", "when": { "key": "key-2", "model": "chat" }, "reply": { "error": "server_error" } },
        { "name": "spent", "when": { "header": { "x-once": "yes" } }, "once": true, "reply": { "error": "overloaded" } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 2, "script": script })).await;
    assert_eq!(stage.ask(0, PING).await.status, 200);
    let marked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nx-once: yes\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{PING}",
        stage.secret(0),
        PING.len()
    );
    for status in [503, 200] {
        let mut caller = stage.caller().await;
        caller.send(&marked).await;
        assert_eq!(caller.reply().await.status, status);
    }
    let mut caller = stage.caller().await;
    caller.send(&request("GET /v1/nothing", stage.secret(0), "")).await;
    assert_eq!(caller.reply().await.status, 404);
    let seen = stage.leave().await;
    let told: Vec<_> = seen
        .unmatched
        .iter()
        .map(|unmatched| (unmatched.asked.as_str(), seen.name(unmatched.nearest), unmatched.why.as_str()))
        .collect();
    let key = "`key` is key-2 in the entry, and `key-1` in the request";
    assert_eq!(told[0], ("POST /v1/chat/completions", "near", key));
    assert_eq!(told[1], ("POST /v1/chat/completions", "spent", "it had taken as many requests as it takes"));
    assert_eq!((told[2].0, told.len()), ("GET /v1/nothing", 3));
}

#[tokio::test]
async fn only_the_first_unmatched_requests_are_told_and_none_without_a_script() {
    let script =
        json!([{ "name": "never", "when": { "model": "other" }, "reply": { "error": "server_error" } }]);
    for (script, expected) in [(script, 16), (json!([]), 0)] {
        let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "script": script })).await;
        stage.statuses(&[0; 20]).await;
        assert_eq!(stage.leave().await.unmatched.len(), expected);
    }
}

#[tokio::test]
async fn no_secret_stands_in_what_is_told() {
    let script = json!([{ "name": "never", "when": { "header": { "authorization": "other" } }, "reply": { "error": "server_error" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "script": script })).await;
    let secret = stage.secret(0).to_owned();
    assert_eq!(stage.ask(0, PING).await.status, 200);
    let told = stage.leave().await.unmatched.remove(0);
    assert!(!told.why.contains(&secret) && told.why.contains("<key key-1>"), "{}", told.why);
}
