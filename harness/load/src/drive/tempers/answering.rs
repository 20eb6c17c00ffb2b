//! Servers that answer: every request once, with its mark, on connections that are used again, and every response read.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::mpsc;
use std::time::Instant;

use dialect::TextHash;
use record::{Correlation, ErrorShape, ExchangeId, ExchangeRow, Found, NOT_REACHED, NameId, Outcome, Side};

use super::ground::{
    CORRELATION_TRIAL, Driven, Server, ask, closed, constant, histograms, job, pong, read_request, reply, run,
};
use crate::{Deed, Method, Order, PhaseJob, Request, Schedule};

#[test]
fn every_request_is_sent_once_with_a_mark_of_its_own() {
    let (sender, requests) = mpsc::channel();
    let server = Server::answering(move |request| {
        sender.send(request.to_owned()).unwrap();
        Some(pong())
    });
    let driven = run(job(server.address(), constant(2, 100)));
    let figures = &driven.report.figures;
    assert_eq!((figures.planned, figures.sent, figures.failed), (50, 50, 0));
    drop(server);
    let correlation = Correlation::new(CORRELATION_TRIAL);
    let marks: HashSet<ExchangeId> = requests
        .try_iter()
        .map(|request| match correlation.find(request.as_bytes()) {
            Found::Exchange(id) => id,
            other => panic!("{other:?} in {request}"),
        })
        .collect();
    let rows: HashSet<ExchangeId> = driven.rows.iter().map(|row| row.id).collect();
    assert_eq!((marks.len(), &marks), (50, &rows));
}

#[test]
fn an_answer_s_row_tells_what_came_and_when() {
    let server = Server::answering(|_| Some(pong()));
    let row = run(job(server.address(), Schedule::Burst { count: 1 })).only_row();
    assert_eq!((row.status, row.outcome, row.output_tokens), (200, Outcome::Complete, 3));
    assert_eq!((row.request, row.model, row.text_hash), (NameId(1), NameId(2), TextHash::of("pong")));
    assert!(row.sent <= row.head && row.head <= row.ended && row.ended < NOT_REACHED, "{row:?}");
    assert_eq!((row.first_content, row.hint_ms), (NOT_REACHED, NOT_REACHED));
}

#[test]
fn the_times_of_a_constant_schedule_are_intended_evenly() {
    let server = Server::answering(|_| Some(pong()));
    let mut rows = run(job(server.address(), constant(5, 50))).rows;
    rows.sort_by_key(|row| row.id);
    let gaps = rows.windows(2).map(|pair| pair[1].intended.since(pair[0].intended).as_micros());
    assert_eq!(gaps.collect::<Vec<_>>(), [5_000; 9]);
}

#[test]
fn nothing_is_sent_before_its_time() {
    let (sender, arrivals) = mpsc::channel();
    let server = Server::answering(move |request| {
        let Found::Exchange(id) = Correlation::new(CORRELATION_TRIAL).find(request.as_bytes()) else {
            return None;
        };
        sender.send((id, Instant::now())).unwrap();
        Some(pong())
    });
    let driven = run(job(server.address(), constant(1, 100)));
    drop(server);
    let arrivals: HashMap<ExchangeId, Instant> = arrivals.try_iter().collect();
    assert_eq!((driven.rows.len(), arrivals.len()), (100, 100));
    for row in &driven.rows {
        assert!(driven.clock.moment(arrivals[&row.id]) >= row.intended, "{row:?}");
    }
}

#[test]
fn one_client_needs_one_connection() {
    let server = Server::answering(|_| Some(pong()));
    let driven = run(job(server.address(), closed(1, 30)));
    assert_eq!((driven.rows.len(), driven.report.connections), (30, 1));
    assert_eq!(driven.report.figures.planned, 30);
}

#[test]
fn a_connection_that_the_server_will_close_is_not_used_again() {
    for reply in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let server = Server::start(move |mut stream| {
            if read_request(&mut stream).is_some() {
                stream.write_all(reply.as_bytes()).unwrap();
            }
        });
        let mut job = job(server.address(), constant(10, 100));
        job.most_connections = 1;
        let driven = run(job);
        let outcomes: Vec<_> = driven.rows.iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [Outcome::Complete; 10], "{reply:?}");
        assert_eq!(driven.report.connections, 10);
    }
}

#[test]
fn no_more_connections_are_held_than_allowed_and_what_waits_is_counted() {
    let server = Server::answering(|_| Some(pong()));
    let mut job = job(server.address(), Schedule::Burst { count: 40 });
    job.most_connections = 4;
    let driven = run(job);
    assert_eq!((driven.rows.len(), driven.report.connections), (40, 4));
    assert!(driven.rows.iter().all(|row| row.outcome == Outcome::Complete));
    let [_, _, lateness] = histograms(&driven.report.figures);
    assert_eq!((lateness.len(), driven.report.figures.queued), (40, 36));
}

