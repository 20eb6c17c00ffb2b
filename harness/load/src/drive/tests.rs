//! The phase driver against servers that answer, freeze, stream, break off, send garbage, or are not there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use record::{
    Clock, Correlation, ExchangeRow, Fact, FactReceiver, NOT_REACHED, NameId, NameTable, Outcome,
    fact_channel,
};

use super::*;
use crate::allowance::Allowance;
use crate::request::{Method, Request};
use crate::schedule::{Arrivals, Schedule};
use crate::sending::Sending;
use crate::stop::{StopSignal, Stopping};
use crate::surroundings::{Recorded, Surroundings};

pub(super) fn surroundings() -> (Surroundings, FactReceiver) {
    let (facts, received) = fact_channel();
    let names = NameTable::new(facts.clone());
    let next_exchange = Arc::new(AtomicU32::new(0));
    let (clock, correlation, recorded) = (Clock::start(), Correlation::new(5), Recorded::default());
    let allowance = Allowance::default();
    (Surroundings { clock, correlation, next_exchange, facts, names, recorded, allowance }, received)
}

fn job(to: SocketAddr, schedule: Schedule) -> PhaseJob {
    let body = format!("{{\"prompt\":\"{}\"}}", Request::mark_place()).into_bytes();
    let request = Request { name: NameId(1), body, ..Request::new(Method::Post, "/".to_owned()) };
    PhaseJob {
        traffic: NameId(0),
        to,
        schedule,
        requests: vec![request],
        timeout: Duration::from_secs(2),
        seed: 7,
        most_connections: 50,
        sending: Sending::default(),
        order: Order::InTurn,
        gives_up_after: None,
        workers: 1,
    }
}

fn drive_all(job: PhaseJob) -> (Vec<ExchangeRow>, PhaseReport) {
    let (surroundings, facts) = surroundings();
    let report = drive(&job, &surroundings, &StopSignal::default()).unwrap();
    drop(job);
    (rows(&facts), report)
}

fn rows(facts: &FactReceiver) -> Vec<ExchangeRow> {
    facts
        .try_iter()
        .filter_map(|fact| match fact {
            Fact::Exchange(row) => Some(row),
            _ => None,
        })
        .collect()
}

fn histogram(text: &str) -> Histogram<u64> {
    Deserializer::new().deserialize(&mut STANDARD.decode(text).unwrap().as_slice()).unwrap()
}

/// A server whose connections are each handled by a thread; it ends with the test's process.
fn server(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle(socket));
        }
    });
    address
}

/// Reads one request to its end and gives it; none when the client has left.
fn request(socket: &mut TcpStream) -> Option<String> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4_096]);
    while !seen.ends_with(b"\"}") {
        match socket.read(&mut buffer) {
            Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    String::from_utf8(seen).ok()
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

fn burst(count: u64) -> Schedule {
    Schedule::Burst { count }
}

fn open(per_second: u32, lasts: Duration) -> Schedule {
    Schedule::Open {
        interval: Duration::from_secs(1) / per_second,
        arrivals: Arrivals::Constant,
        lasts: Some(lasts),
    }
}

/// What becomes of a single request to a server that replies these bytes and closes.
fn outcome(reply: Vec<u8>) -> ExchangeRow {
    let address = server(move |mut socket| {
        request(&mut socket);
        // A client that has seen enough is gone by then.
        drop(socket.write_all(&reply));
    });
    let (rows, _) = drive_all(job(address, burst(1)));
    assert_eq!(rows.len(), 1);
    rows[0]
}

#[test]
fn every_request_is_sent_with_a_mark_of_its_own_over_connections_that_are_kept() {
    let (marks, connections) = (channel(), Arc::new(AtomicUsize::new(0)));
    let (sender, received): (Sender<String>, Receiver<String>) = marks;
    let address = {
        let connections = Arc::clone(&connections);
        server(move |mut socket| {
            connections.fetch_add(1, Ordering::Relaxed);
            while let Some(request) = request(&mut socket) {
                let at = request.find("[sp:").unwrap();
                sender.send(request[at..at + record::MARK_LENGTH].to_owned()).unwrap();
                socket.write_all(ANSWER).unwrap();
            }
        })
    };
    let (rows, report) = drive_all(job(address, open(500, Duration::from_millis(400))));
    let mut marks: Vec<String> = received.try_iter().collect();
    marks.sort();
    marks.dedup();
    assert_eq!((rows.len(), marks.len()), (200, 200));
    assert!(rows.iter().all(|row| row.outcome == Outcome::Complete && row.status == 200));
    assert_eq!((report.figures.planned, report.figures.sent, report.figures.failed), (200, 200, 0));
    assert!(connections.load(Ordering::Relaxed) < 200, "connections are kept");
    assert_eq!(histogram(&report.figures.response).len(), 200);
}

#[test]
fn a_server_that_freezes_shows_in_the_response_time_and_not_in_the_service_time() {
    const FREEZE: Duration = Duration::from_millis(400);
    let served = Arc::new(AtomicUsize::new(0));
    let address = server(move |mut socket| {
        while request(&mut socket).is_some() {
            if served.fetch_add(1, Ordering::Relaxed) == 50 {
                thread::sleep(FREEZE);
            }
            socket.write_all(ANSWER).unwrap();
        }
    });
    let one_connection = PhaseJob { most_connections: 1, ..job(address, open(200, Duration::from_secs(1))) };
    let (rows, report) = drive_all(one_connection);
    assert_eq!(rows.len(), 200);
    let slow = |name: &str, text: &str| {
        let histogram = histogram(text);
        let slow = histogram.iter_recorded().filter(|step| step.value_iterated_to() > 100_000);
        (name.to_owned(), slow.map(|step| step.count_at_value()).sum::<u64>())
    };
    let (_, response) = slow("response", &report.figures.response);
    let (_, service) = slow("service", &report.figures.service);
    let (_, lateness) = slow("lateness", &report.figures.lateness);
    assert!(response >= 50, "some 60 of 200 requests were due while the server was frozen: {response}");
    assert_eq!(service, 1, "only one request was on its way");
    assert_eq!(lateness, 0, "the others waited for a connection, which is no fault of the driver's");
    assert!(report.figures.queued + 3 >= response, "{} of {response}", report.figures.queued);
}

#[test]
fn the_first_content_of_a_stream_is_seen_before_its_end() {
    let (go, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let address = server(move |mut socket| {
        request(&mut socket);
        let event = "data: {\"choices\":[{\"delta\":{\"content\":\"po\"}}]}\n\n";
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.write_all(format!("{head}{:x}\r\n{event}\r\n", event.len()).as_bytes()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        socket.write_all(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n").unwrap();
    });
    let releasing = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        go.send(()).unwrap();
    });
    let (rows, _) = drive_all(job(address, burst(1)));
    releasing.join().unwrap();
    let row = rows[0];
    assert_eq!(
        (row.outcome, row.terminated, row.text_hash),
        (Outcome::Complete, true, dialect::TextHash::of("po"))
    );
    assert!(row.first_content + 50_000 < row.ended, "{} and {}", row.first_content, row.ended);
}

#[test]
fn a_response_that_breaks_off_is_cut_and_never_whole() {
    for reply in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        assert_eq!(outcome(reply.into()).outcome, Outcome::Cut, "{reply:?}");
    }
}

#[test]
fn garbage_and_floods_are_garbled() {
    let headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(100_000));
    let line = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(1_000_000));
    let mut body = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
    body.resize(crate::reading::MOST_BODY + 100_000, b'x');
    for reply in [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n".to_vec(),
        headers.into_bytes(),
        line.into_bytes(),
        body,
    ] {
        let start = String::from_utf8_lossy(&reply[..20]).into_owned();
        assert_eq!(outcome(reply).outcome, Outcome::Garbled, "{start:?}");
    }
}

