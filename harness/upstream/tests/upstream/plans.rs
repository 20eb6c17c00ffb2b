//! What plans count, for whom, and what they say of it.

use record::Outcome;
use serde_json::{Value, json};

use crate::stage::{PING, STREAMED_PING, Stage, chat};

fn with_plans(plans: &Value) -> Value {
    let usage = json!({ "input": 30, "output": 20 });
    json!({ "dialect": "openai", "keys": 2, "plans": plans, "reply": { "usage": usage } })
}

#[tokio::test]
async fn a_window_begins_with_the_first_request() {
    let stage = Stage::set(with_plans(&json!([{ "name": "day", "window": { "max": 2, "per": "24h" },
        "reply": { "error": "daily_limit" } }])))
    .await;
    assert_eq!(stage.statuses(&[0, 0, 0, 1]).await, [200, 200, 429, 200]);
    let seen = stage.leave().await;
    assert_eq!(seen.name(seen.rows[2].error), "daily_limit");
    assert!(seen.rows[2].hint().is_some_and(|hint| hint.as_secs() > 86_000), "{:?}", seen.rows[2]);
}

#[tokio::test]
async fn so_many_can_be_open_at_once() {
    let mut world = with_plans(&json!([{ "name": "open", "at_once": 1, "shared": true,
        "reply": { "error": "concurrency" } }]));
    world["script"] = json!([]);
    world["reply"] = json!({ "text": "one two", "stream": { "gap": "1h" } });
    let stage = Stage::set(world).await;
    for _ in 0..2 {
        let mut open = stage.caller().await;
        open.send(&chat(stage.secret(0), STREAMED_PING)).await;
        open.wait_for("\"one\"").await;
        assert_eq!(stage.statuses(&[0, 1]).await, [429, 429]);
        drop(open);
        while stage.next_row().await.status != 200 {}
    }
    assert_eq!(stage.statuses(&[1, 1, 1]).await, [200, 200, 200], "what is over is open no more");
}

#[tokio::test]
async fn tokens_count_when_the_answer_is_over() {
    let plans = json!([{ "name": "tokens", "counts": "tokens", "log": { "max": 100, "per": "1h" } }]);
    let stage = Stage::set(with_plans(&plans)).await;
    let reply = stage.ask(0, PING).await;
    assert_eq!(reply.header("x-ratelimit-remaining-tokens"), Some("100"));
    assert_eq!(stage.statuses(&[0, 0, 1]).await, [200, 429, 200]);
}

#[tokio::test]
async fn reserved_tokens_are_taken_before_and_settled_behind() {
    let plans = json!([{ "name": "tokens", "counts": "output_tokens", "reserves": true,
        "log": { "max": 100, "per": "1h" } }]);
    let stage = Stage::set(with_plans(&plans)).await;
    let asking = |most: u32| PING.replace("{\"model\"", &format!("{{\"max_tokens\":{most},\"model\""));
    let remaining = |reply: &crate::stage::Reply| {
        (reply.status, reply.header("x-ratelimit-remaining-tokens").unwrap().parse::<u32>().unwrap())
    };
    assert_eq!(remaining(&stage.ask(0, &asking(90)).await), (200, 10));
    assert_eq!(remaining(&stage.ask(0, &asking(90)).await), (429, 80), "only 20 were used");
    assert_eq!(remaining(&stage.ask(0, &asking(80)).await), (200, 0));
}

#[tokio::test]
async fn a_plan_counts_its_own_keys_and_models() {
    let plans = json!([
        { "name": "first", "keys": ["key-1"], "log": { "max": 1, "per": "1h" } },
        { "name": "small", "models": ["small"], "per_model": true, "log": { "max": 1, "per": "1h" } },
    ]);
    let stage = Stage::set(with_plans(&plans)).await;
    assert_eq!(stage.statuses(&[0, 0, 1, 1]).await, [200, 429, 200, 200]);
    let small = PING.replace("chat", "small");
    assert_eq!([stage.ask(1, &small).await.status, stage.ask(1, &small).await.status], [200, 429]);
    let seen = stage.leave().await;
    assert_eq!((seen.name(seen.rows[1].script), seen.name(seen.rows[5].script)), ("first", "small"));
}

