//! The driver as a trial runs it: a phase on a thread, and the evidence writer on another.

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::thread;
use std::time::Duration;

use load::{
    Allowance, Arrivals, Method, Order, PhaseJob, Recorded, Request, Schedule, Sending, StopSignal,
    Surroundings, drive as drive_phase,
};
use record::{
    Clock, Correlation, End, Entry, ExchangeRow, Fact, FactReceiver, NOT_REACHED, NameTable, PhaseFigures,
    fact_channel,
};
use scenario::read_worlds;
use stormproof_run::{Redactor, RunFolder, TrialFolder, write_evidence};
use upstream::{DEFAULT_SAMPLES, TrafficSignal, Upstreams};

use crate::process::folder;
use crate::task::{Drove, Task, Traffic, per};

const TRIAL: u64 = 7;

/// Drives a task, and tells what came of it.
pub(crate) fn drive(task: &Task) -> Result<Drove, Box<dyn Error>> {
    let (surroundings, received) = surroundings(task.recorded);
    let ask = Request { headers: headers(task.recorded), ..Request::new(Method::Get, task.path.clone()) };
    let ask = Request { streamed: matches!(task.traffic, Traffic::Streams(_)), ..ask };
    if !task.recorded {
        drop(received);
        let figures = phase(task, ask, &surroundings)?;
        return told(&figures, None);
    }
    with_evidence(task, ask, surroundings, received)
}

/// The same against a simulated provider in this process, whose attempts are evidence too.
pub(crate) fn drive_with_provider(task: &Task) -> Result<Drove, Box<dyn Error>> {
    let (surroundings, received) = surroundings(true);
    let of_upstreams = upstream::Surroundings {
        clock: surroundings.clock,
        correlation: surroundings.correlation,
        names: surroundings.names.clone(),
        facts: surroundings.facts.clone(),
        seed: 1,
        traffic: TrafficSignal::new([]),
        samples: DEFAULT_SAMPLES,
        canaries: Vec::new(),
        defect: None,
    };
    let file = fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/driver/world.yaml"))?;
    let mut cases = read_worlds(&file, &[]).map_err(|_| "world.yaml is no world")?;
    let world = cases.pop().ok_or("no world")?.scenario.world;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let upstreams = runtime.block_on(Upstreams::start(&world, of_upstreams))?;
    let (_, to) = upstreams.addresses().next().ok_or("no upstream")?;
    let secret = upstreams.keys("openai").iter().map(|key| key.secret().to_owned()).next().ok_or("no key")?;
    let body = format!(
        r#"{{"model":"chat","messages":[{{"role":"user","content":"what is the answer? {}"}}]}}"#,
        Request::mark_place()
    );
    let ask = Request {
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        authorization: Some(("authorization".to_owned(), format!("Bearer {secret}"))),
        body: body.into_bytes(),
        ..Request::new(Method::Post, "/v1/chat/completions".to_owned())
    };
    let mut upstreams = Some(upstreams);
    let stop = || upstreams.take().into_iter().for_each(|upstreams| runtime.block_on(upstreams.stop()));
    with_evidence_until(&Task { to, ..task.clone() }, ask, (surroundings, received), stop)
}

fn with_evidence(
    task: &Task,
    ask: Request,
    surroundings: Surroundings,
    received: FactReceiver,
) -> Result<Drove, Box<dyn Error>> {
    with_evidence_until(task, ask, (surroundings, received), || {})
}

/// Drives with the evidence writer beside it. When the phase is over, others are stopped that may still tell something.
fn with_evidence_until(
    task: &Task,
    ask: Request,
    (surroundings, received): (Surroundings, FactReceiver),
    stop: impl FnOnce(),
) -> Result<Drove, Box<dyn Error>> {
    let run = RunFolder::create(&folder("evidence")?)?;
    let trial = run.trial("driven");
    trial.create()?;
    let writer = thread::spawn({
        let trial = trial.clone();
        move || write_evidence(&trial, &received, &Redactor::default(), None)
    });
    let figures = phase(task, ask, &surroundings)?;
    stop();
    let at = surroundings.clock.now();
    let tell = |entry| surroundings.facts.send(Fact::Entry(Box::new(entry)));
    tell(Entry::Figures(figures.clone()));
    tell(Entry::End(End { at, cut_short: None, exchanges: 0, attempts: 0 }));
    writer.join().map_err(|_| "the evidence writer broke")??;
    Ok(Drove { folder: Some(run.path().to_owned()), ..told(&figures, Some(&trial))? })
}

