//! The functional client against servers that answer, break off, send garbage, or never end.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use record::{Clock, Correlation, ErrorShape, FactReceiver, NOT_REACHED, NameTable, fact_channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::allowance::Allowance;
use crate::request::Method;
use crate::sdk::Sdk;
use crate::sending::{Leaving, Pace};

fn surroundings() -> (Surroundings, FactReceiver) {
    let (facts, received) = fact_channel();
    let names = NameTable::new(facts.clone());
    let next_exchange = Arc::new(AtomicU32::new(0));
    let (clock, correlation) = (Clock::start(), Correlation::new(5));
    let recorded = Recorded { texts: true, ..Recorded::default() };
    let allowance = Allowance::default();
    (Surroundings { clock, correlation, next_exchange, facts, names, recorded, allowance }, received)
}

fn ask() -> Request {
    let body = format!("{{\"prompt\":\"ping {}\"}}", Request::mark_place()).into_bytes();
    Request {
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        authorization: Some(("authorization".to_owned(), "Bearer mine".to_owned())),
        body,
        ..Request::new(Method::Post, "/v1/chat/completions".to_owned())
    }
}

fn client() -> (Client, FactReceiver) {
    let (surroundings, facts) = surroundings();
    (Client::new(Duration::from_secs(2), surroundings).unwrap(), facts)
}

/// Sends a plain request.
async fn send(client: &Client, to: SocketAddr) -> Got {
    client.send(to, NameId::NONE, &ask(), &Sending::default()).await.unwrap()
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
    let (client, _facts) = client();
    send(&client, raw(reply.to_vec()).await).await
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
    let (client, _facts) = client();
    let got = send(&client, *server.address()).await;
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
    let (client, facts) = client();
    let row = send(&client, *server.address()).await.row;
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
    let (client, _facts) = client();
    assert_eq!(send(&client, *server.address()).await.row.status, 307);
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
    let (refused, _facts) = client();
    assert_eq!(send(&refused, gone).await.row.outcome, Outcome::Refused);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (surroundings, _facts) = surroundings();
    let client = Client::new(Duration::from_millis(50), surroundings).unwrap();
    let row = send(&client, silent.local_addr().unwrap()).await.row;
    assert_eq!((row.outcome, row.status), (Outcome::TimedOut, 0));
}

/// A server that answers one connection with these bytes, one part after the other with a pause between, and goes on until the
/// client has left.
async fn in_parts(parts: Vec<String>, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        drop(socket.read(&mut [0; 4_096]).await);
        for part in parts {
            if socket.write_all(part.as_bytes()).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    });
    address
}

fn stream_of(contents: usize) -> Vec<String> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_owned();
    let content = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n".to_owned();
    std::iter::once(head).chain(vec![content; contents]).collect()
}

#[tokio::test]
async fn a_client_leaves_when_it_has_had_enough() {
    let (client, _facts) = client();
    let to = in_parts(stream_of(200), Duration::from_millis(5)).await;
    let sending = Sending { leaving: Some(Leaving::Contents(4)), ..Sending::default() };
    let got = client.send(to, NameId::NONE, &ask(), &sending).await.unwrap();
    assert_eq!((got.row.outcome, got.row.contents, got.text.as_str()), (Outcome::CallerLeft, 4, "xxxx"));
    let to = in_parts(stream_of(200), Duration::from_millis(20)).await;
    let sending = Sending { leaving: Some(Leaving::After(Duration::from_millis(80))), ..Sending::default() };
    let got = client.send(to, NameId::NONE, &ask(), &sending).await.unwrap();
    assert_eq!(got.row.outcome, Outcome::CallerLeft);
    assert!((80_000..1_000_000).contains(&got.row.ended), "{}", got.row.ended);
}

