//! Servers that stall, and phases that are stopped: what is late is counted from when it should have been sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use record::{Metric, NOT_REACHED, Outcome};

use super::ground::{
    Server, closed, constant, histogram, histograms, job, nobody, not_yet_listening, pong, read_request, run,
    run_allowed, run_until,
};
use crate::{
    Allowance, Arrivals, Cap, EndedEarly, PhaseError, PhaseJob, Recorded, Schedule, StopSignal, Stopping,
};

#[test]
fn a_server_that_freezes_shows_in_the_response_times_and_not_in_the_service_times() {
    let served = AtomicU64::new(0);
    let server = Server::answering(move |_| {
        if served.fetch_add(1, Ordering::Relaxed) == 20 {
            std::thread::sleep(Duration::from_millis(400));
        }
        Some(pong())
    });
    // One connection is one queue: while the server is frozen, what is due has to wait.
    let mut job = job(server.address(), constant(5, 800));
    job.most_connections = 1;
    let driven = run(job);
    assert_eq!((driven.rows.len(), driven.report.figures.failed), (160, 0));
    let [response, service, lateness] = histograms(&driven.report.figures);
    // Half of the phase's requests were due during the freeze, and half of those waited longer than this.
    let [waited, served, late] =
        [&response, &service, &lateness].map(|histogram| histogram.count_between(200_000, histogram.high()));
    let queued = driven.report.figures.queued;
    assert!(waited >= 30 && queued >= waited - 1, "{waited} waited long, {queued} had to wait");
    assert_eq!(late, 0, "what waits for a connection is no lateness of the driver's");
    assert!((1..=waited / 5).contains(&served), "{served} of the {waited} that waited were being served");
    assert!(response.max() >= 395_000, "{}", response.max());
}

#[test]
fn a_stall_of_two_seconds_is_in_the_99th_percentile_of_what_users_wait_and_not_in_that_of_the_service() {
    const STALL: Duration = Duration::from_secs(2);
    let (sender, stalled) = mpsc::channel();
    let served = AtomicU64::new(0);
    // One connection is one queue, so that whoever is due while it stalls waits behind it.
    let server = Server::answering(move |_| {
        if served.fetch_add(1, Ordering::Relaxed) == 200 {
            let began = Instant::now();
            std::thread::sleep(STALL);
            sender.send(began.elapsed()).unwrap();
        }
        Some(pong())
    });
    let mut job = job(server.address(), constant(5, 5_000));
    (job.most_connections, job.timeout) = (1, Duration::from_secs(60));
    let driven = run(job);
    let figures = &driven.report.figures;
    assert_eq!((driven.rows.len(), figures.planned, figures.failed), (1_000, 1_000, 0));
    let stalled = u64::try_from(stalled.recv().unwrap().as_micros()).unwrap();
    let [response, service, _] = histograms(figures);
    // Requests came every 5 ms: one in a hundred of a thousand are the ten that waited longest, all but 50 ms of the stall.
    let p99 = response.value_at_quantile(0.99);
    assert!(p99 >= stalled - 60_000, "{p99} of {stalled}");
    // Four in ten were due during the stall, and half of those waited half of it.
    let p80 = response.value_at_quantile(0.80);
    assert!(p80 >= stalled / 2 - 60_000, "{p80} of {stalled}");
    // Of a thousand served one stalled, which is beyond the 99th percentile.
    assert!(service.value_at_quantile(0.99) < stalled / 4, "{}", service.value_at_quantile(0.99));
    assert!(service.max() >= STALL.as_micros() as u64 * 999 / 1_000);
    // Second by second it is told as well, and nothing is lost.
    let parts = driven.parts.iter().flat_map(|part| &part.measured);
    let told = parts.filter(|measured| measured.metric == Metric::Response);
    assert_eq!(told.map(|measured| histogram(&measured.histogram).len()).sum::<u64>(), 1_000);
    assert!(driven.parts.len() >= 3, "{}", driven.parts.len());
}

