//! The memory of a phase whose target floods it stays within a bound that does not depend on how much comes. A process of its own, so
//! that what other tests hold is not counted.

#![expect(
    clippy::unwrap_used,
    reason = "this is a test, which the lint cannot see without the usual harness"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};
use record::{Clock, Correlation, NameId, NameTable, fact_channel};
use stormproof_load::{
    Allowance, Method, Order, PhaseJob, Recorded, Request, Schedule, Sending, StopSignal, Surroundings, drive,
};

/// As many connections flood at once.
const CONNECTIONS: u64 = 64;
/// What each may hold at most: a plain body up to its cap of a mebibyte, or an event up to its own of a quarter, and a head.
const EACH: u64 = 5 * 256 * 1024;
/// What the process holds besides, with the server's threads in it.
const BESIDES: u64 = 32 * 1024 * 1024;

fn main() -> std::process::ExitCode {
    let trial = Trial::test("a_flood_of_whatever_kind_stays_within_a_bound", || {
        a_flood_of_whatever_kind_stays_within_a_bound();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn a_flood_of_whatever_kind_stays_within_a_bound() {
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    for (what, begin, again) in [
        ("a stream of pings", stream, ": ping\n\n"),
        ("a stream of contents", stream, "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"),
        ("an event without end", stream, "data: x\n"),
        ("a gigabyte", "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", "x"),
        ("headers", "HTTP/1.1 200 OK\r\n", "a: b\r\n"),
        ("a header", "HTTP/1.1 200 OK\r\na: ", "b"),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ] {
        let before = peak();
        let sent = flood(begin, again);
        let grown = peak().saturating_sub(before);
        assert!(grown < CONNECTIONS * EACH + BESIDES, "{what}: {} MiB more after {sent} bytes", grown >> 20);
        println!("{what}: {} MiB came, {} MiB more are held", sent >> 20, grown >> 20);
    }
}

/// Drives a phase against a server that never stops sending, and tells how much it sent.
fn flood(begin: &'static str, again: &'static str) -> u64 {
    let sent = Arc::new(AtomicU64::new(0));
    let to = server(begin, again, &sent);
    let (facts, received) = fact_channel();
    let surroundings = Surroundings {
        clock: Clock::start(),
        correlation: Correlation::new(1),
        next_exchange: Arc::new(AtomicU32::new(0)),
        names: NameTable::new(facts.clone()),
        facts,
        recorded: Recorded::default(),
        allowance: Allowance::default(),
    };
    let job = PhaseJob {
        traffic: NameId(0),
        to,
        schedule: Schedule::Burst { count: CONNECTIONS },
        requests: vec![Request::new(Method::Get, "/".to_owned())],
        order: Order::InTurn,
        timeout: Duration::from_secs(2),
        seed: 1,
        most_connections: 1_000,
        sending: Sending::default(),
        gives_up_after: None,
        workers: 1,
    };
    let report = drive(&job, &surroundings, &StopSignal::default()).unwrap();
    assert_eq!(report.figures.failed, CONNECTIONS, "nothing of it is whole");
    drop((surroundings, received));
    sent.load(Ordering::Relaxed)
}

fn server(begin: &'static str, again: &'static str, sent: &Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sent = Arc::clone(sent);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(usize::try_from(CONNECTIONS).unwrap()) {
            let sent = Arc::clone(&sent);
            std::thread::spawn(move || serve(stream.unwrap(), begin, again, &sent));
        }
    });
    address
}

fn serve(mut stream: TcpStream, begin: &str, again: &str, sent: &AtomicU64) {
    drop(stream.read(&mut [0; 4_096]));
    let block = again.repeat(16 * 1024 / again.len() + 1);
    let mut written = stream.write_all(begin.as_bytes());
    while written.is_ok() {
        written = stream.write_all(block.as_bytes());
        sent.fetch_add(block.len() as u64, Ordering::Relaxed);
    }
}

/// The most resident memory that the process has had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}
