//! Clients that leave, read slowly, try again by themselves, or go through a flow, and what is recorded of their streams.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use record::{EventKind, Moment, Outcome};

use super::ground::{
    Server, ask, closed, histogram, job, pong, read_request, reply, run, run_recording, run_until,
};
use crate::schedule::{Share, Times};
use crate::{
    Arrivals, Deed, Leaving, Pace, PhaseJob, Recorded, Request, Schedule, Sdk, Sending, StopSignal, Stopping,
};

fn burst(count: u64) -> Schedule {
    Schedule::Burst { count }
}

fn content(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// A server that sends a content of a stream whenever it is told to, and says when the client has left.
fn streaming(contents: usize) -> (Server, mpsc::Receiver<usize>) {
    let (left, seen) = mpsc::channel();
    let left = Mutex::new(left);
    let server = Server::start(move |mut stream| {
        if read_request(&mut stream).is_none() {
            return;
        }
        drop(stream.write_all(STREAM_HEAD));
        for sent in 0..contents {
            if stream.write_all(content("x").as_bytes()).is_err() {
                left.lock().unwrap().send(sent).unwrap();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    (server, seen)
}

#[test]
fn a_client_leaves_after_so_many_contents_and_its_server_notices() {
    let (server, left) = streaming(10_000);
    let sending = Sending { leaving: Some(Leaving::Contents(3)), ..Sending::default() };
    let driven = run(PhaseJob { sending, ..job(server.address(), burst(1)) });
    let row = driven.only_row();
    assert_eq!((row.outcome, row.status), (Outcome::CallerLeft, 200));
    assert_eq!(row.contents, 3);
    let sent = left.recv_timeout(Duration::from_secs(5)).expect("the server sees that the client has gone");
    assert!(sent < 9_000, "{sent}");
}

#[test]
fn a_client_leaves_after_a_time_whether_anything_came_or_not() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (server, _left) = streaming(1_000);
    for to in [silent.local_addr().unwrap(), server.address()] {
        let sending =
            Sending { leaving: Some(Leaving::After(Duration::from_millis(60))), ..Sending::default() };
        let row = run(PhaseJob { sending, ..job(to, burst(1)) }).only_row();
        assert_eq!(row.outcome, Outcome::CallerLeft);
        assert!((60_000..2_000_000).contains(&row.ended), "{}", row.ended);
    }
}

#[test]
fn requests_have_a_patience_of_their_own() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut job = job(silent.local_addr().unwrap(), burst(2));
    job.requests = vec![
        Request { patience: Some(Duration::from_millis(200)), ..ask() },
        Request { patience: Some(Duration::from_millis(50)), ..ask() },
    ];
    let mut waits: Vec<u32> = run(job).rows.iter().map(|row| row.ended / 1_000).collect();
    waits.sort_unstable();
    assert!((50..200).contains(&waits[0]) && waits[1] >= 200, "{waits:?}");
}

#[test]
fn a_slow_reader_takes_its_time_and_loses_nothing() {
    let body = format!(r#"{{"choices":[{{"message":{{"content":"{}"}}}}]}}"#, "x".repeat(4_000));
    let server = {
        let body = body.clone();
        Server::answering(move |_| Some(reply("200 OK", "application/json", &body)))
    };
    let reads = Some(Pace { bytes: 1_000, every: Duration::from_millis(20) });
    let sending = Sending { reads, ..Sending::default() };
    let row = run(PhaseJob { sending, ..job(server.address(), burst(1)) }).only_row();
    assert_eq!((row.outcome, row.bytes as usize), (Outcome::Complete, body.len()));
    assert!(row.ended >= 80_000, "four rests at least: {}", row.ended);
}

#[test]
fn a_slow_reader_holds_its_server_back() {
    let (sender, sent) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::start(move |mut stream| {
        drop(read_request(&mut stream));
        drop(stream.write_all(STREAM_HEAD));
        stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let piece = vec![b' '; 64 * 1024];
        let mut pieces = 0_usize;
        while stream.write_all(&piece).is_ok() {
            pieces += 1;
        }
        sender.lock().unwrap().send(pieces).unwrap();
    });
    let reads = Some(Pace { bytes: 100, every: Duration::from_secs(2) });
    let leaving = Some(Leaving::After(Duration::from_secs(1)));
    run(PhaseJob {
        sending: Sending { reads, leaving, ..Sending::default() },
        ..job(server.address(), burst(1))
    });
    let pieces = sent.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(pieces < 160, "ten mebibytes would be a client that reads: {pieces} pieces of 64 KiB");
}

#[test]
fn a_client_tries_again_as_its_library_does_and_each_try_is_an_exchange() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = {
        let asked = Arc::clone(&asked);
        Server::answering(move |_| {
            Some(match asked.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => {
                    b"HTTP/1.1 503 Service Unavailable\r\nretry-after-ms: 30\r\ncontent-length: 0\r\n\r\n"
                        .to_vec()
                }
                _ => pong(),
            })
        })
    };
    let sending = Sending { sdk: Some(Sdk::OpenaiPython), ..Sending::default() };
    let began = Instant::now();
    let driven = run(PhaseJob { sending, ..job(server.address(), closed(1, 1)) });
    let statuses: Vec<u16> = driven.rows.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [503, 503, 200]);
    assert!(began.elapsed() >= Duration::from_millis(60));
    assert_eq!((driven.report.figures.planned, driven.report.figures.sent), (1, 3));
}

#[test]
fn a_phase_that_is_drained_tries_nothing_again() {
    let (sender, asked) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::answering(move |_| {
        sender.lock().unwrap().send(()).unwrap();
        Some(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 50\r\ncontent-length: 0\r\n\r\n".to_vec())
    });
    let stop = StopSignal::default();
    let stopper = std::thread::spawn({
        let stop = stop.clone();
        move || {
            asked.recv().unwrap();
            stop.stop(Stopping::Drain);
        }
    });
    let sending = Sending { sdk: Some(Sdk::AnthropicPython), ..Sending::default() };
    let began = Instant::now();
    let driven = run_until(PhaseJob { sending, ..job(server.address(), closed(1, 5)) }, &stop).unwrap();
    stopper.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(40), "the hint was not waited for");
    assert_eq!(driven.only_row().status, 503);
}

#[test]
fn whatever_the_schedule_its_times_are_what_is_intended() {
    let ms = Duration::from_millis;
    let (from, to, arrivals) = (ms(20), ms(10), Arrivals::Constant);
    for schedule in [
        Schedule::Replay { offsets: Arc::from([ms(0), ms(3), ms(3), ms(41)]) },
        Schedule::Ramp { from, to, arrivals, lasts: ms(100) },
        Schedule::Steps { steps: vec![(from, ms(40)), (to, ms(30))], arrivals },
    ] {
        let times: Vec<Duration> = Times::new(&schedule, 7, Share::ALL).unwrap().collect();
        let server = Server::answering(|_| Some(pong()));
        let driven = run(job(server.address(), schedule));
        let mut intended: Vec<Moment> = driven.rows.iter().map(|row| row.intended).collect();
        intended.sort_unstable();
        let first = intended[0];
        assert_eq!(intended.iter().map(|at| at.since(first)).collect::<Vec<_>>(), times);
        assert_eq!(driven.report.figures.planned, times.len() as u64);
    }
}

#[test]
fn a_stream_is_read_in_the_dialect_of_its_request() {
    let server = Server::start(move |mut stream| {
        drop(read_request(&mut stream));
        let event =
            |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n");
        let text = |text: &str| {
            let rest = format!(r#","index":0,"delta":{{"type":"text_delta","text":"{text}"}}"#);
            event("content_block_delta", &rest)
        };
        let usage = r#","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}"#;
        let events = [
            event("ping", ""),
            text("po"),
            text("ng"),
            event("message_delta", usage),
            event("message_stop", ""),
        ];
        drop(stream.write_all(&[STREAM_HEAD, events.concat().as_bytes()].concat()));
    });
    let mut job = job(server.address(), burst(1));
    job.requests[0].dialect = dialect::Dialect::Anthropic;
    let row = run(job).only_row();
    assert_eq!((row.outcome, row.contents, row.terminated), (Outcome::Complete, 2, true));
    assert_eq!((row.output_tokens, row.text_hash), (9, dialect::TextHash::of("pong")));
}

#[test]
fn users_of_a_flow_wait_for_their_answers_and_think() {
    let (sender, paths) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = Server::answering(move |request| {
        sender.lock().unwrap().send(request.split(' ').nth(1).unwrap().to_owned()).unwrap();
        Some(pong())
    });
    let does = vec![Deed::Send(0..1), Deed::Pause(Duration::from_millis(40)), Deed::Send(1..2)];
    let schedule = Schedule::Flow { users: 1, does, rounds: Some(2), lasts: None };
    let mut job = job(server.address(), schedule);
    job.requests.push(Request { path: "/second".to_owned(), ..ask() });
    let began = Instant::now();
    let driven = run(job);
    assert!(began.elapsed() >= Duration::from_millis(80));
    drop(server);
    let chat = "/v1/chat/completions";
    assert_eq!(paths.try_iter().collect::<Vec<_>>(), [chat, "/second", chat, "/second"]);
    assert_eq!(driven.report.figures.planned, 4);
}

#[test]
fn events_and_texts_are_recorded_where_they_are_asked_for() {
    let server = Server::start(move |mut stream| {
        drop(read_request(&mut stream));
        let events = format!("{}: ping\n\n{}data: [DONE]\n\n", content("po"), content("ng"));
        drop(stream.write_all(&[STREAM_HEAD, events.as_bytes()].concat()));
    });
    let recorded = Recorded { events: true, texts: true, ..Recorded::default() };
    let driven = run_recording(job(server.address(), burst(1)), &StopSignal::default(), recorded).unwrap();
    let kinds: Vec<(u32, EventKind)> = driven.events.iter().map(|event| (event.index, event.kind)).collect();
    assert_eq!(kinds, [(1, EventKind::Content), (2, EventKind::Content), (3, EventKind::End)]);
    assert_eq!(driven.texts.iter().map(|text| text.text.as_str()).collect::<Vec<_>>(), ["pong"]);
    assert_eq!(driven.only_row().contents, 2);
    let bare = run(job(server.address(), burst(1)));
    assert_eq!((bare.events.len(), bare.texts.len()), (0, 0));
}

#[test]
fn each_gap_of_a_stream_is_measured_and_so_is_what_comes_before_the_first() {
    let server = Server::start(move |mut stream| {
        drop(read_request(&mut stream));
        drop(stream.write_all(STREAM_HEAD));
        for (pause, text) in [(40, "po"), (300, "ng"), (600, "!")] {
            std::thread::sleep(Duration::from_millis(pause));
            drop(stream.write_all(content(text).as_bytes()));
        }
        // Two that come together have no time between.
        drop(stream.write_all([content("a"), content("b")].concat().as_bytes()));
        std::thread::sleep(Duration::from_millis(500));
    });
    let driven = run(job(server.address(), burst(3)));
    let streams = driven.report.figures.streams.unwrap();
    assert_eq!((streams.asked, streams.without_content), (3, 0));
    let [first_byte, first_content, gap, per_token] =
        [&streams.first_byte, &streams.first_content, &streams.gap, &streams.per_token]
            .map(|text| histogram(text));
    assert_eq!(
        [&first_byte, &first_content, &gap, &per_token]
            .map(|held| held.iter_recorded().map(|step| step.count_at_value()).sum::<u64>()),
        [3, 3, 12, 3]
    );
    assert!(first_byte.min() < first_content.min() && first_content.min() >= 40_000);
    // Of each stream one gap of 300 ms and one of 600 ms, and two of next to nothing. A gap looks shorter where the event before it
    // was read late, so half of it is enough.
    assert!(gap.count_between(150_000, gap.high()) >= 6 && gap.value_at_quantile(1.0) >= 450_000);
    assert!(gap.min() < 150_000, "{}", gap.min());
    assert!(per_token.min() >= 750_000 / 4, "from the first content to the last one: {}", per_token.min());
    assert!(
        per_token.max() < 1_400_000 / 4,
        "what comes behind the last one does not count: {}",
        per_token.max()
    );
}

#[test]
fn another_exchange_s_mark_is_foreign_however_the_stream_is_cut() {
    for (mark, foreign) in [
        ("[sp:000000000abc:00000007]", true),
        ("[sp:000000000abc:00000000]", false),
        ("[sp:000000000999:00000000]", true),
        ("[sp:no mark]", false),
    ] {
        for cut in [1, 4, 13, 25] {
            let server = Server::start(move |mut stream| {
                drop(read_request(&mut stream));
                let cut = cut.min(mark.len());
                let events = [content("you said "), content(&mark[..cut]), content(&mark[cut..])].concat();
                drop(stream.write_all(&[STREAM_HEAD, events.as_bytes()].concat()));
            });
            let row = run(job(server.address(), burst(1))).only_row();
            assert_eq!(row.foreign, foreign, "{mark} cut at {cut}");
        }
    }
}
