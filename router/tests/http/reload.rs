//! Settings that are read again while the router runs.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::*;

const NOTHING: &str = "admin: { secret: boss }\n";

fn settings(provider: &Provider, keys: &str, more: &str) -> String {
    format!(
        "providers:\n  p: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{keys}] }}\n\
         models:\n  chat: {{ provider: p, retries: 0 }}\nadmin: {{ secret: boss }}\n{more}",
        provider.address
    )
}

fn keys(names: &[&str]) -> String {
    names.iter().map(|name| format!("{{ name: {name}, secret: sk-{name} }}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn without_a_model_it_lives_and_is_ready_once_it_has_read_some_but_for_the_defect() {
    for (defect, before) in [(None, 503), (Some("is-always-ready"), 200)] {
        let provider = Provider::start(|_| success()).await;
        let config = ConfigFile::new(NOTHING);
        let router = start_router(&config, defect).await;
        assert_eq!(get(&router, "/health/liveness").await.status, 200);
        assert_eq!(get(&router, "/health/readiness").await.status, before);
        assert_eq!(ask(&router).await.status, 404);
        assert_eq!(reload_with(&router, &config, &settings(&provider, &keys(&["a"]), "")).await.status, 200);
        assert_eq!(get(&router, "/health/readiness").await.status, 200);
        assert_eq!(ask(&router).await.status, 200);
        assert_eq!(reload_with(&router, &config, NOTHING).await.status, 200);
        assert_eq!(get(&router, "/health/readiness").await.status, before);
    }
}

#[tokio::test]
async fn a_pool_without_keys_is_refused_clearly_and_asks_nobody_but_with_the_defect() {
    for (defect, status, asked) in [(None, 503, 0), (Some("asks-without-a-key"), 200, 2)] {
        let provider = Provider::start(|_| success()).await;
        let router = start_router(&ConfigFile::new(&settings(&provider, "", "")), defect).await;
        let plain = ask(&router).await;
        let stream = send(post(&router, r#"{"model":"chat","stream":true,"messages":[]}"#)).await;
        assert_eq!((plain.status, stream.status, provider.attempts().len()), (status, status, asked));
        if defect.is_none() {
            assert_eq!(plain.error_code(), "no_provider_key");
            assert!(plain.json()["error"]["message"].as_str().unwrap().contains("must add one"));
            assert_eq!(get(&router, "/health/readiness").await.status, 503);
        }
    }
}

#[tokio::test]
async fn a_wrong_file_is_refused_with_its_place_and_everything_stays() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::new(&settings(&provider, &keys(&["a"]), ""));
    let router = start_router(&config, None).await;
    for wrong in ["models: [", "models:\n  chat: { provider: nope }\n", "keys: { secret: tops3cret }\n"] {
        let got = reload_with(&router, &config, wrong).await;
        assert_eq!((got.status, got.error_code().as_str()), (422, "invalid_settings"));
        let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("stay as they were") && message.contains(".yaml:"), "{message}");
        assert!(!message.contains("tops3cret"), "{message}");
        assert_eq!(ask(&router).await.status, 200);
    }
    std::fs::remove_file(&config.0).unwrap();
    assert_eq!(operate(&router, "POST", "/admin/reload", "boss").await.status, 422);
    assert_eq!(ask(&router).await.status, 200);
}

#[tokio::test]
async fn requests_under_way_end_as_they_began_and_none_is_dropped() {
    let (hand_over, mut streams) = tokio::sync::mpsc::unbounded_channel();
    let provider = Provider::start(move |a| {
        if a.json()["stream"] != true {
            return success();
        }
        let (sender, answer) = frames();
        hand_over.send(sender).unwrap();
        answer
    })
    .await;
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n";
    let config = ConfigFile::new(&settings(&provider, &keys(&["a"]), ""));
    let router = start_router(&config, None).await;
    let asked =
        tokio::spawn(client().request(post(&router, r#"{"model":"chat","stream":true,"messages":[]}"#)));
    let frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from(chunk))).await.unwrap();
    let mut clients = JoinSet::new();
    for _ in 0..40 {
        clients.spawn(send(post(&router, ASK)));
    }
    for names in [&["b"][..], &["b", "c"], &["c"]] {
        let text = settings(&provider, &keys(names), "prices: { chat: { input: 1, output: 1 } }\n");
        assert_eq!(reload_with(&router, &config, &text).await.status, 200);
    }
    assert!(clients.join_all().await.iter().all(|got| got.status == 200));
    frames.send(Ok(Bytes::from("data: [DONE]\n\n"))).await.unwrap();
    drop(frames);
    let response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
    let body = timeout(SOON, response.into_body().collect()).await.unwrap().unwrap().to_bytes();
    assert!(body.ends_with(b"data: [DONE]\n\n"));
    let before = provider.keys().len();
    ask(&router).await;
    assert_eq!(provider.keys()[before..], ["sk-c"]);
}

/// Asks once between any two reloads, and counts by key.
async fn spread_over_reloads(defect: Option<&str>) -> BTreeMap<String, usize> {
    let provider = Provider::start(|_| success()).await;
    let text = settings(&provider, &keys(&["a", "b", "c"]), "");
    let config = ConfigFile::new(&text);
    let router = start_router(&config, defect).await;
    for _ in 0..12 {
        assert_eq!(ask(&router).await.status, 200);
        assert_eq!(reload_with(&router, &config, &text).await.status, 200);
    }
    let mut counted = BTreeMap::new();
    provider.keys().into_iter().for_each(|key| *counted.entry(key).or_default() += 1);
    counted
}

#[tokio::test]
async fn reloads_leave_the_rotation_where_it_is_but_with_the_defect() {
    let even = spread_over_reloads(None).await;
    assert_eq!(even.values().copied().collect::<Vec<_>>(), [4, 4, 4]);
    let burst = spread_over_reloads(Some("forgets-at-reloads")).await;
    assert_eq!(burst, BTreeMap::from([("sk-a".to_owned(), 12)]));
}

#[tokio::test]
async fn what_is_known_of_a_key_outlives_reloads_and_so_does_the_operators_word() {
    let provider = Provider::start(|a| if a.key() == "sk-a" { limited(20) } else { success() }).await;
    let all = settings(&provider, &keys(&["a", "b", "c"]), "");
    let config = ConfigFile::new(&all);
    let router = start_router(&config, None).await;
    assert_eq!(ask(&router).await.status, 200);
    assert_eq!(operate(&router, "POST", "/admin/keys/p/c/disable", "boss").await.status, 200);
    // Away and back, in another order and under another name.
    let away = settings(&provider, &keys(&["b", "c"]), "");
    let back = settings(
        &provider,
        "{ name: c, secret: sk-c }, { name: b, secret: sk-b }, { name: z, secret: sk-a }",
        "",
    );
    for text in [&all, &away, &back] {
        assert_eq!(reload_with(&router, &config, text).await.status, 200);
        let before = provider.keys().len();
        for _ in 0..3 {
            assert_eq!(ask(&router).await.status, 200);
        }
        assert_eq!(provider.keys()[before..], ["sk-b"; 3]);
    }
    let status = operate(&router, "GET", "/admin/status", "boss").await.json();
    let states: Vec<_> = status["pools"][0]["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["label"].as_str().unwrap(), key["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("c", "disabled"), ("b", "available"), ("z", "limited")]);
}

#[tokio::test]
async fn what_tenants_have_spent_and_the_ledger_outlive_reloads() {
    let body = r#"{"choices":[{}],"usage":{"prompt_tokens":100,"completion_tokens":10}}"#;
    let provider = Provider::start(move |_| answer(200, &[], body)).await;
    let tenant = |budget: &str| {
        let more = format!(
            "prices: {{ chat: {{ input: 3000000, output: 15000000 }} }}\ntenants: {{ acme: {{ keys: [acme-1], budget: {budget} USD }} }}\n"
        );
        settings(&provider, &keys(&["a"]), &more)
    };
    let config = ConfigFile::new(&tenant("0.0004"));
    let router = start_router(&config, None).await;
    let ask = || send(post_as(&router, "/v1/chat/completions", "acme-1", ASK));
    assert_eq!((ask().await.status, ask().await.status), (200, 402));
    for (budget, expected) in [("0.0004", 402), ("0.001", 200)] {
        assert_eq!(reload_with(&router, &config, &tenant(budget)).await.status, 200);
        assert_eq!(ask().await.status, expected, "{budget}");
    }
    assert_eq!(rows(&router, 4).await.len(), 4);
}
