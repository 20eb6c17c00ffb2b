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

/// A model whose provider has the first word, with a fallback for outages and `more`; all others answer.
fn particular(provider: &Provider, more: &str) -> ConfigFile {
    let names = ["narrow", "spare", "wide"];
    let pool = |name: &str| {
        format!(
            "  {name}: {{ dialect: openai, base_url: 'http://{}/{name}', keys: [{{ name: k, secret: sk-{name} }}] }}\n",
            provider.address
        )
    };
    ConfigFile::new(&format!(
        "providers:\n{}max_request: 100000\nmodels:\n  chat: {{ provider: narrow, retries: 0, fallbacks: [other], {more} }}\n  \
         other: {{ provider: spare }}\n  long: {{ provider: wide, window: 8000 }}\n",
        names.map(pool).concat()
    ))
}

#[tokio::test]
async fn what_a_provider_finds_fault_with_goes_to_whom_the_settings_name_for_it_and_nowhere_else() {
    let cases = [
        ("context_length_exceeded", "larger: [long]", 200, vec!["sk-narrow", "sk-wide"]),
        ("context_length_exceeded", "lenient: [long]", 400, vec!["sk-narrow"]),
        ("content_policy_violation", "lenient: [long]", 200, vec!["sk-narrow", "sk-wide"]),
        ("content_policy_violation", "larger: [long]", 400, vec!["sk-narrow"]),
        // A window that is no larger could only say the same.
        ("context_length_exceeded", "larger: [long], window: 8000", 400, vec!["sk-narrow"]),
        ("model_not_found", "larger: [long], lenient: [long]", 400, vec!["sk-narrow"]),
    ];
    for (code, more, status, keys) in cases {
        let body = format!(r#"{{"error":{{"message":"m","type":"invalid_request_error","code":"{code}"}}}}"#);
        let provider =
            Provider::start(
                move |attempt| {
                    if attempt.key() == "sk-narrow" { answer(400, &[], &body) } else { success() }
                },
            )
            .await;
        let router = start_router(&particular(&provider, more), None).await;
        assert_eq!(
            (ask(&router).await.status, provider.keys()),
            (status, keys.into_iter().map(str::to_owned).collect()),
            "{code} {more}"
        );
    }
}

#[tokio::test]
async fn a_prompt_that_is_known_to_be_too_long_is_not_put_to_a_window_that_it_does_not_fit() {
    let provider = Provider::start(|_| success()).await;
    let router = start_router(&particular(&provider, "window: 1000, larger: [long]"), None).await;
    let ask = |words: usize| {
        let text = "word ".repeat(words);
        send(post(
            &router,
            format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"{text}"}}]}}"#),
        ))
    };
    assert_eq!(ask(10).await.status, 200);
    assert_eq!(ask(2_000).await.status, 200);
    // It fits nobody, so the provider has the word.
    assert_eq!(ask(10_000).await.status, 200);
    assert_eq!(ask(30_000).await.status, 413);
    assert_eq!(provider.keys(), ["sk-narrow", "sk-wide", "sk-narrow"]);
}