fn surroundings(recorded: bool) -> (Surroundings, FactReceiver) {
    let (facts, received) = fact_channel();
    let surroundings = Surroundings {
        clock: Clock::start(),
        correlation: Correlation::new(TRIAL),
        next_exchange: Arc::new(AtomicU32::new(0)),
        names: NameTable::new(facts.clone()),
        facts,
        recorded: Recorded { nothing: !recorded, ..Recorded::default() },
        allowance: Allowance::default(),
    };
    (surroundings, received)
}

/// The header fields of each request; the mark is as long where it is not written anew.
fn headers(marked: bool) -> Vec<(String, String)> {
    let mark = if marked { Request::mark_place().to_owned() } else { unmarked() };
    vec![("x-request".to_owned(), mark)]
}

/// What stands for a mark in the requests of those who have none.
pub(crate) fn unmarked() -> String {
    "-".repeat(Request::mark_place().len())
}

/// On a thread of its own beside another that only waits, recorded or not. In a process of a single thread, which no trial is, the
/// system's calls are cheaper.
fn phase(task: &Task, ask: Request, surroundings: &Surroundings) -> Result<PhaseFigures, Box<dyn Error>> {
    let schedule = match task.traffic {
        Traffic::Closed(requests) => Schedule::Closed {
            clients: task.connections,
            requests: Some(requests),
            lasts: None,
            pause: Duration::ZERO,
        },
        Traffic::Open { rate, seconds } => Schedule::Open {
            interval: Duration::from_secs(1) / rate,
            arrivals: Arrivals::Constant,
            lasts: Some(Duration::from_secs(seconds)),
        },
        Traffic::Streams(count) => Schedule::Burst { count },
    };
    let job = PhaseJob {
        traffic: surroundings.names.id("phase"),
        to: task.to,
        schedule,
        requests: vec![ask],
        order: Order::InTurn,
        timeout: Duration::from_secs(30),
        seed: 1,
        most_connections: task.connections,
        sending: Sending::default(),
        gives_up_after: None,
        workers: 1,
    };
    let report = thread::scope(|scope| {
        let driving = scope.spawn(|| drive_phase(&job, surroundings, &StopSignal::default()));
        driving.join().map_err(|_| "the driver broke")
    })??;
    if report.figures.failed > 0 || report.short_of_sockets {
        return Err(format!("{} of {} requests failed", report.figures.failed, report.figures.sent).into());
    }
    Ok(report.figures)
}

fn told(figures: &PhaseFigures, trial: Option<&TrialFolder>) -> Result<Drove, Box<dyn Error>> {
    let mut drove = Drove {
        requests: figures.sent,
        cpu_us: 0.0,
        peak_kib: 0,
        figures: Some(figures.clone()),
        folder: None,
        evidence: 0,
        achieved: None,
        first_contents: Vec::new(),
    };
    let Some(trial) = trial else { return Ok(drove) };
    for file in [trial.entries(), trial.exchanges(), trial.attempts()] {
        drove.evidence += match fs::metadata(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            file => file?.len(),
        };
    }
    // Few enough to be looked at one by one: those of a schedule and those of streams.
    if figures.sent > 50_000 {
        return Ok(drove);
    }
    let bytes = fs::read(trial.exchanges())?;
    let (rows, _) = bytes.as_chunks();
    let rows: Vec<ExchangeRow> = rows.iter().map(ExchangeRow::from_bytes).collect();
    let mut sent: Vec<u64> =
        rows.iter().filter_map(|row| row.intended.plus_micros(row.sent)).map(|moment| moment.0).collect();
    sent.sort_unstable();
    if let [first, .., last] = sent.as_slice() {
        let span = Duration::from_nanos(last - first).as_secs_f64();
        drove.achieved = Some(per(sent.len() as u64 - 1) / span);
    }
    let contents = rows.iter().map(|row| row.first_content).filter(|micros| *micros != NOT_REACHED);
    drove.first_contents = contents.map(f64::from).collect();
    Ok(drove)
}
