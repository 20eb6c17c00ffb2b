//! Services that keep state, as callers meet them: what waits, what is lost on the way, and what their limits do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{Ending, Reply, Stage, request};

/// What a caller without a key is told.
pub(crate) async fn ask(stage: &Stage, line: &str, body: &str) -> Reply {
    let mut caller = stage.caller().await;
    caller.send(&request(line, "none", body)).await;
    caller.reply().await
}

fn pool(count: u32, lasts: &str) -> Value {
    json!({ "dialect": "rest", "resources": { "slots": { "path": "/slots", "slots": { "count": count, "lasts": lasts } } } })
}

#[tokio::test]
async fn a_full_pool_is_waited_for_as_long_as_the_caller_says() {
    let stage = Stage::set(pool(1, "1h")).await;
    assert_eq!(ask(&stage, "POST /slots", "").await.status, 201);
    assert_eq!(ask(&stage, "POST /slots", "").await.status, 503);
    let begin = Instant::now();
    assert_eq!(ask(&stage, "POST /slots?wait=200ms", "").await.status, 503);
    assert!(begin.elapsed() >= Duration::from_millis(200));
    assert_eq!(ask(&stage, "POST /slots?wait=long", "").await.status, 400);
}

#[tokio::test]
async fn a_release_wakes_who_waits() {
    let stage = Stage::set(pool(1, "1h")).await;
    assert_eq!(ask(&stage, "POST /slots", "").await.status, 201);
    let mut waiting = stage.caller().await;
    waiting.send(&request("POST /slots?wait=60s", "none", r#"{"holder":"second"}"#)).await;
    let begin = Instant::now();
    assert_eq!(ask(&stage, "DELETE /slots/slot-1", "").await.status, 200);
    let leased = waiting.reply().await;
    assert_eq!((leased.status, &leased.json()["holder"]), (201, &json!("second")));
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_expiry_wakes_who_waits() {
    let stage = Stage::set(pool(1, "150ms")).await;
    assert_eq!(ask(&stage, "POST /slots", "").await.status, 201);
    let begin = Instant::now();
    assert_eq!(ask(&stage, "POST /slots?wait=60s", "").await.json()["lease"], 2);
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn callers_at_once_are_lent_different_slots() {
    let stage = Stage::set(pool(8, "1h")).await;
    let mut callers = Vec::new();
    for _ in 0..12 {
        let mut caller = stage.caller().await;
        caller.send(&request("POST /slots", "none", "")).await;
        callers.push(caller);
    }
    let (mut ids, mut refused) = (Vec::new(), 0);
    for caller in &mut callers {
        let reply = caller.reply().await;
        match reply.status {
            201 => ids.push(reply.json()["id"].as_str().unwrap().to_owned()),
            status => refused += usize::from(status == 503),
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), refused), (8, 4));
}

#[tokio::test]
async fn an_order_whose_reply_is_lost_is_there_once() {
    let world = json!({
        "dialect": "rest",
        "latency": { "head": "20ms" },
        "resources": { "orders": { "path": "/orders", "items": {
            "fields": { "quantity": "whole" }, "key": "client_order_id", "once_by": "idempotency-key" } } },
        "script": [
            { "name": "lost", "when": { "nth": 1 }, "takes_effect": true, "connection": "reset" },
            { "name": "not done", "when": { "nth": 3 }, "connection": "reset" },
            { "name": "wrong", "when": { "nth": 5 }, "takes_effect": true, "reply": { "status": 502 } },
        ],
    });
    let stage = Stage::set(world).await;
    let order = |id: &str| {
        request("POST /orders", "none", &format!(r#"{{"client_order_id":"{id}","quantity":100}}"#))
            .replace("host: upstream", &format!("host: upstream\r\nidempotency-key: {id}"))
    };
    let mut caller = stage.caller().await;
    caller.send(&order("a")).await;
    assert!(matches!(caller.ending().await, Ending::Reset(_)));
    assert_eq!(ask(&stage, "GET /orders/a", "").await.json()["quantity"], 100);
    let mut caller = stage.caller().await;
    caller.send(&order("b")).await;
    assert!(matches!(caller.ending().await, Ending::Reset(_)));
    assert_eq!(ask(&stage, "GET /orders/b", "").await.status, 404);
    let mut caller = stage.caller().await;
    caller.send(&order("c")).await;
    assert_eq!(caller.reply().await.status, 502);
    for id in ["a", "c", "b"] {
        caller.send(&order(id)).await;
        assert_eq!(caller.reply().await.status, 201, "the same order again");
    }
    assert_eq!(ask(&stage, "GET /orders", "").await.json()["count"], 3);
}

#[tokio::test]
async fn limits_are_told_refused_and_weighed() {
    let world = json!({
        "dialect": "rest", "keys": 1,
        "weights": [{ "when": { "path": "/book" }, "weight": 5 }],
        "plans": [{ "name": "hour", "counts": "weight", "log": { "max": 10, "per": "1h" } }],
        "resources": { "book": { "path": "/book", "document": [] }, "orders": { "path": "/orders", "items": {} } },
    });
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    let mut told = Vec::new();
    for line in ["POST /orders", "GET /book", "GET /book", "POST /orders", "GET /orders"] {
        caller.send(&request(line, stage.secret(0), if line.starts_with("POST") { "{}" } else { "" })).await;
        let reply = caller.reply().await;
        told.push((reply.status, reply.header("x-ratelimit-remaining").unwrap().to_owned()));
        assert_eq!(reply.header("x-ratelimit-limit"), Some("10"));
        if reply.status == 429 {
            assert_eq!(reply.json()["error"]["code"], "rate_limit");
            assert!(reply.header("retry-after").is_some());
        }
    }
    let expected = [(201, "9"), (200, "4"), (429, "4"), (201, "3"), (200, "2")];
    assert_eq!(told, expected.map(|(status, left)| (status, left.to_owned())));
}

#[tokio::test]
async fn a_key_that_goes_on_is_shut_out_and_the_others_are_not() {
    let world = json!({
        "dialect": "rest", "keys": 2,
        "plans": [{ "name": "hour", "log": { "max": 1, "per": "1h" } }],
        "bans": { "after": 2, "within": "1h", "lasts": "1h", "status": 418 },
        "resources": { "book": { "path": "/book", "document": [] } },
    });
    let stage = Stage::set(world).await;
    let mut told = Vec::new();
    for key in [0, 0, 0, 0, 1, 1] {
        let mut caller = stage.caller().await;
        caller.send(&request("GET /book", stage.secret(key), "")).await;
        let reply = caller.reply().await;
        if reply.status == 418 {
            assert_eq!(
                (reply.header("retry-after"), &reply.json()["error"]["code"]),
                (Some("3600"), &json!("banned"))
            );
        }
        told.push(reply.status);
    }
    assert_eq!(told, [200, 429, 429, 418, 200, 429]);
    let seen = stage.leave().await;
    assert_eq!(seen.name(seen.rows[3].script), "banned");
}

#[tokio::test]
async fn with_the_defects_of_limits_and_health_their_properties_fail() {
    for (defects, limited, healthy) in [
        (json!([]), 429, 503),
        (json!(["keeps-no-limit"]), 200, 503),
        (json!(["claims-to-be-healthy"]), 429, 200),
    ] {
        let world = json!({
            "dialect": "rest", "defects": defects,
            "plans": [{ "name": "hour", "log": { "max": 1, "per": "1h" } }],
            "resources": {
                "health": { "path": "/health", "document": { "name": "shop" } },
                "book": { "path": "/book", "items": {} },
            },
            "script": [{ "name": "down", "when": { "path": "/health" }, "reply": { "status": 503 } }],
        });
        let stage = Stage::set(world).await;
        assert_eq!(ask(&stage, "GET /book", "").await.status, 200);
        assert_eq!(ask(&stage, "GET /book", "").await.status, limited, "{defects}");
        assert_eq!(ask(&stage, "GET /health", "").await.status, healthy, "{defects}");
    }
}

#[tokio::test]
async fn a_caller_that_leaves_while_the_service_thinks_changes_nothing() {
    let world = json!({ "dialect": "rest", "latency": { "head": "300ms" },
        "resources": { "orders": { "path": "/orders", "items": {} } } });
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    caller.send(&request("POST /orders", "none", "{}")).await;
    drop(caller);
    assert_eq!(stage.next_row().await.status, 0);
    assert_eq!(ask(&stage, "GET /orders", "").await.json()["count"], 0);
}
