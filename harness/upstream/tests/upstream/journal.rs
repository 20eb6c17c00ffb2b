//! The journal: what rows and samples say.

use record::{Correlation, ExchangeId, Joined, NOT_REACHED, Outcome, Side};
use serde_json::json;

use crate::stage::{PING, STREAMED_PING, Seen, Stage, chat, marked, request};

#[tokio::test]
async fn a_row_tells_everything_about_its_attempt() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": ["first"] })).await;
    let mut caller = stage.caller().await;
    for exchange in [3, 4] {
        caller.send(&chat(stage.secret(0), &marked(stage.correlation, exchange))).await;
        assert_eq!(caller.reply().await.status, 200);
    }
    let seen = stage.leave().await;
    for (row, (exchange, number)) in seen.rows.iter().zip([(3, 1), (4, 2)]) {
        assert_eq!((row.exchange, row.joined), (ExchangeId(exchange), Joined::Exchange));
        assert_eq!(
            (seen.name(row.upstream), seen.name(row.key), seen.name(row.model)),
            ("main", "first", "chat")
        );
        assert_eq!((row.outcome, row.status, row.streamed), (Outcome::Complete, 200, false));
        assert_eq!((row.key_use, row.hint_ms), (number, NOT_REACHED));
        assert!(row.read <= row.head && row.head <= row.ended && row.ended != NOT_REACHED, "{row:?}");
    }
    assert_eq!(seen.rows.len(), 2);
}

#[tokio::test]
async fn marks_are_found_in_bodies_and_headers_and_foreign_ones_are_told() {
    let stage = Stage::set(json!({ "dialect": "openai" })).await;
    let foreign = marked(Correlation::new(1), 1);
    let mine = stage.correlation.mark(ExchangeId(8));
    let mut caller = stage.caller().await;
    for asked in [
        chat("none", PING),
        chat("none", &foreign),
        chat("none", PING).replace("host: upstream", &format!("host: upstream\r\nx-id: {mine}")),
    ] {
        caller.send(&asked).await;
        assert_eq!(caller.reply().await.status, 200);
    }
    let joined: Vec<_> = stage.leave().await.rows.iter().map(|row| (row.joined, row.exchange)).collect();
    let expected = [
        (Joined::Nothing, ExchangeId::NONE),
        (Joined::Foreign, ExchangeId::NONE),
        (Joined::Exchange, ExchangeId(8)),
    ];
    assert_eq!(joined, expected);
}

#[tokio::test]
async fn requests_that_are_sent_ahead_have_a_row_each() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), PING).repeat(5)).await;
    for _ in 0..5 {
        assert_eq!(caller.reply().await.status, 200);
    }
    let seen = stage.leave().await;
    assert_eq!(seen.rows.iter().map(|row| row.key_use).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(seen.rows.iter().all(|row| row.outcome == Outcome::Complete));
}

#[tokio::test]
async fn no_key_leaves_the_upstream_in_a_sample_or_a_name() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": ["one", "two"] })).await;
    let secrets = [stage.secret(0).to_owned(), stage.secret(1).to_owned()];
    let [one, two] = &secrets;
    let body = PING.replace("chat", two).replace("ping", &format!("{two} {}{one}", "x".repeat(3_950)));
    let mut caller = stage.caller().await;
    caller.send(&chat(one, &body)).await;
    assert!(caller.reply().await.body.contains(two.as_str()), "the answer repeats the model");
    caller.send(&request(&format!("GET /v1/nothing?key={two}"), one, "")).await;
    assert_eq!(caller.reply().await.status, 404);
    let seen = stage.leave().await;
    let got = &seen.samples.iter().find(|sample| sample.side == Side::UpstreamGot).unwrap();
    assert_eq!(got.line, "POST /v1/chat/completions HTTP/1.1");
    assert!(got.head.contains(&("authorization".to_owned(), "Bearer <key one>".to_owned())));
    assert!(got.body.starts_with(r#"{"model":"<key two>","messages""#), "{}", got.body);
    let sent = &seen.samples.iter().find(|sample| sample.side == Side::UpstreamSent).unwrap();
    assert_eq!(sent.line, "HTTP/1.1 200 OK");
    assert!(sent.body.contains("<key two>"), "{}", sent.body);
    assert_eq!(seen.samples.len(), 4);
    assert_eq!(seen.name(seen.rows[0].model), "<key two>");
    secrets.iter().for_each(|secret| assert_hidden(secret, &seen));
}

/// No part of a key stands in what the upstreams told.
fn assert_hidden(secret: &str, seen: &Seen) {
    let everything = format!("{:?} {:?} {:?}", seen.samples, seen.rows, seen.answers);
    for part in secret.as_bytes()[6..].windows(6) {
        let part = String::from_utf8_lossy(part);
        assert!(!everything.contains(&*part), "a part of a key is in the evidence: {everything}");
    }
}

#[tokio::test]
async fn a_provider_can_repeat_the_key_and_the_evidence_does_not() {
    let text = "no {{ request.secret }}, not you";
    let script = json!([
        { "name": "error", "once": true, "reply": {
            "status": 401, "headers": { "x-key": "{{ request.secret }}" }, "body": "wrong key {{ request.secret }}!" } },
        { "name": "split", "when": { "nth": 2 }, "reply": { "text": text, "stream": { "framing": "split" } } },
        { "name": "cut", "when": { "nth": 3 }, "reply": { "text": text, "stream": { "contents": 12 } } },
        { "name": "plain", "reply": { "text": text } },
    ]);
    let stage = Stage::set(json!({ "dialect": "openai", "keys": ["one"], "script": script })).await;
    let secret = stage.secret(0).to_owned();
    let refusal = stage.ask(0, PING).await;
    assert_eq!(refusal.header("x-key"), Some(secret.as_str()));
    assert_eq!(refusal.body, format!("wrong key {secret}!"));
    assert!(stage.ask(0, STREAMED_PING).await.body.contains(&format!("\" {secret},\"")));
    assert!(!stage.ask(0, STREAMED_PING).await.body.contains(&secret), "it is told in pieces");
    let said = stage.ask(0, PING).await.json()["choices"][0]["message"]["content"].clone();
    assert_eq!(said, json!(format!("no {secret}, not you")));
    let seen = stage.leave().await;
    assert_hidden(&secret, &seen);
    let sent: Vec<_> = seen.samples.iter().filter(|sample| sample.side == Side::UpstreamSent).collect();
    assert_eq!((sent[0].body.as_str(), sent[0].cut), ("wrong key <key one>!", false));
    assert!(sent[1].body.contains("\" <key one>,\""), "{}", sent[1].body);
    assert_eq!((sent[2].body.as_str(), sent[2].cut), ("<hidden: it tells a key in pieces>", true));
    assert!(sent[3].body.contains("no <key one>, not you"), "{}", sent[3].body);
}

#[tokio::test]
async fn samples_are_cut_and_end_after_the_first_attempts() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), &PING.replace("ping", &"x".repeat(100_000)))).await;
    assert_eq!(caller.reply().await.status, 200);
    for _ in 0..25 {
        caller.send(&chat(stage.secret(0), PING)).await;
        assert_eq!(caller.reply().await.status, 200);
    }
    let seen = stage.leave().await;
    assert_eq!((seen.rows.len(), seen.samples.len()), (26, 40));
    let first = &seen.samples[0];
    assert_eq!((first.body.len(), first.cut), (4_096, true));
    assert!(seen.samples[1..].iter().all(|sample| !sample.cut));
}