#[tokio::test]
async fn each_model_can_have_its_own() {
    let plans = json!([{ "name": "rpm", "per_model": true, "log": { "max": 1, "per": "1h" } }]);
    let stage = Stage::set(with_plans(&plans)).await;
    for model in ["one", "two"] {
        let body = PING.replace("chat", model);
        assert_eq!([stage.ask(0, &body).await.status, stage.ask(0, &body).await.status], [200, 429]);
    }
}

#[tokio::test]
async fn a_request_that_comes_too_early_begins_its_wait_again() {
    let plans = json!([{ "name": "strict", "punishes": true, "log": { "max": 1, "per": "1h" },
        "reply": { "error": "rate_limit", "retry_after": "10m" } }]);
    let stage = Stage::set(with_plans(&plans)).await;
    assert_eq!(stage.statuses(&[0, 0, 0]).await, [200, 429, 429]);
    let seen = stage.leave().await;
    assert_eq!(seen.rows[1..].iter().map(|row| row.hint_ms).collect::<Vec<_>>(), [600_000, 600_000]);
}

#[tokio::test]
async fn the_headers_tell_of_the_plan_that_is_named_and_when_they_are_wanted() {
    let plans = json!([
        { "name": "many", "log": { "max": 9, "per": "1h" } },
        { "name": "few", "log": { "max": 1, "per": "1h" } },
    ]);
    for (signals, expected) in [
        (json!({}), [Some("9"), Some("9")]),
        (json!({ "plan": "few" }), [Some("1"), Some("1")]),
        (json!({ "limits": "refusals", "plan": "few" }), [None, Some("1")]),
        (json!({ "limits": "never" }), [None, None]),
    ] {
        let mut world = with_plans(&plans);
        world["signals"] = signals.clone();
        let stage = Stage::set(world).await;
        for expected in expected {
            let reply = stage.ask(0, PING).await;
            assert_eq!(reply.header("x-ratelimit-limit-requests"), expected, "{signals}");
        }
    }
}

#[tokio::test]
async fn what_was_refused_counts_where_the_plan_says_so() {
    for (counts, expected) in [(true, "1"), (false, "2")] {
        let plans = json!([
            { "name": "all", "counts_refused": counts, "log": { "max": 4, "per": "1h" } },
            { "name": "few", "models": ["chat"], "log": { "max": 1, "per": "1h" } },
        ]);
        let stage = Stage::set(with_plans(&plans)).await;
        assert_eq!(stage.statuses(&[0, 0]).await, [200, 429]);
        let reply = stage.ask(0, &PING.replace("chat", "other")).await;
        let left = reply.header("x-ratelimit-remaining-requests");
        assert_eq!((reply.status, left), (200, Some(expected)), "counts_refused: {counts}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_get_exactly_what_a_limit_of_any_kind_holds() {
    for limit in [
        json!({ "log": { "max": 10, "per": "1h" } }),
        json!({ "window": { "max": 10, "per": "1h" } }),
        json!({ "bucket": { "capacity": 10, "refill": "1/h" } }),
        json!({ "at_once": 10 }),
        json!({ "counts": "output_tokens", "reserves": true, "log": { "max": 200, "per": "1h" } }),
    ] {
        let mut plan = limit.clone();
        (plan["name"], plan["shared"]) = (json!("limit"), json!(true));
        let mut world = with_plans(&json!([plan]));
        // Nothing that is let in is over before all have asked.
        world["reply"]["latency"] = json!("1h");
        let stage = Stage::set(world).await;
        let asked = PING.replace("{\"model\"", "{\"max_tokens\":20,\"model\"");
        let mut callers = Vec::new();
        for index in 0..50 {
            let mut caller = stage.caller().await;
            caller.send(&chat(stage.secret(index % 2), &asked)).await;
            callers.push(caller);
        }
        let mut refused = 0;
        while refused < 40 {
            refused += u32::from(stage.next_row().await.status == 429);
        }
        // Those who were let in wait for their answers until they leave.
        drop(callers);
        for _ in 0..10 {
            assert_eq!(stage.next_row().await.outcome, Outcome::CallerLeft, "{limit}");
        }
    }
}