#[test]
fn a_body_without_a_length_ends_with_its_connection() {
    let row = outcome(b"HTTP/1.0 200 OK\r\n\r\n{}".to_vec());
    assert_eq!((row.outcome, row.bytes), (Outcome::Complete, 2));
}

#[test]
fn a_target_that_is_down_is_counted_and_the_schedule_goes_on() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (rows, report) = drive_all(job(gone, open(200, Duration::from_millis(100))));
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| row.outcome == Outcome::Refused && row.status == 0));
    assert_eq!(report.figures.failed, 20);
}

#[test]
fn a_server_that_says_nothing_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let impatient =
        PhaseJob { timeout: Duration::from_millis(50), ..job(silent.local_addr().unwrap(), burst(3)) };
    let (rows, _) = drive_all(impatient);
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.outcome == Outcome::TimedOut && row.ended >= 50_000));
}

#[test]
fn clients_of_a_closed_schedule_send_when_they_have_their_answer() {
    let address = server(|mut socket| {
        while request(&mut socket).is_some() {
            socket.write_all(ANSWER).unwrap();
        }
    });
    let (rows, report) = drive_all(job(
        address,
        Schedule::Closed { clients: 4, requests: Some(103), lasts: None, pause: Duration::ZERO },
    ));
    assert_eq!((rows.len(), report.figures.planned), (103, 103));
}

#[test]
fn a_phase_that_is_stopped_waits_for_what_is_open_or_abandons_it() {
    for (how, outcome) in [(Stopping::Drain, Outcome::Complete), (Stopping::Now, Outcome::Abandoned)] {
        let (came, arrived) = channel();
        let (go, wait) = channel::<()>();
        let (came, wait) = (std::sync::Mutex::new(came), std::sync::Mutex::new(wait));
        let address = server(move |mut socket| {
            request(&mut socket);
            came.lock().unwrap().send(()).unwrap();
            // The sender is dropped where nothing is to be answered.
            if wait.lock().unwrap().recv().is_ok() {
                socket.write_all(ANSWER).unwrap();
            }
        });
        let (surroundings, facts) = surroundings();
        let stop = StopSignal::default();
        let endless = Schedule::Open {
            interval: Duration::from_secs(3_600),
            arrivals: Arrivals::Constant,
            lasts: None,
        };
        let driving = {
            let stop = stop.clone();
            thread::spawn(move || drive(&job(address, endless), &surroundings, &stop).map(|_| ()))
        };
        arrived.recv().unwrap();
        stop.stop(how);
        if how == Stopping::Drain {
            go.send(()).unwrap();
        }
        driving.join().unwrap().unwrap();
        let rows = rows(&facts);
        assert_eq!((rows.len(), rows[0].outcome), (1, outcome), "{how:?}");
        assert_ne!(rows[0].ended, NOT_REACHED);
    }
}

#[test]
fn a_phase_without_a_request_is_refused() {
    let (surroundings, _facts) = surroundings();
    let nothing = PhaseJob { requests: Vec::new(), ..job(([127, 0, 0, 1], 1).into(), burst(1)) };
    assert!(matches!(drive(&nothing, &surroundings, &StopSignal::default()), Err(PhaseError::NoRequest)));
}
