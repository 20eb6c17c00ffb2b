//! What the journal and the rules cost: processor time for each request of a simulated provider, against a bare hyper server
//! that reads the same body and writes the same bytes.
//!
//! Only the time of the server's own thread counts, so neither the client's cost nor a busy machine is in the numbers. The
//! servers take turns, round by round, in one process.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use record::{Clock, Correlation, ExchangeId, NameTable, fact_channel};
use rustix::time::{ClockId, clock_gettime};
use scenario::{Bucket, KeySettings, Padding, Plan, Rate, Span, World};
use stormproof_upstream::{Surroundings, TrafficSignal, Upstreams};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};

const ROUNDS: usize = 15;
const CONNECTIONS: usize = 16;
const REQUESTS_A_ROUND: usize = 32_000;
const GOAL: f64 = 1.3;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` and test runners call this too, to list or to run tests; there are none here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let looked_at = ServerThread::start(|ready| simulator(Drain::Looking, ready))?;
    let waited_for = ServerThread::start(|ready| simulator(Drain::Waiting, ready))?;
    let (length, reply) = sample_reply(&looked_at)?;
    let bare = ServerThread::start(move |ready| bare(reply, ready))?;
    println!("bytes of a reply: {length}; requests a round: {REQUESTS_A_ROUND}; connections: {CONNECTIONS}");
    println!(
        "microseconds of processor time for a request; A: rows drained every 2 ms; B: rows waited for\n"
    );
    println!("| round | bare | simulator A | simulator B | A / bare | B / bare |\n|---|---|---|---|---|---|");
    let servers = [bare, looked_at, waited_for];
    let mut loads = Vec::new();
    for server in &servers {
        let mut load = Load::open(server)?;
        // The first round warms both sides up and is not counted.
        load.run(server)?;
        loads.push(load);
    }
    let (mut ratios_a, mut ratios_b) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut took = [0.0; 3];
        // Each server is first, second and third equally often.
        for index in (0..servers.len()).map(|turn| (turn + round) % servers.len()) {
            took[index] = loads[index].run(&servers[index])?;
        }
        let [bare, a, b] = took;
        println!("| {} | {bare:.2} | {a:.2} | {b:.2} | {:.3} | {:.3} |", round + 1, a / bare, b / bare);
        ratios_a.push(a / bare);
        ratios_b.push(b / bare);
    }
    println!("\nmedian ratios: A {:.3}, B {:.3}; goal: at most {GOAL}", median(ratios_a), median(ratios_b));
    Ok(())
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[(ratios.len() - 1) / 2].midpoint(ratios[ratios.len() / 2])
}

/// How the thread that drains the rows spends its time. One that waits must be woken, at the server's cost.
#[derive(Clone, Copy)]
enum Drain {
    Looking,
    Waiting,
}

/// A server on a thread of its own, whose processor time can be asked for.
struct ServerThread {
    handle: Handle,
    ready: Ready,
}

#[derive(Clone)]
struct Ready {
    address: SocketAddr,
    secret: String,
    mark: String,
}

impl ServerThread {
    /// Starts a server that says when it is ready, and serves to the end of the process.
    fn start<F, S>(serve: F) -> Result<Self, Box<dyn Error>>
    where
        F: FnOnce(mpsc::Sender<(Handle, Ready)>) -> S + Send + 'static,
        S: Future<Output = Result<(), Box<dyn Error>>>,
    {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let served = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(serve(sender)));
            if let Err(error) = served {
                eprintln!("a server ended: {error}");
            }
        });
        let (handle, ready) = receiver.recv()?;
        Ok(Self { handle, ready })
    }

    /// The processor time of the server's thread so far.
    fn time(&self) -> Result<Duration, Box<dyn Error>> {
        let (sender, receiver) = mpsc::channel();
        self.handle.spawn(async move {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            let time = Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0));
            // The other side waits for it, unless the benchmark is being ended.
            let _: Result<(), _> = sender.send(time);
        });
        Ok(receiver.recv()?)
    }
}

/// The simulator as a load phase meets it: a key with a bucket, rows drained by a thread, samples used up.
async fn simulator(drain: Drain, ready: mpsc::Sender<(Handle, Ready)>) -> Result<(), Box<dyn Error>> {
    let (sender, facts) = fact_channel();
    thread::spawn(move || match drain {
        Drain::Looking => loop {
            facts.try_iter().for_each(drop);
            thread::sleep(Duration::from_millis(2));
        },
        Drain::Waiting => facts.iter().for_each(drop),
    });
    let correlation = Correlation::new(1);
    let surroundings = Surroundings {
        clock: Clock::start(),
        correlation,
        names: NameTable::new(sender.clone()),
        facts: sender,
        seed: 1,
        traffic: TrafficSignal::new([]),
        samples: 0,
        canaries: Vec::new(),
        defect: None,
    };
    let upstreams = Upstreams::start(&world(), surroundings).await?;
    let (_, address) = upstreams.addresses().next().ok_or("no upstream")?;
    let secret = upstreams.keys("main")[0].secret().to_owned();
    let ready_now = Ready { address, secret, mark: correlation.mark(ExchangeId(7)) };
    ready.send((Handle::current(), ready_now))?;
    std::future::pending::<()>().await;
    upstreams.stop().await;
    Ok(())
}

fn world() -> World {
    let span = Span::default();
    let at = |value: &str| scenario::At { value: value.to_owned(), span };
    let bucket =
        Bucket { capacity: 1_000_000, refill: Rate { count: 1_000_000, per: Duration::from_secs(1) }, span };
    let plan = Plan {
        name: at("rpm"),
        counts: scenario::Counted::Requests,
        shared: false,
        per_model: false,
        keys: Vec::new(),
        models: Vec::new(),
        log: None,
        window: None,
        bucket: Some(bucket),
        at_once: None,
        counts_refused: false,
        reserves: false,
        punishes: false,
        reply: scenario::Reply::of(scenario::ErrorName::RateLimit),
        span,
    };
    let settings = KeySettings {
        states: Vec::new(),
        same_as: None,
        padding: Padding::None,
        weight: None,
        variable: None,
        span,
    };
    let upstream = scenario::Upstream {
        dialect: scenario::Protocol::Llm(dialect::Dialect::Openai),
        address: scenario::Address::Plain,
        keys: scenario::Keys(vec![scenario::Key { label: at("key-1"), settings }]),
        plans: vec![plan],
        latency: scenario::Latency::none(),
        keep_alive: None,
        signals: scenario::Signals { limits: scenario::LimitSignal::Usual, plan: None, span },
        reply: scenario::Reply::normal(),
        script: Vec::new(),
        timeline: Vec::new(),
        weights: Vec::new(),
        bans: None,
        resources: scenario::Named::default(),
        defects: Vec::new(),
        url_from: None,
        span,
    };
    let (router, tenants) = (scenario::RouterSettings::nothing(), scenario::Named::default());
    let upstreams = scenario::Named(vec![(at("main"), upstream)]);
    World { upstreams, router, tenants, prices: None, span }
}

/// A server that reads a request and writes a reply that it has been given.
async fn bare(
    (headers, body): (HeaderMap, Bytes),
    ready: mpsc::Sender<(Handle, Ready)>,
) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let ready_now = Ready { address: listener.local_addr()?, secret: String::new(), mark: String::new() };
    ready.send((Handle::current(), ready_now))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (headers, body) = (headers.clone(), body.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut response = Response::new(Full::new(body.clone()));
            *response.headers_mut() = headers.clone();
            async move { request.into_body().collect().await.map(|_| response) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// One reply of the simulator: its length on the wire, and what a bare server needs to write the same.
fn sample_reply(server: &ServerThread) -> Result<(usize, (HeaderMap, Bytes)), Box<dyn Error>> {
    let mut stream = TcpStream::connect(server.ready.address)?;
    stream.write_all(request(&server.ready).as_bytes())?;
    let mut reply = Vec::new();
    let length = read_reply(&mut stream, &mut reply)?;
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head_length) = head.parse(&reply)? else {
        return Err("half a head".into());
    };
    if head.code != Some(200) {
        return Err(format!("the simulator replied {:?}", head.code).into());
    }
    let mut headers = HeaderMap::new();
    for field in head.headers.iter() {
        // hyper writes these two by itself, in both servers.
        if !matches!(field.name, "content-length" | "date") {
            headers.insert(http::HeaderName::try_from(field.name)?, HeaderValue::from_bytes(field.value)?);
        }
    }
    Ok((length, (headers, Bytes::copy_from_slice(&reply[head_length..length]))))
}

fn request(ready: &Ready) -> String {
    let body = format!(
        r#"{{"model":"chat","messages":[{{"role":"user","content":"what is the answer to this? {}"}}]}}"#,
        ready.mark
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: */*\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        ready.secret,
        body.len()
    )
}

/// Clients that keep their connections open: each round of requests is sent on all of them before a reply is read.
struct Load {
    streams: Vec<TcpStream>,
    request: String,
    buffer: Vec<u8>,
}

impl Load {
    fn open(server: &ServerThread) -> Result<Self, Box<dyn Error>> {
        let streams: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| {
                let stream = TcpStream::connect(server.ready.address)?;
                stream.set_nodelay(true)?;
                Ok(stream)
            })
            .collect::<std::io::Result<_>>()?;
        // Both servers get requests of one length, though the bare one asks for no key and no mark.
        let mut ready = server.ready.clone();
        if ready.secret.is_empty() {
            (ready.secret, ready.mark) = ("x".repeat(38), "x".repeat(record::MARK_LENGTH));
        }
        Ok(Self { streams, request: request(&ready), buffer: Vec::new() })
    }

    /// Microseconds of the server's time for one request.
    fn run(&mut self, server: &ServerThread) -> Result<f64, Box<dyn Error>> {
        let before = server.time()?;
        for _ in 0..REQUESTS_A_ROUND / CONNECTIONS {
            for stream in &mut self.streams {
                stream.write_all(self.request.as_bytes())?;
            }
            for stream in &mut self.streams {
                read_reply(stream, &mut self.buffer)?;
                if !self.buffer.starts_with(b"HTTP/1.1 200") {
                    return Err("a reply other than 200".into());
                }
            }
        }
        let took = server.time()? - before;
        Ok(took.as_secs_f64() * 1e6 / f64::from(u32::try_from(REQUESTS_A_ROUND)?))
    }
}

/// Reads one reply with a `content-length`, and tells how long it is with its head.
fn read_reply(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize, Box<dyn Error>> {
    buffer.clear();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(length) = reply_length(buffer)
            && buffer.len() >= length
        {
            return Ok(length);
        }
        match stream.read(&mut piece)? {
            0 => return Err("the server closed a connection".into()),
            read => buffer.extend_from_slice(&piece[..read]),
        }
    }
}

fn reply_length(reply: &[u8]) -> Option<usize> {
    let head = reply.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&reply[..head]).ok()?;
    let (_, rest) = text.split_once("content-length: ")?;
    Some(head + rest.split_once('\r')?.0.parse::<usize>().ok()?)
}
