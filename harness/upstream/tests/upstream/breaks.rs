//! Answers that break off: where, how, and what the row says of it.

use dialect::TextHash;
use record::{Outcome, WholeText};
use serde_json::{Value, json};

use crate::stage::{Ending, PING, STREAMED_PING, Seen, Stage, chat, request};

const TEXT: &str = "one two three four";

fn broken(stream: &Value) -> Value {
    let script = json!([{ "name": "broken", "stream": stream }]);
    json!({ "dialect": "openai", "keys": 1, "reply": { "text": TEXT }, "script": script })
}

fn told(row: &record::AttemptRow, seen: &Seen) -> (Outcome, u16, u32, String) {
    (row.outcome, row.status, row.text_hash, seen.name(row.script).to_owned())
}

#[tokio::test]
async fn a_stream_is_closed_or_reset_behind_its_last_content() {
    for (then, outcome) in [("close", Outcome::Cut), ("reset", Outcome::Reset)] {
        let stage = Stage::set(broken(&json!({ "after_contents": 2, "then": then }))).await;
        let ending = stage.ending(0, STREAMED_PING).await;
        let (Ending::Closed(came) | Ending::Reset(came)) = &ending;
        assert!(came.starts_with("HTTP/1.1 200 OK\r\n") && came.contains("\"content\":\" two\""), "{came}");
        assert!(
            !came.contains("three") && !came.contains("[DONE]") && !came.ends_with("0\r\n\r\n"),
            "{came}"
        );
        assert_eq!(matches!(ending, Ending::Reset(_)), then == "reset");
        let seen = stage.leave().await;
        let expected = (outcome, 200, TextHash::of("one two"), "broken".to_owned());
        assert_eq!(told(&seen.rows[0], &seen), expected);
        assert_eq!((seen.rows[0].input_tokens, seen.rows[0].output_tokens), (0, 0));
    }
}

#[tokio::test]
async fn a_share_of_the_contents_is_a_place_too() {
    for (share, last) in [("0%", "role"), ("50%", " two"), ("100%", " four")] {
        let stage = Stage::set(broken(&json!({ "after_share": share, "then": "end" }))).await;
        let reply = stage.ask(0, STREAMED_PING).await;
        let events = reply.events();
        assert!(events[events.len() - 1].contains(last), "{share}: {events:?}");
        assert_eq!(stage.leave().await.rows[0].outcome, Outcome::Complete);
    }
}

#[tokio::test]
async fn a_place_behind_all_contents_is_behind_the_last() {
    let stage = Stage::set(broken(&json!({ "after_contents": 40, "then": "end" }))).await;
    let reply = stage.ask(0, STREAMED_PING).await;
    assert!(reply.events().last().unwrap().contains(" four"), "{}", reply.body);
}

#[tokio::test]
async fn an_error_is_told_in_the_middle_with_and_without_an_end() {
    for (then, done) in [("error", false), ("error_then_done", true)] {
        let stream = json!({ "after_contents": 1, "then": then, "error": "overloaded" });
        let stage = Stage::set(broken(&stream)).await;
        let reply = stage.ask(0, STREAMED_PING).await;
        let events = reply.events();
        let error: Value = serde_json::from_str(events[2]).unwrap();
        assert_eq!(error["error"]["code"], json!("server_is_overloaded"), "{events:?}");
        assert_eq!(events.last() == Some(&"[DONE]"), done);
        let seen = stage.leave().await;
        assert_eq!(seen.name(seen.rows[0].error), "overloaded");
    }
}

#[tokio::test]
async fn garbage_is_no_event() {
    let stage = Stage::set(broken(&json!({ "after_contents": 1, "then": "garbage" }))).await;
    let Ending::Closed(came) = ({
        let mut caller = stage.caller().await;
        let request = chat(stage.secret(0), STREAMED_PING)
            .replace("host: upstream", "host: upstream\r\nconnection: close");
        caller.send(&request).await;
        caller.ending().await
    }) else {
        panic!("it was reset");
    };
    assert!(came.contains("this is no event") && came.ends_with("0\r\n\r\n"), "{came}");
}

#[tokio::test]
async fn a_stream_that_stalls_waits_for_its_caller_or_the_end() {
    let stage = Stage::set(broken(&json!({ "after_contents": 1, "then": "stall" }))).await;
    let mut leaving = stage.caller().await;
    leaving.send(&chat(stage.secret(0), STREAMED_PING)).await;
    leaving.wait_for("\"one\"").await;
    drop(leaving);
    assert_eq!(stage.next_row().await.outcome, Outcome::CallerLeft);
    let mut staying = stage.caller().await;
    staying.send(&chat(stage.secret(0), STREAMED_PING)).await;
    staying.wait_for("\"one\"").await;
    let started = stage.clock.now();
    let clock = stage.clock;
    let seen = stage.leave().await;
    assert!(clock.now().since(started).as_secs() < 4, "stopping does not wait for what stalls");
    assert_eq!((seen.rows[0].outcome, seen.rows[0].text_hash), (Outcome::Abandoned, TextHash::of("one")));
    assert!(matches!(staying.ending().await, Ending::Closed(_)));
}

