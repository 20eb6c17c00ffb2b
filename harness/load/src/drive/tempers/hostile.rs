//! Servers that mean harm: each of their exchanges ends within its limit, with an outcome that says what it was.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use record::{ExchangeRow, Outcome};

use super::ground::{Server, closed, job, pong, read_request, run};
use crate::Schedule;
use crate::reading::MOST_BODY;

/// For what ends by itself, on whatever machine.
const LONG: Duration = Duration::from_secs(60);
/// For what ends with the client's patience.
const SHORT: Duration = Duration::from_millis(700);

/// Drives one request of such a patience against a server that gets it and then does this, and closes.
#[track_caller]
fn met(patience: Duration, misbehave: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> ExchangeRow {
    let server = Server::start(move |mut stream| {
        if read_request(&mut stream).is_some() {
            misbehave(&mut stream);
        }
    });
    let mut job = job(server.address(), Schedule::Burst { count: 1 });
    job.timeout = patience;
    run(job).only_row()
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
        let row = met(LONG, without_end(beginning, again));
        assert_eq!(row.outcome, Outcome::Garbled, "{what}");
        assert!((row.bytes as usize) < MOST_BODY + 128 * 1024, "{what}: {}", row.bytes);
    }
}

#[test]
fn a_stream_of_events_without_end_ends_at_the_cap_or_with_the_patience() {
    for again in ["data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n", ": ping\n\n"] {
        let beginning = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let row = met(Duration::from_secs(3), without_end(beginning, again));
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
        let row = met(LONG, |stream| {
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
        let row = met(LONG, |stream| stream.write_all(reply.as_bytes()).unwrap());
        assert_eq!(row.outcome, Outcome::Cut, "{reply:?}");
    }
}

#[test]
fn a_server_that_says_nothing_or_too_little_is_waited_for_in_vain() {
    for reply in ["", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"] {
        let row = met(SHORT, |stream| {
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

/// A gigabyte of zeros as gzip would have it, near enough: a client that unpacked it would be lost.
fn bomb() -> Vec<u8> {
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    // A block of fixed codes in which one zero is repeated 258 times, again and again.
    [&head[..], &[0xec, 0xc1, 0x01, 0x01], &[0x00; 200_000]].concat()
}

#[test]
fn what_is_packed_is_not_unpacked() {
    let length = bomb().len();
    let packed = |stream: &mut TcpStream| {
        let bomb = bomb();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        );
        stream.write_all(&[head.as_bytes(), &bomb].concat()).unwrap();
    };
    let row = met(LONG, packed);
    assert_eq!((row.outcome, row.bytes as usize, row.text_hash), (Outcome::Complete, length, 0));
}

#[test]
fn what_is_no_text_is_read_as_far_as_it_is_one() {
    let plain = b"HTTP/1.1 200 OK\r\nx-name: \xff\xfe\r\ncontent-length: 6\r\n\r\n{\xff\xfe\xc3(}";
    let error = b"HTTP/1.1 500 Oh\r\ncontent-length: 24\r\n\r\n{\"error\":{\"code\":\"\xff\xc3(\"}}";
    let stream = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: \xff\xfe\n\n\
                   data: {\"choices\":[{\"delta\":{\"content\":\"a\xc3(b\"}}]}\n\n\
                   data: {\"choices\":[{\"delta\":{\"content\":\"pong\"}}]}\n\n\xff: x\n\ndata: [DONE]\n\n";
    for (reply, status, contents) in [(&plain[..], 200, 0), (error, 500, 0), (stream, 200, 1)] {
        let row = met(LONG, |socket| socket.write_all(reply).unwrap());
        assert_eq!(
            (row.outcome, row.status, row.contents),
            (Outcome::Complete, status, contents),
            "{reply:?}"
        );
    }
}

#[test]
fn a_redirection_is_followed_nowhere() {
    let (sender, asked) = mpsc::channel();
    let server = Server::answering(move |request| {
        sender.send(request.split(' ').nth(1).unwrap().to_owned()).unwrap();
        let here =
            "HTTP/1.1 308 Permanent Redirect\r\nlocation: /v1/chat/completions\r\ncontent-length: 0\r\n\r\n";
        Some(here.as_bytes().to_vec())
    });
    let driven = run(job(server.address(), closed(2, 10)));
    assert!(driven.rows.iter().all(|row| (row.status, row.outcome) == (308, Outcome::Complete)));
    drop(server);
    assert_eq!(asked.iter().count(), 10, "each request once");
}

#[test]
fn one_that_never_stops_sending_does_not_keep_the_others_waiting() {
    const STREAM: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    // Of each line a byte is body: the client's time is over long before the body is too long, however fast the machine is.
    const LENGTHY: &str = "1;so-lengthy-that-the-body-comes-to-nothing-before-the-client-leaves\r\n\n\r\n";
    let server = Server::start(|mut stream| {
        while let Some(request) = read_request(&mut stream) {
            if request.contains(":00000000]") {
                return without_end(STREAM, LENGTHY)(&mut stream);
            }
            stream.write_all(&pong()).unwrap();
        }
    });
    let mut job = job(server.address(), Schedule::Burst { count: 20 });
    job.timeout = Duration::from_secs(2);
    let driven = run(job);
    let (flood, sound): (Vec<&ExchangeRow>, Vec<_>) =
        driven.rows.iter().partition(|row| row.outcome == Outcome::TimedOut);
    assert_eq!((flood.len(), sound.len()), (1, 19), "{:?}", driven.rows);
    assert!(sound.iter().all(|row| row.outcome == Outcome::Complete && row.ended < flood[0].ended));
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
