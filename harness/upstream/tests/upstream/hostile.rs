//! Callers that mean harm: what they send is bounded, and the others are served as ever.

use record::{Outcome, Side};
use serde_json::json;

use crate::stage::{PING, Stage, chat};

#[tokio::test]
async fn a_body_beyond_the_cap_is_refused() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let secret = stage.secret(0).to_owned();
    let mut announcing = stage.caller().await;
    let head = chat(&secret, "").replace("content-length: 0", "content-length: 9000000");
    announcing.send(&head).await;
    assert_eq!(announcing.reply().await.status, 413);
    let mut sending = stage.caller().await;
    let head = chat(&secret, "").replace("content-length: 0", "transfer-encoding: chunked");
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(0x10_0000));
    // Eight chunks fill the cap; one byte more is too much.
    sending.send(&format!("{head}{}1\r\nx\r\n", chunk.repeat(8))).await;
    assert_eq!(sending.reply().await.status, 413);
    let seen = stage.leave().await;
    assert!(
        seen.rows.iter().all(|row| row.status == 413 && row.outcome == Outcome::Complete),
        "{:?}",
        seen.rows
    );
    assert_eq!(seen.rows.len(), 2);
    let got = seen.samples.iter().filter(|sample| sample.side == Side::UpstreamGot);
    assert!(
        got.clone().all(|sample| sample.cut) && got.count() == 2,
        "what was not taken is not shown as all"
    );
}

#[tokio::test]
async fn a_body_at_the_cap_is_read() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let filler = 8 * 1024 * 1024 - PING.len() + "ping".len();
    let reply = stage.ask(0, &PING.replace("ping", &"x".repeat(filler))).await;
    assert_eq!(reply.status, 200);
    assert_ne!(stage.leave().await.rows[0].body_hash, 0);
}

#[tokio::test]
async fn a_head_without_end_closes_the_connection() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    caller.send(&format!("GET /v1/models HTTP/1.1\r\nx-long: {}", "x".repeat(65_536))).await;
    let rest = caller.rest().await;
    assert!(rest.starts_with("HTTP/1.1 431"), "{rest}");
    assert_eq!(stage.ask(0, PING).await.status, 200);
    assert_eq!(stage.leave().await.rows.len(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_request_close_the_connection() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    caller.send("\u{16}\u{3}\u{1} hello\r\n\r\n").await;
    let rest = caller.rest().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
    assert_eq!(stage.ask(0, PING).await.status, 200);
}