#[test]
fn requests_are_taken_in_turn() {
    let (sender, paths) = mpsc::channel();
    let server = Server::answering(move |request| {
        sender.send(request.split(' ').nth(1).unwrap().to_owned()).unwrap();
        Some(pong())
    });
    let mut job = job(server.address(), closed(1, 4));
    job.requests.push(Request {
        method: Method::Get,
        path: "/v1/models".to_owned(),
        body: Vec::new(),
        ..ask()
    });
    run(job);
    drop(server);
    let chat = "/v1/chat/completions";
    assert_eq!(paths.try_iter().collect::<Vec<_>>(), [chat, "/v1/models", chat, "/v1/models"]);
}

#[test]
fn a_stream_s_first_content_comes_before_its_end() {
    let (content_seen, go_on) = mpsc::channel::<()>();
    let go_on = std::sync::Mutex::new(go_on);
    let event = |data: &str| {
        let event = format!("data: {data}\n\n");
        format!("{:x}\r\n{event}\r\n", event.len())
    };
    let delta = |text: &str| event(&format!("{{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}"));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let begin = format!("{head}{}{}", delta(""), delta("po"));
    let usage = event("{\"choices\":[],\"usage\":{\"completion_tokens\":2}}");
    let end = format!("{}{usage}{}0\r\n\r\n", delta("ng"), event("[DONE]"));
    let server = Server::start(move |mut stream| {
        read_request(&mut stream).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        go_on.lock().unwrap().recv().unwrap();
        stream.write_all(end.as_bytes()).unwrap();
    });
    let mut job = job(server.address(), Schedule::Burst { count: 1 });
    job.requests[0].streamed = true;
    // The rest is let go only after a time that must then lie between the first content and the end.
    let pause = std::time::Duration::from_millis(30);
    let timer = std::thread::spawn(move || {
        std::thread::sleep(pause);
        content_seen.send(()).unwrap();
    });
    let row = run(job).only_row();
    timer.join().unwrap();
    assert_eq!((row.outcome, row.terminated, row.streamed), (Outcome::Complete, true, true));
    assert_eq!((row.output_tokens, row.text_hash), (2, TextHash::of("pong")));
    assert!(row.first_content >= row.head && row.first_content < row.ended, "{row:?}");
    assert!(row.ended >= 29_000, "{row:?}");
}

#[test]
fn an_error_is_read_with_its_name_and_hint_and_kept_without_the_client_s_key() {
    let error = r#"{"error":{"message":"slow","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    let server = Server::answering(move |_| {
        let reply = String::from_utf8(reply("429 Too Many Requests", "application/json", error)).unwrap();
        Some(reply.replacen("\r\n", "\r\nretry-after: 7\r\n", 1).into_bytes())
    });
    let driven = run(job(server.address(), Schedule::Burst { count: 1 }));
    let row = driven.only_row();
    assert_eq!((row.status, row.error_shape, row.hint_ms), (429, ErrorShape::Openai, 7_000));
    assert_eq!(driven.names, [(row.error, "rate_limit_exceeded".to_owned())]);
    let [sent, got] = driven.samples.as_slice() else { panic!("{:?}", driven.samples) };
    assert_eq!((sent.side, sent.line.as_str()), (Side::ClientSent, "POST /v1/chat/completions HTTP/1.1"));
    assert!(sent.body.contains("[sp:000000000abc:00000000]"), "{sent:?}");
    assert!(!format!("{sent:?}").contains("sk-mine"), "{sent:?}");
    assert_eq!((got.side, got.line.as_str()), (Side::ClientGot, "HTTP/1.1 429 Too Many Requests"));
    assert!(got.head.contains(&("retry-after".to_owned(), "7".to_owned())), "{got:?}");
    assert_eq!(got.body, error);
}

#[test]
fn an_interim_response_is_passed_over() {
    let server = Server::answering(|_| {
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
        Some([b"HTTP/1.1 100 Continue\r\n\r\n", hints.as_bytes(), &pong()].concat())
    });
    let driven = run(job(server.address(), closed(1, 3)));
    assert!(driven.rows.iter().all(|row| (row.status, row.outcome) == (200, Outcome::Complete)));
    assert_eq!(driven.report.connections, 1);
}

