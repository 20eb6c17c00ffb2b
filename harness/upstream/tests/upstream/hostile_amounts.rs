//! Callers that send or leave too much: the memory stays bounded, and the others are served as ever.

use dialect::{Dialect, Surface};
use serde_json::json;

use crate::dialect_caller::ask;
use crate::stage::{Caller, PING, STREAMED_PING, Stage, chat};

const MEBIBYTE: usize = 1024 * 1024;

/// The most memory that this process has had so far, in bytes. Other tests run beside, so the bounds here are wide.
fn most_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// How much more memory this process has had since then. The machine counts for each processor apart and adds up roughly, so
/// that what it tells may even go down by a little.
fn more_memory(before: usize) -> usize {
    most_memory().saturating_sub(before)
}

/// Sends pieces until so much has gone or nobody takes any more.
async fn pour(caller: &mut Caller, piece: &str, bytes: usize) -> usize {
    let mut sent = 0;
    while sent < bytes && caller.send_what_is_taken(piece.as_bytes()).await {
        sent += piece.len();
    }
    sent
}

#[tokio::test]
async fn a_body_of_100_megabytes_is_refused_early_in_every_dialect() {
    let before = most_memory();
    for dialect in Dialect::ALL {
        let stage = Stage::set(json!({ "dialect": dialect.name(), "keys": 1 })).await;
        let usual = ask(*dialect, Surface::Chat, false, stage.secret(0));
        let (head, body) = usual.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}", body.len());
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(MEBIBYTE));
        for (framing, piece) in
            [("content-length: 100000000", "x".repeat(MEBIBYTE)), ("transfer-encoding: chunked", chunk)]
        {
            let mut caller = stage.caller().await;
            caller.send(&format!("{}\r\n\r\n", head.replace(&length, framing))).await;
            let sent = pour(&mut caller, &piece, 100_000_000).await;
            assert!(sent < 40 * MEBIBYTE, "{dialect:?} {framing}: {sent} bytes were taken");
            let mut neighbour = stage.caller().await;
            neighbour.send(&usual).await;
            assert_eq!(neighbour.reply().await.status, 200, "{dialect:?} beside it");
        }
        let statuses: Vec<u16> = stage.leave().await.rows.iter().map(|row| row.status).collect();
        let refused = statuses.iter().filter(|status| **status == 413).count();
        assert_eq!((refused, statuses.len()), (2, 4), "{dialect:?}: {statuses:?}");
    }
    let more = more_memory(before);
    assert!(more < 150 * MEBIBYTE, "{more} bytes more");
}

#[tokio::test]
async fn fifty_callers_that_never_read_fill_no_memory() {
    let words = "word ".repeat(200_000);
    let world = json!({ "dialect": "openai", "keys": 1, "script": [
        { "name": "big", "when": { "model": "big" }, "reply": { "text": words } } ] });
    let stage = Stage::set(world).await;
    let before = most_memory();
    let mut idle = Vec::new();
    for number in 0..50 {
        let body = if number % 2 == 0 { PING } else { STREAMED_PING };
        let mut caller = stage.caller().await;
        caller.send(&chat(stage.secret(0), &body.replace("\"chat\"", "\"big\""))).await;
        idle.push(caller);
    }
    for _ in 0..20 {
        assert_eq!(stage.ask(0, PING).await.status, 200, "the others are served");
    }
    // Each has at most its own reply; the whole streams would be more than a gigabyte.
    let more = more_memory(before);
    assert!(more < 250 * MEBIBYTE, "{more} bytes more");
    drop(idle);
}
