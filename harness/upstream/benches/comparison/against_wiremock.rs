//! Processor time for each request of a simulated provider, against wiremock. All keep a journal: wiremock as it comes records its
//! requests. Once wiremock does the same work, as somebody would write it who simulates a provider with it, and once it writes one
//! fixed reply.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderMap;
use scenario::Reply;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::load::{Load, sample_reply};
use crate::rounds::Rounds;
use crate::server::{Ready, Server, thread_time};
use crate::simulator::{Drain, simulator};

const ROUNDS: usize = 11;
const REQUESTS_A_ROUND: u32 = 8_000;
const LIMIT: f64 = 0.5;

pub(crate) fn compare() -> Result<bool, Box<dyn Error>> {
    let simulator = Server::start(|ready| simulator(Drain::Looking, Reply::normal(), ready))?;
    let (length, reply) = sample_reply(&simulator)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (_same_work, same_work) = wiremock(&runtime, &simulator.ready, SameWork::default());
    let (_fixed, fixed) = wiremock(&runtime, &simulator.ready, fixed(reply));
    let servers = [same_work, fixed, simulator];
    let mut loads = servers.iter().map(Load::open).collect::<Result<Vec<_>, _>>()?;
    println!("Microseconds of processor time for a request with a reply of {length} bytes.\n");
    let rounds = Rounds::run(ROUNDS, ["wiremock", "wiremock, fixed reply", "simulator"], |index| {
        loads[index].cost(&servers[index], REQUESTS_A_ROUND)
    })?;
    rounds.tell("simulator / wiremock with a fixed reply", (2, 1), None);
    Ok(rounds.tell("simulator / wiremock that does the same", (2, 0), Some(LIMIT)))
}

/// wiremock with one mock, which looks at method, path, key and model.
fn wiremock(runtime: &Runtime, ready: &Ready, reply: impl Respond + 'static) -> (MockServer, Server) {
    let nanos = Arc::new(AtomicU64::new(0));
    let asked = Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {}", ready.secret)))
        .and(body_partial_json(json!({ "model": "chat" })));
    let mock = asked.respond_with(Clocked { reply, nanos: Arc::clone(&nanos) });
    let server = runtime.block_on(async {
        let server = MockServer::builder().start().await;
        mock.mount(&server).await;
        server
    });
    let ready = Ready { address: *server.address(), ..ready.clone() };
    let clock = move || Ok(Duration::from_nanos(nanos.load(Ordering::Relaxed)));
    (server, Server::new(ready, clock))
}

/// Replies, and notes the processor time of the server's thread, on which it is called.
struct Clocked<R> {
    reply: R,
    nanos: Arc<AtomicU64>,
}

impl<R: Respond> Respond for Clocked<R> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.nanos.store(u64::try_from(thread_time().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.reply.respond(request)
    }
}

/// An answer as a provider writes it: to the model that was asked for, with an id and limits of its own.
#[derive(Default)]
struct SameWork(AtomicU64);

impl Respond for SameWork {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let asked: Value = request.body_json().unwrap_or_default();
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let said = asked["messages"][0]["content"].as_str().unwrap_or_default();
        let (input, output) = (said.split_ascii_whitespace().count(), 13);
        let message = json!({
            "role": "assistant",
            "content": "This is the answer of a simulated provider, and it is always the same.",
            "refusal": null,
            "annotations": [],
        });
        let usage = json!({
            "prompt_tokens": input,
            "completion_tokens": output,
            "total_tokens": input + output,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
        });
        ResponseTemplate::new(200)
            .insert_header("x-ratelimit-limit-requests", "1000000")
            .insert_header("x-ratelimit-remaining-requests", (1_000_000 - number).to_string())
            .insert_header("x-ratelimit-reset-requests", "1ms")
            .insert_header("x-request-id", format!("req_{number:032x}"))
            .set_body_json(json!({
                "id": format!("chatcmpl-{number:032x}"),
                "object": "chat.completion",
                "created": created,
                "model": asked["model"],
                "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" }],
                "usage": usage,
                "service_tier": "default",
            }))
    }
}

/// The same bytes as the simulator once wrote.
fn fixed((headers, body): (HeaderMap, Bytes)) -> ResponseTemplate {
    let reply = ResponseTemplate::new(200).set_body_bytes(body.to_vec());
    headers.iter().fold(reply, |reply, (name, value)| reply.insert_header(name, value))
}
