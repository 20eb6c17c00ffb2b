//! The functional client against servers that answer, break off, send garbage, or never end.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::Receiver;

use record::{Clock, Correlation, ErrorShape, NOT_REACHED, NameTable, fact_channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn surroundings() -> (Surroundings, Receiver<Fact>) {
    let (facts, received) = fact_channel();
    let names = NameTable::new(facts.clone());
    let next_exchange = Arc::new(AtomicU32::new(0));
    let (clock, correlation) = (Clock::start(), Correlation::new(5));
    (Surroundings { clock, correlation, next_exchange, facts, names }, received)
}

fn ask() -> Request {
    let body = format!("{{\"prompt\":\"ping {}\"}}", Request::mark_place()).into_bytes();
    Request {
        name: NameId::NONE,
        method: Method::Post,
        path: "/v1/chat/completions".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        mark_at: Request::find_mark(&body),
        body,
        dialect: dialect::Dialect::Openai,
        streamed: false,
        model: NameId::NONE,
    }
}

fn client(address: SocketAddr) -> (Client, Receiver<Fact>) {
    let (surroundings, facts) = surroundings();
    let client =
        Client::new(address, Some(("authorization", "Bearer mine")), Duration::from_secs(2), surroundings);
    (client.unwrap(), facts)
}

/// A server that reads a request's head and body, sends these bytes, and closes.
async fn raw(reply: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4_096];
        while !seen.ends_with(b"\"}") {
            let count = socket.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the client left");
            seen.extend_from_slice(&buffer[..count]);
        }
        // A client that has seen enough may be gone by now.
        drop(socket.write_all(&reply).await);
    });
    address
}

async fn outcome(reply: &[u8]) -> Got {
    let (client, _facts) = client(raw(reply.to_vec()).await);
    client.send(NameId::NONE, &ask()).await
}

#[tokio::test]
async fn a_plain_answer_is_read_with_its_usage() {
    let server = MockServer::start().await;
    let answer = r#"{"choices":[{"message":{"content":"pong"},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}"#;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(body_string_contains("[sp:000000000005:00000000]"))
        .and(wiremock::matchers::header("authorization", "Bearer mine"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(answer, "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    let (client, _facts) = client(*server.address());
    let got = client.send(NameId::NONE, &ask()).await;
    assert_eq!((got.row.status, got.row.outcome, got.row.output_tokens), (200, Outcome::Complete, 3));
    assert_eq!(got.row.text_hash, dialect::TextHash::of("pong"));
    assert_eq!(got.body, answer.as_bytes());
}

#[tokio::test]
async fn an_error_is_read_in_its_dialect_with_its_hint() {
    let server = MockServer::start().await;
    let error = r#"{"error":{"message":"slow","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    let reply =
        ResponseTemplate::new(429).insert_header("retry-after", "7").set_body_raw(error, "application/json");
    Mock::given(method("POST")).respond_with(reply).mount(&server).await;
    let (client, facts) = client(*server.address());
    let row = client.send(NameId::NONE, &ask()).await.row;
    assert_eq!((row.status, row.error_shape, row.hint_ms), (429, ErrorShape::Openai, 7_000));
    assert!(row.error.is_some());
    drop(client);
    let exchanges = facts.iter().filter(|fact| matches!(fact, Fact::Exchange(_))).count();
    assert_eq!(exchanges, 1);
}

#[tokio::test]
async fn nothing_is_followed_and_nothing_is_tried_again() {
    let server = MockServer::start().await;
    let away = ResponseTemplate::new(307).insert_header("location", "/elsewhere");
    Mock::given(method("POST")).respond_with(away).expect(1).mount(&server).await;
    let (client, _facts) = client(*server.address());
    assert_eq!(client.send(NameId::NONE, &ask()).await.row.status, 307);
}

#[tokio::test]
async fn a_stream_is_read_event_by_event() {
    let event = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let body = format!("{}{}data: [DONE]\n\n", event("po"), event("ng"));
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let row = outcome(reply.as_bytes()).await.row;
    assert_eq!(
        (row.outcome, row.terminated, row.text_hash),
        (Outcome::Complete, true, dialect::TextHash::of("pong"))
    );
    assert_ne!(row.first_content, NOT_REACHED);
}

#[tokio::test]
async fn a_response_that_breaks_off_is_cut_and_never_whole() {
    for reply in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
    ] {
        assert_eq!(outcome(reply.as_bytes()).await.row.outcome, Outcome::Cut, "{reply:?}");
    }
}

#[tokio::test]
async fn garbage_is_garbled() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(100_000));
    for reply in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 2OO OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        many.as_str(),
    ] {
        assert_eq!(outcome(reply.as_bytes()).await.row.outcome, Outcome::Garbled, "{:?}", &reply[..20]);
    }
}

#[tokio::test]
async fn a_body_without_end_is_left_at_the_cap() {
    let mut reply = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
    reply.resize(crate::reading::MOST_BODY + 1_000_000, b'x');
    let got = outcome(&reply).await;
    assert_eq!(got.row.outcome, Outcome::Garbled);
    assert!(got.body.len() <= crate::reading::MOST_BODY);
}

#[tokio::test]
async fn a_target_that_is_down_refuses_and_one_that_is_silent_times_out() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let (refused, _facts) = client(gone);
    assert_eq!(refused.send(NameId::NONE, &ask()).await.row.outcome, Outcome::Refused);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (surroundings, _facts) = surroundings();
    let client =
        Client::new(silent.local_addr().unwrap(), None, Duration::from_millis(50), surroundings).unwrap();
    let row = client.send(NameId::NONE, &ask()).await.row;
    assert_eq!((row.outcome, row.status), (Outcome::TimedOut, 0));
}
