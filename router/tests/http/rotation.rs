//! Rotation, cooldown and exhaustion over HTTP, and the defects that break them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::support::*;

#[tokio::test]
async fn a_429_leads_to_another_key_and_limited_keys_are_left_alone_afterwards() {
    let provider = Provider::start(|a| if a.key() == "sk-3" { success() } else { limited(20) }).await;
    let config = ConfigFile::with_keys(provider.address, 3, "");
    let router = start_router(&config, None).await;
    let begin = Instant::now();
    let got = ask(&router).await;
    assert_eq!((got.status, got.headers["x-router-attempts"].to_str().unwrap()), (200, "3"));
    assert_eq!(got.headers["x-router-provider"], "openai");
    assert!(begin.elapsed() < Duration::from_secs(2), "no wait for limited keys");
    assert_eq!(provider.keys(), ["sk-1", "sk-2", "sk-3"]);
    for _ in 0..5 {
        assert_eq!(ask(&router).await.status, 200);
    }
    assert_eq!(provider.keys()[3..], ["sk-3"; 5]);
}

#[tokio::test]
async fn a_key_serves_again_after_its_hint() {
    let mut first = true;
    let provider = Provider::start(move |_| {
        if std::mem::take(&mut first) { answer(429, &[("retry-after-ms", "300")], "") } else { success() }
    })
    .await;
    let config = ConfigFile::with_keys(provider.address, 1, "");
    let router = start_router(&config, None).await;
    let begin = Instant::now();
    assert_eq!(ask(&router).await.status, 429);
    // The router refuses by itself until the hint is over; the provider sees none of that.
    while ask(&router).await.status == 429 {
        assert!(begin.elapsed() < SOON);
    }
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(provider.keys().len(), 2);
}

#[tokio::test]
async fn with_all_keys_limited_the_client_gets_429_and_the_first_opening() {
    let provider = Provider::start(|a| limited(if a.key() == "sk-2" { 7 } else { 20 })).await;
    let config = ConfigFile::with_keys(provider.address, 3, ", retries: 3");
    let router = start_router(&config, None).await;
    for round in 0..3 {
        let got = ask(&router).await;
        assert_eq!((got.status, got.error_code().as_str()), (429, "rate_limit_exceeded"));
        assert_eq!(got.headers["retry-after"], "7", "round {round}");
        assert_eq!(got.headers["content-type"], "application/json");
    }
    assert_eq!(provider.keys(), ["sk-1", "sk-2", "sk-3"]);
}

#[tokio::test]
async fn trouble_with_our_keys_is_not_shown_as_the_callers() {
    for (status, body, expected, code) in [
        (
            401,
            r#"{"error":{"message":"bad key sk-1","type":"x","code":"invalid_api_key"}}"#,
            502,
            "provider_keys_rejected",
        ),
        (403, "", 502, "provider_keys_rejected"),
        (402, "", 503, "insufficient_quota"),
        (429, r#"{"error":{"type":"insufficient_quota"}}"#, 503, "insufficient_quota"),
    ] {
        let provider = Provider::start(move |_| answer(status, &[], body)).await;
        let config = ConfigFile::with_keys(provider.address, 2, "");
        let router = start_router(&config, None).await;
        for _ in 0..2 {
            let got = ask(&router).await;
            assert_eq!((got.status, got.error_code().as_str()), (expected, code));
            assert!(!String::from_utf8_lossy(&got.body).contains("sk-"));
        }
        assert_eq!(provider.keys(), ["sk-1", "sk-2"], "each key is asked once and then left alone");
    }
}

#[tokio::test]
async fn keys_come_from_the_environment_when_none_are_listed() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::new(&format!(
        "providers:\n  p: {{ dialect: openai, base_url: 'http://{}/v1' }}\nmodels:\n  chat: {{ provider: p }}\n",
        provider.address
    ));
    let variables = [("OPENAI_API_KEY_10", "ten"), ("OPENAI_API_KEY_2", "two"), ("OPENAI_API_KEY", "base")];
    let variables = Variables(variables.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    let options = router::ServeOptions { config: config.0.clone(), listen: None, defect: None };
    let router = router::start(&options, variables).await.unwrap();
    for _ in 0..4 {
        ask(&router).await;
    }
    assert_eq!(provider.keys(), ["base", "two", "ten", "base"]);
}

#[tokio::test]
async fn the_defect_retries_the_same_key_does_so_and_gives_up() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { success() }).await;
    let config = ConfigFile::with_keys(provider.address, 3, ", retries: 2");
    let router = start_router(&config, Some("retries-the-same-key")).await;
    assert_eq!(ask(&router).await.status, 429);
    assert_eq!(provider.keys(), ["sk-1"; 3]);
}

