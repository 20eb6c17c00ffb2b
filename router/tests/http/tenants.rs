//! Tenants: who is let in, what they may ask for, and how far their budgets reach.

use crate::support::*;
use http::Request;
use http_body_util::Full;
use tokio::task::JoinSet;

const CHAT: &str = "/v1/chat/completions";

/// Two models at one provider; `acme` may use one of them, `globex` both.
pub(crate) fn config(provider: &Provider, acme: &str) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  openai:\n    dialect: openai\n    base_url: http://{}/v1\n    keys: [{{ name: k1, secret: sk-1 }}, {{ name: k2, secret: sk-2 }}]\n\
         models:\n  chat: {{ provider: openai, model: gpt }}\n  other: {{ provider: openai, model: gpt }}\n\
         prices:\n  gpt: {{ input: 3000000, cache_read: 300000, output: 15000000 }}\n\
         admin: {{ secret: boss }}\n\
         tenants:\n  acme: {{ keys: [acme-1, acme-2], models: [chat]{acme} }}\n  globex: {{ keys: [globex-1] }}\n",
        provider.address
    ))
}

/// An answer that costs 100 * 3 + 10 * 15 = 450 millionths of a dollar.
pub(crate) fn completion() -> Answer {
    let body = r#"{"object":"chat.completion","choices":[{"message":{"content":"pong"}}],"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}"#;
    answer(200, &[("x-ratelimit-remaining-requests", "4999"), ("x-ratelimit-limit-tokens", "9")], body)
}

#[tokio::test]
async fn only_known_keys_are_let_in_and_they_stay_here() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ""), None).await;
    let plain = |header: &'static str, value: &'static str| {
        let mut request = post(&router, ASK);
        request.headers_mut().insert(header, value.parse().unwrap());
        send(request)
    };
    let refused = [
        send(post(&router, ASK)).await,
        plain("authorization", "Bearer sk-1").await,
        plain("authorization", "Bearer boss").await,
        plain("authorization", "Bearer acme-1x").await,
        plain("authorization", "Bearer").await,
        plain("authorization", "acme-1").await,
        plain("x-api-key", "acme").await,
        plain("api-key", "acme-1").await,
    ];
    for got in refused {
        assert_eq!(got.status, 401);
        let body = String::from_utf8_lossy(&got.body).into_owned();
        assert!(!body.contains("acme") && !body.contains("sk-1") && !body.contains("boss"), "{body}");
        assert!(got.error_code().ends_with("_api_key"), "{body}");
    }
    let native = send(post_as(&router, "/v1/messages", "nobody", ASK)).await;
    assert_eq!((native.status, native.json()["error"]["type"].as_str()), (401, Some("authentication_error")));
    assert_eq!(get(&router, "/v1/models").await.status, 401);
    assert_eq!(get(&router, "/health/liveness").await.status, 200);
    assert_eq!(provider.keys().len(), 0, "nobody was asked");
    for (header, value) in [("authorization", "Bearer acme-2"), ("x-api-key", "globex-1")] {
        assert_eq!(plain(header, value).await.status, 200, "{value}");
    }
    for attempt in provider.attempts() {
        let seen = format!("{:?}", attempt.headers);
        assert!(!seen.contains("acme") && !seen.contains("globex"), "{seen}");
    }
}

#[tokio::test]
async fn a_tenant_sees_and_uses_its_own_models_only() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ""), None).await;
    let models = |key: &'static str| {
        let uri = format!("http://{}/v1/models", router.address());
        send(Request::get(uri).header("x-api-key", key).body(Full::default()).unwrap())
    };
    assert_eq!(models("acme-1").await.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(models("globex-1").await.json()["data"].as_array().unwrap().len(), 2);
    let ask = r#"{"model":"other"}"#;
    let refused = send(post_as(&router, CHAT, "acme-1", ask)).await;
    assert_eq!((refused.status, refused.error_code().as_str()), (404, "model_not_found"));
    assert_eq!(send(post_as(&router, CHAT, "globex-1", ask)).await.status, 200);
    assert_eq!(provider.keys().len(), 1);
}

