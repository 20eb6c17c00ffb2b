//! Clients that write slowly, and clients that write raw bytes.

use std::io::{Read, Write};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use record::Outcome;

use super::ground::{Server, closed, job, pong, read_request, run};
use crate::{Pace, PhaseJob, Request, Schedule, Sending};

fn slowly(bytes: usize, every_ms: u64) -> Sending {
    let writes = Some(Pace { bytes, every: Duration::from_millis(every_ms) });
    Sending { writes, ..Sending::default() }
}

#[test]
fn a_slow_writer_writes_piece_by_piece_and_leaves_nothing_out() {
    let (sender, seen) = mpsc::channel();
    let server = Server::answering(move |request| {
        sender.send(request.to_owned()).unwrap();
        Some(pong())
    });
    let fast = run(job(server.address(), closed(1, 1))).only_row();
    let slow = run(PhaseJob { sending: slowly(40, 20), ..job(server.address(), closed(1, 2)) });
    drop(server);
    let lengths: Vec<usize> = seen.try_iter().map(|request| request.len()).collect();
    assert_eq!((lengths.len(), lengths[0]), (3, lengths[1]), "a request is the same however it is written");
    let rests = lengths[0].div_ceil(40) - 1;
    let least = u32::try_from(rests).unwrap() * 20_000;
    assert!(rests >= 3 && fast.outcome == Outcome::Complete);
    for row in &slow.rows {
        assert_eq!((row.outcome, row.status), (Outcome::Complete, 200));
        assert!(row.ended - row.sent >= least, "{rests} rests: {} of {least}", row.ended - row.sent);
    }
    assert_eq!(
        slow.report.connections, 1,
        "what was written to its end leaves a connection that can be used again"
    );
}

#[test]
fn a_slow_writer_that_is_answered_early_writes_no_further() {
    let (sender, left) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |mut stream| {
        let began = Instant::now();
        stream.read_exact(&mut [0; 10]).unwrap();
        stream.write_all(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n").unwrap();
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest));
        sender.lock().unwrap().send((rest.len(), began.elapsed())).unwrap();
    });
    let row = run(PhaseJob { sending: slowly(10, 300), ..job(server.address(), closed(1, 1)) }).only_row();
    assert_eq!((row.status, row.outcome), (408, Outcome::Complete));
    let (rest, after) = left.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(rest <= 50 && after < Duration::from_secs(4), "{rest} more bytes, and gone after {after:?}");
}

#[test]
fn a_slow_writer_is_given_up_when_its_patience_ends() {
    let server = Server::start(|mut stream| drop(read_request(&mut stream)));
    let mut slow = PhaseJob { sending: slowly(1, 50), ..job(server.address(), closed(1, 1)) };
    slow.requests[0].patience = Some(Duration::from_millis(200));
    let row = run(slow).only_row();
    assert_eq!((row.outcome, row.status), (Outcome::TimedOut, 0));
    assert!((200_000..2_000_000).contains(&row.ended), "{}", row.ended);
}

#[test]
fn raw_bytes_go_out_as_they_are_on_a_connection_of_their_own() {
    let (sender, seen) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |mut stream| {
        let mut buffer = [0; 64];
        let count = stream.read(&mut buffer).unwrap();
        sender.lock().unwrap().send(buffer[..count].to_vec()).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        // The connection stays open, as after any other request.
        drop(stream.read(&mut buffer));
    });
    let bytes = b"\0GET / HTTP/9.9\r\n\r\nhello".to_vec();
    let raw = PhaseJob { requests: vec![Request::raw(bytes.clone())], ..job(server.address(), closed(1, 3)) };
    let driven = run(raw);
    assert!(driven.rows.iter().all(|row| (row.status, row.outcome) == (400, Outcome::Complete)));
    assert_eq!((driven.rows.len(), driven.report.connections), (3, 3));
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [bytes.clone(), bytes.clone(), bytes]);
}

#[test]
fn raw_bytes_that_nobody_answers_end_with_the_client_s_patience() {
    let server = Server::start(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let raw = Request { patience: Some(Duration::from_millis(100)), ..Request::raw(b"GET /".to_vec()) };
    let phase = PhaseJob { requests: vec![raw], ..job(server.address(), Schedule::Burst { count: 3 }) };
    let driven = run(phase);
    assert_eq!(driven.rows.len(), 3);
    assert!(driven.rows.iter().all(|row| row.outcome == Outcome::TimedOut), "{:?}", driven.rows);
}
