//! What passes through the router: bytes, streams, breaks and headers.

use std::time::Duration;

use crate::support::*;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A provider whose streams the test feeds: each attempt hands over the sender of its frames.
async fn streaming() -> (Provider, mpsc::UnboundedReceiver<Frames>) {
    let (hand_over, streams) = mpsc::unbounded_channel();
    let provider = Provider::start(move |_| {
        let (sender, answer) = frames();
        hand_over.send(sender).unwrap();
        answer
    })
    .await;
    (provider, streams)
}

async fn raw_request(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{ASK}",
        ASK.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Everything until the connection ends, however it ends.
async fn read_to_the_end(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = timeout(SOON, stream.read(&mut buffer)).await.unwrap() {
        received.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn the_first_chunk_arrives_while_the_provider_is_still_writing() {
    let (provider, mut streams) = streaming().await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let asked = tokio::spawn(client().request(post(&router, ASK)));
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from("data: one\n\n"))).await.unwrap();
    let mut response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
    let first = timeout(SOON, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "data: one\n\n");
    frames.send(Ok(Bytes::from("data: [DONE]\n\n"))).await.unwrap();
    drop(frames);
    let rest = timeout(SOON, response.collect()).await.unwrap().unwrap().to_bytes();
    assert_eq!(rest, "data: [DONE]\n\n");
}

#[tokio::test]
async fn a_stream_that_is_cut_does_not_end_cleanly_and_is_not_retried() {
    let (provider, mut streams) = streaming().await;
    let config = ConfigFile::with_keys(provider.address, 2, "");
    let router = start_router(&config, None).await;
    let mut stream = raw_request(router.address()).await;
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from("data: one\n\n"))).await.unwrap();
    frames.send(Err(std::io::Error::other("cut"))).await.unwrap();
    let received = read_to_the_end(&mut stream).await;
    assert!(received.contains("data: one"), "{received}");
    assert!(!received.contains("\r\n0\r\n"), "no last chunk: {received}");
    assert_eq!(provider.keys().len(), 1);
}

