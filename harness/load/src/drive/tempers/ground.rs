//! What the tests of phases stand on: a server on a port of its own, and a phase that is driven against it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use hdrhistogram::Histogram;
use record::{
    Clock, Correlation, Entry, EventSeen, ExchangeId, ExchangeRow, Fact, NameId, NameTable, Pair,
    PhaseFigures, PhasePart, Said, Sample, TextSeen, fact_channel,
};

use crate::{
    Allowance, Arrivals, Method, Order, PhaseError, PhaseJob, PhaseReport, Recorded, Request, Schedule,
    Sending, StopSignal, Surroundings, drive,
};

pub(super) const CORRELATION_TRIAL: u64 = 0xabc;

/// A server that gives each connection to a function, on a thread of its own.
pub(super) struct Server {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), serve)
    }

    /// The same by a listener that is there already.
    fn listening(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let (address, closing) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let (serve, closed) = (Arc::new(serve), Arc::clone(&closing));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if closed.load(Ordering::Acquire) {
                    return;
                }
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address, closing }
    }

    /// A server that answers each request of a connection, until the function says nothing any more.
    pub(super) fn answering(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::answering_by(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    /// The same by a listener that is there already.
    pub(super) fn answering_by(
        listener: TcpListener,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self::listening(listener, move |mut stream| {
            while let Some(request) = read_request(&mut stream) {
                let Some(reply) = answer(&request) else { return };
                if stream.write_all(&reply).is_err() {
                    return;
                }
            }
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // Its listener wakes up once more, and sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

/// The next request of a connection; none when the client has left.
pub(super) fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        seen.push(byte[0]);
    }
    let head = String::from_utf8(seen).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(head + std::str::from_utf8(&body).unwrap())
}

/// An address on which nobody listens.
pub(super) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A socket with an address of its own, on which nobody listens yet.
pub(super) fn not_yet_listening() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

pub(super) fn reply(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub(super) fn pong() -> Vec<u8> {
    let body = r#"{"choices":[{"message":{"content":"pong"},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}"#;
    reply("200 OK", "application/json", body)
}

pub(super) fn ask() -> Request {
    let body = format!("{{\"prompt\":\"ping {}\"}}", Request::mark_place()).into_bytes();
    Request {
        name: NameId(1),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        authorization: Some(("authorization".to_owned(), "Bearer sk-mine".to_owned())),
        body,
        model: NameId(2),
        ..Request::new(Method::Post, "/v1/chat/completions".to_owned())
    }
}

pub(super) fn job(to: SocketAddr, schedule: Schedule) -> PhaseJob {
    PhaseJob {
        traffic: NameId(0),
        to,
        schedule,
        requests: vec![ask()],
        timeout: Duration::from_secs(5),
        seed: 7,
        most_connections: 64,
        sending: Sending::default(),
        order: Order::InTurn,
        gives_up_after: None,
        workers: 1,
    }
}

pub(super) fn constant(interval_ms: u64, lasts_ms: u64) -> Schedule {
    Schedule::Open {
        interval: Duration::from_millis(interval_ms),
        arrivals: Arrivals::Constant,
        lasts: Some(Duration::from_millis(lasts_ms)),
    }
}

pub(super) fn closed(clients: usize, requests: u64) -> Schedule {
    Schedule::Closed { clients, requests: Some(requests), lasts: None, pause: Duration::ZERO }
}

/// What a phase came to.
pub(super) struct Driven {
    pub(super) report: PhaseReport,
    pub(super) clock: Clock,
    pub(super) rows: Vec<ExchangeRow>,
    pub(super) samples: Vec<Sample>,
    pub(super) names: Vec<(NameId, String)>,
    pub(super) events: Vec<EventSeen>,
    /// The exchanges of which not every event was told.
    pub(super) cut: Vec<ExchangeId>,
    pub(super) texts: Vec<TextSeen>,
    pub(super) said: Vec<Said>,
    pub(super) parts: Vec<PhasePart>,
    pub(super) pairs: Vec<Pair>,
}

pub(super) fn run(job: PhaseJob) -> Driven {
    run_until(job, &StopSignal::default()).unwrap()
}

pub(super) fn run_until(job: PhaseJob, stop: &StopSignal) -> Result<Driven, PhaseError> {
    run_recording(job, stop, Recorded::default())
}

/// A phase of which so much is recorded beside rows.
pub(super) fn run_recording(
    job: PhaseJob,
    stop: &StopSignal,
    recorded: Recorded,
) -> Result<Driven, PhaseError> {
    run_allowed(job, stop, recorded, Allowance::default())
}

/// A phase that may send no more than this.
pub(super) fn run_allowed(
    job: PhaseJob,
    stop: &StopSignal,
    recorded: Recorded,
    allowance: Allowance,
) -> Result<Driven, PhaseError> {
    let (facts, received) = fact_channel();
    let clock = Clock::start();
    let surroundings = Surroundings {
        clock,
        correlation: Correlation::new(CORRELATION_TRIAL),
        next_exchange: Arc::new(AtomicU32::new(0)),
        names: NameTable::new(facts.clone()),
        facts,
        recorded,
        allowance,
    };
    let report = drive(&job, &surroundings, stop)?;
    // Nobody is left who could tell more.
    drop((job, surroundings));
    let (mut rows, mut samples, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let (mut events, mut cut, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut said, mut parts, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for fact in received.iter() {
        match fact {
            Fact::Exchange(row) => rows.push(row),
            Fact::Entry(entry) => match *entry {
                Entry::Sample(sample) => samples.push(sample),
                Entry::Name { id, text } => names.push((id, text)),
                Entry::Event(event) => events.push(event),
                Entry::EventsCut { exchange, .. } => cut.push(exchange),
                Entry::Text(text) => texts.push(text),
                Entry::Said(end) => said.push(end),
                Entry::Part(part) => parts.push(part),
                Entry::Pair(pair) => pairs.push(pair),
                other => panic!("a phase tells nothing like {other:?}"),
            },
            Fact::Attempt(row) => panic!("a phase makes no attempt: {row:?}"),
        }
    }
    Ok(Driven { report, clock, rows, samples, names, events, cut, texts, said, parts, pairs })
}

impl Driven {
    /// The one exchange of the phase.
    #[track_caller]
    pub(super) fn only_row(&self) -> ExchangeRow {
        assert_eq!(self.rows.len(), 1, "one exchange: {:?}", self.rows);
        self.rows[0]
    }
}

/// The histograms of a phase: response, service, lateness.
pub(super) fn histograms(figures: &PhaseFigures) -> [Histogram<u64>; 3] {
    [&figures.response, &figures.service, &figures.lateness].map(|text| histogram(text))
}

pub(super) fn histogram(text: &str) -> Histogram<u64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap()
}
