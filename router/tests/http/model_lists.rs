//! The lists of models, as clients of each dialect ask for them and within what each may use.

use http::Request;
use http_body_util::Full;
use router::Router;

use crate::support::*;

async fn list(router: &Router, path: &str, headers: &[(&str, &str)]) -> Got {
    let mut request = Request::get(format!("http://{}{path}", router.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::default()).unwrap()).await
}

/// Three models, of which the tenant may use two.
async fn router() -> Router {
    let text = "providers:\n  openai: { dialect: openai, base_url: 'http://127.0.0.1:1/v1', keys: [{ name: k, secret: s }] }\n\
        models:\n  a: { provider: openai }\n  b/c: { provider: openai, window: 9000 }\n  hidden: { provider: openai }\n\
        tenants: { acme: { keys: [acme-key], models: [a, b/c] } }\n";
    start_router(&ConfigFile::new(text), None).await
}

const OPENAI: [(&str, &str); 1] = [("authorization", "Bearer acme-key")];
const ANTHROPIC: [(&str, &str); 2] = [("x-api-key", "acme-key"), ("anthropic-version", "2023-06-01")];
const GOOGLE: [(&str, &str); 1] = [("x-goog-api-key", "acme-key")];

#[tokio::test]
async fn each_client_gets_the_models_that_it_may_use_in_its_own_words() {
    let router = router().await;
    let listed = list(&router, "/v1/models", &OPENAI).await.json();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][1]["id"]), (&"a".into(), &"b/c".into()));
    assert_eq!((&listed["object"], listed["data"].as_array().unwrap().len()), (&"list".into(), 2));
    let listed = list(&router, "/v1/models", &ANTHROPIC).await.json();
    assert_eq!((&listed["first_id"], &listed["last_id"]), (&"a".into(), &"b/c".into()));
    assert_eq!((&listed["has_more"], &listed["data"][0]["type"]), (&false.into(), &"model".into()));
    for path in ["/v1beta/models", "/v1/models"] {
        let listed = list(&router, path, &GOOGLE).await.json();
        assert_eq!(listed["models"][1]["name"], "models/b/c", "{path}");
        assert_eq!(listed["models"][1]["inputTokenLimit"], 9_000, "{path}");
        assert_eq!(listed["models"].as_array().unwrap().len(), 2, "{path}");
    }
    assert_eq!(list(&router, "/v1beta/models?key=acme-key", &[]).await.status, 200);
}

#[tokio::test]
async fn one_model_is_told_by_its_name_and_what_may_not_be_used_is_not_there() {
    let router = router().await;
    for (path, headers) in
        [("/v1/models", &OPENAI[..]), ("/v1/models", &ANTHROPIC), ("/v1beta/models", &GOOGLE)]
    {
        for name in ["b/c", "b%2Fc"] {
            let got = list(&router, &format!("{path}/{name}"), headers).await;
            assert_eq!(got.status, 200, "{path}/{name}: {got:?}");
        }
        for name in ["hidden", "nobody", "%zz"] {
            let got = list(&router, &format!("{path}/{name}"), headers).await;
            assert_eq!(got.status, 404, "{path}/{name}: {got:?}");
        }
        assert_eq!(list(&router, path, &[]).await.status, 401, "{path}");
    }
    let got = list(&router, "/v1/models/nobody", &ANTHROPIC).await.json();
    assert_eq!((&got["type"], &got["error"]["type"]), (&"error".into(), &"not_found_error".into()));
    let got = list(&router, "/v1beta/models/nobody", &GOOGLE).await.json();
    assert_eq!(got["error"]["status"], "NOT_FOUND");
}

#[tokio::test]
async fn pages_are_turned_in_both_directions_and_a_wrong_one_is_told() {
    let router = router().await;
    let page = async |query: &str| list(&router, &format!("/v1/models?{query}"), &ANTHROPIC).await.json();
    let first = page("limit=1").await;
    assert_eq!((&first["last_id"], &first["has_more"]), (&"a".into(), &true.into()));
    let second = page("limit=1&after_id=a").await;
    assert_eq!((&second["last_id"], &second["has_more"]), (&"b/c".into(), &false.into()));
    assert_eq!(page("limit=1&before_id=b%2Fc").await["first_id"], "a");
    let behind = page("after_id=zzz").await;
    assert_eq!((&behind["data"], &behind["first_id"]), (&serde_json::json!([]), &serde_json::Value::Null));
    for wrong in ["limit=0", "limit=x", "before_id=a&after_id=a", "after_id=%zz"] {
        assert_eq!(page(wrong).await["error"]["type"], "invalid_request_error", "{wrong}");
    }
    let google = async |query: &str| list(&router, &format!("/v1beta/models?{query}"), &GOOGLE).await.json();
    let first = google("pageSize=1").await;
    assert_eq!((&first["models"][0]["displayName"], &first["nextPageToken"]), (&"a".into(), &"a".into()));
    let second = google("pageSize=1&pageToken=a").await;
    assert_eq!((&second["models"][0]["displayName"], second.get("nextPageToken")), (&"b/c".into(), None));
}

#[tokio::test]
async fn an_answer_to_anthropics_clients_has_its_id_where_they_look_for_it() {
    let provider = Provider::start(|_| {
        let body = r#"{"type":"message","content":[{"type":"text","text":"pong"}],"usage":{}}"#;
        answer(200, &[("request-id", "req_theirs")], body)
    })
    .await;
    let text = format!(
        "providers:\n  a: {{ dialect: anthropic, base_url: 'http://{}', keys: [{{ name: k, secret: s }}] }}\nmodels:\n  \
         chat: {{ provider: a }}\n",
        provider.address
    );
    let router = start_router(&ConfigFile::new(&text), None).await;
    let body = r#"{"model":"chat","max_tokens":1,"messages":[]}"#;
    let got = send(post_as(&router, "/v1/messages", "caller", body)).await;
    assert_eq!(got.headers["request-id"], got.headers["x-request-id"]);
    assert_eq!(got.headers["x-provider-request-id"], "req_theirs");
    let got = ask(&router).await;
    assert!(!got.headers.contains_key("request-id"), "{got:?}");
}