#[tokio::test]
async fn a_stream_framed_by_the_connection_alone_must_have_its_last_event() {
    for (tail, complete) in [("data: [DONE]\n\n", true), ("", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = ConfigFile::with_keys(listener.local_addr().unwrap(), 1, ", retries: 0");
        let router = start_router(&config, None).await;
        let mut client = raw_request(router.address()).await;
        let (mut upstream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        let mut buffer = [0; 4096];
        assert!(upstream.read(&mut buffer).await.unwrap() > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        upstream.write_all(format!("{head}data: one\n\n{tail}").as_bytes()).await.unwrap();
        drop(upstream);
        let received = read_to_the_end(&mut client).await;
        if complete {
            assert!(received.contains("[DONE]") && received.ends_with("\r\n0\r\n\r\n"), "{received}");
        } else {
            assert!(!received.contains("\r\n0\r\n"), "{received}");
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_takes_the_providers_request_with_it() {
    let (provider, mut streams) = streaming().await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let stream = raw_request(router.address()).await;
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from("data: one\n\n"))).await.unwrap();
    drop(stream);
    // The provider learns of it although it sends nothing more.
    timeout(SOON, frames.closed()).await.expect("the provider's request is aborted");
}

#[tokio::test]
async fn a_client_that_goes_ends_the_retries() {
    let (asked, mut attempts) = mpsc::unbounded_channel();
    let provider = Provider::start(move |_| {
        asked.send(()).unwrap();
        answer(503, &[("retry-after", "1")], "")
    })
    .await;
    let config = ConfigFile::with_keys(provider.address, 1, ", retries: 5");
    let router = start_router(&config, None).await;
    let stream = raw_request(router.address()).await;
    timeout(SOON, attempts.recv()).await.unwrap().unwrap();
    drop(stream);
    let further = timeout(Duration::from_millis(1_500), attempts.recv()).await;
    assert!(further.is_err(), "no attempt after the client has gone");
}

#[tokio::test]
async fn a_stalled_stream_is_broken_off() {
    let (provider, mut streams) = streaming().await;
    let config = ConfigFile::with_keys(provider.address, 1, ", timeout: 200ms");
    let router = start_router(&config, None).await;
    let mut stream = raw_request(router.address()).await;
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from("data: one\n\n"))).await.unwrap();
    let received = read_to_the_end(&mut stream).await;
    assert!(received.contains("data: one") && !received.contains("\r\n0\r\n"), "{received}");
    timeout(SOON, frames.closed()).await.expect("the provider's request is aborted");
}

#[tokio::test]
async fn the_request_reaches_the_provider_byte_by_byte_without_the_callers_credentials() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let body = r#"{ "model" : "chat", "big": 123456789012345678901234567890, "x": null, "é": "\u00e9" }"#;
    let mut request = post(&router, body);
    for (name, value) in [
        ("authorization", "Bearer caller-secret"),
        ("x-api-key", "caller-secret"),
        ("cookie", "caller-secret"),
        ("idempotency-key", "idem-1"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    assert_eq!(send(request).await.status, 200);
    let attempt = &provider.attempts()[0];
    assert_eq!(attempt.path, "/v1/chat/completions");
    assert_eq!(attempt.body, body);
    assert_eq!(attempt.headers.get_all("authorization").iter().count(), 1);
    assert_eq!(attempt.key(), "sk-1");
    assert_eq!(attempt.headers["idempotency-key"], "idem-1");
    assert!(!format!("{:?}", attempt.headers).contains("caller-secret"));
    assert!(!attempt.headers.contains_key("x-hop"));
}

#[tokio::test]
async fn only_the_models_name_is_changed_and_every_attempt_has_the_same_body() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(5) } else { success() }).await;
    let config = ConfigFile::with_keys(provider.address, 2, ", model: gpt-4o-mini");
    let router = start_router(&config, None).await;
    assert_eq!(send(post(&router, r#"{"a": 1.0,"model": "chat" ,"b":2}"#)).await.status, 200);
    for attempt in provider.attempts() {
        assert_eq!(attempt.body, r#"{"a": 1.0,"model": "gpt-4o-mini" ,"b":2}"#);
    }
    assert_eq!(provider.keys().len(), 2);
}

#[tokio::test]
async fn a_providers_error_about_the_request_is_relayed_once_and_as_it_is() {
    let body = r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"},"x":1}"#;
    for status in [400, 404, 413, 422] {
        let provider = Provider::start(move |_| answer(status, &[("x-request-id", "r1")], body)).await;
        let config = ConfigFile::with_keys(provider.address, 2, "");
        let router = start_router(&config, None).await;
        let got = ask(&router).await;
        assert_eq!((got.status, got.body.as_ref()), (status, body.as_bytes()));
        assert_eq!(got.headers["x-provider-request-id"], "r1");
        assert_eq!(provider.keys().len(), 1);
        assert_eq!(ask(&router).await.status, status);
        assert_eq!(provider.keys(), ["sk-1", "sk-2"], "the key stays in rotation");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_or_silent_gives_a_gateway_error() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ConfigFile::with_keys(closed.local_addr().unwrap(), 1, ", retries: 1");
    drop(closed);
    let router = start_router(&config, None).await;
    let got = ask(&router).await;
    assert_eq!((got.status, got.error_code().as_str()), (502, "provider_unreachable"));
    assert_eq!(got.headers["x-router-attempts"], "2");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ConfigFile::with_keys(silent.local_addr().unwrap(), 1, ", retries: 0, timeout: 100ms");
    let router = start_router(&config, None).await;
    let got = ask(&router).await;
    assert_eq!((got.status, got.error_code().as_str()), (504, "provider_timeout"));
}

#[tokio::test]
async fn a_whole_answer_keeps_its_length() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let got = ask(&router).await;
    assert_eq!(got.headers["content-length"], got.body.len().to_string().as_str());
    let uri = format!("http://{}/v1/chat/completions", router.address());
    let wrong = send(Request::get(uri).body(Full::default()).unwrap()).await;
    assert_eq!((wrong.status, wrong.headers["allow"].to_str().unwrap()), (405, "POST"));
}