#[test]
fn a_long_request_reaches_a_server_that_reads_late() {
    let (ready, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |mut stream| {
        wait.lock().unwrap().recv().unwrap();
        let request = read_request(&mut stream).unwrap();
        stream.write_all(&reply("200 OK", "text/plain", &request.len().to_string())).unwrap();
    });
    let mut job = job(server.address(), Schedule::Burst { count: 1 });
    job.requests[0].body.resize(20_000_000, b' ');
    let releaser = std::thread::spawn(move || ready.send(()).unwrap());
    let driven = run(job);
    releaser.join().unwrap();
    assert_eq!(driven.only_row().outcome, Outcome::Complete);
    assert!(driven.samples[0].cut && driven.samples[1].body.parse::<usize>().unwrap() > 20_000_000);
}

#[test]
fn several_workers_send_what_one_would() {
    let (sender, paths) = mpsc::channel();
    let server = Server::answering(move |request| {
        sender.send(request.split(' ').nth(1).unwrap().to_owned()).unwrap();
        Some(pong())
    });
    let does = vec![Deed::Send(0..1), Deed::Send(0..2)];
    for (schedule, planned) in [
        (constant(2, 100), 50),
        (closed(7, 100), 100),
        (Schedule::Burst { count: 31 }, 31),
        (Schedule::Flow { users: 3, does, rounds: Some(2), lasts: None }, 12),
    ] {
        let mut job = PhaseJob { workers: 3, ..job(server.address(), schedule) };
        job.requests.push(Request { path: "/second".to_owned(), ..ask() });
        let is_flow = matches!(job.schedule, Schedule::Flow { .. });
        let driven = run(job);
        let figures = &driven.report.figures;
        assert_eq!((figures.planned, figures.sent, figures.failed), (planned, planned, 0));
        assert_eq!(driven.rows.len() as u64, planned);
        let ids: HashSet<ExchangeId> = driven.rows.iter().map(|row| row.id).collect();
        assert_eq!(ids.len() as u64, planned);
        assert!(histograms(figures).iter().all(|histogram| histogram.len() == planned));
        let second = paths.try_iter().filter(|path| path == "/second").count() as u64;
        let wanted = if is_flow { planned / 4 } else { planned / 2 };
        assert!(second.abs_diff(wanted) <= 2, "{second} of {planned} are for the second path");
    }
    assert_eq!(run(PhaseJob { workers: 9, ..job(server.address(), closed(2, 10)) }).rows.len(), 10);
}

#[test]
fn several_workers_intend_the_times_that_one_would() {
    let server = Server::answering(|_| Some(pong()));
    let mut rows = run(PhaseJob { workers: 2, ..job(server.address(), constant(5, 100)) }).rows;
    rows.sort_by_key(|row| row.intended);
    let gaps = rows.windows(2).map(|pair| pair[1].intended.since(pair[0].intended).as_micros());
    assert_eq!(gaps.collect::<Vec<_>>(), [5_000; 19]);
}

#[test]
fn pairs_go_one_right_after_the_other_in_a_drawn_order_to_two_addresses() {
    let (target, upstream) = (Server::answering(|_| Some(pong())), Server::answering(|_| Some(pong())));
    for (schedule, most_connections) in [(closed(1, 60), 64), (constant(2, 120), 64), (closed(1, 60), 1)] {
        let mut job = PhaseJob { order: Order::Pairs, most_connections, ..job(target.address(), schedule) };
        job.requests = [(1, None), (2, None), (1, Some(upstream.address())), (2, Some(upstream.address()))]
            .map(|(name, to)| Request { name: NameId(name), to, instance: u8::from(to.is_none()), ..ask() })
            .into();
        let driven = run(PhaseJob { workers: 3, ..job });
        let rows: HashMap<ExchangeId, &ExchangeRow> = driven.rows.iter().map(|row| (row.id, row)).collect();
        assert_eq!((rows.len(), driven.pairs.len()), (60, 30));
        for (nth, pair) in driven.pairs.iter().enumerate() {
            let (through, direct) = (rows[&pair.through], rows[&pair.direct]);
            assert_eq!((through.instance, direct.instance), (1, 0));
            assert_eq!((through.request, through.outcome), (direct.request, Outcome::Complete));
            assert_eq!(through.id.0.abs_diff(direct.id.0), 1, "nothing comes between");
            assert_eq!(through.request, NameId(1 + u16::from(nth % 2 == 1)), "requests are taken in turn");
        }
        let direct_first = driven.pairs.iter().filter(|pair| pair.direct < pair.through).count();
        assert!((5..=25).contains(&direct_first), "{direct_first} of 30");
        match most_connections {
            1 => assert_eq!(driven.report.connections, connections_of(&driven)),
            _ => assert!(driven.report.connections >= 2),
        }
    }
}

/// One connection at a time: a new one for each exchange that goes elsewhere than the one before it.
fn connections_of(driven: &Driven) -> u64 {
    let mut rows = driven.rows.clone();
    rows.sort_by_key(|row| row.id);
    1 + rows.windows(2).filter(|pair| pair[0].instance != pair[1].instance).count() as u64
}
