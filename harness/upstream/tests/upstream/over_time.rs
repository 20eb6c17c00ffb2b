//! Entries that count each key by itself, that come and go, and that hold for some of the requests.

use serde_json::{Value, json};

use crate::stage::{PING, Stage};

#[tokio::test]
async fn an_entry_counts_each_key_and_each_model_by_itself() {
    let script = json!([{ "name": "cold", "first": 1, "per": ["key", "model"], "reply": { "error": "server_error" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 2, "script": script })).await;
    assert_eq!(stage.statuses(&[0, 0, 1, 1]).await, [500, 200, 500, 200]);
    let other = PING.replace("chat", "other");
    assert_eq!(stage.ask(0, &other).await.status, 500, "another model is counted by itself");
    assert_eq!(stage.ask(0, &other).await.status, 200);
    assert_eq!(stage.ask(0, PING).await.status, 200);
}

#[tokio::test]
async fn every_second_request_of_each_key_is_no_second_request_in_all() {
    let script = json!([{ "name": "shaky", "every": 2, "per": "key", "reply": { "error": "server_error" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 2, "script": script })).await;
    assert_eq!(stage.statuses(&[0, 1, 0, 1]).await, [200, 200, 500, 500]);
}

/// How many of 60 requests fail, right after the traffic began.
async fn failures(entry: &Value) -> usize {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": [entry] })).await;
    stage.traffic.traffic_began(stage.clock.now());
    stage.statuses(&[0; 60]).await.iter().filter(|status| **status == 503).count()
}

#[tokio::test]
async fn an_outage_begins_with_none_of_the_requests_or_takes_some_of_them() {
    let error = json!({ "error": "overloaded" });
    let fading = json!({ "name": "decline", "at": "0s", "lasts": "2h", "fades_in": "1h", "reply": error });
    assert_eq!(failures(&fading).await, 0);
    let some = json!({ "name": "some", "at": "0s", "chance": "50%", "reply": error });
    let half = failures(&some).await;
    assert!((15..=45).contains(&half), "{half} of 60 are no half");
}

#[tokio::test]
async fn an_outage_flaps() {
    let entry = json!({ "name": "flap", "at": "0s", "lasts": "150ms", "every": "300ms", "reply": { "error": "overloaded" } });
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": [entry] })).await;
    stage.traffic.traffic_began(stage.clock.now());
    let mut changes = Vec::new();
    while changes.len() < 4 {
        let status = stage.ask(0, PING).await.status;
        if changes.last() != Some(&status) {
            changes.push(status);
        }
    }
    assert_eq!(changes, [503, 200, 503, 200]);
}

#[tokio::test]
async fn plans_count_what_is_charged_and_not_what_is_reported_and_a_total_may_be_wrong() {
    let usage = json!({ "input": 1, "output": 1, "total": 7 });
    let reply = json!({ "usage": usage, "charges": { "input": 1, "output": 99 } });
    let plans = json!([{ "name": "minute", "counts": "tokens", "log": { "max": 100, "per": "1m" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "reply": reply, "plans": plans })).await;
    let first = stage.ask(0, PING).await;
    let told = &first.json()["usage"];
    assert_eq!(
        (first.status, &told["completion_tokens"], &told["total_tokens"]),
        (200, &json!(1), &json!(7))
    );
    assert_eq!(stage.ask(0, PING).await.status, 429);
}
