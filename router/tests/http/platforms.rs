//! Providers that speak OpenAI's dialect and are asked in ways of their own: Azure, and engines on one's own machine.

use router::Router;
use serde_json::json;

use crate::support::*;

/// One provider of a platform at a base path, and the model `chat`, which it calls `gpt-x`.
async fn router_for(provider: &Provider, platform: &str, base: &str, more: &str) -> Router {
    let text = format!(
        "providers:\n  one: {{ dialect: {platform}, base_url: 'http://{}{base}'{more} }}\nmodels:\n  \
         chat: {{ provider: one, model: gpt-x, retries: 0 }}\nhealth: {{ every: 1h }}\n",
        provider.address
    );
    start_router(&ConfigFile::new(&text), None).await
}

const KEYS: &str = ", keys: [{ name: k1, secret: az-1 }, { name: k2, secret: az-2 }]";

async fn embed(router: &Router) -> Got {
    send(post_as(router, "/v1/embeddings", "caller", r#"{"model":"chat","input":"a"}"#)).await
}

fn any_answer(attempt: &Attempt) -> Answer {
    match attempt.path.rsplit('/').next() {
        Some("embeddings") => answer(200, &[], r#"{"object":"list","data":[{"embedding":[1]}]}"#),
        Some("responses") => answer(200, &[], r#"{"object":"response","output":[]}"#),
        Some("models") => answer(200, &[], r#"{"data":[]}"#),
        _ => success(),
    }
}

/// What work was asked for at a provider: path, query. Health checks are none.
fn asked(provider: &Provider) -> Vec<(String, String)> {
    let work = provider.attempts().into_iter().filter(|attempt| !attempt.path.ends_with("/models"));
    work.map(|attempt| (attempt.path, attempt.query)).collect()
}

#[tokio::test]
async fn azure_is_asked_by_deployment_and_version_with_its_own_header_for_the_key() {
    let provider = Provider::start(any_answer).await;
    let router = router_for(&provider, "azure", "", &format!("{KEYS}, api_version: 2025-01-01")).await;
    assert_eq!(ask(&router).await.status, 200);
    assert_eq!(embed(&router).await.status, 200);
    let response = r#"{"model":"chat","input":"ping"}"#;
    assert_eq!(send(post_as(&router, "/v1/responses", "caller", response)).await.status, 200);
    let message = r#"{"model":"chat","max_tokens":9,"messages":[{"role":"user","content":"ping"}]}"#;
    assert_eq!(send(post_as(&router, "/v1/messages", "caller", message)).await.status, 200);
    let deployment =
        |path: &str| (format!("/openai/deployments/gpt-x{path}"), "api-version=2025-01-01".to_owned());
    let expected = [
        deployment("/chat/completions"),
        deployment("/embeddings"),
        ("/openai/v1/responses".to_owned(), String::new()),
        deployment("/chat/completions"),
    ];
    assert_eq!(asked(&provider), expected);
    for attempt in provider.attempts() {
        assert!(attempt.headers["api-key"].to_str().unwrap().starts_with("az-"), "{attempt:?}");
        assert!(!attempt.headers.contains_key("authorization"), "{attempt:?}");
    }
}

#[tokio::test]
async fn azure_below_its_v1_is_asked_as_openai_but_for_the_header() {
    let provider = Provider::start(any_answer).await;
    let router = router_for(&provider, "azure", "/openai/v1", KEYS).await;
    assert_eq!((ask(&router).await.status, embed(&router).await.status), (200, 200));
    let path = |path: &str| (format!("/openai/v1{path}"), String::new());
    assert_eq!(asked(&provider), [path("/chat/completions"), path("/embeddings")]);
    assert!(provider.attempts().iter().all(|attempt| attempt.headers.contains_key("api-key")));
}

#[tokio::test]
async fn a_limit_of_azure_rests_its_key_for_as_long_as_its_words_or_headers_say() {
    for (headers, message, wait) in [
        (&[("x-ms-retry-after-ms", "4000")][..], "m", "4"),
        (&[], "Requests have exceeded call rate limit. Please retry after 7 seconds.", "7"),
    ] {
        let body = json!({ "error": { "code": "429", "message": message } }).to_string();
        let provider = Provider::start(move |_| answer(429, headers, &body)).await;
        let router = router_for(&provider, "azure", "", KEYS).await;
        let got = ask(&router).await;
        assert_eq!((got.status, got.headers["retry-after"].to_str().unwrap()), (429, wait), "{message}");
        assert_eq!(asked(&provider).len(), 2, "both keys were tried");
    }
}

#[tokio::test]
async fn a_quota_in_front_of_azure_is_no_wrong_key() {
    let body =
        r#"{"error":{"code":"403","message":"Out of call volume quota. Quota will be replenished later."}}"#;
    let provider = Provider::start(|_| answer(403, &[], body)).await;
    let router = router_for(&provider, "azure", "", KEYS).await;
    let got = ask(&router).await;
    assert_eq!((got.status, got.error_code().as_str()), (503, "insufficient_quota"));
}

#[tokio::test]
async fn an_engine_of_ones_own_is_asked_without_a_key_or_with_one_that_is_listed() {
    for (platform, base, path) in [
        ("ollama", "", "/v1/chat/completions"),
        ("ollama", "/v1", "/v1/chat/completions"),
        ("vllm", "", "/v1/chat/completions"),
    ] {
        let provider = Provider::start(any_answer).await;
        let router = router_for(&provider, platform, base, "").await;
        assert_eq!((ask(&router).await.status, embed(&router).await.status), (200, 200));
        let keyed = router_for(&provider, platform, base, ", keys: [{ name: k, secret: own }]").await;
        assert_eq!(ask(&keyed).await.status, 200);
        let attempts: Vec<_> =
            provider.attempts().into_iter().filter(|attempt| !attempt.path.ends_with("/models")).collect();
        assert_eq!((attempts[0].path.as_str(), attempts[1].path.as_str()), (path, "/v1/embeddings"));
        assert!(!attempts[0].headers.contains_key("authorization"), "{platform}");
        assert_eq!(attempts[2].key(), "own");
        assert_eq!(attempts[0].json()["model"], "gpt-x");
    }
}

#[tokio::test]
async fn what_azure_says_of_its_filters_before_the_first_choice_is_not_told_to_clients_of_openai() {
    let filters = "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n";
    let rest = concat!(
        "data: {\"id\":\"c\",\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"pong\"}}]}\n\n",
        "data: {\"id\":\"c\",\"model\":\"gpt-x\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    let provider = Provider::start(move |_| stream(&format!("{filters}{rest}"))).await;
    let router = router_for(&provider, "azure", "", KEYS).await;
    let got = send(post(&router, r#"{"model":"chat","stream":true,"messages":[]}"#)).await;
    assert_eq!((got.status, got.body.as_ref()), (200, rest.as_bytes()));
    let message =
        r#"{"model":"chat","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"ping"}]}"#;
    let got = send(post_as(&router, "/v1/messages", "caller", message)).await;
    let told = String::from_utf8(got.body.to_vec()).unwrap();
    assert!(told.contains("\"pong\"") && told.contains("message_stop"), "{told}");
}