#[tokio::test]
async fn the_defect_ignores_retry_after_offers_a_limited_key_to_the_next_request() {
    let provider = Provider::start(|a| if a.key() == "sk-3" { success() } else { limited(20) }).await;
    let config = ConfigFile::with_keys(provider.address, 3, "");
    let router = start_router(&config, Some("ignores-retry-after")).await;
    for _ in 0..2 {
        let before = provider.keys().len();
        assert_eq!(ask(&router).await.status, 200, "rotation within a request is untouched");
        let tried = provider.keys().split_off(before);
        let distinct: BTreeSet<&String> = tried.iter().collect();
        assert_eq!(distinct.len(), tried.len(), "no key twice in one request: {tried:?}");
    }
    assert_eq!(provider.keys(), ["sk-1", "sk-2", "sk-3", "sk-1", "sk-2", "sk-3"]);
}

#[tokio::test]
async fn the_defect_ignores_retry_after_still_bounds_attempts_when_all_keys_are_limited() {
    let provider = Provider::start(|_| limited(20)).await;
    let config = ConfigFile::with_keys(provider.address, 4, ", retries: 1");
    let router = start_router(&config, Some("ignores-retry-after")).await;
    let got = ask(&router).await;
    assert_eq!((got.status, provider.keys().len()), (429, 4));
}

#[tokio::test]
async fn the_defect_multiplies_retries_exceeds_keys_plus_retries() {
    for (retries, expected) in [(0, 4), (1, 8), (3, 16)] {
        let provider = Provider::start(|_| limited(1)).await;
        let config = ConfigFile::with_keys(provider.address, 4, &format!(", retries: {retries}"));
        let router = start_router(&config, Some("multiplies-retries")).await;
        assert_eq!(ask(&router).await.status, 429);
        assert_eq!(provider.keys().len(), expected, "retries {retries}");
        let healthy = Provider::start(|_| limited(1)).await;
        let config = ConfigFile::with_keys(healthy.address, 4, &format!(", retries: {retries}"));
        let router = start_router(&config, None).await;
        ask(&router).await;
        assert_eq!(healthy.keys().len(), 4, "the sound router asks each key once");
    }
}

#[tokio::test]
async fn the_defect_multiplies_retries_also_shows_in_a_storm_of_concurrent_requests() {
    for retries in [1, 3] {
        let provider = Provider::start(|_| limited(1)).await;
        let config = ConfigFile::with_keys(provider.address, 4, &format!(", retries: {retries}"));
        let router = start_router(&config, Some("multiplies-retries")).await;
        let asked: Vec<_> = (0..20).map(|_| tokio::spawn(send(post(&router, ASK)))).collect();
        let mut most = 0;
        for exchange in asked {
            let got = exchange.await.unwrap();
            let attempts: usize = got.headers["x-router-attempts"].to_str().unwrap().parse().unwrap();
            most = most.max(attempts);
        }
        assert!(most > 4 + retries, "retries {retries}: at most {most} attempts");
    }
}

#[tokio::test]
async fn a_key_that_is_limited_for_one_model_serves_another_but_with_the_defect() {
    for (defect, served) in [(None, 200), (Some("rests-for-all-models"), 429)] {
        let provider =
            Provider::start(|a| if a.json()["model"] == "large" { limited(20) } else { success() }).await;
        let text =
            std::fs::read_to_string(&ConfigFile::with_keys(provider.address, 2, ", model: large").0).unwrap();
        let text = text + "  small: { provider: openai }\n  also large: { provider: openai, model: large }\n";
        let router = start_router(&ConfigFile::new(&text), defect).await;
        let of = |model: &str| send(post(&router, format!(r#"{{"model":"{model}","messages":[]}}"#)));
        assert_eq!(of("chat").await.status, 429);
        for _ in 0..3 {
            assert_eq!(of("small").await.status, served);
        }
        for large in ["chat", "also large"] {
            assert_eq!(of(large).await.status, 429);
        }
        assert_eq!(provider.attempts().iter().filter(|a| a.json()["model"] == "large").count(), 2);
    }
}

#[tokio::test]
async fn a_key_that_the_provider_does_not_accept_rests_for_all_models() {
    let provider =
        Provider::start(|a| if a.key() == "sk-1" { answer(401, &[], "") } else { success() }).await;
    let text = std::fs::read_to_string(&ConfigFile::with_keys(provider.address, 2, "").0).unwrap();
    let router = start_router(&ConfigFile::new(&(text + "  small: { provider: openai }\n")), None).await;
    for model in ["chat", "small", "small", "chat"] {
        assert_eq!(send(post(&router, format!(r#"{{"model":"{model}","messages":[]}}"#))).await.status, 200);
    }
    assert_eq!(provider.keys().iter().filter(|key| *key == "sk-1").count(), 1);
}
