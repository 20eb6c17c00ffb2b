//! The ledger: one row for each exchange, whatever became of it, and for the admin alone.

use crate::support::*;
use crate::tenants::{completion, config};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::timeout;

const CHAT: &str = "/v1/chat/completions";
const ASK_STREAM: &str = r#"{"model":"chat","stream":true,"messages":[]}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"prompt_tokens_details":{"cached_tokens":40}}}"#;

fn chunk(text: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }))
}

fn whole_stream() -> String {
    chunk("po") + &chunk("ng") + &format!("data: {USAGE}\n\n") + "data: [DONE]\n\n"
}

fn tokens(row: &Value) -> (u64, u64, u64, u64) {
    let class = |name: &str| row["tokens"][name].as_u64().unwrap();
    (class("input"), class("cache_read"), class("cache_write"), class("output"))
}

#[tokio::test]
async fn a_row_tells_who_asked_whom_and_what_it_cost() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { completion() }).await;
    let router = start_router(&config(&provider, ", budget: 1 USD"), None).await;
    let ask = r#"{"model":"chat","user":"u-7","metadata":{"tags":["a","b"]},"messages":[]}"#;
    let got = send(post_as(&router, CHAT, "acme-1", ask)).await;
    let row = &rows(&router, 1).await[0];
    assert_eq!(row["id"], got.headers["x-request-id"].to_str().unwrap());
    let expected = json!({
        "tenant": "acme", "model": "chat", "provider": "openai", "provider_model": "gpt", "key": "k2",
        "status": 200, "stream": false, "attempts": 2, "cost": 450, "state": "settled", "caller_id": "u-7",
        "tokens": { "input": 100, "cache_read": 0, "cache_write": 0, "output": 10, "reasoning": 0 },
        "end_user": "u-7", "tags": ["a", "b"],
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&row[field], value, "{field}");
    }
    let fingerprint = row["key_fingerprint"].as_str().unwrap();
    assert!(fingerprint.len() == 8 && !fingerprint.contains("sk-"));
    assert!(row["at"].as_str().unwrap().ends_with('Z'));
    assert!(!row.to_string().contains("sk-2") && !row.to_string().contains("acme-1"));
}

#[tokio::test]
async fn of_the_prompt_the_ledger_keeps_the_end_that_the_settings_say() {
    for (kept, expected) in [("", Value::Null), ("ledger: { prompt_end: 4 }\n", json!("[7]é"))] {
        let provider = Provider::start(|_| completion()).await;
        let config = config(&provider, "");
        let text = std::fs::read_to_string(&config.0).unwrap() + kept;
        let router = start_router(&ConfigFile::new(&text), None).await;
        let ask = r#"{"model":"chat","messages":[{"role":"user","content":"secret plan [7]é"}]}"#;
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ask)).await.status, 200);
        assert_eq!(rows(&router, 1).await[0]["prompt_end"], expected);
    }
}

#[tokio::test]
async fn a_stream_costs_what_it_used_although_the_client_did_not_ask_for_usage() {
    for (asked, wanted) in [
        (ASK_STREAM.to_owned(), false),
        (ASK_STREAM.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1), true),
    ] {
        let provider = Provider::start(|_| stream(&whole_stream())).await;
        let router = start_router(&config(&provider, ""), None).await;
        let got = send(post_as(&router, CHAT, "acme-1", &asked)).await;
        let text = String::from_utf8_lossy(&got.body).into_owned();
        assert!(text.ends_with("data: [DONE]\n\n"));
        assert_eq!(text.contains("usage"), wanted, "{text}");
        assert_eq!(provider.attempts()[0].json()["stream_options"]["include_usage"], true);
        let row = &rows(&router, 1).await[0];
        assert_eq!((tokens(row), row["state"].as_str()), ((60, 40, 0, 10), Some("settled")));
        assert_eq!(row["cost"], 180 + 12 + 150);
    }
}

#[tokio::test]
async fn an_answer_without_usage_is_estimated_and_not_free() {
    let provider = Provider::start(|a| {
        if a.json()["stream"] == true {
            stream(&(chunk("four") + &chunk("more") + "data: [DONE]\n\n"))
        } else {
            answer(200, &[], r#"{"choices":[{"message":{"content":"eight ch"}}]}"#)
        }
    })
    .await;
    let router = start_router(&config(&provider, ""), None).await;
    for ask in [ASK, ASK_STREAM] {
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ask)).await.status, 200);
    }
    for row in rows(&router, 2).await {
        assert_eq!((row["state"].as_str(), row["tokens"]["output"].as_u64()), (Some("estimated"), Some(2)));
        assert!(row["cost"].as_u64().unwrap() > 0);
    }
}

