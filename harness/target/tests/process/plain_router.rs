//! The plain router of the fixtures, which is nobody's reference: it starts from its profile like any target, and does
//! what its profile claims.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use stormproof_target::RunningTarget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{World, topology};

pub(crate) fn python_is_there() -> bool {
    Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success())
}

fn profile() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/targets/plain.yaml")
}

async fn started(base_url: &str) -> (World, RunningTarget) {
    let mut world = World::new();
    world.topology = topology(base_url);
    let target = world.start(&profile()).await.unwrap_or_else(|error| panic!("{error}"));
    (world, target)
}

async fn ask(target: &RunningTarget, stream: bool) -> reqwest::Response {
    let body =
        json!({ "model": "chat", "messages": [{ "role": "user", "content": "ping" }], "stream": stream });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.post(target.base_url() + "/v1/chat/completions").json(&body).send().await.unwrap()
}

fn bearer(label: &str) -> String {
    format!("Bearer sk-storm-{label}-0123456789")
}

/// An upstream that limits some keys and answers the others.
async fn upstream(limited: &[&str]) -> MockServer {
    let server = MockServer::start().await;
    for label in ["first", "second"] {
        let reply = if limited.contains(&label) {
            ResponseTemplate::new(429)
                .insert_header("retry-after", "20")
                .set_body_json(json!({ "error": label }))
        } else {
            ResponseTemplate::new(200).set_body_json(json!({ "served_by": label }))
        };
        Mock::given(method("POST"))
            .and(path("/v1/chat/completions"))
            .and(header("authorization", bearer(label)))
            .and(body_partial_json(json!({ "model": "gpt-4o-mini" })))
            .respond_with(reply)
            .mount(&server)
            .await;
    }
    server
}

pub(crate) async fn the_plain_router_moves_on_from_a_limited_key() {
    let server = upstream(&["first"]).await;
    let (_world, target) = started(&format!("{}/v1", server.uri())).await;
    for _ in 0..4 {
        let answer = ask(&target, false).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), json!({ "served_by": "second" }));
    }
    // Every second request begins with the limited key, since nothing is remembered of it.
    assert_eq!(server.received_requests().await.unwrap().len(), 6);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let models = client.get(target.base_url() + "/v1/models").send().await.unwrap();
    assert_eq!(models.json::<serde_json::Value>().await.unwrap()["data"][0]["id"], "chat");
    assert!(!target.stop().await.killed);
}

pub(crate) async fn the_plain_router_relays_the_last_refusal_when_every_key_is_limited() {
    let server = upstream(&["first", "second"]).await;
    let (_world, target) = started(&format!("{}/v1", server.uri())).await;
    let answer = ask(&target, false).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "20");
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), json!({ "error": "second" }));
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

pub(crate) async fn the_plain_router_takes_its_keys_in_turn_whoever_asks() {
    let server = upstream(&[]).await;
    let (_world, target) = started(&format!("{}/v1", server.uri())).await;
    let answers = served_at_once(&target, 40).await;
    assert_eq!(answers, HashMap::from([("first".to_owned(), 20), ("second".to_owned(), 20)]));
}

/// How often each key served, when so many ask at once.
async fn served_at_once(target: &RunningTarget, count: usize) -> HashMap<String, usize> {
    let mut asked = tokio::task::JoinSet::new();
    let url = target.base_url() + "/v1/chat/completions";
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..count {
        let request = client.post(&url).json(&json!({ "model": "chat", "messages": [] }));
        asked.spawn(async move { request.send().await.unwrap().json::<serde_json::Value>().await.unwrap() });
    }
    let mut served = HashMap::new();
    for answer in asked.join_all().await {
        *served.entry(answer["served_by"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    served
}

pub(crate) async fn the_plain_router_relays_a_stream_as_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (seen, was_seen) = oneshot::channel();
    let upstream = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(client.read_buf(&mut request).await.unwrap(), 0);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        client.write_all(format!("{head}8\r\ndata: 1\n\r\n").as_bytes()).await.unwrap();
        // The rest is only sent once the client has the first piece: a router that collects answers never gets it.
        was_seen.await.unwrap();
        client.write_all(b"8\r\ndata: 2\n\r\n0\r\n\r\n").await.unwrap();
        client
    });
    let (_world, target) = started(&base_url).await;
    let mut answer = ask(&target, true).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 1\n");
    seen.send(()).unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: 2\n");
    assert_eq!(answer.chunk().await.unwrap(), None);
    upstream.await.unwrap();
}

pub(crate) async fn the_plain_router_does_not_complete_an_answer_that_was_cut() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nnot a hundred",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let upstream = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                assert_ne!(client.read_buf(&mut request).await.unwrap(), 0);
            }
            client.write_all(answer.as_bytes()).await.unwrap();
        });
        let (_world, target) = started(&base_url).await;
        let cut = ask(&target, false).await;
        assert_eq!(cut.status(), 200);
        assert!(cut.bytes().await.is_err(), "{answer}");
        upstream.await.unwrap();
    }
}

pub(crate) async fn the_plain_router_refuses_in_its_own_words_what_it_cannot_serve() {
    // Nobody listens on the address of the world.
    let (_world, target) = started("http://127.0.0.1:9/v1").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = target.base_url() + "/v1/chat/completions";
    for (body, status) in [
        (r#"{ "model": "chat", "messages": [] }"#, 502),
        (r#"{ "model": "unknown" }"#, 404),
        (r#"{ "model": [1] }"#, 400),
        ("[]", 400),
        ("{", 400),
        ("\u{fffd}", 400),
    ] {
        let answer = client.post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{body}");
        let refusal: serde_json::Value = answer.json().await.unwrap();
        assert!(refusal["error"]["message"].is_string() && refusal["error"]["type"].is_string(), "{refusal}");
    }
}
