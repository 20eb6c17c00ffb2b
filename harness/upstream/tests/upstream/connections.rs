//! Connections that go wrong before there is a reply, and times at which nobody listens.

use record::Outcome;
use serde_json::json;
use tokio::net::TcpStream;

use crate::stage::{Ending, PING, Stage, chat, soon};

async fn scripted(fate: &str) -> Stage {
    let script = json!([{ "name": "fate", "once": true, "connection": fate }]);
    Stage::set(json!({ "dialect": "openai", "keys": 1, "script": script })).await
}

#[tokio::test]
async fn each_fate_is_what_it_says() {
    let closed = |text: &str| Ending::Closed(text.to_owned());
    for (fate, ending, outcome) in [
        ("reset", Ending::Reset(String::new()), Outcome::Reset),
        ("close", closed(""), Outcome::Cut),
        ("garbage", closed("\0\u{1}\u{2} this is no HTTP\r\n\r\n"), Outcome::Garbled),
    ] {
        let stage = scripted(fate).await;
        assert_eq!(stage.ending(0, PING).await, ending, "{fate}");
        assert_eq!(stage.ask(0, PING).await.status, 200, "the next connection is as ever");
        let seen = stage.leave().await;
        assert_eq!((seen.rows[0].outcome, seen.rows[0].status), (outcome, 0), "{fate}");
        assert_eq!(seen.name(seen.rows[0].script), "fate");
    }
}

#[tokio::test]
async fn a_head_can_end_in_its_middle() {
    let stage = scripted("close_in_head").await;
    let Ending::Closed(came) = stage.ending(0, PING).await else { panic!("it was reset") };
    assert!(came.starts_with("HTTP/1.1 ") && !came.contains("\r\n\r\n"), "{came}");
    assert_eq!(stage.leave().await.rows[0].outcome, Outcome::Cut);
}

#[tokio::test]
async fn silence_lasts_until_the_caller_leaves_or_the_upstream_stops() {
    let script = json!([{ "name": "silent", "first": 2, "connection": "silence" }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "script": script })).await;
    let mut leaving = stage.caller().await;
    leaving.send(&chat(stage.secret(0), PING)).await;
    tokio::task::yield_now().await;
    drop(leaving);
    let row = stage.next_row().await;
    assert_eq!((row.outcome, row.status), (Outcome::CallerLeft, 0));
    let mut staying = stage.caller().await;
    staying.send(&chat(stage.secret(0), PING)).await;
    // An answer that comes at once, on a connection that was opened later, shows that the other request has been taken.
    assert_eq!(stage.ask(0, PING).await.status, 200);
    let (seen, ending) = tokio::join!(stage.leave(), staying.ending());
    assert_eq!(ending, Ending::Closed(String::new()));
    let outcomes: Vec<Outcome> = seen.rows.iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [Outcome::Abandoned, Outcome::Complete]);
}

#[tokio::test]
async fn nobody_listens_for_as_long_as_an_entry_says() {
    let timeline = json!([{ "name": "outage", "during": "storm", "connection": "refuse" }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    let (_, address) = stage.upstreams.addresses().next().unwrap();
    let mut idle = stage.caller().await;
    idle.send(&chat(stage.secret(0), PING)).await;
    assert_eq!(idle.reply().await.status, 200);
    for _ in 0..3 {
        stage.traffic.began("storm");
        soon(async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(idle.is_closed().await);
        stage.traffic.ended("storm");
        soon(async {
            while TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(stage.ask(0, PING).await.status, 200);
    }
    assert!(stage.leave().await.rows.iter().all(|row| row.status == 200));
}

#[tokio::test]
async fn whoever_waits_until_it_has_turned_meets_nobody_at_the_first_try() {
    let timeline = json!([{ "name": "outage", "during": "storm", "connection": "refuse" }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    let (_, address) = stage.upstreams.addresses().next().unwrap();
    for _ in 0..20 {
        stage.traffic.began("storm");
        stage.upstreams.turned().await;
        assert!(TcpStream::connect(address).await.is_err());
        stage.traffic.ended("storm");
        stage.upstreams.turned().await;
        assert!(TcpStream::connect(address).await.is_ok());
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_at_once() {
    let script = json!([{ "name": "gone", "connection": "refuse" }]);
    let refusal = Stage::refusal(json!({ "dialect": "openai", "keys": 1, "script": script })).await;
    assert!(
        refusal.starts_with("the upstream `main`: `script: gone` cannot have `connection: refuse`"),
        "{refusal}"
    );
    let timeline =
        json!([{ "name": "gone", "at": "1s", "when": { "stream": true }, "connection": "refuse" }]);
    let refusal = Stage::refusal(json!({ "dialect": "openai", "keys": 1, "timeline": timeline })).await;
    assert!(refusal.contains("`timeline: gone`"), "{refusal}");
}
