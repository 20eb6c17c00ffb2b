//! Limits that the settings give each key: kept also when many ask at once.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::*;

/// How many of many requests at once reach the provider, and what the others are told.
async fn reached(model: &str, defect: Option<&str>) -> (usize, Vec<Got>) {
    let body = r#"{"choices":[{}],"usage":{"prompt_tokens":30,"completion_tokens":10}}"#;
    let provider = Provider::start(move |_| answer(200, &[], body)).await;
    let router = start_router(&ConfigFile::with_keys(provider.address, 2, model), defect).await;
    let mut clients = JoinSet::new();
    for _ in 0..40 {
        clients.spawn(send(post(&router, ASK)));
    }
    let refused: Vec<Got> = clients.join_all().await.into_iter().filter(|got| got.status != 200).collect();
    assert_eq!(40 - refused.len(), provider.keys().len());
    (provider.keys().len(), refused)
}

#[tokio::test]
async fn no_key_is_used_more_than_the_settings_say_but_with_the_defect() {
    let limits = ", limits: [{ requests: 5, per: 30s }]";
    let (served, refused) = reached(limits, None).await;
    assert_eq!(served, 10);
    for got in refused {
        assert_eq!((got.status, got.error_code().as_str()), (429, "rate_limit_exceeded"));
        let wait: u64 = got.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((29..=31).contains(&wait), "{wait}");
    }
    assert_eq!(reached(limits, Some("disregards-limits")).await.0, 40);
}

#[tokio::test]
async fn tokens_are_counted_although_nobody_is_charged() {
    let body = r#"{"choices":[{}],"usage":{"prompt_tokens":30,"completion_tokens":10}}"#;
    let provider = Provider::start(move |_| answer(200, &[], body)).await;
    let config = ConfigFile::with_keys(provider.address, 1, ", limits: [{ tokens: 100, per: 30s }]");
    let router = start_router(&config, None).await;
    let statuses = [ask(&router).await.status, ask(&router).await.status, ask(&router).await.status];
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn a_key_is_used_again_when_its_window_is_over() {
    let provider = Provider::start(|_| success()).await;
    let config = ConfigFile::with_keys(provider.address, 1, ", limits: [{ requests: 2, per: 400ms }]");
    let router = start_router(&config, None).await;
    let statuses = [ask(&router).await.status, ask(&router).await.status, ask(&router).await.status];
    assert_eq!(statuses, [200, 200, 429]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(ask(&router).await.status, 200);
}

/// How many clients meet a 429 of a provider that tells with every answer what is left of a key.
async fn met_limits(defect: Option<&str>) -> usize {
    let mut left = std::collections::BTreeMap::new();
    let provider = Provider::start(move |a| {
        let most = if a.key() == "sk-1" { 10 } else { 1_000 };
        let left = left.entry(a.key().to_owned()).or_insert(most);
        if *left == 0 {
            return limited(20);
        }
        *left -= 1;
        let (limit, left) = (most.to_string(), left.to_string());
        let headers = [
            ("x-ratelimit-limit-requests", limit.as_str()),
            ("x-ratelimit-remaining-requests", left.as_str()),
            ("x-ratelimit-reset-requests", "20s"),
        ];
        answer(200, &headers, r#"{"choices":[{}]}"#)
    })
    .await;
    let config = ConfigFile::with_keys(provider.address, 2, ", headroom: 80%");
    let router = start_router(&config, defect).await;
    for _ in 0..40 {
        assert_eq!(ask(&router).await.status, 200);
    }
    provider.keys().iter().filter(|key| *key == "sk-1").count().saturating_sub(10)
}

#[tokio::test]
async fn a_key_of_which_little_is_left_is_spared_while_others_have_more_but_with_the_defect() {
    assert_eq!(met_limits(None).await, 0);
    assert_eq!(met_limits(Some("uses-keys-to-their-last")).await, 1);
}
