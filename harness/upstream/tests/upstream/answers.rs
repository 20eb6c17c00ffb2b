//! Answers to the letter: plain, streamed, the list of models, and what a caller without a right gets.

use dialect::TextHash;
use record::Outcome;
use serde_json::{Value, json};

use crate::stage::{PING, STREAMED_PING, Stage, chat, request};

#[tokio::test]
async fn a_plain_answer_is_exact() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1, "reply": { "text": "It is so." } })).await;
    let reply = stage.ask(0, PING).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.header("openai-processing-ms").map(|ms| ms.parse::<u64>().is_ok()), Some(true));
    assert!(reply.header("x-request-id").is_some_and(|id| id.starts_with("req_") && id.len() == 36));
    assert_eq!(reply.header("x-ratelimit-limit-requests"), None);
    let mut body = reply.json();
    assert!(body["id"].as_str().is_some_and(|id| id.starts_with("chatcmpl-")));
    assert!(body["created"].as_u64().is_some_and(|created| created > 1_700_000_000));
    body["id"] = Value::Null;
    body["created"] = Value::Null;
    let expected = json!({
        "id": null, "object": "chat.completion", "created": null, "model": "chat",
        "service_tier": "default", "system_fingerprint": "fp_simulated",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": "It is so.", "refusal": null, "annotations": [] },
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        },
    });
    assert_eq!(body, expected);
    let seen = stage.leave().await;
    let row = seen.rows[0];
    assert_eq!((row.status, row.input_tokens, row.output_tokens), (200, 1, 3));
    assert_eq!((row.text_hash, row.body_hash != 0), (TextHash::of("It is so."), true));
    let told = seen.answers.iter().find(|answer| answer.id == row.answer).unwrap();
    assert_eq!((told.text.as_deref(), told.cut, told.tokens), (Some("It is so."), false, None));
    assert_eq!(seen.name(row.answer), "main: reply");
}

#[tokio::test]
async fn a_stream_is_words_a_finish_and_its_end() {
    let stage =
        Stage::set(json!({ "dialect": "openai", "keys": 1, "reply": { "text": "It  is so." } })).await;
    let reply = stage.ask(0, STREAMED_PING).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let events = reply.events();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(*done, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    let choices: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"]).collect();
    let piece =
        |text| json!([{ "index": 0, "delta": { "content": text }, "logprobs": null, "finish_reason": null }]);
    let role = json!([{
        "index": 0, "delta": { "role": "assistant", "content": "", "refusal": null },
        "logprobs": null, "finish_reason": null,
    }]);
    let finish = json!([{ "index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop" }]);
    assert_eq!(choices, [&role, &piece("It"), &piece("  is"), &piece(" so."), &finish]);
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk.get("usage").is_none()));
    let seen = stage.leave().await;
    assert!(seen.rows[0].streamed);
    assert_eq!(seen.rows[0].text_hash, TextHash::of("It  is so."));
    assert_eq!((seen.rows[0].input_tokens, seen.rows[0].output_tokens), (0, 0), "nothing was reported");
}

#[tokio::test]
async fn a_stream_tells_its_usage_only_where_it_is_asked_to() {
    let world = json!({ "dialect": "openai", "keys": 1, "reply": { "usage": { "input": 11, "output": 7 } } });
    let stage = Stage::set(world).await;
    let body = STREAMED_PING
        .replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let reply = stage.ask(0, &body).await;
    let events = reply.events();
    let (usage, chunks) = events[..events.len() - 1].split_last().unwrap();
    let usage: Value = serde_json::from_str(usage).unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!((&usage["usage"]["prompt_tokens"], &usage["usage"]["total_tokens"]), (&json!(11), &json!(18)));
    for chunk in chunks {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        assert_eq!(chunk.get("usage"), Some(&Value::Null));
    }
    let row = stage.leave().await.rows[0];
    assert_eq!((row.input_tokens, row.output_tokens), (11, 7));
}

