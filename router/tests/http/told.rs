//! What the head of an answer tells: an id, the attempts, the cost; and the client that wants no other model.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::*;
use crate::tenants::{completion, config};

const CHAT: &str = "/v1/chat/completions";
const WHOLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"pong\"}}]}\n\ndata: [DONE]\n\n";

/// Answers of many kinds, errors among them, and how often the provider was asked for each.
async fn answers_of_many_kinds(defect: Option<&str>) -> (Vec<Got>, Vec<String>) {
    let provider = Provider::start(|a| match a.json()["messages"][0]["content"].as_str() {
        Some("bad") => answer(400, &[("x-request-id", "theirs")], r#"{"error":{"message":"m","type":"t"}}"#),
        Some("broken") => answer(500, &[], ""),
        _ if a.json()["stream"] == true => stream(WHOLE),
        _ => completion(),
    })
    .await;
    let router = start_router(&config(&provider, ""), defect).await;
    let mut got = Vec::new();
    for body in [
        ASK,
        ASK,
        r#"{"model":"chat","stream":true,"messages":[]}"#,
        r#"{"model":"chat","messages":[{"content":"bad"}]}"#,
        r#"{"model":"chat","messages":[{"content":"broken"}]}"#,
        r#"{"model":"nope"}"#,
        "{",
    ] {
        let seen = provider.attempts().len();
        let one = send(post_as(&router, CHAT, "acme-1", body)).await;
        let attempts = provider.attempts().len() - seen;
        assert_eq!(one.headers["x-router-attempts"], attempts.to_string().as_str(), "{body}");
        got.push(one);
    }
    got.push(send(post_as(&router, CHAT, "nobody", ASK)).await);
    got.push(send(post_as(&router, "/v1/messages", "nobody", ASK)).await);
    got.push(get(&router, "/nothing").await);
    got.push(get(&router, "/health/liveness").await);
    let upstream = |attempt: &Attempt| attempt.headers["x-request-id"].to_str().unwrap().to_owned();
    (got, provider.attempts().iter().map(upstream).collect())
}

fn ids(got: &[Got]) -> BTreeSet<String> {
    got.iter().map(|one| one.headers["x-request-id"].to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_that_the_provider_sees_but_with_the_defect() {
    let (got, upstream) = answers_of_many_kinds(None).await;
    assert_eq!(ids(&got).len(), got.len());
    let expected = [0, 1, 2, 3, 4, 4, 4].map(|at| got[at].headers["x-request-id"].to_str().unwrap());
    assert_eq!(upstream, expected);
    assert_eq!(got[3].headers["x-provider-request-id"], "theirs");
    let (got, _) = answers_of_many_kinds(Some("gives-one-id-to-all")).await;
    assert_eq!(ids(&got).len(), 1);
}

#[tokio::test]
async fn a_client_cannot_choose_the_id() {
    let provider = Provider::start(|_| success()).await;
    let router = start_router(&ConfigFile::with_keys(provider.address, 1, ""), None).await;
    let mut request = post(&router, ASK);
    request.headers_mut().insert("x-request-id", "mine".parse().unwrap());
    let got = send(request).await;
    assert_ne!(got.headers["x-request-id"], "mine");
    assert_eq!(provider.attempts()[0].headers["x-request-id"], got.headers["x-request-id"]);
}

#[tokio::test]
async fn the_cost_in_the_head_is_the_one_in_the_ledger_but_with_the_defect() {
    for (defect, is_same) in [(None, true), (Some("tells-another-cost"), false)] {
        let body = json!({ "choices": [{}], "usage": {
            "prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": { "cached_tokens": 40 },
        } });
        let provider = Provider::start(move |_| answer(200, &[], &body.to_string())).await;
        let router = start_router(&config(&provider, ""), defect).await;
        let got = send(post_as(&router, CHAT, "acme-1", ASK)).await;
        let row = &rows(&router, 1).await[0];
        assert_eq!(
            (row["id"].as_str(), row["cost"].as_u64()),
            (got.headers["x-request-id"].to_str().ok(), Some(342))
        );
        assert_eq!(got.headers["x-router-cost"] == "0.000342", is_same, "{got:?}");
    }
}

#[tokio::test]
async fn a_failure_is_told_to_cost_nothing_and_a_stream_tells_no_cost() {
    let provider =
        Provider::start(|a| if a.json()["stream"] == true { stream(WHOLE) } else { answer(500, &[], "") })
            .await;
    let router = start_router(&config(&provider, ""), None).await;
    let failed = send(post_as(&router, CHAT, "acme-1", ASK)).await;
    assert_eq!((failed.status, failed.headers["x-router-cost"].to_str().unwrap()), (500, "0.000000"));
    let streamed =
        send(post_as(&router, CHAT, "acme-1", r#"{"model":"chat","stream":true,"messages":[]}"#)).await;
    assert!(streamed.status == 200 && !streamed.headers.contains_key("x-router-cost"));
    assert_eq!(streamed.headers["x-router-attempts"], "1");
}

#[tokio::test]
async fn reasoning_is_priced_in_its_own_class_whole_and_streamed() {
    let usage = json!({
        "prompt_tokens": 100, "completion_tokens": 50, "completion_tokens_details": { "reasoning_tokens": 30 },
    });
    let provider = Provider::start(move |a| {
        if a.json()["stream"] == true {
            let usage = json!({ "choices": [], "usage": usage });
            return stream(&WHOLE.replace("data: [DONE]", &format!("data: {usage}\n\ndata: [DONE]")));
        }
        answer(200, &[], &json!({ "choices": [{}], "usage": usage }).to_string())
    })
    .await;
    let text = std::fs::read_to_string(&config(&provider, "").0).unwrap();
    let text = text.replace("output: 15000000", "output: 15000000, reasoning: 60000000");
    let router = start_router(&ConfigFile::new(&text), None).await;
    for ask in [ASK, r#"{"model":"chat","stream":true,"messages":[]}"#] {
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ask)).await.status, 200);
    }
    for row in rows(&router, 2).await {
        let tokens = &row["tokens"];
        assert_eq!((tokens["output"].as_u64(), tokens["reasoning"].as_u64()), (Some(50), Some(30)));
        assert_eq!(row["cost"], 300 + 20 * 15 + 30 * 60);
    }
}

fn two_models(first: &Provider, second: &Provider) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  first: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: a, secret: sk-1 }}] }}\n  \
         second: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: b, secret: sk-2 }}] }}\n\
         models:\n  chat: {{ provider: first, retries: 1, backoff: {{ base: 1ms }}, fallbacks: [spare] }}\n  spare: {{ provider: second }}\n",
        first.address, second.address
    ))
}

