//! Tenants whose keys have run out, who may have only so many requests open, and whose budgets are fresh again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::support::*;
use crate::tenants::{completion, config};

const CHAT: &str = "/v1/chat/completions";
const ASK_STREAM: &str = r#"{"model":"chat","stream":true,"messages":[]}"#;
const CHUNK: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";

#[tokio::test]
async fn a_key_that_has_run_out_is_refused_in_each_dialect_but_with_the_defect() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ", expired: true"), None).await;
    let openai = send(post_as(&router, CHAT, "acme-1", ASK)).await;
    assert_eq!((openai.status, openai.error_code().as_str()), (401, "expired_api_key"));
    assert!(!String::from_utf8_lossy(&openai.body).contains("acme"));
    let native = send(post_as(&router, "/v1/messages", "acme-2", ASK)).await;
    assert_eq!((native.status, native.json()["error"]["type"].as_str()), (401, Some("authentication_error")));
    assert_eq!(operate(&router, "GET", "/v1/models", "acme-1").await.status, 401);
    assert_eq!(provider.keys().len(), 0);
    assert_eq!(send(post_as(&router, CHAT, "globex-1", ASK)).await.status, 200);
    let router = start_router(&config(&provider, ", expired: true"), Some("lets-expired-keys-in")).await;
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 200);
}

/// A provider whose streams the test writes, and whose whole answers come at once.
async fn streaming() -> (Provider, UnboundedReceiver<Frames>) {
    let (hand_over, streams) = tokio::sync::mpsc::unbounded_channel();
    let provider = Provider::start(move |a| match a.json()["messages"][0]["content"].as_str() {
        Some("fail") => answer(500, &[], ""),
        _ if a.json()["stream"] == true => {
            let (sender, answer) = frames();
            hand_over.send(sender).unwrap();
            answer
        }
        _ => completion(),
    })
    .await;
    (provider, streams)
}

/// How an open request comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Left,
    LeftBeforeTheHead,
}

/// Opens a stream with the one slot that there is, ends it, and tells whether the slot is free again.
async fn slot_comes_back(end: End, defect: Option<&str>) -> bool {
    let (provider, mut streams) = streaming().await;
    let router = start_router(&config(&provider, ", at_once: 1"), defect).await;
    let asked = tokio::spawn(client().request(post_as(&router, CHAT, "acme-1", ASK_STREAM)));
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    if end == End::LeftBeforeTheHead {
        asked.abort();
        timeout(SOON, frames.closed()).await.expect("the provider's request is aborted");
    } else {
        frames.send(Ok(Bytes::from(CHUNK))).await.unwrap();
        let response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
        let refused = send(post_as(&router, CHAT, "acme-2", ASK)).await;
        assert_eq!((refused.status, refused.error_code().as_str()), (429, "too_many_open_requests"));
        assert_eq!(
            (&refused.headers["retry-after"], &refused.headers["x-router-attempts"]),
            (&"1".parse().unwrap(), &"0".parse().unwrap())
        );
        assert_eq!(send(post_as(&router, CHAT, "globex-1", ASK)).await.status, 200, "others have their own");
        match end {
            End::Whole => {
                frames.send(Ok(Bytes::from("data: [DONE]\n\n"))).await.unwrap();
                timeout(SOON, response.into_body().collect()).await.unwrap().unwrap();
            }
            End::Cut => {
                drop(frames);
                timeout(SOON, response.into_body().collect()).await.unwrap().unwrap_err();
            }
            _ => {
                drop(response);
                timeout(SOON, frames.closed()).await.expect("the provider's request is aborted");
            }
        }
    }
    // A connection that broke is noticed a moment later.
    let patience = if defect.is_some() { Duration::from_millis(300) } else { SOON };
    let begin = Instant::now();
    while begin.elapsed() < patience {
        if send(post_as(&router, CHAT, "acme-1", ASK)).await.status == 200 {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_slot_comes_back_after_every_kind_of_end_but_with_the_defect() {
    for end in [End::Whole, End::Cut, End::Left, End::LeftBeforeTheHead] {
        assert!(slot_comes_back(end, None).await, "{end:?}");
    }
    for (end, comes_back) in [(End::Whole, true), (End::Cut, false), (End::Left, false)] {
        assert_eq!(slot_comes_back(end, Some("keeps-broken-requests-open")).await, comes_back, "{end:?}");
    }
}

#[tokio::test]
async fn plain_answers_errors_and_refusals_hold_no_slot() {
    let (provider, _streams) = streaming().await;
    let router = start_router(&config(&provider, ", at_once: 1"), None).await;
    let fail = r#"{"model":"chat","messages":[{"content":"fail"}]}"#;
    for (ask, status) in [(ASK, 200), (fail, 500), ("{", 400), (r#"{"model":"nope"}"#, 404), (ASK, 200)] {
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ask)).await.status, status, "{ask}");
    }
}

/// How many requests of two in a minute are left after one was refused for too many at once.
async fn left_after_a_refusal(defect: Option<&str>) -> u16 {
    let (provider, mut streams) = streaming().await;
    let router =
        start_router(&config(&provider, ", at_once: 1, requests_per_minute: 2, budget: 1 USD"), defect).await;
    let asked = tokio::spawn(client().request(post_as(&router, CHAT, "acme-1", ASK_STREAM)));
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from(CHUNK))).await.unwrap();
    let response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.error_code(), "too_many_open_requests");
    frames.send(Ok(Bytes::from("data: [DONE]\n\n"))).await.unwrap();
    timeout(SOON, response.into_body().collect()).await.unwrap().unwrap();
    send(post_as(&router, CHAT, "acme-1", ASK)).await.status
}

