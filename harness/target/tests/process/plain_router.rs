//! The plain router of the fixtures, which is nobody's reference: it starts from its profile like any target, and does
//! what its profile claims.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use stormproof_target::RunningTarget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
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
            let wait = if label == "first" { "20" } else { "30" };
            ResponseTemplate::new(429)
                .insert_header("retry-after", wait)
                .set_body_json(json!({ "error": { "message": "too much", "code": label } }))
        } else {
            ResponseTemplate::new(200).set_body_json(answer_of(label))
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

fn answer_of(label: &str) -> serde_json::Value {
    json!({ "choices": [{ "message": { "role": "assistant", "content": label } }] })
}

pub(crate) async fn the_plain_router_moves_on_from_a_limited_key_and_leaves_it_alone() {
    let server = upstream(&["first"]).await;
    let (_world, target) = started(&format!("{}/v1", server.uri())).await;
    for _ in 0..4 {
        let answer = ask(&target, false).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), answer_of("second"));
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 5);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let models = client.get(target.base_url() + "/v1/models").send().await.unwrap();
    assert_eq!(models.json::<serde_json::Value>().await.unwrap()["data"][0]["id"], "chat");
    assert!(!target.stop().await.killed);
}

pub(crate) async fn the_plain_router_tells_when_the_first_key_is_free_and_asks_none_until_then() {
    let server = upstream(&["first", "second"]).await;
    let (_world, target) = started(&format!("{}/v1", server.uri())).await;
    let asked = ask(&target, false).await;
    assert_eq!((asked.status().as_u16(), &asked.headers()["retry-after"]), (429, &"20".parse().unwrap()));
    let unasked = ask(&target, false).await;
    assert_eq!((unasked.status().as_u16(), &unasked.headers()["retry-after"]), (503, &"20".parse().unwrap()));
    for answer in [asked, unasked] {
        let error = answer.json::<serde_json::Value>().await.unwrap();
        assert!(error["error"]["message"].is_string() && error["error"]["type"].is_string(), "{error}");
    }
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
        let label = answer["choices"][0]["message"]["content"].as_str().unwrap();
        *served.entry(label.to_owned()).or_default() += 1;
    }
    served
}

/// A provider that takes one request for a stream and sends these pieces of it, the ones after the first when it is told to.
async fn streams(pieces: [&'static str; 2], told: oneshot::Receiver<()>) -> (String, JoinHandle<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let provider = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(client.read_buf(&mut request).await.unwrap(), 0);
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(format!("{:x}\r\n{}\r\n", pieces[0].len(), pieces[0]).as_bytes()).await.unwrap();
        told.await.unwrap();
        client.write_all(format!("{:x}\r\n{}\r\n", pieces[1].len(), pieces[1]).as_bytes()).await.unwrap();
        client
    });
    (base_url, provider)
}

const A_WORD: &str = "data: {\"id\":\"a\",\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";

pub(crate) async fn the_plain_router_relays_a_stream_as_it_comes() {
    let (seen, was_seen) = oneshot::channel();
    let (base_url, provider) = streams([A_WORD, "data: [DONE]\n\n"], was_seen).await;
    let (_world, target) = started(&base_url).await;
    let mut answer = ask(&target, true).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"data: {\"id\": \"a\"") && first.ends_with(b"}\n\n"), "{first:?}");
    // The rest is only sent once the client has the first piece: a router that collects answers never gets it.
    seen.send(()).unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "data: [DONE]\n\n");
    assert_eq!(answer.chunk().await.unwrap(), None);
    provider.await.unwrap();
}

pub(crate) async fn the_plain_router_does_not_complete_a_stream_that_was_cut() {
    let (seen, was_seen) = oneshot::channel();
    let (base_url, provider) = streams([A_WORD, ": and no more\n\n"], was_seen).await;
    let (_world, target) = started(&base_url).await;
    let mut answer = ask(&target, true).await;
    assert!(answer.chunk().await.unwrap().is_some());
    seen.send(()).unwrap();
    drop(provider.await.unwrap());
    let last = answer.chunk().await.unwrap().unwrap();
    assert!(last.starts_with(b"data: {\"error\": {"), "{last:?}");
    assert_eq!(answer.chunk().await.unwrap(), None, "and nothing that says that it is whole");
}

pub(crate) async fn the_plain_router_refuses_in_its_own_words_what_it_cannot_serve() {
    // Nobody listens on the address of the world.
    let (_world, target) = started("http://127.0.0.1:9/v1").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = target.base_url() + "/v1/chat/completions";
    for (body, status) in [
        (r#"{ "model": "chat", "messages": [] }"#, 502),
        (r#"{ "model": "unknown", "messages": [] }"#, 404),
        (r#"{ "model": "chat" }"#, 400),
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
