//! What a client may send, and how long it may take: whoever goes beyond is told so in its own dialect, and cut.

use std::time::Duration;

use router::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::*;

/// A path of each dialect, with where its errors have their kind, and the word for a status there.
const SURFACES: [(&str, &str); 3] = [
    ("/v1/chat/completions", "/error/type"),
    ("/v1/messages", "/error/type"),
    ("/v1beta/models/chat:generateContent", "/error/status"),
];

/// A router whose settings hold these limits, and the provider behind it.
async fn limited_to(requests: &str) -> (Provider, Router) {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let text = std::fs::read_to_string(&config.0).unwrap();
    std::fs::write(&config.0, format!("{text}max_request: 2000\nrequests: {requests}\n")).unwrap();
    let router = start_router(&config, None).await;
    (provider, router)
}

/// What the router writes on a connection to its end.
async fn read_to_the_end(stream: &mut TcpStream) -> String {
    let mut came = Vec::new();
    // Reading may end with a reset, as the router does not read what it has refused.
    timeout(SOON, stream.read_to_end(&mut came)).await.expect("the router closes the connection").ok();
    String::from_utf8(came).unwrap()
}

/// Asserts that an answer is the refusal of a status, in the shape of its path.
fn assert_refused(answer: &str, status: u16, (path, kind): (&str, &str)) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-type: application/json"), "{path}: {head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let word = body.pointer(kind).and_then(|kind| kind.as_str()).unwrap_or_default();
    assert!(!word.is_empty(), "{path}: {body}");
    assert!(!body["error"]["message"].as_str().unwrap().is_empty(), "{path}: {body}");
    assert_eq!(body["type"] == "error", path == "/v1/messages", "{path}: {body}");
}

/// What is answered to a request that is written whole and keeps no connection open.
async fn answer_to(router: &Router, request: &str) -> String {
    let mut stream = TcpStream::connect(router.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to_the_end(&mut stream).await
}

fn head(path: &str, more: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n")
}

#[tokio::test]
async fn a_head_beyond_the_limits_is_refused_in_the_dialect_of_its_path() {
    let (provider, router) = limited_to("{ max_head: 2048, max_headers: 10 }").await;
    let many: String = (0..9).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(2_048));
    for surface in SURFACES {
        for more in [&many, &long] {
            let request = format!("{}{ASK}", head(surface.0, more, ASK.len()));
            assert_refused(&answer_to(&router, &request).await, 431, surface);
        }
    }
    assert_eq!(provider.attempts().len(), 0);
    let few: String = (0..7).map(|number| format!("x-{number}: 1\r\n")).collect();
    for more in [few, format!("x-long: {}\r\n", "a".repeat(1_500))] {
        let request = format!("{}{ASK}", head(SURFACES[0].0, &more, ASK.len()));
        assert!(answer_to(&router, &request).await.starts_with("HTTP/1.1 200 "), "{more}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_in_the_dialect_of_its_path() {
    let (provider, router) = limited_to("{}").await;
    for surface in SURFACES {
        // Announced, and not announced.
        let announced = head(surface.0, "", 5_000);
        let chunk = format!("{:x}\r\n{}\r\n", 3_000, "a".repeat(3_000));
        let chunked = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}",
            surface.0
        );
        for request in [announced, chunked] {
            assert_refused(&answer_to(&router, &request).await, 413, surface);
        }
    }
    assert_eq!(provider.attempts().len(), 0);
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_told_so_and_cut() {
    let (provider, router) = limited_to("{ head_within: 300ms }").await;
    for surface in SURFACES {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(router.address()).await.unwrap();
        stream.write_all(format!("POST {}?a=b HTTP/1.1\r\nhost: x\r\n", surface.0).as_bytes()).await.unwrap();
        let (mut from_router, mut to_router) = stream.into_split();
        // A header now and then keeps nothing open.
        let dripping = tokio::spawn(async move {
            while to_router.write_all(b"x-drip: 1\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut came = Vec::new();
        timeout(SOON, from_router.read_to_end(&mut came)).await.expect("it is cut").ok();
        assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
        assert_refused(&String::from_utf8(came).unwrap(), 408, surface);
        dripping.abort();
    }
    assert_eq!(provider.attempts().len(), 0);
}

#[tokio::test]
async fn a_client_that_never_ends_its_body_is_told_so_and_cut() {
    let (provider, router) = limited_to("{ body_within: 300ms }").await;
    for surface in SURFACES {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(router.address()).await.unwrap();
        stream.write_all(head(surface.0, "", 500).as_bytes()).await.unwrap();
        stream.write_all(b"{\"model\":").await.unwrap();
        let answer = read_to_the_end(&mut stream).await;
        assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
        assert_refused(&answer, 408, surface);
    }
    assert_eq!(provider.attempts().len(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let (_provider, router) = limited_to("{ head_within: 300ms }").await;
    let mut stream = TcpStream::connect(router.address()).await.unwrap();
    assert_eq!(read_to_the_end(&mut stream).await, "");
    let mut used = TcpStream::connect(router.address()).await.unwrap();
    let request = format!("{}{ASK}", head(SURFACES[0].0, "", ASK.len()).replace("connection: close\r\n", ""));
    used.write_all(request.as_bytes()).await.unwrap();
    let answers = read_to_the_end(&mut used).await;
    assert!(answers.starts_with("HTTP/1.1 200 ") && answers.matches("HTTP/1.1").count() == 1, "{answers}");
}