#[tokio::test]
async fn a_refusal_for_too_many_at_once_uses_up_no_rate_but_with_the_defect() {
    assert_eq!(left_after_a_refusal(None).await, 200);
    assert_eq!(left_after_a_refusal(Some("counts-refused-requests")).await, 429);
}

#[tokio::test]
async fn a_budget_is_fresh_again_when_its_time_has_come_but_with_the_defect() {
    for (defect, is_fresh) in [(None, true), (Some("renews-budgets-late"), false)] {
        let provider = Provider::start(|_| completion()).await;
        let router =
            start_router(&config(&provider, ", budget: 0.0004 USD, budget_per: 800ms"), defect).await;
        let ask = || send(post_as(&router, CHAT, "acme-1", ASK));
        assert_eq!(ask().await.status, 200);
        let refused = ask().await;
        assert_eq!((refused.status, refused.error_code().as_str()), (402, "budget_exceeded"));
        assert!(
            refused.headers.contains_key("retry-after") && !refused.headers.contains_key("x-should-retry")
        );
        tokio::time::sleep(Duration::from_millis(850)).await;
        assert_eq!(ask().await.status == 200, is_fresh, "{defect:?}");
    }
}

#[tokio::test]
async fn what_was_set_aside_comes_back_when_the_client_leaves_but_with_the_defect() {
    for (defect, comes_back) in [(None, true), (Some("keeps-reservations"), false)] {
        let (provider, mut streams) = streaming().await;
        // Less than what one request may cost at most, so that one reservation fills it.
        let router = start_router(&config(&provider, ", budget: 0.01 USD"), defect).await;
        let asked = tokio::spawn(client().request(post_as(&router, CHAT, "acme-1", ASK_STREAM)));
        let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
        frames.send(Ok(Bytes::from(CHUNK))).await.unwrap();
        let response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
        drop(response);
        timeout(SOON, frames.closed()).await.expect("the provider's request is aborted");
        let next = timeout(Duration::from_secs(2), send(post_as(&router, CHAT, "acme-1", ASK))).await;
        assert_eq!(next.is_ok_and(|got| got.status == 200), comes_back, "{defect:?}");
    }
}
