//! How attempts end: by their reply, by the caller, or with the upstream.

use record::{NOT_REACHED, Outcome};
use serde_json::{Value, json};

use crate::stage::{PING, STREAMED_PING, Stage, chat, marked, request, soon};

fn with_latency(head: &str) -> Value {
    json!({ "dialect": "openai", "keys": 1, "latency": { "head": head } })
}

#[tokio::test]
async fn a_caller_that_leaves_while_the_upstream_thinks_is_a_row() {
    let stage = Stage::set(with_latency("1h")).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), &marked(stage.correlation, 5))).await;
    drop(caller);
    let row = stage.next_row().await;
    assert_eq!((row.outcome, row.status, row.head), (Outcome::CallerLeft, 0, NOT_REACHED));
    assert_eq!((row.exchange.0, row.key_use), (5, 1));
    assert_ne!(row.ended, NOT_REACHED);
}

#[tokio::test]
async fn what_was_decided_is_known_of_a_caller_that_leaves_before_it_is_done() {
    let mut world = with_latency("1h");
    world["script"] = json!([{ "name": "slow", "reply": { "error": "overloaded" } }]);
    let stage = Stage::set(world).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), PING)).await;
    // An answer that comes at once, on a connection that was opened later, shows that the request has been read.
    let mut other = stage.caller().await;
    other.send(&request("GET /nothing", stage.secret(0), "")).await;
    assert_eq!(other.reply().await.status, 404);
    drop(caller);
    let seen = stage.leave().await;
    let row = seen.rows[0];
    assert_eq!((row.outcome, row.status, seen.name(row.script)), (Outcome::CallerLeft, 0, "slow"));
    assert_eq!(row.error, record::NameId::NONE, "no error was told");
}

#[tokio::test]
async fn a_mark_in_the_head_joins_a_caller_that_leaves_with_the_last_byte_of_its_body() {
    let stage = Stage::set(with_latency("1h")).await;
    let mark = stage.correlation.mark(record::ExchangeId(6));
    let whole = chat(stage.secret(0), PING)
        .replace("host: upstream", &format!("host: upstream\r\nx-client-request-id: {mark}"));
    let mut caller = stage.caller().await;
    let (head, body) = whole.split_at(whole.len() - PING.len());
    caller.send(head).await;
    let mut other = stage.caller().await;
    other.send(&request("GET /v1/models", stage.secret(0), "")).await;
    assert_eq!(other.reply().await.status, 200);
    // Body and end come together, so that nobody reads the body any more.
    caller.send(body).await;
    drop(caller);
    let seen = stage.leave().await;
    assert_eq!((seen.rows[0].outcome, seen.rows[0].exchange.0), (Outcome::CallerLeft, 6));
}

#[tokio::test]
async fn a_caller_that_breaks_off_its_upload_is_a_row() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    let whole = chat(stage.secret(0), &marked(stage.correlation, 9));
    caller.send(&whole[..whole.len() - 3]).await;
    drop(caller);
    let row = stage.next_row().await;
    assert_eq!((row.outcome, row.status, row.read), (Outcome::CallerLeft, 0, NOT_REACHED));
    assert_eq!((row.exchange.0, row.key_use), (9, 1));
}

#[tokio::test]
async fn a_caller_that_leaves_a_stream_is_a_row_with_what_it_got() {
    let reply = json!({ "text": "one two", "stream": { "first_event": "0ms", "gap": "1h" } });
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "reply": reply })).await;
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), STREAMED_PING)).await;
    caller.wait_for("\"one\"").await;
    drop(caller);
    let row = stage.next_row().await;
    assert_eq!((row.outcome, row.status), (Outcome::CallerLeft, 200));
    assert_ne!(row.head, NOT_REACHED);
    assert_eq!(row.text_hash, dialect::TextHash::of("one"));
}

#[tokio::test]
async fn a_request_that_is_no_http_is_garbled() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        stage.secret(0)
    );
    caller.send(&format!("{head}5\r\nhello\r\nnonsense\r\n")).await;
    let row = stage.next_row().await;
    assert_eq!((row.outcome, row.status, row.read, row.body_hash), (Outcome::Garbled, 0, NOT_REACHED, 0));
}

#[tokio::test]
async fn stopping_lets_open_requests_end_and_writes_them_down() {
    let stage = Stage::set(with_latency("150ms")).await;
    let mut idle = stage.caller().await;
    let mut asking = stage.caller().await;
    asking.send(&chat(stage.secret(0), PING)).await;
    // An answer that comes at once, on a connection that was opened later, shows that the other request has been taken.
    let mut other = stage.caller().await;
    other.send(&request("GET /v1/models", stage.secret(0), "")).await;
    assert_eq!(other.reply().await.status, 200);
    let (seen, reply) = tokio::join!(stage.leave(), asking.reply());
    assert_eq!(reply.status, 200);
    assert!(idle.is_closed().await);
    assert_eq!(seen.rows.len(), 2);
    assert!(seen.rows.iter().all(|row| row.outcome == Outcome::Complete), "{:?}", seen.rows);
}

#[tokio::test]
async fn dropping_the_upstreams_ends_them() {
    let stage = Stage::set(with_latency("1h")).await;
    let (_, address) = stage.upstreams.addresses().next().unwrap();
    let mut caller = stage.caller().await;
    caller.send(&chat(stage.secret(0), PING)).await;
    drop(stage);
    assert!(caller.is_closed().await);
    assert!(soon(tokio::net::TcpStream::connect(address)).await.is_err());
}