#[tokio::test]
async fn a_client_that_leaves_has_a_row_with_what_it_got_and_its_reservation_ends() {
    let (hand_over, mut streams) = tokio::sync::mpsc::unbounded_channel();
    let provider = Provider::start(move |_| {
        let (sender, answer) = frames();
        hand_over.send(sender).unwrap();
        answer
    })
    .await;
    let router = start_router(&config(&provider, ", budget: 0.01 USD"), None).await;
    let asked = tokio::spawn(client().request(post_as(&router, CHAT, "acme-1", ASK_STREAM)));
    let frames: Frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    for _ in 0..5 {
        frames.send(Ok(Bytes::from(chunk("word ")))).await.unwrap();
    }
    let mut response = timeout(SOON, asked).await.unwrap().unwrap().unwrap();
    let mut received = String::new();
    while received.matches("word").count() < 5 {
        let frame = timeout(SOON, response.body_mut().frame()).await.unwrap().unwrap().unwrap();
        received.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    drop(response);
    timeout(SOON, frames.closed()).await.expect("the provider's request is aborted");
    let row = &rows(&router, 1).await[0];
    assert_eq!((row["state"].as_str(), row["status"].as_u64()), (Some("left"), Some(200)));
    assert!(row["tokens"]["output"].as_u64().unwrap() >= 5, "{row}");
    // What had been set aside was more than the whole budget: only its end lets the next one in.
    let next = tokio::spawn(send(post_as(&router, CHAT, "acme-1", ASK_STREAM)));
    let frames: Frames = timeout(SOON, streams.recv()).await.unwrap().unwrap();
    frames.send(Ok(Bytes::from(whole_stream()))).await.unwrap();
    assert_eq!(timeout(SOON, next).await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_failed_call_has_a_row_and_costs_nothing() {
    let provider = Provider::start(|_| answer(500, &[], "")).await;
    let router = start_router(&config(&provider, ""), None).await;
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 500);
    let row = &rows(&router, 1).await[0];
    assert_eq!(
        (tokens(row), row["cost"].as_u64(), row["status"].as_u64()),
        ((0, 0, 0, 0), Some(0), Some(500))
    );
    assert_eq!((row["state"].as_str(), row["attempts"].as_u64()), (Some("settled"), Some(3)));
}

#[tokio::test]
async fn a_body_or_a_header_moves_no_cost_and_the_defect_charges_another_tenant_does() {
    for (defect, expected) in [(None, "acme"), (Some("charges-another-tenant"), "globex")] {
        let provider = Provider::start(|_| completion()).await;
        let router = start_router(&config(&provider, ""), defect).await;
        let ask = r#"{"model":"chat","user":"globex","metadata":{"tenant":"globex"},"messages":[]}"#;
        let mut request = post_as(&router, CHAT, "acme-1", ask);
        request.headers_mut().insert("x-tenant", "globex".parse().unwrap());
        assert_eq!(send(request).await.status, 200);
        assert_eq!(rows(&router, 1).await[0]["tenant"], expected, "{defect:?}");
    }
}

#[tokio::test]
async fn the_defect_charges_streams_nothing_books_streams_without_tokens() {
    let provider =
        Provider::start(|a| if a.json()["stream"] == true { stream(&whole_stream()) } else { completion() })
            .await;
    let router = start_router(&config(&provider, ""), Some("charges-streams-nothing")).await;
    for ask in [ASK, ASK_STREAM] {
        assert_eq!(send(post_as(&router, CHAT, "acme-1", ask)).await.status, 200);
    }
    let rows = rows(&router, 2).await;
    assert_eq!((rows[0]["cost"].as_u64(), rows[1]["cost"].as_u64()), (Some(450), Some(0)));
    assert_eq!(tokens(&rows[1]), (0, 0, 0, 0));
}

#[tokio::test]
async fn the_defect_charges_retries_twice_books_each_attempt() {
    let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { completion() }).await;
    let router = start_router(&config(&provider, ""), Some("charges-retries-twice")).await;
    assert_eq!(send(post_as(&router, CHAT, "acme-1", ASK)).await.status, 200);
    let booked = rows(&router, 2).await;
    assert_eq!(booked[0]["id"], booked[1]["id"]);
}

#[tokio::test]
async fn the_ledger_is_for_the_admin_alone_and_comes_in_pages() {
    let provider = Provider::start(|_| completion()).await;
    let router = start_router(&config(&provider, ""), None).await;
    for key in ["acme-1", "globex-1", "acme-2"] {
        assert_eq!(send(post_as(&router, CHAT, key, ASK)).await.status, 200);
    }
    let page = ledger(&router, "?tenant=acme&limit=1").await;
    assert_eq!((page["rows"].as_array().unwrap().len(), page["next"].as_u64()), (1, Some(1)));
    let page = ledger(&router, "?tenant=acme&after=1").await;
    assert_eq!((page["rows"][0]["number"].as_u64(), page["next"].as_u64()), (Some(3), None));
    assert!(ledger(&router, "?model=other").await["rows"].as_array().unwrap().is_empty());
    let ask = |key: Option<&'static str>, query: &str| {
        let mut request = Request::get(format!("http://{}/admin/ledger{query}", router.address()));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        send(request.body(Full::default()).unwrap())
    };
    assert_eq!(ask(None, "").await.status, 401);
    assert_eq!(ask(Some("acme-1"), "").await.status, 401);
    assert_eq!(ask(Some("boss"), "?limit=0").await.status, 400);
}

