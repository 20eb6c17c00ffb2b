//! Each defect of the relay and of the border shows the fault that it is named for, and without it there is none.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::*;
use crate::tenants::{completion, config};

const CHAT: &str = "/v1/chat/completions";
const ASK_STREAM: &str = r#"{"model":"chat","stream":true,"messages":[]}"#;

fn chunk(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

/// A provider whose first stream breaks after its content, and whose later ones are whole.
async fn breaking() -> (Provider, tokio::sync::mpsc::UnboundedReceiver<Frames>) {
    let (hand_over, streams) = tokio::sync::mpsc::unbounded_channel();
    let mut first = true;
    let provider = Provider::start(move |_| {
        if !std::mem::take(&mut first) {
            return stream(&(chunk("one") + &chunk("two") + "data: [DONE]\n\n"));
        }
        let (sender, answer) = frames();
        hand_over.send(sender).unwrap();
        answer
    })
    .await;
    (provider, streams)
}

#[tokio::test]
async fn a_broken_stream_is_not_begun_again_but_by_the_defect() {
    for (defect, expected) in [(None, 1), (Some("begins-broken-streams-again"), 2)] {
        let (provider, mut streams) = breaking().await;
        let router = start_router(&ConfigFile::with_keys(provider.address, 2, ""), defect).await;
        let asked = tokio::spawn(client().request(post(&router, ASK_STREAM)));
        let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
        frames.send(Ok(Bytes::from(chunk("one")))).await.unwrap();
        frames.send(Err(std::io::Error::other("broken"))).await.unwrap();
        let mut response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
        let (mut received, mut is_whole) = (String::new(), true);
        while let Some(frame) = timeout(SOON, response.body_mut().frame()).await.unwrap() {
            let Ok(frame) = frame else {
                is_whole = false;
                break;
            };
            received.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        assert_eq!((received.matches("one").count(), is_whole), (expected, defect.is_some()));
        assert_eq!(provider.attempts().len(), expected);
    }
}

#[tokio::test]
async fn a_stream_without_its_end_mark_ends_cleanly_only_with_the_defect() {
    for more in ["", ", budget: 1 USD"] {
        for (defect, is_clean) in [(None, false), (Some("ends-cut-streams-cleanly"), true)] {
            let provider = Provider::start(|_| stream(&chunk("half"))).await;
            let router = start_router(&config(&provider, more), defect).await;
            let request = post_as(&router, CHAT, "acme-1", ASK_STREAM);
            let response = timeout(SOON, client().request(request)).await.unwrap().unwrap();
            let read = timeout(SOON, response.into_body().collect()).await.unwrap();
            assert_eq!(read.is_ok(), is_clean, "{defect:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_reaches_another_client_only_with_the_defect() {
    for (defect, may_differ) in [(None, false), (Some("mixes-up-answers"), true)] {
        let provider = Provider::start(|a| {
            answer(
                200,
                &[],
                &format!("{{\"choices\":[{{}}],\"echo\":{}}}", a.json()["messages"][0]["content"]),
            )
        })
        .await;
        let router = start_router(&ConfigFile::with_keys(provider.address, 2, ""), defect).await;
        let mut clients = JoinSet::new();
        for number in 0..20 {
            let ask = format!(r#"{{"model":"chat","messages":[{{"content":"{number}"}}]}}"#);
            let request = post(&router, ask);
            clients.spawn(async move { send(request).await.json()["echo"] == number.to_string().as_str() });
        }
        let own = clients.join_all().await.into_iter().filter(|is_own| *is_own).count();
        assert_eq!(own < 20, may_differ, "{defect:?}: {own} of 20");
    }
}

#[tokio::test]
async fn no_key_crosses_the_border_but_by_a_defect() {
    let seen = |headers: &http::HeaderMap, text: &str| {
        headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(text))
    };
    for (defect, passed_on, shown) in [
        (None, false, false),
        (Some("passes-the-callers-key-on"), true, false),
        (Some("shows-provider-keys"), false, true),
    ] {
        let provider = Provider::start(|_| completion()).await;
        let router = start_router(&config(&provider, ""), defect).await;
        let got = send(post_as(&router, CHAT, "acme-1", ASK)).await;
        assert_eq!(got.status, 200);
        assert_eq!(seen(&provider.attempts()[0].headers, "acme-1"), passed_on, "{defect:?}");
        assert_eq!(seen(&got.headers, "sk-1"), shown, "{defect:?}");
    }
}

#[tokio::test]
async fn errors_have_the_clients_shape_but_for_the_defect() {
    for (defect, kind) in [(None, "application/json"), (Some("answers-errors-in-plain-words"), "text/plain")]
    {
        let provider = Provider::start(|_| limited(5)).await;
        let router = start_router(&ConfigFile::with_keys(provider.address, 1, ""), defect).await;
        let got = ask(&router).await;
        assert_eq!((got.status, got.headers["content-type"].to_str().unwrap()), (429, kind));
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_keeps_others_waiting_only_with_the_defect() {
    for (defect, waits) in [(None, false), (Some("writes-with-few-writers"), true)] {
        let provider = Provider::start(|_| {
            let content = chunk(&"x".repeat(1_000)).repeat(20_000);
            stream(&(content + "data: [DONE]\n\n"))
        })
        .await;
        let router = start_router(&ConfigFile::with_keys(provider.address, 2, ""), defect).await;
        let mut idle = Vec::new();
        for _ in 0..4 {
            // The head has come, and so the stream has begun.
            idle.push(timeout(SOON, client().request(post(&router, ASK_STREAM))).await.unwrap().unwrap());
        }
        let patience = if waits { std::time::Duration::from_millis(200) } else { SOON };
        let fifth = timeout(patience, client().request(post(&router, ASK_STREAM))).await;
        assert_eq!(fifth.is_err(), waits, "{defect:?}");
    }
}

#[tokio::test]
async fn a_budget_stops_requests_but_for_the_defect() {
    for (defect, served) in [(None, 1), (Some("reports-budgets-only"), 4)] {
        let provider = Provider::start(|_| completion()).await;
        let router = start_router(&config(&provider, ", budget: 0.0004 USD"), defect).await;
        for _ in 0..4 {
            send(post_as(&router, CHAT, "acme-1", ASK)).await;
        }
        assert_eq!(provider.attempts().len(), served, "{defect:?}");
    }
}

#[tokio::test]
async fn what_is_no_json_ends_the_router_only_with_the_defect() {
    for (defect, statuses) in [(None, [Some(400), Some(200)]), (Some("dies-of-nonsense"), [None, None])] {
        let provider = Provider::start(|_| completion()).await;
        let config = ConfigFile::with_keys(provider.address, 1, "");
        let mut process = Process::of(tied(ROUTER).arg(&config.0).args(defect), "warn");
        let (address, _output) = process.listening();
        let status = async |body: &'static str| {
            let request = Request::post(format!("http://{address}{CHAT}"));
            let answered = client().request(request.body(Full::from(body)).unwrap());
            timeout(SOON, answered).await.unwrap().ok().map(|answer| answer.status().as_u16())
        };
        assert_eq!([status("{").await, status(ASK).await], statuses, "{defect:?}");
        match defect {
            None => assert!(process.0.try_wait().unwrap().is_none()),
            Some(_) => assert_eq!(process.0.wait().unwrap().code(), Some(101)),
        }
    }
}