#[tokio::test]
async fn a_stream_that_only_pings_goes_on_until_its_caller_leaves_or_the_end() {
    for (dialect, ping) in
        [("openai", ": ping\n\n"), ("anthropic", "event: ping\ndata: {\"type\":\"ping\"}\n\n")]
    {
        let mut world = broken(&json!({ "after_contents": 1, "then": "pings" }));
        (world["dialect"], world["keys"]) = (json!(dialect), json!(0));
        let stage = Stage::set(world).await;
        let asked = match dialect {
            "openai" => chat("none", STREAMED_PING),
            _ => request(
                "POST /v1/messages",
                "none",
                &STREAMED_PING.replace("\"stream\"", "\"max_tokens\":9,\"stream\""),
            )
            .replace("host: upstream", "host: upstream\r\nanthropic-version: 2023-06-01"),
        };
        let mut leaving = stage.caller().await;
        leaving.send(&asked).await;
        leaving.wait_for("\"one\"").await;
        let began = stage.clock.now();
        let chunk = format!("{:X}\r\n{ping}\r\n", ping.len());
        leaving.wait_for(&chunk.repeat(3)).await;
        assert!(stage.clock.now().since(began).as_millis() >= 280, "{dialect}: they come every 100 ms");
        drop(leaving);
        assert_eq!(stage.next_row().await.outcome, Outcome::CallerLeft, "{dialect}");
        let mut staying = stage.caller().await;
        staying.send(&asked).await;
        staying.wait_for(&chunk).await;
        let seen = stage.leave().await;
        assert_eq!((seen.rows[0].outcome, seen.rows[0].text_hash), (Outcome::Abandoned, TextHash::of("one")));
        let Ending::Closed(came) = staying.ending().await else { panic!("it was reset") };
        assert!(!came.contains("two") && !came.ends_with("0\r\n\r\n"), "{came}");
    }
}

#[tokio::test]
async fn a_plain_answer_that_would_only_ping_stalls() {
    let stage = Stage::set(broken(&json!({ "after_share": "50%", "then": "pings" }))).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), PING)).await;
    caller.wait_for("\"chat.completion\"").await;
    // A stream that began later has pinged by now.
    let mut pinged = stage.caller().await;
    pinged.send(&chat(stage.secret(0), STREAMED_PING)).await;
    pinged.wait_for(": ping").await;
    let seen = stage.leave().await;
    assert_eq!(seen.rows[0].outcome, Outcome::Abandoned);
    let Ending::Closed(came) = caller.ending().await else { panic!("it was reset") };
    let (head, body) = came.split_once("\r\n\r\n").unwrap();
    let announced: usize =
        head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    assert_eq!(body.len(), announced / 2);
}

#[tokio::test]
async fn a_stream_breaks_after_a_time() {
    let of = json!({ "text": TEXT, "stream": { "gap": "1h" } });
    let stage = Stage::set(broken(&json!({ "after": "30ms", "then": "reset", "of": of }))).await;
    let Ending::Reset(came) = stage.ending(0, STREAMED_PING).await else { panic!("it was closed") };
    assert!(came.contains("\"one\"") && !came.contains("two"), "{came}");
    let row = stage.leave().await.rows[0];
    // The time begins with the head's last byte in our hands, a little before it goes out.
    assert!(row.ended >= 30_000 && row.head < row.ended, "{row:?}");
}

#[tokio::test]
async fn a_plain_answer_gets_the_same_trouble_in_its_body() {
    for then in ["close", "reset", "end"] {
        let stage = Stage::set(broken(&json!({ "after_share": "50%", "then": then }))).await;
        let mut caller = stage.caller().await;
        caller.send(&chat(stage.secret(0), PING)).await;
        caller.wait_for("\"chat.completion\"").await;
        if then != "end" {
            let (Ending::Closed(came) | Ending::Reset(came)) = caller.ending().await;
            let (head, body) = came.split_once("\r\n\r\n").unwrap();
            let announced = head.split("content-length: ").nth(1).unwrap();
            let announced: usize = announced.split("\r\n").next().unwrap().parse().unwrap();
            assert_eq!(body.len(), announced / 2, "{then}");
        } else {
            let reply = caller.reply().await;
            assert!(serde_json::from_str::<Value>(&reply.body).is_err(), "{}", reply.body);
        }
        assert_eq!(stage.leave().await.rows[0].text_hash, 0);
    }
}

#[tokio::test]
async fn the_body_of_a_normal_reply_can_be_reset() {
    let script = json!([{ "name": "torn", "connection": "reset_in_body" }]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "script": script })).await;
    for body in [PING, STREAMED_PING] {
        let Ending::Reset(came) = stage.ending(0, body).await else { panic!("it was closed") };
        assert!(came.starts_with("HTTP/1.1 200 OK"), "{came}");
    }
    assert!(stage.leave().await.rows.iter().all(|row| row.outcome == Outcome::Reset));
}

#[tokio::test]
async fn the_evidence_tells_the_whole_text_and_whether_it_is_broken_off() {
    let stage = Stage::set(broken(&json!({ "after_contents": 2, "then": "end" }))).await;
    assert!(!stage.ask(0, STREAMED_PING).await.body.contains("three"));
    let seen = stage.leave().await;
    let row = &seen.rows[0];
    assert_eq!((row.outcome, row.text_hash), (Outcome::Complete, TextHash::of("one two")));
    let whole = WholeText { hash: TextHash::of(TEXT), bytes: TEXT.len() as u64 };
    let answers =
        seen.answers.iter().map(|answer| (answer.id == row.answer, answer.whole, answer.breaks_off));
    let mut answers: Vec<_> = answers.collect();
    answers.sort_by_key(|(given, ..)| *given);
    assert_eq!(answers, [(false, Some(whole), false), (true, Some(whole), true)]);
}
