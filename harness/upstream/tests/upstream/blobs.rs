//! Files that a service keeps: what comes back is what was sent, whole, in part, or not at all.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::rest::ask;
use crate::stage::{Reply, Stage};

fn store(defects: &[&str]) -> Value {
    json!({ "dialect": "rest", "defects": defects, "resources": {
        "artifacts": { "path": "/artifacts", "blobs": { "most": "24MiB", "room": "40MiB" } } } })
}

async fn upload(stage: &Stage, headers: &str, body: &[u8]) -> Reply {
    let mut caller = stage.caller().await;
    let length = body.len();
    let head = format!("POST /artifacts HTTP/1.1\r\nhost: u\r\n{headers}content-length: {length}\r\n\r\n");
    caller.send(&head).await;
    caller.send_bytes(body).await;
    caller.reply().await
}

async fn download(stage: &Stage, id: &str, headers: &str) -> (Reply, Vec<u8>) {
    let mut caller = stage.caller().await;
    caller.send(&format!("GET /artifacts/{id} HTTP/1.1\r\nhost: u\r\n{headers}\r\n")).await;
    caller.reply_of_bytes().await
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that repeat nowhere near.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index ^ (index >> 8) ^ (index >> 16)).to_le_bytes()[0]).collect()
}

#[tokio::test]
async fn bytes_and_texts_come_back_as_they_were() {
    let stage = Stage::set(store(&[])).await;
    let all: Vec<u8> = (0..=255).collect();
    let bodies: [&[u8]; 4] = [&all, "Grüße,\r\n世界\r\n".as_bytes(), b"", &bytes(1_000_003)];
    for (index, body) in bodies.into_iter().enumerate() {
        let made = upload(&stage, "content-type: text/x-odd\r\n", body).await;
        let id = format!("artifacts-{}", index + 1);
        assert_eq!((made.status, made.header("location")), (201, Some(format!("/artifacts/{id}").as_str())));
        let shown = made.json();
        assert_eq!((&shown["id"], &shown["size"]), (&json!(id), &json!(body.len())));
        assert_eq!((&shown["sha256"], &shown["type"]), (&json!(sha256(body)), &json!("text/x-odd")));
        let (reply, came) = download(&stage, &id, "").await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/x-odd")));
        assert_eq!(reply.header("etag"), Some(format!("\"{}\"", sha256(body)).as_str()));
        assert!(came == body, "{id} came back otherwise");
    }
    assert_eq!(ask(&stage, "GET /artifacts", "").await.json()["count"], 4);
}

#[tokio::test]
async fn a_large_file_goes_both_ways_and_one_too_large_is_refused() {
    let stage = Stage::set(store(&[])).await;
    let large = bytes(24 * 1024 * 1024);
    assert_eq!(upload(&stage, "", &large).await.json()["sha256"], sha256(&large));
    assert!(download(&stage, "artifacts-1", "").await.1 == large);
    let too_large = bytes(24 * 1024 * 1024 + 1);
    assert_eq!(upload(&stage, "", &too_large).await.status, 413);
    assert_eq!(upload(&stage, "", &large).await.status, 507, "there is room for 40 MiB");
    assert_eq!(ask(&stage, "GET /artifacts", "").await.json()["count"], 1);
    assert_eq!(ask(&stage, "DELETE /artifacts/artifacts-1", "").await.status, 204);
    assert_eq!(ask(&stage, "GET /artifacts/artifacts-1", "").await.status, 404);
    assert_eq!(upload(&stage, "", &large).await.status, 201, "what was deleted makes room");
}

#[tokio::test]
async fn a_part_of_a_file_is_asked_for_and_a_known_file_is_not_sent() {
    let stage = Stage::set(store(&[])).await;
    let tag = format!("\"{}\"", sha256(b"0123456789"));
    upload(&stage, "", b"0123456789").await;
    for (headers, status, range, body) in [
        ("range: bytes=2-4\r\n".to_owned(), 206, Some("bytes 2-4/10"), "234"),
        ("range: bytes=-3\r\n".to_owned(), 206, Some("bytes 7-9/10"), "789"),
        (format!("if-none-match: {tag}\r\n"), 304, None, ""),
        ("if-none-match: \"other\"\r\n".to_owned(), 200, None, "0123456789"),
    ] {
        let (reply, came) = download(&stage, "artifacts-1", &headers).await;
        assert_eq!((reply.status, reply.header("content-range")), (status, range), "{headers}");
        assert_eq!(
            (came.as_slice(), reply.header("etag")),
            (body.as_bytes(), Some(tag.as_str())),
            "{headers}"
        );
    }
    let (beyond, _) = download(&stage, "artifacts-1", "range: bytes=10-\r\n").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    let mut caller = stage.caller().await;
    caller.send("HEAD /artifacts/artifacts-1 HTTP/1.1\r\nhost: u\r\nconnection: close\r\n\r\n").await;
    let head = caller.rest().await;
    assert!(head.contains("content-length: 10\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn uploads_at_once_are_all_there_and_each_is_its_own() {
    let stage = Stage::set(store(&[])).await;
    let bodies: Vec<Vec<u8>> = (0..20).map(|index| bytes(300_000 + index)).collect();
    let mut callers = Vec::new();
    for body in &bodies {
        let mut caller = stage.caller().await;
        let length = body.len();
        caller
            .send(&format!(
                "POST /artifacts?name=n-{length} HTTP/1.1\r\nhost: u\r\ncontent-length: {length}\r\n\r\n"
            ))
            .await;
        callers.push(caller);
    }
    for (caller, body) in callers.iter_mut().zip(&bodies) {
        caller.send_bytes(body).await;
    }
    for caller in &mut callers {
        assert_eq!(caller.reply().await.status, 201);
    }
    let list = ask(&stage, "GET /artifacts", "").await.json();
    let mut digests: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["sha256"].as_str().unwrap()).collect();
    let mut expected: Vec<String> = bodies.iter().map(|body| sha256(body)).collect();
    digests.sort_unstable();
    expected.sort_unstable();
    assert_eq!(digests, expected);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_unless_that_is_the_defect() {
    for (defects, count) in [(&[][..], 0), (&["shows-partial-uploads"], 1)] {
        let stage = Stage::set(store(defects)).await;
        let mut caller = stage.caller().await;
        caller.send("POST /artifacts HTTP/1.1\r\nhost: u\r\ncontent-length: 1000\r\n\r\nonly this").await;
        drop(caller);
        stage.next_row().await;
        assert_eq!(ask(&stage, "GET /artifacts", "").await.json()["count"], count, "{defects:?}");
    }
}

#[tokio::test]
async fn a_store_that_takes_files_for_texts_corrupts_them() {
    let all: Vec<u8> = (0..=255).collect();
    for (defects, same) in [(&[][..], true), (&["corrupts-text"], false)] {
        let stage = Stage::set(store(defects)).await;
        upload(&stage, "", &all).await;
        assert_eq!(download(&stage, "artifacts-1", "").await.1 == all, same, "{defects:?}");
    }
}
