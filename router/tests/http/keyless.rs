//! Providers that want no key, beside those that do.

use crate::support::*;

#[tokio::test]
async fn a_provider_that_wants_no_key_is_shown_no_credential_of_anybody() {
    let local = Provider::start(|_| success()).await;
    let cloud = Provider::start(|_| success()).await;
    let config = ConfigFile::new(&format!(
        "providers:\n  local: {{ dialect: vllm, base_url: 'http://{}/v1', keyless: true }}\n  \
         cloud: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: k, secret: sk-1 }}] }}\n\
         models:\n  chat: {{ provider: local }}\n  away: {{ provider: cloud }}\n\
         admin: {{ secret: boss }}\ntenants: {{ acme: {{ keys: [acme-1] }} }}\n",
        local.address, cloud.address
    ));
    let router = start_router(&config, None).await;
    for model in ["chat", "away"] {
        let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
        let got = send(post_as(&router, "/v1/chat/completions", "acme-1", &body)).await;
        assert_eq!(got.status, 200, "{got:?}");
    }
    let seen = &local.attempts()[0];
    assert!(!seen.headers.contains_key("authorization") && !seen.headers.contains_key("x-api-key"));
    assert_eq!(cloud.keys(), ["sk-1"]);
    assert_eq!(rows(&router, 2).await[0]["key"], "none");
    assert_eq!(get(&router, "/health/readiness").await.status, 200);
}
