//! Fallbacks: another provider answers when the first cannot, also when it says so inside of a stream.

use crate::support::*;

const ASK_STREAM: &str = r#"{"model":"chat","stream":true,"messages":[]}"#;
const ROLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const OVERLOADED: &str =
    "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":\"server_is_overloaded\"}}\n\n";
const WHOLE: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"pong\"}}]}\n\ndata: [DONE]\n\n";

fn config(first: &Provider, second: &Provider, more: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  first: {{ dialect: openai, base_url: http://{}/v1, keys: [{{ name: a, secret: sk-1 }}] }}\n  \
         second: {{ dialect: openai, base_url: http://{}/v1, keys: [{{ name: b, secret: sk-2 }}] }}\n\
         models:\n  chat: {{ provider: first, retries: 0, fallbacks: [spare] }}\n  \
         spare: {{ provider: second, model: other, retries: 0 }}\n{more}",
        first.address, second.address
    ))
}

fn plain_overload() -> Answer {
    answer(503, &[], r#"{"error":{"message":"m","type":"server_error","code":"server_is_overloaded"}}"#)
}

#[tokio::test]
async fn an_error_before_the_first_content_of_a_stream_falls_back_like_a_plain_one() {
    for begin in [OVERLOADED.to_owned(), ROLE.to_owned() + OVERLOADED, ROLE.to_owned(), String::new()] {
        let first = Provider::start(move |_| stream(&begin)).await;
        let second = Provider::start(|_| stream(WHOLE)).await;
        for more in ["", "admin: { secret: boss }\n"] {
            let router = start_router(&config(&first, &second, more), None).await;
            let got = send(post(&router, ASK_STREAM)).await;
            assert_eq!((got.status, got.body.as_ref()), (200, WHOLE.as_bytes()));
            assert_eq!(got.headers["x-router-provider"], "second");
            assert_eq!(got.headers["x-router-attempts"], "2");
            assert_eq!(second.attempts()[0].json()["model"], "other");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_silent_before_its_first_content_falls_back() {
    let mut silent = Vec::new();
    let first = Provider::start(move |_| {
        let (sender, answer) = frames();
        sender.try_send(Ok(ROLE.into())).unwrap();
        silent.push(sender);
        answer
    })
    .await;
    let second = Provider::start(|_| stream(WHOLE)).await;
    let config = config(&first, &second, "");
    let text = std::fs::read_to_string(&config.0).unwrap();
    let patient = text.replace("fallbacks: [spare]", "fallbacks: [spare], timeouts: { first_content: 50ms }");
    let router = start_router(&ConfigFile::new(&patient), None).await;
    let got = send(post(&router, ASK_STREAM)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, WHOLE.as_bytes()));
}

#[tokio::test]
async fn the_defect_takes_a_head_for_success_passes_the_error_on() {
    let first = Provider::start(|_| stream(&(OVERLOADED.to_owned() + "data: [DONE]\n\n"))).await;
    let second = Provider::start(|_| stream(WHOLE)).await;
    let router = start_router(&config(&first, &second, ""), Some("takes-a-head-for-success")).await;
    let got = send(post(&router, ASK_STREAM)).await;
    assert!(String::from_utf8_lossy(&got.body).contains("server_is_overloaded"));
    assert!(second.attempts().is_empty());
}

#[tokio::test]
async fn a_success_that_is_no_answer_is_a_failure_like_any_other() {
    for body in [
        r#"{"error":{"message":"m","code":"server_is_overloaded"}}"#,
        "<html>",
        "",
        "{\"choices\":[",
        "[]",
        r#"{"status":"ok"}"#,
        r#"{"choices":[]}"#,
    ] {
        let first = Provider::start(move |_| answer(200, &[], body)).await;
        let second = Provider::start(|_| success()).await;
        for more in ["", "admin: { secret: boss }\n"] {
            let router = start_router(&config(&first, &second, more), None).await;
            let got = ask(&router).await;
            assert_eq!((got.status, &got.headers["x-router-provider"]), (200, &"second".parse().unwrap()));
        }
        let router = start_router(&ConfigFile::with_keys(first.address, 1, ", retries: 0"), None).await;
        let got = ask(&router).await;
        assert!(got.status >= 500 && got.json()["error"]["message"].is_string(), "{got:?}");
    }
}

#[tokio::test]
async fn what_is_about_the_provider_falls_back_and_what_is_about_the_request_does_not() {
    let cases: [(fn() -> Answer, bool); 5] = [
        (plain_overload, true),
        (|| limited(20), true),
        (|| answer(401, &[], ""), true),
        (|| answer(400, &[], ""), false),
        (|| answer(404, &[], ""), false),
    ];
    for (reply, falls_back) in cases {
        let first = Provider::start(move |_| reply()).await;
        let second = Provider::start(|_| success()).await;
        let router = start_router(&config(&first, &second, ""), None).await;
        let got = ask(&router).await;
        assert_eq!((got.status == 200, second.attempts().len() == 1), (falls_back, falls_back));
    }
}

#[tokio::test]
async fn with_nobody_left_the_last_one_has_the_word_and_one_row_tells_of_all() {
    let first = Provider::start(|_| limited(20)).await;
    let second = Provider::start(|_| plain_overload()).await;
    let router = start_router(&config(&first, &second, "admin: { secret: boss }\n"), None).await;
    assert_eq!(ask(&router).await.status, 503);
    let row = &rows(&router, 1).await[0];
    assert_eq!((row["provider"].as_str(), row["attempts"].as_u64()), (Some("second"), Some(2)));
    assert_eq!((row["model"].as_str(), row["provider_model"].as_str()), (Some("chat"), Some("other")));
}