#[test]
fn what_waits_for_a_connection_as_long_as_for_an_answer_ends_unsent() {
    let server = Server::start(|mut stream| while read_request(&mut stream).is_some() {});
    let mut job = job(server.address(), constant(5, 200));
    (job.most_connections, job.timeout) = (1, Duration::from_millis(100));
    let began = Instant::now();
    let driven = run(job);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((driven.rows.len(), driven.report.figures.planned), (40, 40));
    assert!(driven.rows.iter().all(|row| row.outcome == Outcome::TimedOut && row.ended >= 100_000));
    let unsent = driven.rows.iter().filter(|row| row.sent == NOT_REACHED).count() as u64;
    assert!(unsent > 30, "{unsent}");
    assert_eq!(driven.report.figures.sent, 40 - unsent);
}

#[test]
fn a_response_that_never_comes_inherits_nothing_from_the_one_before_it() {
    let served = AtomicU64::new(0);
    let server = Server::start(move |mut stream| {
        while read_request(&mut stream).is_some() {
            if served.fetch_add(1, Ordering::Relaxed) == 0 {
                std::io::Write::write_all(&mut stream, &pong()).unwrap();
            }
        }
    });
    let mut job = job(server.address(), closed(1, 2));
    job.timeout = Duration::from_millis(100);
    let driven = run(job);
    let [answered, silent] = driven.rows.as_slice() else { panic!("{:?}", driven.rows) };
    assert_eq!((answered.outcome, silent.outcome), (Outcome::Complete, Outcome::TimedOut));
    assert_eq!((silent.status, silent.bytes, silent.text_hash), (0, 0, 0));
    assert_eq!((silent.head, silent.output_tokens), (NOT_REACHED, NOT_REACHED));
}

#[test]
fn a_target_that_is_down_refuses_every_request_and_the_schedule_goes_on() {
    let driven = run(job(nobody(), constant(10, 200)));
    assert_eq!(driven.rows.len(), 20);
    assert!(driven.rows.iter().all(|row| row.outcome == Outcome::Refused && row.sent == NOT_REACHED));
    let figures = &driven.report.figures;
    assert_eq!((figures.planned, figures.sent, figures.failed), (20, 0, 20));
}

#[test]
fn clients_that_are_refused_go_on_without_a_hot_loop() {
    let lasts = Some(Duration::from_millis(200));
    let driven =
        run(job(nobody(), Schedule::Closed { clients: 2, requests: None, lasts, pause: Duration::ZERO }));
    assert!(driven.rows.iter().all(|row| row.outcome == Outcome::Refused));
    assert!(
        (4..=40).contains(&driven.rows.len()),
        "two clients, one request every 10 ms: {}",
        driven.rows.len()
    );
}

#[test]
fn a_phase_without_end_that_is_drained_finishes_what_it_has_begun() {
    let (sender, seen) = mpsc::channel();
    let server = Server::answering(move |_| {
        // Nobody counts any more once the phase was told to stop.
        let _: Result<(), _> = sender.send(());
        std::thread::sleep(Duration::from_millis(30));
        Some(pong())
    });
    let endless =
        Schedule::Open { interval: Duration::from_millis(2), arrivals: Arrivals::Poisson, lasts: None };
    let stop = StopSignal::default();
    let stopper = std::thread::spawn({
        let stop = stop.clone();
        move || {
            assert_eq!(seen.iter().take(10).count(), 10);
            stop.stop(Stopping::Drain);
        }
    });
    let driven = run_until(job(server.address(), endless), &stop).unwrap();
    stopper.join().unwrap();
    assert!(driven.rows.len() >= 10);
    assert!(driven.rows.iter().all(|row| row.outcome == Outcome::Complete), "{:?}", driven.rows);
    assert_eq!(driven.report.figures.sent, driven.rows.len() as u64);
}

#[test]
fn a_phase_that_is_stopped_at_once_abandons_what_is_open() {
    let (sender, seen) = mpsc::channel();
    let server = Server::start(move |mut stream| {
        while read_request(&mut stream).is_some() {
            sender.send(()).unwrap();
        }
    });
    let stop = StopSignal::default();
    let stopper = std::thread::spawn({
        let stop = stop.clone();
        move || {
            assert_eq!(seen.iter().take(3).count(), 3);
            stop.stop(Stopping::Now);
            Instant::now()
        }
    });
    let driven = run_until(job(server.address(), Schedule::Burst { count: 3 }), &stop).unwrap();
    let noticed = stopper.join().unwrap().elapsed();
    assert!(noticed < Duration::from_millis(500), "{noticed:?}");
    assert_eq!(driven.rows.iter().map(|row| row.outcome).collect::<Vec<_>>(), [Outcome::Abandoned; 3]);
    let [response, ..] = histograms(&driven.report.figures);
    assert_eq!((response.len(), driven.report.figures.failed), (0, 3));
}

