//! Streams that pause, break off inside an event, come in disorder, or end otherwise than they should.

use std::time::{Duration, Instant};

use dialect::TextHash;
use record::Outcome;
use serde_json::{Value, json};

use crate::stage::{Ending, PING, STREAMED_PING, Stage};

const TEXT: &str = "one two three four";

fn shaped(shape: &Value) -> Value {
    json!({ "dialect": "openai", "keys": 1, "reply": { "text": TEXT, "stream": shape } })
}

fn broken(stream: &Value) -> Value {
    let script = json!([{ "name": "broken", "stream": stream }]);
    json!({ "dialect": "openai", "keys": 1, "reply": { "text": TEXT }, "script": script })
}

/// The contents of a stream, and what stands for its other events.
fn told(events: &[&str]) -> Vec<String> {
    let told = |event: &&str| {
        let Ok(event) = serde_json::from_str::<Value>(event) else { return (*event).to_owned() };
        let choice = &event["choices"][0];
        match (&choice["delta"]["content"], &choice["finish_reason"]) {
            (Value::String(text), _) if !text.is_empty() => text.trim().to_owned(),
            (_, Value::String(reason)) => reason.clone(),
            _ => "opening".to_owned(),
        }
    };
    events.iter().map(told).collect()
}

#[tokio::test]
async fn contents_come_twice_or_in_the_wrong_order_and_streams_end_without_what_ends_them() {
    let sound = ["opening", "one", "two", "three", "four", "stop", "[DONE]"];
    let twice = ["opening", "one", "one", "two", "two", "three", "three", "four", "four", "stop", "[DONE]"];
    let swapped = ["opening", "two", "one", "four", "three", "stop", "[DONE]"];
    let no_finish = ["opening", "one", "two", "three", "four", "[DONE]"];
    let more = ["opening", "one", "two", "three", "four", "stop", "[DONE]", "one"];
    for (shape, expected) in [
        (json!({}), &sound[..]),
        (json!({ "contents_come": "doubled" }), &twice),
        (json!({ "contents_come": "swapped" }), &swapped),
        (json!({ "ending": "without_finish" }), &no_finish),
        (json!({ "ending": "without_marker" }), &sound[..6]),
        (json!({ "ending": "more_behind" }), &more),
    ] {
        let stage = Stage::set(shaped(&shape)).await;
        let reply = stage.ask(0, STREAMED_PING).await;
        assert_eq!(told(&reply.events()), expected, "{shape}");
        assert_eq!(stage.leave().await.rows[0].outcome, Outcome::Complete);
    }
}

#[tokio::test]
async fn a_stream_breaks_off_in_the_middle_of_an_event() {
    let whole = Stage::set(broken(&json!({ "after_share": "100%", "then": "end" }))).await;
    let body = whole.ask(0, STREAMED_PING).await.body;
    let inside = body.find(" three").unwrap() + 3;
    let stage = Stage::set(broken(&json!({ "after_bytes": inside, "then": "close" }))).await;
    let Ending::Closed(came) = stage.ending(0, STREAMED_PING).await else { panic!("it was reset") };
    assert!(came.contains("\"content\":\" th") && !came.contains("\"content\":\" three"), "{came}");
    let row = stage.leave().await.rows.remove(0);
    assert_eq!((row.outcome, row.text_hash), (Outcome::Cut, TextHash::of("one two")));
}

#[tokio::test]
async fn a_plain_body_breaks_off_after_so_many_bytes() {
    let stage = Stage::set(broken(&json!({ "after_bytes": 5, "then": "reset" }))).await;
    let Ending::Reset(came) = stage.ending(0, PING).await else { panic!("it was closed") };
    assert_eq!(came.split_once("\r\n\r\n").unwrap().1.len(), 5, "{came}");
}

#[tokio::test]
async fn what_stalls_for_a_time_goes_on_and_is_whole() {
    for (then, body) in [("stall", STREAMED_PING), ("pings", STREAMED_PING), ("stall", PING)] {
        let stream = json!({ "after_contents": 2, "then": then, "lasts": "250ms" });
        let stage = Stage::set(broken(&stream)).await;
        let began = Instant::now();
        let reply = stage.ask(0, body).await;
        assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
        if body == PING {
            assert_eq!(reply.json()["choices"][0]["message"]["content"], json!(TEXT));
        } else {
            assert_eq!(reply.body.contains(": ping"), then == "pings", "{}", reply.body);
            let events: Vec<&str> =
                reply.body.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
            assert_eq!(told(&events), ["opening", "one", "two", "three", "four", "stop", "[DONE]"]);
        }
        let row = stage.leave().await.rows.remove(0);
        assert_eq!((row.outcome, row.text_hash), (Outcome::Complete, TextHash::of(TEXT)));
    }
}

#[tokio::test]
async fn gaps_are_drawn_for_each_event() {
    let shape = json!({ "first_event": "0ms", "gap": { "trace": ["0ms", "150ms", "0ms", "0ms"] } });
    let stage = Stage::set(shaped(&shape)).await;
    let mut caller = stage.caller().await;
    caller.send(&crate::stage::chat(stage.secret(0), STREAMED_PING)).await;
    let began = Instant::now();
    caller.wait_for("\"content\":\"one\"").await;
    let first = began.elapsed();
    caller.wait_for("[DONE]").await;
    assert!(began.elapsed() >= first + Duration::from_millis(100), "no gap came");
}