#[tokio::test]
async fn what_comes_together_with_the_last_content_that_a_client_wants_is_not_read() {
    let (client, _facts) = client();
    let whole = format!("{}data: [DONE]\n\n", stream_of(200).concat());
    for contents in [0, 1, 4] {
        let sending = Sending { leaving: Some(Leaving::Contents(contents)), ..Sending::default() };
        let to = raw(whole.clone().into_bytes()).await;
        let got = client.send(to, NameId::NONE, &ask(), &sending).await.unwrap();
        assert_eq!((got.row.outcome, got.row.contents), (Outcome::CallerLeft, contents));
        assert_eq!((got.text.len(), got.row.terminated), (contents as usize, false));
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_takes_its_time() {
    let (client, _facts) = client();
    let body = "x".repeat(1_000);
    let to = raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{body}").into_bytes()).await;
    let reads = Some(Pace { bytes: 300, every: Duration::from_millis(20) });
    let got = client.send(to, NameId::NONE, &ask(), &Sending { reads, ..Sending::default() }).await.unwrap();
    assert_eq!((got.row.outcome, got.body.len()), (Outcome::Complete, 1_000));
    assert!(got.row.ended >= 60_000, "{}", got.row.ended);
}

#[tokio::test]
async fn a_client_that_writes_slowly_takes_its_time_and_leaves_nothing_out() {
    let (client, _facts) = client();
    // The server answers once the body has come to its end.
    let to = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let writes = Some(Pace { bytes: 50, every: Duration::from_millis(20) });
    let got = client.send(to, NameId::NONE, &ask(), &Sending { writes, ..Sending::default() }).await.unwrap();
    assert_eq!((got.row.outcome, got.row.status), (Outcome::Complete, 200));
    let length = ask().to_wire(&to.to_string(), Correlation::new(5)).marked(record::ExchangeId(0)).len();
    let least = u32::try_from(length.div_ceil(50) - 1).unwrap() * 20_000;
    assert!(least > 0 && got.row.ended >= least, "{} of {least}", got.row.ended);
}

#[tokio::test]
async fn a_client_tries_again_as_its_library_does() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after-ms", "20");
    Mock::given(method("POST")).respond_with(busy).up_to_n_times(2).mount(&server).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).expect(1).mount(&server).await;
    let (client, facts) = client();
    let sending = Sending { sdk: Some(Sdk::AnthropicPython), ..Sending::default() };
    let got = client.send(*server.address(), NameId::NONE, &ask(), &sending).await.unwrap();
    assert_eq!(got.row.status, 200);
    drop(client);
    let rows = facts.iter().filter_map(|fact| match fact {
        Fact::Exchange(row) => Some(row.status),
        _ => None,
    });
    assert_eq!(rows.collect::<Vec<_>>(), [429, 429, 200]);
}

#[tokio::test]
async fn raw_bytes_go_out_as_they_are_and_what_comes_back_is_read() {
    let (seen, received) = tokio::sync::oneshot::channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4_096];
        let count = socket.read(&mut buffer).await.unwrap();
        drop(seen.send(buffer[..count].to_vec()));
        drop(socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await);
    });
    let (client, _facts) = client();
    let bytes = b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello";
    let got =
        client.send(to, NameId::NONE, &Request::raw(bytes.to_vec()), &Sending::default()).await.unwrap();
    assert_eq!((got.row.status, got.row.outcome), (400, Outcome::Complete));
    assert_eq!(received.await.unwrap(), bytes);
}

#[tokio::test]
async fn a_long_request_that_is_refused_unread_is_answered_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        drop(socket.read(&mut [0; 1_024]).await);
        drop(socket.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await);
        // The rest of the request stays unread while the answer is on its way.
        tokio::time::sleep(Duration::from_millis(500)).await;
    });
    let (client, _facts) = client();
    let request = Request { body: vec![b'x'; 32 * 1024 * 1024], ..ask() };
    let got = client.send(to, NameId::NONE, &request, &Sending::default()).await.unwrap();
    assert_eq!((got.row.status, got.row.outcome), (413, Outcome::Complete));
}

#[tokio::test]
async fn asking_tells_the_evidence_nothing() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let (client, facts) = client();
    let health = Request::new(Method::Get, "/health".to_owned());
    assert_eq!(client.ask(*server.address(), &health).await, Some(204));
    drop(client);
    assert_eq!(facts.iter().count(), 0);
}

#[tokio::test]
async fn no_more_is_sent_than_is_allowed_retries_included() {
    let to =
        raw(b"HTTP/1.1 503 Service Unavailable\r\nretry-after-ms: 1\r\ncontent-length: 0\r\n\r\n".to_vec())
            .await;
    let (mut surroundings, facts) = surroundings();
    surroundings.allowance = Allowance::of(Some(2), None);
    let client = Client::new(Duration::from_secs(5), surroundings).unwrap();
    let sending = Sending { sdk: Some(Sdk::OpenaiPython), ..Sending::default() };
    let got = client.send(to, NameId::NONE, &ask(), &sending).await;
    assert_eq!(got.err(), Some(Cap::Requests));
    let sent = facts.try_iter().filter(|fact| matches!(fact, Fact::Exchange(_))).count();
    assert_eq!(sent, 2, "the third try was one too many");
}