#[tokio::test]
async fn a_stream_keeps_its_pace() {
    let world = json!({
        "dialect": "openai", "keys": 1,
        "latency": { "head": "30ms" },
        "reply": { "text": "one two three", "stream": { "first_event": "40ms", "gap": "20ms" } },
    });
    let stage = Stage::set(world).await;
    assert_eq!(stage.ask(0, STREAMED_PING).await.events().len(), 6);
    let row = stage.leave().await.rows[0];
    assert!(row.head - row.read >= 30_000, "the head came {} us after the request", row.head - row.read);
    assert!(row.ended - row.head >= 79_000, "the stream took {} us", row.ended - row.head);
}

#[tokio::test]
async fn an_unknown_key_is_refused_and_no_key_too() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    caller.send(&chat("sk-other", PING)).await;
    let reply = caller.reply().await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    caller
        .send(&format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: u\r\ncontent-length: {}\r\n\r\n{PING}",
            PING.len()
        ))
        .await;
    let reply = caller.reply().await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (401, &json!("invalid_request_error")));
    let seen = stage.leave().await;
    assert_eq!(seen.rows.len(), 2);
    for row in &seen.rows {
        assert_eq!((row.key.is_some(), row.key_use, seen.name(row.error)), (false, 0, "invalid_key"));
    }
}

#[tokio::test]
async fn an_upstream_without_keys_answers_everybody() {
    let stage = Stage::set(json!({ "dialect": "openai" })).await;
    let mut caller = stage.caller().await;
    caller.send(&chat("whatever", PING)).await;
    assert_eq!(caller.reply().await.status, 200);
    assert_eq!(stage.leave().await.rows[0].key_use, 1);
}

#[tokio::test]
async fn the_models_are_those_that_the_world_routes_here() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    for path in ["/v1/models", "/models"] {
        caller.send(&request(&format!("GET {path}"), stage.secret(0), "")).await;
        let reply = caller.reply().await;
        assert_eq!((reply.status, &reply.json()["data"][0]["id"]), (200, &json!("chat")));
    }
    caller.send(&request("GET /v1/models", "sk-other", "")).await;
    assert_eq!(caller.reply().await.status, 401);
    let seen = stage.leave().await;
    assert_eq!(seen.rows.iter().map(|row| row.key_use).collect::<Vec<_>>(), [1, 2, 0]);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    for line in ["GET /v1/chat/completions", "POST /v1/rerank", "DELETE /"] {
        caller.send(&request(line, stage.secret(0), PING)).await;
        let reply = caller.reply().await;
        assert_eq!((reply.status, &reply.json()["error"]["type"]), (404, &json!("invalid_request_error")));
        assert_eq!(reply.json()["error"]["message"], json!(format!("Invalid URL ({line})")));
    }
    let seen = stage.leave().await;
    assert!(seen.rows.iter().all(|row| seen.name(row.error) == "unknown_path" && row.status == 404));
    assert_eq!(seen.rows.len(), 3);
}

#[tokio::test]
async fn a_request_for_a_head_gets_no_body_and_is_over() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    let mut caller = stage.caller().await;
    caller.send(&request("HEAD /v1/models", stage.secret(0), "")).await;
    caller.wait_for("\r\n\r\n").await;
    drop(caller);
    let row = stage.next_row().await;
    assert_eq!((row.outcome, row.status), (Outcome::Complete, 404));
}

#[tokio::test]
async fn what_is_no_chat_request_is_refused() {
    let stage = Stage::set(json!({ "dialect": "openai", "keys": 1 })).await;
    for (body, param) in [("{", Value::Null), ("", Value::Null), (r#"{"model":"chat"}"#, json!("messages"))] {
        let reply = stage.ask(0, body).await;
        assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &param), "{body}");
    }
    let seen = stage.leave().await;
    assert!(seen.rows.iter().all(|row| seen.name(row.error) == "bad_request"));
}

#[tokio::test]
async fn the_seed_decides_the_ids() {
    let mut ids = Vec::new();
    for seed in [7, 7, 8] {
        let stage = Stage::set_with_seed(json!({ "dialect": "openai", "keys": 2 }), seed).await;
        let mut of_run = Vec::new();
        for key in [0, 1, 0] {
            of_run.push(stage.ask(key, PING).await.header("x-request-id").unwrap().to_owned());
        }
        ids.push(of_run);
    }
    assert_eq!(ids[0], ids[1]);
    let mut all: Vec<&String> = ids[1..].iter().flatten().collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6);
}
