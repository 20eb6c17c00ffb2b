//! Connections that the upstream closes between two requests, those that it is slow to serve, and latency under load.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::{Ending, PING, Stage, chat};

fn upstream(keep_alive: &Value) -> Value {
    json!({ "dialect": "openai", "keys": 1, "keep_alive": keep_alive })
}

#[tokio::test]
async fn a_connection_is_closed_or_reset_behind_so_many_requests_and_nothing_said_so() {
    for ends in ["close", "reset"] {
        let stage = Stage::set(upstream(&json!({ "requests": 2, "ends": ends }))).await;
        let mut caller = stage.caller().await;
        for _ in 0..2 {
            caller.send(&chat(stage.secret(0), PING)).await;
            let reply = caller.reply().await;
            assert_eq!((reply.status, reply.header("connection")), (200, None));
        }
        let expected =
            if ends == "reset" { Ending::Reset(String::new()) } else { Ending::Closed(String::new()) };
        assert_eq!(caller.ending().await, expected);
        assert_eq!(stage.ask(0, PING).await.status, 200, "another connection is served");
        assert_eq!(stage.leave().await.rows.len(), 3);
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let mut settings = upstream(&json!({ "idle": "120ms" }));
    settings["latency"] = json!({ "head": "300ms" });
    let stage = Stage::set(settings).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), PING)).await;
    assert_eq!(caller.reply().await.status, 200);
    let answered = Instant::now();
    assert_eq!(caller.ending().await, Ending::Closed(String::new()));
    assert!(answered.elapsed() >= Duration::from_millis(100), "{:?}", answered.elapsed());
}

#[tokio::test]
async fn a_connection_is_served_as_late_as_its_upstream_accepts_it() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "latency": { "accept": "150ms" } })).await;
    let mut caller = stage.caller().await;
    let began = Instant::now();
    caller.send(&chat(stage.secret(0), PING)).await;
    assert_eq!(caller.reply().await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(140), "{:?}", began.elapsed());
    let again = Instant::now();
    caller.send(&chat(stage.secret(0), PING)).await;
    assert_eq!(caller.reply().await.status, 200);
    assert!(again.elapsed() < Duration::from_millis(140), "only the connection is slow");
}

#[tokio::test]
async fn an_upstream_is_slower_while_many_requests_are_open() {
    let latency = json!({ "head": "40ms", "under_load": { "at_once": 4, "times": 4 } });
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "latency": latency })).await;
    let mut callers = Vec::new();
    let began = Instant::now();
    for _ in 0..4 {
        let mut caller = stage.caller().await;
        caller.send(&chat(stage.secret(0), PING)).await;
        callers.push(caller);
    }
    for caller in &mut callers {
        assert_eq!(caller.reply().await.status, 200);
    }
    assert!(began.elapsed() >= Duration::from_millis(160), "{:?}", began.elapsed());
    let alone = Instant::now();
    assert_eq!(stage.ask(0, PING).await.status, 200);
    assert!(alone.elapsed() < Duration::from_millis(120), "{:?}", alone.elapsed());
}