#[tokio::test]
async fn a_client_that_wants_no_other_model_gets_none_but_with_the_defect() {
    for (defect, asked) in [(None, 0), (Some("falls-back-anyway"), 2)] {
        let first =
            Provider::start(|a| if a.json()["stream"] == true { stream("") } else { answer(500, &[], "") })
                .await;
        let second =
            Provider::start(|a| if a.json()["stream"] == true { stream(WHOLE) } else { success() }).await;
        let router = start_router(&two_models(&first, &second), defect).await;
        for body in [ASK, r#"{"model":"chat","stream":true,"messages":[]}"#] {
            let mut request = post(&router, body);
            request.headers_mut().insert("x-router-no-fallbacks", "true".parse().unwrap());
            assert_eq!(send(request).await.status == 200, asked > 0);
        }
        assert_eq!(second.attempts().len(), asked);
        assert!(
            first.attempts().iter().all(|attempt| !attempt.headers.contains_key("x-router-no-fallbacks"))
        );
        let mut request = post(&router, ASK);
        request.headers_mut().insert("x-router-no-fallbacks", "false".parse().unwrap());
        assert_eq!(send(request).await.status, 200);
    }
}

#[tokio::test]
async fn attempts_of_all_models_are_told_but_with_the_defect() {
    for (defect, told) in [(None, "3"), (Some("counts-the-last-model-only"), "1")] {
        let first = Provider::start(|_| answer(500, &[], "")).await;
        let second = Provider::start(|_| success()).await;
        let router = start_router(&two_models(&first, &second), defect).await;
        let got = ask(&router).await;
        assert_eq!((got.status, got.headers["x-router-attempts"].to_str().unwrap()), (200, told));
    }
}
