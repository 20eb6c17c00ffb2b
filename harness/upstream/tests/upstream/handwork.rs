//! What is done to running upstreams by hand: they are counted, set back, and made to misbehave now.

use record::UpstreamCounts;
use serde_json::json;

use crate::stage::{PING, Stage, chat, soon};

/// The counts of the first upstream once nothing is open.
async fn settled(stage: &Stage) -> UpstreamCounts {
    soon(async {
        loop {
            let counts = stage.upstreams.tallies().swap_remove(0);
            if counts.open == 0 {
                return counts;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn requests_are_counted_while_they_happen() {
    let script = json!([
        { "name": "limited", "first": 1, "reply": { "error": "rate_limit" } },
        { "name": "lost", "when": { "nth": 2 }, "connection": "reset" },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 2, "script": script })).await;
    assert_eq!(stage.ask(0, PING).await.status, 429);
    stage.ending(1, PING).await;
    assert_eq!(stage.statuses(&[1, 1]).await, [200, 200]);
    let counts = settled(&stage).await;
    assert_eq!((counts.requests, counts.limited, counts.errors, counts.peak >= 1), (4, 1, 1, true));
    let keys: Vec<_> =
        counts.keys.iter().map(|key| (key.label.as_str(), key.requests, key.limited)).collect();
    assert_eq!(keys, [("key-1", 1, 1), ("key-2", 3, 0)]);
    let (_, base_url) = stage.upstreams.base_urls().next().unwrap();
    assert_eq!((counts.name.as_str(), counts.address.as_str()), ("main", base_url));
}

#[tokio::test]
async fn an_upstream_that_is_set_back_is_as_at_the_start_also_on_open_connections() {
    let main = json!({
        "dialect": "openai",
        "keys": 1,
        "plans": [{ "name": "few", "log": { "max": 1, "per": "1h" } }],
        "script": [{ "name": "early", "first": 1, "reply": { "error": "server_error" } }],
    });
    let stage = Stage::set(main).await;
    let mut caller = stage.caller().await;
    for _ in 0..2 {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            caller.send(&chat(stage.secret(0), PING)).await;
            statuses.push(caller.reply().await.status);
        }
        assert_eq!(statuses, [500, 200, 429]);
        assert_eq!(settled(&stage).await.requests, 3);
        stage.set_back();
        assert_eq!(settled(&stage).await.requests, 0);
    }
    drop(caller);
    let seen = stage.leave().await;
    assert_eq!(seen.rows.len(), 6, "the journal goes on");
}

#[tokio::test]
async fn an_upstream_that_was_set_back_can_still_be_told_to_stop() {
    let silent = json!([{ "name": "silent", "connection": "silence" }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "script": silent })).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), PING)).await;
    soon(async {
        while stage.upstreams.tallies()[0].open == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stage.set_back();
    assert_eq!(stage.leave().await.rows.len(), 1);
}

#[tokio::test]
async fn an_entry_of_the_timeline_holds_from_when_it_is_fired_until_it_is_called_off() {
    let timeline = json!([
        { "name": "outage", "at": "1h", "reply": { "error": "overloaded" } },
        { "name": "blink", "at": "1h", "lasts": "1ns", "reply": { "error": "server_error" } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    assert_eq!(stage.statuses(&[0]).await, [200]);
    stage.upstreams.fire("outage");
    assert_eq!(stage.statuses(&[0, 0]).await, [503, 503]);
    stage.upstreams.call_off("outage");
    stage.upstreams.fire("blink");
    stage.upstreams.fire("nothing");
    assert_eq!(stage.statuses(&[0]).await, [200], "it is over before anybody asks");
    stage.upstreams.fire("outage");
    stage.set_back();
    assert_eq!(stage.statuses(&[0]).await, [200], "what was fired is over");
}
