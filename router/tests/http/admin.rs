//! What is for the operator alone: what is shown, what can be done, and who is kept out.

use crate::support::*;
use crate::tenants::{completion, config};
use tokio::task::JoinSet;

const PATHS: [(&str, &str); 7] = [
    ("GET", "/admin/keys"),
    ("GET", "/admin/config"),
    ("GET", "/admin/status"),
    ("GET", "/admin/ledger"),
    ("POST", "/admin/keys/openai/k1/disable"),
    ("POST", "/admin/keys/openai/k1/enable"),
    ("POST", "/admin/reload"),
];

#[tokio::test]
async fn the_operators_paths_are_closed_to_everybody_else_but_with_the_defect() {
    let provider = Provider::start(|_| completion()).await;
    for (defect, expected) in [(None, 401), (Some("opens-admin-paths-to-tenants"), 200)] {
        let config = config(&provider, "");
        let router = start_router(&config, defect).await;
        for (method, path) in PATHS {
            assert_eq!(operate(&router, method, path, "acme-1").await.status, expected, "{path}");
            assert_eq!(operate(&router, method, path, "nobody").await.status, 401, "{path}");
            assert_eq!(operate(&router, method, path, "boss").await.status, 200, "{path}");
        }
    }
    let router = start_router(&ConfigFile::with_keys(provider.address, 1, ""), None).await;
    for (method, path) in PATHS {
        assert_eq!(
            operate(&router, method, path, "boss").await.status,
            404,
            "no admin is configured: {path}"
        );
    }
    assert_eq!(provider.keys().len(), 0);
}

#[tokio::test]
async fn keys_settings_and_standings_are_shown_without_any_secret() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { completion() }).await;
    let router = start_router(&config(&provider, ", budget: 1 USD, expired: false"), None).await;
    let show = |path: &'static str| async { operate(&router, "GET", path, "boss").await.json() };
    let fresh = show("/admin/status").await;
    assert_eq!(
        (fresh["pools"][0]["keys_count"].as_u64(), fresh["pools"][0]["available"].as_u64()),
        (Some(2), Some(2))
    );
    assert_eq!(fresh["models"][0]["rotation_enabled"], true);
    assert_eq!(send(post_as(&router, "/v1/chat/completions", "acme-1", ASK)).await.status, 200);
    let status = show("/admin/status").await;
    let keys = &status["pools"][0]["keys"];
    assert_eq!((keys[0]["label"].as_str(), keys[0]["state"].as_str()), (Some("k1"), Some("limited")));
    let opens = keys[0]["opens_in_seconds"].as_f64().unwrap();
    assert!(opens > 10.0 && opens <= 20.0 && keys[0]["until"].as_str().unwrap().ends_with('Z'), "{keys}");
    assert_eq!((keys[1]["state"].as_str(), keys[1]["until"].as_str()), (Some("available"), None));
    assert_eq!((status["ready"].as_bool(), status["pools"][0]["available"].as_u64()), (Some(true), Some(1)));
    let shown = show("/admin/keys").await;
    let callers = shown["callers"].as_array().unwrap();
    assert_eq!(callers.len(), 3);
    assert_eq!(
        (callers[0]["tenant"].as_str(), callers[0]["fingerprint"].as_str().map(str::len)),
        (Some("acme"), Some(8))
    );
    assert_eq!(shown["providers"][1]["label"], "k2");
    assert_eq!(shown["providers"][0]["fingerprint"], keys[0]["fingerprint"]);
    let in_force = show("/admin/config").await;
    assert_eq!(in_force["tenants"]["acme"]["budget_micros"], 1_000_000);
    for page in [status, shown, in_force] {
        let text = page.to_string();
        for secret in ["sk-1", "sk-2", "acme-1", "globex-1", "boss"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_key_that_the_operator_disabled_receives_nothing_until_it_is_enabled() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ""), None).await;
    let ask = || send(post_as(&router, "/v1/chat/completions", "globex-1", ASK));
    let switch = |path: &'static str| async { operate(&router, "POST", path, "boss").await.status };
    assert_eq!(switch("/admin/keys/openai/k1/disable").await, 200);
    for _ in 0..4 {
        assert_eq!(ask().await.status, 200);
    }
    assert_eq!(provider.keys(), ["sk-2"; 4]);
    assert_eq!(switch("/admin/keys/openai/k2/disable").await, 200);
    let refused = ask().await;
    assert_eq!((refused.status, refused.error_code().as_str()), (503, "keys_disabled"));
    assert_eq!(get(&router, "/health/readiness").await.status, 503);
    assert_eq!(switch("/admin/keys/openai/k1/enable").await, 200);
    assert_eq!(ask().await.status, 200);
    assert_eq!(provider.keys()[4..], ["sk-1"]);
    for path in
        ["/admin/keys/openai/nope/disable", "/admin/keys/nope/k1/disable", "/admin/keys/openai/%zz/enable"]
    {
        assert_eq!(switch(path).await, 404, "{path}");
    }
}

/// Disables a key among many requests that are tried again, and tells how often it was asked afterwards.
async fn asked_after_disabling(defect: Option<&str>) -> usize {
    let provider =
        Provider::start(|a| if a.key() == "sk-3" { answer(500, &[], "") } else { completion() }).await;
    let text = std::fs::read_to_string(&config(&provider, "").0).unwrap();
    let text =
        text.replace("{ name: k2, secret: sk-2 }", "{ name: k2, secret: sk-2 }, { name: k3, secret: sk-3 }");
    let router = start_router(
        &ConfigFile::new(&text.replace("model: gpt }", "model: gpt, backoff: { base: 1ms } }")),
        defect,
    )
    .await;
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        clients.spawn(send(post_as(&router, "/v1/chat/completions", "globex-1", ASK)));
    }
    assert_eq!(operate(&router, "POST", "/admin/keys/openai/k1/disable", "boss").await.status, 200);
    clients.join_all().await;
    let before = provider.keys().len();
    for _ in 0..20 {
        assert_eq!(send(post_as(&router, "/v1/chat/completions", "globex-1", ASK)).await.status, 200);
    }
    let later = provider.keys().split_off(before);
    assert!(later.iter().any(|key| key == "sk-3"), "some requests were tried again: {later:?}");
    later.iter().filter(|key| *key == "sk-1").count()
}

#[tokio::test]
async fn a_disabled_key_is_left_alone_by_retries_but_with_the_defect() {
    assert_eq!(asked_after_disabling(None).await, 0);
    assert!(asked_after_disabling(Some("retries-on-disabled-keys")).await > 0);
}
