//! Processor time for each request of a simulated provider, against wiremock with the same reply. Both keep a journal: wiremock as it
//! comes records its requests.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use scenario::Reply;
use tokio::runtime::Builder;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::load::{Load, sample_reply};
use crate::rounds::Rounds;
use crate::server::{Ready, Server, thread_time};
use crate::simulator::{Drain, simulator};

const ROUNDS: usize = 11;
const REQUESTS_A_ROUND: u32 = 8_000;
const LIMIT: f64 = 0.5;

/// Replies, and notes the processor time of the server's thread, on which it is called.
struct Clocked {
    reply: ResponseTemplate,
    nanos: Arc<AtomicU64>,
}

impl Respond for Clocked {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        self.nanos.store(u64::try_from(thread_time().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.reply.clone()
    }
}

pub(crate) fn compare() -> Result<bool, Box<dyn Error>> {
    let simulator = Server::start(|ready| simulator(Drain::Looking, Reply::normal(), ready))?;
    let (length, reply) = sample_reply(&simulator)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (_mock, wiremock) = runtime.block_on(wiremock(reply, &simulator.ready));
    let servers = [wiremock, simulator];
    let mut loads = servers.iter().map(Load::open).collect::<Result<Vec<_>, _>>()?;
    println!("Microseconds of processor time for a request with a reply of {length} bytes.\n");
    let rounds = Rounds::run(ROUNDS, ["wiremock", "simulator"], |index| {
        loads[index].cost(&servers[index], REQUESTS_A_ROUND)
    })?;
    Ok(rounds.tell("simulator / wiremock", (1, 0), Some(LIMIT)))
}

/// wiremock with one mock, which looks at method, path and key and writes the reply.
async fn wiremock((headers, body): (HeaderMap, Bytes), ready: &Ready) -> (MockServer, Server) {
    let nanos = Arc::new(AtomicU64::new(0));
    let mut reply = ResponseTemplate::new(200).set_body_bytes(body.to_vec());
    for (name, value) in &headers {
        reply = reply.insert_header(name, value);
    }
    let server = MockServer::builder().start().await;
    let asked = Mock::given(method("POST")).and(path("/v1/chat/completions"));
    let asked = asked.and(header("authorization", format!("Bearer {}", ready.secret)));
    asked.respond_with(Clocked { reply, nanos: Arc::clone(&nanos) }).mount(&server).await;
    let ready = Ready { address: *server.address(), ..ready.clone() };
    let clock = move || Ok(Duration::from_nanos(nanos.load(Ordering::Relaxed)));
    (server, Server::new(ready, clock))
}
