//! What an API is asked about a request whose reply was lost, and what the client is told then.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::Request;
use http_body_util::Full;
use router::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::*;

/// An API that is given each request's first line, and answers with these bytes before it closes the connection.
struct Raw {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Raw {
    async fn start(mut answer: impl FnMut(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_request(&mut stream).await else { continue };
                let line = head.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
                let answer = answer(&line);
                seen.lock().unwrap().push(line);
                stream.write_all(answer.as_bytes()).await.ok();
            }
        });
        Self { address, asked, server }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> Option<String> {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_lowercase();
        let announced = lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        if body.len() >= announced.map_or(0, |length| length.parse().unwrap()) {
            return Some(head.to_owned());
        }
    }
}

fn told(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

const LOST: String = String::new();
const LOOKUPS: &str = ", lookups: [{ path: /market/orders, ask: '/market/orders/{client_order_id}' }]";
const ORDER: &str = r#"{"client_order_id":"c/7","symbol":"TEST","quantity":100}"#;
const FOUND: &str = r#"{"client_order_id":"c/7","status":"OPEN"}"#;

async fn router_for(address: SocketAddr, other: SocketAddr, lookups: &str, more: &str) -> Router {
    start_router(
        &ConfigFile::new(&format!(
            "admin: {{ secret: boss }}\napis:\n  first: {{ base_url: 'http://{address}', keys: [{{ name: k, secret: s }}]{lookups}{more} }}\n  \
             second: {{ base_url: 'http://{other}' }}\nservices:\n  market:\n    path: /market\n    pools: [{{ api: first, priority: 1 }}, {{ \
             api: second, priority: 2 }}]\n    timeout: 1s\n    backoff: {{ base: 1ms, max: 2ms }}\n"
        )),
        None,
    )
    .await
}

async fn order(router: &Router, headers: &[(&str, &str)], body: &str) -> Got {
    let mut request = Request::post(format!("http://{}/market/orders", router.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn an_order_whose_reply_is_lost_is_looked_up_and_told_as_it_is_found() {
    let half = told("201 Created", FOUND);
    let (cut, in_head) = (half[..half.len() - 5].to_owned(), "HTTP/1.1 20".to_owned());
    for lost in [LOST, cut, in_head] {
        let api = Raw::start(move |line| match line.starts_with("POST") {
            true => lost.clone(),
            false => told("200 OK", FOUND),
        })
        .await;
        let other = Provider::start(|_| success()).await;
        let router = router_for(api.address, other.address, LOOKUPS, "").await;
        let got = order(&router, &[], ORDER).await;
        assert_eq!((got.status, got.body.as_ref()), (200, FOUND.as_bytes()));
        assert_eq!(got.headers["x-router-looked-up"], "true");
        assert_eq!(
            (
                got.headers["x-router-provider"].to_str().unwrap(),
                got.headers["x-router-attempts"].to_str().unwrap()
            ),
            ("first", "2")
        );
        assert_eq!(api.asked(), ["POST /market/orders", "GET /market/orders/c%2F7"]);
        assert_eq!(other.attempts().len(), 0, "nobody else gets the order");
        let audit = operate(&router, "GET", "/admin/audit", "boss").await.json();
        assert_eq!(audit["rows"][1]["reason"], "lookup");
    }
}

#[tokio::test]
async fn an_order_that_is_not_found_yet_is_looked_for_again_and_then_its_outcome_is_unknown() {
    let mut looks = 0;
    let api = Raw::start(move |line| {
        looks += usize::from(line.starts_with("GET"));
        match (line.starts_with("POST"), looks) {
            (true, _) => LOST,
            (_, 1 | 2) => told("404 Not Found", "{}"),
            _ => told("200 OK", FOUND),
        }
    })
    .await;
    let other = Provider::start(|_| success()).await;
    let router = router_for(api.address, other.address, LOOKUPS, "").await;
    assert_eq!(order(&router, &[], ORDER).await.body.as_ref(), FOUND.as_bytes());
    assert_eq!(api.asked().len(), 4);
    for (answer, looks) in [
        ("404 Not Found", 3),
        ("500 Internal Server Error", 3),
        ("403 Forbidden", 1),
        ("401 Unauthorized", 1),
    ] {
        let api =
            Raw::start(move |line| if line.starts_with("POST") { LOST } else { told(answer, "{}") }).await;
        let router = router_for(api.address, other.address, LOOKUPS, "").await;
        let got = order(&router, &[], ORDER).await;
        assert_eq!((got.status, got.error_code().as_str()), (502, "outcome_unknown"), "{answer}");
        assert!(!got.headers.contains_key("x-router-looked-up"));
        assert_eq!(api.asked().len(), 1 + looks, "{answer}");
    }
    assert_eq!(other.attempts().len(), 0);
}

#[tokio::test]
async fn what_has_no_name_of_its_own_or_no_lookup_is_unknown_at_once() {
    let other = Provider::start(|_| success()).await;
    for (lookups, body) in [
        ("", ORDER),
        (LOOKUPS, r#"{"symbol":"TEST"}"#),
        (LOOKUPS, r#"{"client_order_id":".."}"#),
        (LOOKUPS, ""),
    ] {
        let api = Raw::start(|_| LOST).await;
        let router = router_for(api.address, other.address, lookups, "").await;
        let got = order(&router, &[], body).await;
        assert_eq!(got.error_code(), "outcome_unknown", "{body}");
        assert_eq!(api.asked().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn an_order_with_an_idempotency_key_is_sent_again_and_looked_up_when_that_does_not_help() {
    let api = Raw::start(|line| if line.starts_with("POST") { LOST } else { told("200 OK", FOUND) }).await;
    let other = Provider::start(|_| success()).await;
    let router = router_for(api.address, other.address, LOOKUPS, "").await;
    let got = order(&router, &[("idempotency-key", "i-1")], ORDER).await;
    assert_eq!((got.status, got.body.as_ref()), (200, FOUND.as_bytes()));
    assert_eq!(api.asked().iter().filter(|line| line.starts_with("POST")).count(), 3, "two retries");
    assert_eq!(api.asked().len(), 4);
}

#[tokio::test]
async fn a_reply_that_comes_is_passed_on_as_it_is_and_nothing_is_looked_up() {
    for (status, code) in [("201 Created", 201), ("422 Unprocessable Entity", 422)] {
        let api = Raw::start(move |_| told(status, FOUND)).await;
        let other = Provider::start(|_| success()).await;
        let router = router_for(api.address, other.address, LOOKUPS, "").await;
        let got = order(&router, &[], ORDER).await;
        assert_eq!((got.status, got.body.as_ref()), (code, FOUND.as_bytes()));
        assert!(!got.headers.contains_key("x-router-looked-up"));
        assert_eq!(api.asked().len(), 1);
    }
}

#[tokio::test]
async fn looks_keep_the_limits_of_the_api() {
    let api = Raw::start(|line| if line.starts_with("POST") { LOST } else { told("200 OK", FOUND) }).await;
    let other = Provider::start(|_| success()).await;
    let router =
        router_for(api.address, other.address, LOOKUPS, ", limits: [{ requests: 1, per: 300ms }]").await;
    let begin = std::time::Instant::now();
    assert_eq!(order(&router, &[], ORDER).await.body.as_ref(), FOUND.as_bytes());
    assert!(begin.elapsed() >= std::time::Duration::from_millis(300), "{:?}", begin.elapsed());
}
