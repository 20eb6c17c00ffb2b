//! Servers that mean harm: each of their exchanges ends within its limit, with an outcome that says what it was.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use record::{ExchangeRow, Outcome};

use super::ground::{Server, closed, job, pong, read_request, run};
use crate::Schedule;
use crate::reading::MOST_BODY;

/// Drives one request against a server that gets it and then does this, and closes.
#[track_caller]
fn met(misbehave: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> ExchangeRow {
    let server = Server::start(move |mut stream| {
        if read_request(&mut stream).is_some() {
            misbehave(&mut stream);
        }
    });
    let mut job = job(server.address(), Schedule::Burst { count: 1 });
    job.timeout = Duration::from_millis(700);
    let began = Instant::now();
    let row = run(job).only_row();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    row
}

/// Writes a beginning, and then the same again until the client leaves.
fn without_end(beginning: &'static str, again: &'static str) -> impl Fn(&mut TcpStream) + Send + Sync {
    move |stream| {
        let block = again.repeat(16 * 1024 / again.len() + 1);
        let mut written = stream.write_all(beginning.as_bytes());
        while written.is_ok() {
            written = stream.write_all(block.as_bytes());
        }
    }
}

#[test]
fn nothing_goes_on_for_ever() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let cases = [
        ("a body until the end", "HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("a body of a gigabyte", "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", "x"),
        ("an error's body", "HTTP/1.1 500 Oh\r\n\r\n", "x"),
        ("chunks", chunked, "4\r\nmore\r\n"),
        ("a size line", chunked, "0"),
        ("an extension", chunked, "4;"),
        ("a trailer", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "a: b\r\n"),
        ("a head of many fields", "HTTP/1.1 200 OK\r\n", "a: b\r\n"),
        ("a head of one field", "HTTP/1.1 200 OK\r\na: ", "b"),
        ("interim responses", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("an event", stream, "data: x\n"),
        ("a line of an event", stream, "x"),
    ];
    for (what, beginning, again) in cases {
        let row = met(without_end(beginning, again));
        assert_eq!(row.outcome, Outcome::Garbled, "{what}");
        assert!((row.bytes as usize) < MOST_BODY + 128 * 1024, "{what}: {}", row.bytes);
    }
}

#[test]
fn a_stream_of_events_without_end_ends_at_the_cap_or_with_the_patience() {
    for again in ["data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", ": ping\n\n"] {
        let row = met(without_end("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", again));
        assert!(matches!(row.outcome, Outcome::Garbled | Outcome::TimedOut), "{again:?}: {row:?}");
        assert!(!row.terminated);
    }
}

#[test]
fn what_is_not_http_is_garbled() {
    for reply in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 2OO OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nzip",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnone\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nlonger\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "\u{0}\u{1}\u{2}",
    ] {
        let row = met(|stream| {
            stream.write_all(reply.as_bytes()).unwrap();
            // The client leaves, not the server.
            drop(stream.read_to_end(&mut Vec::new()));
        });
        assert_eq!(row.outcome, Outcome::Garbled, "{reply:?}");
    }
}

#[test]
fn a_response_that_breaks_off_is_cut() {
    for reply in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let row = met(|stream| stream.write_all(reply.as_bytes()).unwrap());
        assert_eq!(row.outcome, Outcome::Cut, "{reply:?}");
    }
}

#[test]
fn a_server_that_says_nothing_or_too_little_is_waited_for_in_vain() {
    for reply in ["", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
        let row = met(|stream| {
            stream.write_all(reply.as_bytes()).unwrap();
            drop(stream.read_to_end(&mut Vec::new()));
        });
        assert_eq!(row.outcome, Outcome::TimedOut, "{reply:?}");
        assert!(row.ended >= 700_000, "{row:?}");
    }
}

#[test]
fn a_connection_that_is_reset_is_told_from_one_that_ends() {
    // A server that closes while bytes wait to be read resets the connection.
    let server = Server::start(|mut stream| {
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
    });
    let row = run(job(server.address(), Schedule::Burst { count: 1 })).only_row();
    assert_eq!(row.outcome, Outcome::Reset);
}

#[test]
fn bytes_behind_the_end_belong_to_no_response() {
    let server = Server::answering(|_| Some([pong(), pong()].concat()));
    let driven = run(job(server.address(), closed(1, 5)));
    assert!(driven.rows.iter().all(|row| (row.status, row.outcome) == (200, Outcome::Complete)));
    assert_eq!((driven.rows.len(), driven.report.connections), (5, 5));
}

#[test]
fn one_that_never_stops_sending_does_not_keep_the_others_waiting() {
    let server = Server::start(|mut stream| {
        while let Some(request) = read_request(&mut stream) {
            if request.contains(":00000000]") {
                return without_end(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
                    ": ping\n\n",
                )(&mut stream);
            }
            stream.write_all(&pong()).unwrap();
        }
    });
    let mut job = job(server.address(), Schedule::Burst { count: 20 });
    job.timeout = Duration::from_secs(2);
    let driven = run(job);
    let sound = driven.rows.iter().filter(|row| row.outcome == Outcome::Complete);
    assert!(sound.clone().all(|row| row.ended < 1_000_000), "{:?}", driven.rows);
    assert_eq!(sound.count(), 19);
}

#[test]
fn errors_of_ever_new_names_do_not_fill_the_memory() {
    let long = "x".repeat(10_000);
    let server = Server::answering(move |request| {
        let mark = request.rsplit(':').next().unwrap();
        let code = mark.split(']').next().unwrap();
        let body = format!("{{\"error\":{{\"message\":\"m\",\"type\":\"t\",\"code\":\"{code}{long}\"}}}}");
        Some(super::ground::reply("500 Oh", "application/json", &body))
    });
    let driven = run(job(server.address(), closed(4, 1_500)));
    assert_eq!(driven.rows.len(), 1_500);
    assert_eq!(driven.names.len(), 1_000);
    assert!(driven.names.iter().all(|(_, name)| name.len() == 100));
    assert_eq!(driven.rows.iter().filter(|row| !row.error.is_some()).count(), 500);
    // Fifty exchanges that went wrong, with what was sent and what came.
    assert_eq!(driven.samples.len(), 100);
}
