//! Entries that ask for the path or the method: they are for whatever arrives, the list of the models included.

use serde_json::{Value, json};

use crate::stage::{Ending, PING, Stage, chat, request};

/// The statuses of requests on one connection.
async fn statuses(world: Value, lines: &[&str]) -> (Stage, Vec<u16>) {
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    let mut statuses = Vec::new();
    for line in lines {
        let asked =
            if *line == "chat" { chat(stage.secret(0), PING) } else { request(line, stage.secret(0), "") };
        caller.send(&asked).await;
        statuses.push(caller.reply().await.status);
    }
    (stage, statuses)
}

#[tokio::test]
async fn an_entry_that_asks_for_a_path_refuses_the_list_of_the_models_and_counts() {
    let script = json!([
        { "name": "sick", "first": 2, "when": { "path": "/v1/models" }, "reply": { "error": "server_error" } },
    ]);
    let world = json!({ "dialect": "openai", "keys": 1, "script": script });
    let lines = ["chat", "GET /v1/models?limit=1", "GET /v1/models", "chat", "GET /v1/models"];
    let (stage, statuses) = statuses(world, &lines).await;
    assert_eq!(statuses, [200, 500, 500, 200, 200]);
    let seen = stage.leave().await;
    let scripts: Vec<&str> = seen.rows.iter().map(|row| seen.name(row.script)).collect();
    assert_eq!(scripts, ["", "sick", "sick", "", ""]);
}

#[tokio::test]
async fn the_list_of_the_models_is_as_late_as_an_entry_for_it_says_and_is_still_the_list() {
    let script = json!([{ "name": "slow", "when": { "method": "GET" }, "reply": { "latency": "40ms" } }]);
    let world = json!({ "dialect": "openai", "keys": 1, "script": script, "latency": { "head": "1h" } });
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    caller.send(&request("GET /v1/models", stage.secret(0), "")).await;
    let reply = caller.reply().await;
    assert_eq!((reply.status, &reply.json()["data"][0]["id"]), (200, &json!("chat")));
    let row = stage.leave().await.rows[0];
    assert!(row.head - row.read >= 40_000, "{row:?}");
}

#[tokio::test]
async fn entries_that_ask_for_no_path_make_the_list_of_the_models_no_later() {
    let script = json!([{ "name": "slow", "reply": { "latency": "1h" } }]);
    let world = json!({ "dialect": "openai", "keys": 1, "script": script, "latency": { "head": "1h" } });
    assert_eq!(statuses(world, &["GET /v1/models"]).await.1, [200]);
}

#[tokio::test]
async fn a_timeline_can_be_for_the_list_of_the_models_alone() {
    let timeline = json!([{ "at": "0s", "when": { "path": "/v1/models" }, "connection": "close" }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    stage.traffic.traffic_began(stage.clock.now());
    assert_eq!(stage.ask(0, PING).await.status, 200);
    let mut caller = stage.caller().await;
    caller.send(&request("GET /v1/models", stage.secret(0), "")).await;
    assert_eq!(caller.ending().await, Ending::Closed(String::new()));
}

#[tokio::test]
async fn what_the_upstream_does_not_have_is_had_by_an_entry_that_asks_for_its_path() {
    let script = json!([
        { "name": "health", "when": { "path": "/health" }, "reply": { "body": "fine" } },
        { "name": "unreadable", "when": { "path": "/v1/chat/completions", "stream": { "not": [true, false] } },
          "reply": { "error": "overloaded" } },
        { "name": "all", "when": { "nth": { "at_least": 1 } }, "first": 1, "reply": { "error": "conflict" } },
    ]);
    let world = json!({ "dialect": "openai", "keys": 1, "script": script });
    let lines = ["GET /health", "GET /other", "POST /v1/chat/completions", "chat", "chat"];
    assert_eq!(statuses(world, &lines).await.1, [200, 404, 503, 409, 200]);
}

#[tokio::test]
async fn a_service_tells_its_paths_and_methods_apart() {
    let script = json!([
        { "name": "orders", "when": { "path": { "matches": "^/orders/" }, "method": "DELETE" }, "reply": { "status": 409 } },
    ]);
    let world = json!({ "dialect": "http", "keys": 1, "script": script });
    let lines = ["DELETE /orders/7?now=1", "GET /orders/7", "DELETE /carts/7"];
    assert_eq!(statuses(world, &lines).await.1, [409, 200, 200]);
}
