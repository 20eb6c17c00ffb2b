//! Plans: who is admitted, what the limit headers say, and which wait is asked for.

use std::time::Duration;

use serde_json::json;

use crate::stage::{PING, Reply, Stage, chat, soon};

fn remaining(reply: &Reply) -> (u16, Option<&str>) {
    (reply.status, reply.header("x-ratelimit-remaining-requests"))
}

#[tokio::test]
async fn the_headers_of_a_bucket_are_live() {
    let plans = json!([{ "name": "rpm", "bucket": { "capacity": 3, "refill": "1/m" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 2, "plans": plans })).await;
    for expected in ["2", "1", "0"] {
        let reply = stage.ask(0, PING).await;
        assert_eq!(remaining(&reply), (200, Some(expected)));
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("3"));
    }
    let reply = stage.ask(0, PING).await;
    assert_eq!(remaining(&reply), (429, Some("0")));
    assert_eq!(reply.json()["error"]["code"], json!("rate_limit_exceeded"));
    let reset = reply.header("x-ratelimit-reset-requests").unwrap();
    assert!(reset.starts_with("2m5") || reset == "3m0s", "{reset}");
    let wait: u32 = reply.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((30_000..=60_000).contains(&wait), "{wait}");
    let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(seconds, wait.div_ceil(1_000));
    assert_eq!(remaining(&stage.ask(1, PING).await), (200, Some("2")));
    let seen = stage.leave().await;
    assert_eq!((seen.rows[3].hint_ms, seen.name(seen.rows[3].script)), (wait, "rpm"));
    assert_eq!(seen.name(seen.rows[3].error), "rate_limit");
    assert_eq!(seen.rows[2].hint(), None);
}

#[tokio::test]
async fn a_bucket_is_refilled() {
    let plans = json!([{ "name": "rps", "bucket": { "capacity": 1, "refill": "20/s" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "plans": plans })).await;
    assert_eq!(stage.ask(0, PING).await.status, 200);
    let refused = soon(async {
        loop {
            let reply = stage.ask(0, PING).await;
            if reply.status == 429 {
                return reply;
            }
        }
    });
    let wait = refused.await.header("retry-after-ms").unwrap().parse().unwrap();
    // What a refusal asks for must be enough, so it is waited for and no longer.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    assert_eq!(stage.ask(0, PING).await.status, 200);
}

#[tokio::test]
async fn a_plan_tells_its_room_in_the_form_that_it_is_given_or_not_at_all() {
    for (hints, header, told) in
        [(json!(["none"]), None, false), (json!(["azure_millis"]), Some("x-ms-retry-after-ms"), true)]
    {
        let plans = json!([{ "name": "rpm", "log": { "max": 1, "per": "1m" }, "reply": { "error": "rate_limit", "hints": hints } }]);
        let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "plans": plans })).await;
        assert_eq!(stage.ask(0, PING).await.status, 200);
        let refused = stage.ask(0, PING).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, None), "{hints}");
        assert!(header.is_none_or(|header| refused.header(header).is_some()), "{hints}");
        assert_eq!(stage.leave().await.rows[1].hint().is_some(), told, "{hints}");
    }
}

#[tokio::test]
async fn a_shared_log_counts_all_keys_together() {
    let plans = json!([{ "name": "pool", "shared": true, "log": { "max": 2, "per": "1h" } }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 3, "plans": plans })).await;
    assert_eq!(remaining(&stage.ask(0, PING).await), (200, Some("1")));
    assert_eq!(remaining(&stage.ask(1, PING).await), (200, Some("0")));
    assert_eq!(remaining(&stage.ask(2, PING).await), (429, Some("0")));
}

#[tokio::test]
async fn a_refused_request_is_charged_to_no_plan() {
    let plans = json!([
        { "name": "rpm", "log": { "max": 5, "per": "1h" } },
        { "name": "burst", "log": { "max": 1, "per": "1h" }, "reply": { "error": "slow_down" } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "plans": plans })).await;
    assert_eq!(remaining(&stage.ask(0, PING).await), (200, Some("4")));
    for _ in 0..3 {
        let reply = stage.ask(0, PING).await;
        assert_eq!(remaining(&reply), (429, Some("4")));
        assert_eq!(reply.json()["error"]["code"], json!("slow_down"));
        assert_eq!((reply.header("retry-after"), reply.header("retry-after-ms")), (None, None));
    }
    let seen = stage.leave().await;
    assert_eq!((seen.name(seen.rows[1].script), seen.name(seen.rows[1].error)), ("burst", "slow_down"));
    assert_eq!(seen.rows[1].hint(), None);
}

#[tokio::test]
async fn a_wait_is_told_in_whole_seconds_and_to_the_millisecond() {
    let script = json!([{
        "name": "wait", "reply": { "error": "rate_limit", "retry_after": "1500ms" },
    }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "script": script })).await;
    let reply = stage.ask(0, PING).await;
    assert_eq!((reply.header("retry-after"), reply.header("retry-after-ms")), (Some("2"), Some("1500")));
    assert!(reply.json()["error"]["message"].as_str().unwrap().ends_with("Please try again in 1.5s."));
    assert_eq!(stage.leave().await.rows[0].hint_ms, 1_500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_exactly_what_the_plans_hold() {
    let plans = json!([
        { "name": "own", "bucket": { "capacity": 40, "refill": "1/h" } },
        { "name": "pool", "shared": true, "log": { "max": 25, "per": "1h" } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 2, "plans": plans })).await;
    let mut crowd = tokio::task::JoinSet::new();
    for index in 0..50 {
        let mut caller = stage.caller().await;
        let request = chat(stage.secret(index % 2), PING);
        crowd.spawn(async move {
            caller.send(&request).await;
            caller.reply().await.status
        });
    }
    let mut statuses = soon(crowd.join_all()).await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 25);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 25);
    let seen = stage.leave().await;
    assert_eq!(seen.rows.iter().filter(|row| row.status == 200).count(), 25);
    let mut uses: Vec<_> = seen.rows.iter().map(|row| (row.key, row.key_use)).collect();
    uses.sort_unstable();
    uses.dedup();
    assert_eq!(uses.len(), 50);
}

#[tokio::test]
async fn headers_are_missing_or_lie_where_the_scenario_says_so() {
    let plans = json!([{ "name": "rpm", "bucket": { "capacity": 9, "refill": "1/m" } }]);
    let script = json!([
        { "name": "missing", "once": true,
          "reply": { "without": ["x-ratelimit-remaining-requests", "x-request-id"] } },
        { "name": "lying", "once": true, "reply": { "headers": { "x-ratelimit-remaining-requests": "-1" } } },
        { "name": "mute", "once": true,
          "reply": { "error": "rate_limit", "retry_after": "2s", "hints": ["seconds"], "without": ["retry-after"] } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "plans": plans, "script": script })).await;
    let missing = stage.ask(0, PING).await;
    assert_eq!((remaining(&missing), missing.header("x-request-id")), ((200, None), None));
    assert!(missing.header("x-ratelimit-limit-requests").is_some(), "the others are there");
    assert_eq!(remaining(&stage.ask(0, PING).await), (200, Some("-1")));
    let mute = stage.ask(0, PING).await;
    assert_eq!((mute.status, mute.header("retry-after")), (429, None));
    assert_eq!(remaining(&stage.ask(0, PING).await).0, 200);
    assert_eq!(stage.leave().await.rows[2].hint(), None, "what is not told is no hint");
}