#[tokio::test]
async fn without_tenants_prices_and_an_admin_there_are_no_books_and_all_is_passed_on_unread() {
    let provider =
        Provider::start(|_| answer(200, &[("x-request-id", "r1")], r#"{ "any": "JSON", "choices": [{}] }"#))
            .await;
    let router = start_router(&ConfigFile::with_keys(provider.address, 1, ""), None).await;
    let got = ask(&router).await;
    assert_eq!(
        (got.status, got.body.as_ref(), &got.headers["x-provider-request-id"]),
        (200, &br#"{ "any": "JSON", "choices": [{}] }"#[..], &"r1".parse().unwrap())
    );
    assert_eq!(provider.attempts()[0].body, ASK);
    assert_eq!(get(&router, "/admin/ledger").await.status, 404);
}

#[tokio::test]
async fn what_failed_attempts_have_used_is_booked_at_their_own_price_beside_the_answer() {
    let begun = "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1000,\"output_tokens\":1}}}\n\n";
    let failed = "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n";
    let first = Provider::start(move |_| stream(&format!("{begun}{failed}"))).await;
    let second = Provider::start(|_| stream(&whole_stream())).await;
    let config = ConfigFile::new(&format!(
        "providers:\n  first: {{ dialect: anthropic, base_url: 'http://{}', keys: [{{ name: a, secret: sk-1 }}] }}\n  \
         second: {{ dialect: openai, base_url: 'http://{}/v1', keys: [{{ name: b, secret: sk-2 }}] }}\n\
         models:\n  chat: {{ provider: first, model: dear, retries: 1, backoff: {{ base: 1ms }}, fallbacks: [spare] }}\n  \
         spare: {{ provider: second, model: cheap }}\n  alone: {{ provider: first, model: dear, retries: 0 }}\n\
         prices:\n  dear: {{ input: 3000000, output: 15000000 }}\n  cheap: {{ input: 1000000, cache_read: 500000, output: 4000000 }}\n\
         admin: {{ secret: boss }}\n",
        first.address, second.address
    ));
    let router = start_router(&config, None).await;
    let got = send(post(&router, ASK_STREAM)).await;
    assert_eq!(got.status, 200, "{got:?}");
    let told: Vec<_> = rows(&router, 3).await;
    let row = |row: &Value| {
        (row["provider"].as_str().unwrap().to_owned(), row["attempts"].clone(), row["cost"].clone())
    };
    let failed = |attempt: u32| ("first".to_owned(), json!(attempt), json!(3 * 1000 + 15));
    let served = ("second".to_owned(), json!(3), json!(60 + 40 / 2 + 4 * 10));
    assert_eq!(told.iter().map(row).collect::<Vec<_>>(), [failed(1), failed(2), served]);
    assert!(told[0]["status"].is_null() && told[0]["id"] == told[2]["id"]);
    // The failure that a client is told of has no row beside its own.
    assert_eq!(send(post(&router, ASK_STREAM.replace("chat", "alone"))).await.status, 503);
    let last = &rows(&router, 4).await[3];
    assert_eq!((row(last), last["status"].as_u64()), (failed(1), Some(503)));
}