#[tokio::test]
async fn a_used_up_budget_is_refused_with_one_code_and_asks_nobody() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ", budget: 0.0009 USD"), None).await;
    for _ in 0..2 {
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 200);
    }
    for path in [CHAT, CHAT] {
        let got = send(post_as(&router, path, "acme-2", ASK)).await;
        assert_eq!((got.status, got.error_code().as_str()), (402, "budget_exceeded"));
        assert_eq!(got.headers["x-should-retry"], "false");
    }
    assert_eq!(provider.keys().len(), 2);
    assert_eq!(send(post_as(&router, CHAT, "globex-1", ASK)).await.status, 200, "others are not touched");
    let rows = rows(&router, 5).await;
    let refused: Vec<_> = rows.iter().filter(|row| row["status"] == 402).collect();
    assert_eq!((refused.len(), &refused[0]["cost"], &refused[0]["attempts"]), (2, &0.into(), &0.into()));
}

#[tokio::test]
async fn failures_and_refusals_use_up_no_budget() {
    let mut first = true;
    let provider = Provider::start(move |_| {
        if std::mem::take(&mut first) {
            answer(400, &[], r#"{"error":{"message":"m","type":"t"}}"#)
        } else {
            completion()
        }
    })
    .await;
    let router = start_router(&config(&provider, ", budget: 0.00045 USD"), None).await;
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 400);
    assert_eq!(send(post_as(&router, CHAT, "acme-1", r#"{"model":"other"}"#)).await.status, 404);
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 200);
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 402);
}

/// How many of many requests at once reach the provider when one of them uses up what is left.
async fn reached(defect: Option<&str>) -> usize {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ", budget: 0.0004 USD"), defect).await;
    let mut clients = JoinSet::new();
    // No request is admitted before all are under way: each sends its last byte when the others are waiting.
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(20));
    for _ in 0..20 {
        let (request, gate) = (post_as(&router, CHAT, "acme-1", ASK), std::sync::Arc::clone(&gate));
        clients.spawn(async move {
            gate.wait().await;
            send(request).await.status
        });
    }
    let statuses = clients.join_all().await;
    assert!(statuses.iter().all(|status| [200, 402].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), provider.keys().len());
    provider.keys().len()
}

#[tokio::test]
async fn many_requests_at_once_do_not_overdraw_a_budget() {
    assert_eq!(reached(None).await, 1);
}

#[tokio::test]
async fn the_defect_checks_budget_after_charge_lets_many_in_at_once() {
    let reached = reached(Some("checks-budget-after-charge")).await;
    assert!(reached > 1, "{reached}");
}

#[tokio::test]
async fn a_tenants_rate_is_its_own_and_is_told_in_place_of_the_providers() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ", requests_per_minute: 2, budget: 1 USD"), None).await;
    let ask = |key: &'static str| send(post_as(&router, CHAT, key, ASK));
    for remaining in ["1", "0"] {
        let got = ask("acme-1").await;
        assert_eq!(got.status, 200);
        assert_eq!(got.headers["x-ratelimit-limit-requests"], "2");
        assert_eq!(got.headers["x-ratelimit-remaining-requests"], remaining);
        assert!(!got.headers.contains_key("x-ratelimit-limit-tokens"), "that of our account");
    }
    let got = ask("acme-2").await;
    assert_eq!((got.status, got.error_code().as_str()), (429, "rate_limit_exceeded"));
    let wait: u64 = got.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(ask("globex-1").await.status, 200);
    assert_eq!(provider.keys().len(), 3);
}

#[tokio::test]
async fn a_model_that_a_tenant_may_not_use_is_no_fallback_for_it_but_with_the_defect() {
    for (defect, acme) in [(None, 500), (Some("falls-back-for-everybody"), 200)] {
        let provider =
            Provider::start(|a| if a.json()["model"] == "gpt" { answer(500, &[], "") } else { completion() })
                .await;
        let text = std::fs::read_to_string(&config(&provider, "").0).unwrap();
        let text = text
            .replace(
                "chat: { provider: openai, model: gpt }",
                "chat: { provider: openai, model: gpt, retries: 0, fallbacks: [other] }",
            )
            .replace("other: { provider: openai, model: gpt }", "other: { provider: openai, model: dear }");
        let router = start_router(&ConfigFile::new(&text), defect).await;
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, acme);
        assert_eq!(send(post_as(&router, CHAT, "globex-1", ASK)).await.status, 200);
    }
}
