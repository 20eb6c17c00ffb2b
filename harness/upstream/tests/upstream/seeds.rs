//! What is drawn from the seed: the same in two runs with one seed, another with another, and the same over one connection and
//! over many.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::stage::{PING, Reply, STREAMED_PING, Stage, chat};

const KEYS: usize = 4;
const REQUESTS: usize = 60;

/// Everything that is drawn for a request.
fn world() -> Value {
    json!({
        "dialect": "openai", "keys": KEYS,
        "script": [
            { "name": "some", "chance": "30%", "reply": { "error": "overloaded" } },
            { "name": "others", "chance": "30%", "reply": { "tools": [{ "name": "weather" }] } },
        ],
        "reply": { "text": { "tokens": 9 } },
    })
}

/// A reply without what the clock decides.
fn timeless(reply: &Reply) -> String {
    let timed = ["date", "openai-processing-ms"];
    let headers = reply.headers.iter().filter(|(name, _)| !timed.contains(&name.as_str()));
    let headers: String = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
    let body: Vec<&str> = reply.body.split("\"created\":").collect();
    let body = body.iter().enumerate().map(|(index, part)| {
        if index == 0 { part } else { part.trim_start_matches(|c: char| c.is_ascii_digit()) }
    });
    format!("{}\n{headers}\n{}", reply.status, body.collect::<String>())
}

/// What each key is replied, over so many connections that take turns; the replies of a key in the order of its use.
async fn replies(seed: u64, connections: usize) -> Vec<Vec<String>> {
    let stage = Stage::set_with_seed(world(), seed).await;
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(stage.caller().await);
    }
    let mut replies = vec![Vec::new(); KEYS];
    for number in 0..REQUESTS {
        // With more connections the keys come in another order, too.
        let key = (number * if connections > 1 { 3 } else { 1 }) % KEYS;
        let body = if replies[key].len() % 2 == 0 { PING } else { STREAMED_PING };
        let caller = &mut callers[number % connections];
        caller.send(&chat(stage.secret(key), body)).await;
        replies[key].push(timeless(&caller.reply().await));
    }
    replies
}

#[tokio::test]
async fn one_seed_gives_the_same_bytes_and_another_does_not() {
    let first = replies(7, 1).await;
    assert_eq!(first, replies(7, 1).await);
    let (all, others) = (first.concat(), replies(8, 1).await.concat());
    let all: BTreeSet<&String> = all.iter().collect();
    assert_eq!(all.len(), REQUESTS, "no two replies of a run are the same");
    assert!(others.iter().all(|reply| !all.contains(reply)));
    for begin in ["200", "503"] {
        assert!(all.iter().any(|reply| reply.starts_with(begin)), "{begin} is drawn at times");
    }
    assert!(all.iter().any(|reply| reply.contains("\"weather\"")));
}

#[tokio::test]
async fn what_is_drawn_for_a_use_of_a_key_does_not_depend_on_the_connections() {
    assert_eq!(replies(7, 1).await, replies(7, 8).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_drawn_for_a_use_of_a_key_does_not_depend_on_who_is_first() {
    let told = |seed, connections| async move {
        let stage = Stage::set_with_seed(world(), seed).await;
        let mut crowd = tokio::task::JoinSet::new();
        for connection in 0..connections {
            let mut caller = stage.caller().await;
            let asked: Vec<String> =
                (0..KEYS).map(|key| chat(stage.secret((key + connection) % KEYS), PING)).collect();
            crowd.spawn(async move {
                for _ in 0..40 / connections {
                    for asked in &asked {
                        caller.send(asked).await;
                        caller.reply().await;
                    }
                }
            });
        }
        crowd.join_all().await;
        let seen = stage.leave().await;
        let row = |row: &record::AttemptRow| {
            (seen.name(row.key).to_owned(), row.key_use, row.status, seen.name(row.script).to_owned())
        };
        seen.rows.iter().map(row).collect::<BTreeSet<_>>()
    };
    let alone = told(7, 1).await;
    assert_eq!(alone.len(), KEYS * 40);
    assert_eq!(alone, told(7, 8).await);
    assert_ne!(alone, told(8, 8).await);
}

/// How long each key's first request takes, in milliseconds, when they all come at once.
async fn latencies(seed: u64) -> Vec<i64> {
    let latency = json!({ "head": { "uniform": { "from": "0ms", "to": "600ms" } } });
    let stage =
        Stage::set_with_seed(json!({ "dialect": "openai", "keys": 8, "latency": latency }), seed).await;
    let mut callers = Vec::new();
    for key in 0..8 {
        let mut caller = stage.caller().await;
        caller.send(&chat(stage.secret(key), PING)).await;
        callers.push(caller);
    }
    for caller in &mut callers {
        assert_eq!(caller.reply().await.status, 200);
    }
    let mut seen = stage.leave().await;
    seen.rows.sort_by_key(|row| row.key);
    seen.rows.iter().map(|row| i64::from((row.head - row.read) / 1_000)).collect()
}

#[tokio::test]
async fn latencies_are_drawn_from_the_seed() {
    let (first, again, other) = (latencies(7).await, latencies(7).await, latencies(8).await);
    let apart = |left: &[i64], right: &[i64]| {
        left.iter().zip(right).map(|(left, right)| (left - right).abs()).max().unwrap()
    };
    let close = i64::try_from(Duration::from_millis(150).as_millis()).unwrap();
    assert!(apart(&first, &again) < close, "{first:?} {again:?}");
    assert!(apart(&first, &other) >= close, "{first:?} {other:?}");
}
