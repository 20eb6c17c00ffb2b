//! Anthropic streams as an OpenAI client gets them.

use std::sync::Arc;

use bytes::BytesMut;
use serde_json::{Value, json};

use super::*;
use crate::accounts::{RowState, Tokens};
use crate::stream::{Framer, Passage, Step};
use crate::usage::{LatestReport, Tally};

struct Carried {
    chunks: Vec<Value>,
    is_done: bool,
    steps: Vec<Step>,
    tally: Tally,
}

impl Carried {
    /// Everything the chunks add to one field of the first choice.
    fn joined(&self, field: impl Fn(&Value) -> &Value) -> String {
        self.chunks.iter().filter_map(|chunk| field(&chunk["choices"][0]["delta"]).as_str()).collect()
    }

    fn finish_reasons(&self) -> Vec<&str> {
        self.chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect()
    }
}

fn carry(usage_wanted: bool, events: &[Value]) -> Carried {
    let mut passage = ChunkPassage::new("public", usage_wanted);
    let (mut framer, mut out) = (Framer::default(), BytesMut::new());
    let (mut tally, mut steps) = (Tally::new(Arc::new(LatestReport), 0), Vec::new());
    for event in events {
        let kind = event["type"].as_str().unwrap();
        framer.push(format!("event: {kind}\ndata: {event}\n\n").as_bytes()).unwrap();
        while let Some(event) = framer.next() {
            steps.push(passage.take(&event, &mut tally, &mut out));
        }
    }
    let text = String::from_utf8(out.to_vec()).unwrap();
    let (body, is_done) =
        text.strip_suffix("data: [DONE]\n\n").map_or((text.as_str(), false), |body| (body, true));
    let read = |event: &str| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
    let chunks = body.split("\n\n").filter(|event| !event.is_empty()).map(read).collect();
    Carried { chunks, is_done, steps, tally }
}

fn start() -> Value {
    let usage = json!({
        "input_tokens": 1200, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 200, "output_tokens": 1,
    });
    json!({ "type": "message_start", "message": { "id": "msg_1", "model": "claude-x", "usage": usage } })
}

fn text(index: u64, text: &str) -> Value {
    let delta = json!({ "type": "text_delta", "text": text });
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn arguments(index: u64, part: &str) -> Value {
    let delta = json!({ "type": "input_json_delta", "partial_json": part });
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

fn tool(index: u64, id: &str) -> Value {
    let block = json!({ "type": "tool_use", "id": id, "name": format!("name-{id}"), "input": {} });
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn end_of(index: u64) -> Value {
    json!({ "type": "content_block_stop", "index": index })
}

fn change(stop_reason: Option<&str>, output: u64) -> Value {
    let delta = json!({ "stop_reason": stop_reason, "stop_sequence": null });
    json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": output } })
}

fn stop() -> Value {
    json!({ "type": "message_stop" })
}

#[test]
fn a_text_arrives_piece_by_piece_and_ends_with_one_reason_usage_and_mark() {
    let carried = carry(
        true,
        &[
            start(),
            json!({ "type": "ping" }),
            json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
            text(0, "汉"),
            json!({ "type": "something_new", "index": 0 }),
            text(0, "🙂 \"quoted\"\n"),
            change(None, 20),
            end_of(0),
            change(Some("end_turn"), 150),
            stop(),
        ],
    );
    assert!(carried.is_done);
    assert_eq!(carried.joined(|delta| &delta["content"]), "汉🙂 \"quoted\"\n");
    assert_eq!(carried.joined(|delta| &delta["role"]), "assistant");
    assert_eq!(carried.finish_reasons(), ["stop"]);
    let (last, others) = carried.chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    let usage = json!({
        "prompt_tokens": 2200, "completion_tokens": 150, "total_tokens": 2350,
        "prompt_tokens_details": { "cached_tokens": 800, "cache_write_tokens": 200 },
    });
    assert_eq!(last["usage"], usage);
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
    for chunk in &carried.chunks {
        assert_eq!((chunk["id"].as_str(), chunk["model"].as_str()), (Some("msg_1"), Some("claude-x")));
        assert_eq!(chunk["object"], "chat.completion.chunk");
    }
    let counted = carried.tally.completed();
    assert_eq!(counted.state, RowState::Settled);
    assert_eq!(
        counted.tokens,
        Tokens { input: 1_200, cache_read: 800, cache_write: 200, output: 150, reasoning: 0 }
    );
}

#[test]
fn usage_that_nobody_asked_for_is_not_told() {
    let carried = carry(false, &[start(), text(0, "a"), change(Some("max_tokens"), 1), stop()]);
    assert!(carried.is_done && carried.chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(carried.finish_reasons(), ["length"]);
    assert!(carried.chunks.iter().all(|chunk| chunk["choices"].as_array().unwrap().len() == 1));
}

#[test]
fn parallel_tool_calls_keep_apart_and_their_arguments_can_be_read() {
    let carried = carry(
        false,
        &[
            start(),
            text(0, "let me see"),
            end_of(0),
            tool(1, "t1"),
            tool(2, "t2"),
            arguments(1, ""),
            arguments(1, "{\"city\":"),
            arguments(2, "{\"n\""),
            arguments(1, "\"Paris\"}"),
            arguments(2, ":2}"),
            end_of(1),
            end_of(2),
            tool(3, "t3"),
            arguments(3, ""),
            end_of(3),
            change(Some("tool_use"), 9),
            stop(),
        ],
    );
    let mut calls = vec![(String::new(), String::new(), String::new()); 3];
    for call in
        carried.chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].as_array())
    {
        for part in call {
            let (id, name, arguments) = &mut calls[usize::try_from(part["index"].as_u64().unwrap()).unwrap()];
            id.push_str(part["id"].as_str().unwrap_or_default());
            name.push_str(part["function"]["name"].as_str().unwrap_or_default());
            arguments.push_str(part["function"]["arguments"].as_str().unwrap());
        }
    }
    let calls: Vec<(&str, &str, &str)> =
        calls.iter().map(|(id, name, arguments)| (id.as_str(), name.as_str(), arguments.as_str())).collect();
    assert_eq!(
        calls,
        [("t1", "name-t1", "{\"city\":\"Paris\"}"), ("t2", "name-t2", "{\"n\":2}"), ("t3", "name-t3", "{}"),]
    );
    assert_eq!(carried.finish_reasons(), ["tool_calls"]);
}

#[test]
fn an_error_is_told_in_the_clients_words_and_ends_nothing_cleanly() {
    let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let carried = carry(true, &[start(), text(0, "half"), error]);
    assert!(!carried.is_done);
    assert_eq!(carried.steps.last(), Some(&Step::Failed));
    let told = &carried.chunks.last().unwrap()["error"];
    assert_eq!(
        (told["message"].as_str(), told["code"].as_str()),
        (Some("Overloaded"), Some("server_is_overloaded"))
    );
    assert!(carried.finish_reasons().is_empty());
    assert_eq!(carried.tally.broken_off().state, RowState::Estimated);
}

#[test]
fn pings_are_a_sign_of_life_and_nothing_more() {
    let carried = carry(false, &[json!({ "type": "ping" }), start(), json!({ "type": "ping" })]);
    assert_eq!(carried.steps, [Step::Idle, Step::Onward, Step::Idle]);
    assert_eq!(carried.chunks.len(), 1);
}
