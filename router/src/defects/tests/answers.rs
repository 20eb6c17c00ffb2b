//! Questions about what leaves the house: the head of an answer, its documents and its events.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;

use super::{Row, told};
use crate::front::ResponseBody;
use crate::policy::Policies;

pub(super) const ROWS: &[Row] = &[
    ("leaves-the-usage-out", |p| document(p, CACHED, "/usage/total_tokens"), "12", "nothing"),
    ("counts-cached-tokens-twice", |p| document(p, CACHED, "/usage/prompt_tokens"), "10", "14"),
    ("leaves-the-cache-out-of-totals", |p| document(p, CACHED, "/usage/total_tokens"), "12", "8"),
    (
        "finishes-always-with-stop",
        |p| document(p, FINISHED, "/choices/0/finish_reason"),
        "\"length\"",
        "\"stop\"",
    ),
    (
        "calls-everything-a-rate-limit",
        |p| document(p, UNPAID, "/error/code"),
        "\"insufficient_quota\"",
        "\"rate_limit_exceeded\"",
    ),
    ("drops-the-usage-chunk", |p| told(streamed(p, USAGE_CHUNK).contains("usage")), "true", "false"),
    (
        "gives-all-tools-one-index",
        |p| told(streamed(p, SECOND_TOOL).contains(r#""index":1"#)),
        "true",
        "false",
    ),
    ("gives-each-chunk-an-id", |p| told(streamed(p, CHUNK).contains(r#""id":"one""#)), "true", "false"),
    ("swallows-errors-in-streams", |p| told(streamed(p, ERROR).contains("error")), "true", "false"),
    ("adds-empty-blocks", |p| told(streamed(p, BEGUN).contains("content_block")), "false", "true"),
    ("ends-every-stream-with-done", |p| told(streamed(p, BEGUN).contains("[DONE]")), "false", "true"),
    ("holds-streams-back", |p| told(comes_at_once(p)), "true", "false"),
    ("sleeps-between-pieces", |p| told(delay(p) >= Duration::from_millis(25)), "false", "true"),
    ("answers-every-error-with-500", |p| told(status(p, 404)), "404", "500"),
    ("answers-failures-with-200", |p| told(status(p, 502)), "502", "200"),
    ("answers-errors-in-plain-words", |p| head(p, 502, "content-type"), "application/json", "text/plain"),
    ("drops-wait-hints", |p| head(p, 429, "retry-after"), "7", ""),
    ("tells-a-full-limit", |p| head(p, 200, "x-ratelimit-remaining-requests"), "3", "10"),
];

const CACHED: &str = r#"{"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens":2,"total_tokens":12}}"#;
const FINISHED: &str = r#"{"choices":[{"finish_reason":"length"}]}"#;
const UNPAID: &str = r#"{"error":{"code":"insufficient_quota"}}"#;
const USAGE_CHUNK: &str = "data: {\"choices\":[],\"usage\":{}}\n\n";
const SECOND_TOOL: &str = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1}]}}]}\n\n";
const CHUNK: &str = "data: {\"id\":\"one\",\"object\":\"chat.completion.chunk\"}\n\n";
const ERROR: &str = "data: {\"error\":{}}\n\n";
const BEGUN: &str = "event: message_start\ndata: {}\n\n";

fn leaving(policies: &Policies, status: u16, kind: &str, body: &'static str) -> Response<ResponseBody> {
    let response = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-router-attempts", "1")
        .header("retry-after", "7")
        .header("x-ratelimit-limit-requests", "10")
        .header("x-ratelimit-remaining-requests", "3");
    let body = ResponseBody::whole(Bytes::from_static(body.as_bytes()));
    policies.border.leaving(response.body(body).unwrap())
}

fn read(response: Response<ResponseBody>) -> Bytes {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(response.into_body().collect()).unwrap().to_bytes()
}

/// A field of a document that is answered.
fn document(policies: &Policies, body: &'static str, pointer: &str) -> String {
    let read: Value =
        serde_json::from_slice(&read(leaving(policies, 200, "application/json", body))).unwrap();
    read.pointer(pointer).map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn streamed(policies: &Policies, events: &'static str) -> String {
    String::from_utf8_lossy(&read(leaving(policies, 200, "text/event-stream", events))).into_owned()
}

/// Whether an event that has come is passed on before the end is known.
fn comes_at_once(policies: &Policies) -> bool {
    let mut body = leaving(policies, 200, "text/event-stream", CHUNK).into_body();
    Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// How long a stream of one event is held, at least.
fn delay(policies: &Policies) -> Duration {
    let held = |_| {
        let begin = Instant::now();
        streamed(policies, CHUNK);
        begin.elapsed()
    };
    (0..3).map(held).min().unwrap_or_default()
}

fn status(policies: &Policies, status: u16) -> u16 {
    leaving(policies, status, "application/json", UNPAID).status().as_u16()
}

fn head(policies: &Policies, status: u16, name: &str) -> String {
    let response = leaving(policies, status, "application/json", UNPAID);
    response.headers().get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}