#[test]
fn a_burst_without_measure_can_be_stopped() {
    let stop = StopSignal::default();
    let stopper = std::thread::spawn({
        let stop = stop.clone();
        move || {
            std::thread::sleep(Duration::from_millis(50));
            stop.stop(Stopping::Now);
        }
    });
    let count = 1_000_000_000_000;
    let driven = run_until(job(nobody(), Schedule::Burst { count }), &stop).unwrap();
    stopper.join().unwrap();
    assert_eq!(driven.report.figures.planned, count);
    assert!((driven.rows.len() as u64) < count);
}

#[test]
fn a_phase_that_cannot_be_driven_says_why() {
    let never = StopSignal::default();
    let mut nothing = job(nobody(), closed(1, 1));
    nothing.requests.clear();
    assert!(matches!(run_until(nothing, &never), Err(PhaseError::NoRequest)));
    let at_once = Schedule::Open { interval: Duration::ZERO, arrivals: Arrivals::Constant, lasts: None };
    assert!(matches!(run_until(job(nobody(), at_once), &never), Err(PhaseError::Schedule(_))));
}

#[test]
fn a_phase_whose_target_stays_away_gives_up() {
    for workers in [1, 3] {
        let mut job = PhaseJob { workers, ..job(nobody(), constant(2, 60_000)) };
        job.gives_up_after = Some(Duration::from_millis(200));
        let began = Instant::now();
        let driven = run(job);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        let Some(EndedEarly::Down { refused }) = driven.report.ended_early else {
            panic!("{:?}", driven.report.ended_early)
        };
        assert!(refused >= 20 && driven.rows.iter().all(|row| row.outcome == Outcome::Refused), "{refused}");
        assert!(driven.report.figures.planned < 30_000, "what was not due yet is not planned");
    }
}

#[test]
fn a_target_that_comes_back_is_waited_for() {
    let (socket, address) = not_yet_listening();
    let coming_back = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        socket.listen(128).unwrap();
        Server::answering_by(socket.into(), |_| Some(pong()))
    });
    let mut job = job(address, constant(5, 1_500));
    job.gives_up_after = Some(Duration::from_secs(60));
    let driven = run(job);
    drop(coming_back.join().unwrap());
    assert_eq!((driven.rows.len(), driven.report.ended_early), (300, None));
    let served = driven.rows.iter().filter(|row| row.outcome == Outcome::Complete).count();
    assert!(served > 0 && served < 300, "{served}");
}

#[test]
fn a_phase_sends_no_more_than_is_allowed() {
    let server = Server::answering(|_| Some(pong()));
    for (allowance, schedule, workers, sent, cap) in [
        (Allowance::of(Some(17), None), closed(4, 1_000), 1, 17, Some(Cap::Requests)),
        (Allowance::of(Some(17), None), closed(4, 1_000), 4, 17, Some(Cap::Requests)),
        (Allowance::of(Some(17), None), Schedule::Burst { count: 1_000 }, 1, 17, Some(Cap::Requests)),
        (Allowance::of(None, Some(100)), constant(1, 1_000), 1, 33, Some(Cap::Money)),
        (Allowance::of(Some(10), Some(30)), closed(2, 10), 1, 10, None),
    ] {
        let mut job = PhaseJob { workers, ..job(server.address(), schedule) };
        job.requests[0].cost_micros = 3;
        let (stop, recorded) = (StopSignal::default(), Recorded::default());
        let driven = run_allowed(job, &stop, recorded, allowance).unwrap();
        assert_eq!(driven.rows.len(), sent, "{cap:?}");
        assert!(driven.rows.iter().all(|row| row.outcome == Outcome::Complete), "what was begun is finished");
        assert_eq!(driven.report.ended_early, cap.map(EndedEarly::Capped));
    }
}
