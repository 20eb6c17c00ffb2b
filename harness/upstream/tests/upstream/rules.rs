//! Script and timeline: who gets what instead of the normal answer, and when.

use serde_json::{Value, json};

use crate::stage::{PING, STREAMED_PING, Stage, chat, marked};

fn scripted(script: &Value) -> Value {
    json!({ "dialect": "openai", "keys": 3, "script": script })
}

#[tokio::test]
async fn the_first_keys_that_are_used_can_be_bad_ones() {
    let script = json!([{
        "name": "revoked", "when": { "key": { "nth_used": "1..2" } }, "reply": { "error": "invalid_key" },
    }]);
    let stage = Stage::set(scripted(&script)).await;
    assert_eq!(stage.statuses(&[2, 0, 1, 2]).await, [401, 401, 200, 401]);
    let seen = stage.leave().await;
    let rows: Vec<_> =
        seen.rows.iter().map(|row| (seen.name(row.key), row.key_use, seen.name(row.script))).collect();
    let expected =
        [("key-3", 1, "revoked"), ("key-1", 1, "revoked"), ("key-2", 1, ""), ("key-3", 2, "revoked")];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn the_first_entry_that_matches_decides() {
    let script = json!([
        { "name": "second", "when": { "nth": 2 }, "reply": { "error": "overloaded" } },
        { "name": "early", "when": { "nth": { "at_most": 3 } }, "reply": { "error": "server_error" } },
    ]);
    let stage = Stage::set(scripted(&script)).await;
    assert_eq!(stage.statuses(&[0, 0, 0, 0]).await, [500, 503, 500, 200]);
    let seen = stage.leave().await;
    let decided: Vec<_> = seen.rows.iter().map(|row| (seen.name(row.script), seen.name(row.error))).collect();
    let expected = [("early", "server_error"), ("second", "overloaded"), ("early", "server_error"), ("", "")];
    assert_eq!(decided, expected);
}

#[tokio::test]
async fn conditions_see_the_model_the_stream_and_the_key() {
    let script = json!([
        { "name": "model", "when": { "model": "gone" }, "reply": { "error": "model_not_found" } },
        { "name": "stream", "when": { "stream": true }, "reply": { "error": "bad_request" } },
        { "name": "key", "when": { "key": "key-2" }, "reply": { "error": "insufficient_quota" } },
    ]);
    let stage = Stage::set(scripted(&script)).await;
    let gone = stage.ask(0, &PING.replace("chat", "gone")).await;
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(stage.ask(0, STREAMED_PING).await.status, 400);
    let quota = stage.ask(1, PING).await;
    assert_eq!((quota.status, &quota.json()["error"]["type"]), (429, &json!("insufficient_quota")));
    assert_eq!(quota.header("retry-after"), None);
    assert_eq!(stage.ask(0, PING).await.status, 200);
}

#[tokio::test]
async fn conditions_see_which_attempt_of_its_exchange_a_request_is() {
    let script = json!([
        { "name": "again", "when": { "ordinal": { "above": 2 } }, "reply": { "error": "forbidden" } },
        { "name": "first", "when": { "ordinal": 1 }, "reply": { "error": "server_error" } },
    ]);
    let stage = Stage::set(scripted(&script)).await;
    let mut seen = Vec::new();
    for exchange in [1, 2, 1, 2, 1] {
        seen.push(stage.ask(0, &marked(stage.correlation, exchange)).await.status);
    }
    assert_eq!(seen, [500, 500, 200, 200, 403]);
    assert_eq!(stage.statuses(&[0, 0]).await, [500, 500], "without a mark each is a first attempt");
}

#[tokio::test]
async fn conditions_count_and_compare_headers() {
    let script = json!([
        { "name": "twice", "when": { "header_count": { "authorization": { "above": 1 } } }, "reply": { "error": "conflict" } },
        { "name": "short", "when": { "header": { "x-left": { "below": 100 } } }, "reply": { "error": "forbidden" } },
        { "name": "others", "when": { "header": { "x-mode": { "not": "calm" } }, "header_count": { "x-mode": 2 } },
          "reply": { "error": "overloaded" } },
    ]);
    let stage = Stage::set(scripted(&script)).await;
    let mut caller = stage.caller().await;
    for (headers, status) in [
        ("authorization: Bearer other", 409),
        ("x-left: 99.5", 403),
        ("x-left: 1000", 200),
        ("x-left: soon", 200),
        ("x-left: 1000\r\nx-left: 7", 403),
        ("x-mode: wild\r\nx-mode: odd", 503),
        ("x-mode: wild\r\nx-mode: calm", 200),
        ("x-mode: wild", 200),
    ] {
        let asked =
            chat(stage.secret(0), PING).replace("content-length", &format!("{headers}\r\ncontent-length"));
        caller.send(&asked).await;
        assert_eq!(caller.reply().await.status, status, "{headers}");
    }
}

#[tokio::test]
async fn an_entry_without_a_condition_meets_all() {
    let stage =
        Stage::set(scripted(&json!([{ "name": "down", "reply": { "error": "server_error" } }]))).await;
    assert_eq!(stage.statuses(&[0, 1]).await, [500, 500]);
}

#[tokio::test]
async fn an_outage_lasts_as_long_as_its_phase() {
    let timeline = json!([{ "during": "storm", "reply": { "error": "overloaded", "retry_after": "2s" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    assert_eq!(stage.statuses(&[0]).await, [200]);
    stage.traffic.began("calm");
    assert_eq!(stage.statuses(&[0]).await, [200]);
    stage.traffic.began("storm");
    let reply = stage.ask(0, PING).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("2")));
    stage.traffic.ended("storm");
    assert_eq!(stage.statuses(&[0]).await, [200]);
    let seen = stage.leave().await;
    let decided: Vec<_> = seen.rows.iter().map(|row| seen.name(row.script)).collect();
    assert_eq!(decided, ["", "", "storm", ""]);
}

#[tokio::test]
async fn an_outage_counts_from_the_start_of_the_traffic() {
    let timeline = json!([
        { "name": "short", "at": "0s", "lasts": "1h", "reply": { "error": "server_error" } },
        { "name": "late", "at": "2h", "reply": { "error": "overloaded" } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    assert_eq!(stage.statuses(&[0]).await, [200]);
    stage.traffic.traffic_began(stage.clock.now());
    assert_eq!(stage.statuses(&[0]).await, [500]);
}

#[tokio::test]
async fn the_script_goes_before_the_timeline_and_both_before_the_plans() {
    let world = json!({
        "dialect": "openai", "keys": 1,
        "script": [{ "name": "third", "when": { "nth": 3 }, "reply": { "error": "server_error" } }],
        "timeline": [{ "during": "storm", "reply": { "error": "overloaded" } }],
        "plans": [{ "name": "rpm", "log": { "max": 1, "per": "1h" } }],
    });
    let stage = Stage::set(world).await;
    stage.traffic.began("storm");
    assert_eq!(stage.statuses(&[0]).await, [503]);
    stage.traffic.ended("storm");
    assert_eq!(stage.statuses(&[0]).await, [200]);
    stage.traffic.began("storm");
    assert_eq!(stage.statuses(&[0]).await, [500]);
    stage.traffic.ended("storm");
    assert_eq!(stage.statuses(&[0]).await, [429]);
}
