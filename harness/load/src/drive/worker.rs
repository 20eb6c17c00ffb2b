//! The event loop of a phase.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use record::{Entry, ExchangeId, ExchangeRow, Fact, Moment, Outcome, PhaseFigures, Sample, Side};

use crate::drive::connection::{Connection, Progress};
use crate::drive::figures::Figures;
use crate::drive::job::PhaseJob;
use crate::drive::timer::Timer;
use crate::reading::ErrorNames;
use crate::request::Wire;
use crate::schedule::{Schedule, Times};
use crate::stop::{StopSignal, Stopping};
use crate::surroundings::Surroundings;

const TIMER: Token = Token(0);
const STOP: Token = Token(1);
const FIRST_CONNECTION: usize = 2;

/// What is due within this time is done at once: a timer for each would cost more than it gains.
const COALESCED: Duration = Duration::from_micros(50);
/// Of a stream no more than this is kept, for samples.
const SAMPLED: usize = 4 * 1024;
/// How many messages of a phase are kept: some of any kind, and more of those that went wrong.
const SAMPLES: u32 = 5;
const ANOMALIES: u32 = 50;

/// Drives one phase.
pub(super) struct Worker<'a> {
    job: PhaseJob,
    wires: Vec<Wire>,
    surroundings: Surroundings,
    stop: &'a StopSignal,
    poll: Poll,
    timer: Timer,
    times: Times,
    next: Option<Moment>,
    began: Moment,
    /// How many requests were begun.
    begun: u64,
    connections: Vec<Option<Connection>>,
    idle: Vec<usize>,
    free: Vec<usize>,
    /// Requests that wait for a connection, by their intended time.
    waiting: VecDeque<Moment>,
    /// When exchanges time out, in the order in which they began.
    deadlines: VecDeque<(Moment, usize, ExchangeId)>,
    open: usize,
    figures: Figures,
    errors: ErrorNames,
    buffer: Vec<u8>,
    samples: u32,
    anomalies: u32,
}

impl<'a> Worker<'a> {
    pub(super) fn new(job: PhaseJob, surroundings: Surroundings, stop: &'a StopSignal) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new()?;
        timer.register(poll.registry(), TIMER)?;
        stop.wake_by(Arc::new(Waker::new(poll.registry(), STOP)?));
        let host = job.to.to_string();
        let authorized = |request: &crate::request::Request| {
            let mut request = request.clone();
            request.headers.extend(job.authorization.clone());
            request.to_wire(&host)
        };
        let wires = job.requests.iter().map(authorized).collect();
        let began = surroundings.clock.now();
        let times = Times::new(job.schedule, job.seed);
        let errors = ErrorNames::new(surroundings.names.clone());
        let mut worker = Self {
            wires,
            stop,
            poll,
            timer,
            times,
            next: None,
            began,
            begun: 0,
            connections: Vec::new(),
            idle: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            deadlines: VecDeque::new(),
            open: 0,
            figures: Figures::new(),
            errors,
            buffer: vec![0; 64 * 1024],
            samples: 0,
            anomalies: 0,
            job,
            surroundings,
        };
        worker.next = worker.times.next().map(|time| began.after(time));
        Ok(worker)
    }

    pub(super) fn into_figures(mut self) -> PhaseFigures {
        // A schedule that was stopped has planned what it sent.
        let planned = Times::planned(self.job.schedule, self.job.seed);
        self.figures.planned = planned.unwrap_or(self.begun).max(self.begun);
        self.figures.finish(self.job.traffic)
    }

    /// Runs until the phase is over.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        self.start_clients();
        loop {
            self.send_due();
            self.end_timed_out();
            match self.stop.told() {
                Stopping::Not => {}
                Stopping::Drain => self.send_no_more(),
                Stopping::Now => {
                    self.abandon();
                    return Ok(());
                }
            }
            if self.is_over() {
                return Ok(());
            }
            let deadline = self.deadlines.front().map(|(at, ..)| *at);
            let due = [self.next, deadline].into_iter().flatten().min();
            self.timer.set(due.map(|due| self.instant(due)))?;
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match event.token() {
                    TIMER => self.timer.fired(),
                    STOP => {}
                    Token(token) => self.happened(token - FIRST_CONNECTION, event.is_writable()),
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.next.is_none() && self.open == 0 && self.waiting.is_empty()
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.surroundings.clock.instant(moment)
    }

    /// The clients of a closed schedule begin.
    fn start_clients(&mut self) {
        if let Schedule::Closed { clients, .. } = self.job.schedule {
            for _ in 0..clients {
                self.next_of_client();
            }
        }
    }

    /// A client of a closed schedule sends its next request, if the schedule is not over.
    fn next_of_client(&mut self) {
        let Schedule::Closed { requests, lasts, .. } = self.job.schedule else { return };
        let now = self.surroundings.clock.now();
        let waiting = self.waiting.len() as u64;
        let more = requests.is_none_or(|requests| self.begun + waiting < requests)
            && lasts.is_none_or(|lasts| now.since(self.began) < lasts)
            && self.stop.told() == Stopping::Not;
        if more {
            self.send(now);
        }
    }

    /// Sends everything that is due.
    fn send_due(&mut self) {
        while let Some(due) = self.next {
            if due > self.surroundings.clock.now().after(COALESCED) {
                return;
            }
            self.next = self.times.next().map(|time| self.began.after(time));
            self.send(due);
        }
    }

    fn send_no_more(&mut self) {
        self.next = None;
        self.waiting.clear();
        if let Schedule::Closed { requests, .. } = &mut self.job.schedule {
            *requests = Some(self.begun);
        }
    }

    /// Sends a request on an idle connection or a new one, or lets it wait for one.
    fn send(&mut self, intended: Moment) {
        match self.idle.pop() {
            Some(index) => self.begin(index, intended),
            None if self.connections.len() - self.free.len() < self.job.most_connections => {
                match self.connect() {
                    Ok(index) => self.begin(index, intended),
                    Err(_) => self.refuse(intended),
                }
            }
            None => self.waiting.push_back(intended),
        }
    }

    fn connect(&mut self) -> io::Result<usize> {
        let mut connection = Connection::open(self.job.to, SAMPLED)?;
        let index = self.free.pop().unwrap_or(self.connections.len());
        let token = Token(index + FIRST_CONNECTION);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut connection.stream, token, interest) {
            if index < self.connections.len() {
                self.free.push(index);
            }
            return Err(error);
        }
        if index == self.connections.len() {
            self.connections.push(Some(connection));
        } else {
            self.connections[index] = Some(connection);
        }
        Ok(index)
    }

    fn new_row(&mut self, intended: Moment) -> (ExchangeRow, usize) {
        let which = usize::try_from(self.begun % self.wires.len() as u64).unwrap_or_default();
        self.begun += 1;
        let request = &self.job.requests[which];
        let id = self.surroundings.new_exchange();
        let mut row = ExchangeRow::opened(id, self.job.traffic, request.name, intended);
        (row.streamed, row.model) = (request.streamed, request.model);
        (row, which)
    }

    fn begin(&mut self, index: usize, intended: Moment) {
        let (row, which) = self.new_row(intended);
        let Some(connection) = &mut self.connections[index] else { return };
        self.wires[which].copy_marked(&mut connection.request, self.surroundings.correlation, row.id);
        let clock = self.surroundings.clock;
        self.deadlines.push_back((clock.now().after(self.job.timeout), index, row.id));
        self.open += 1;
        connection.begin(row);
        let progress = connection.write(clock);
        self.progressed(index, progress);
    }

    /// The machine gives no socket: the request is over before it began.
    fn refuse(&mut self, intended: Moment) {
        let (mut row, _) = self.new_row(intended);
        row.outcome = Outcome::Refused;
        row.ended = self.surroundings.clock.now().micros_after(intended);
        self.tell(&row);
    }

    fn happened(&mut self, index: usize, writable: bool) {
        let clock = self.surroundings.clock;
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else { return };
        if writable && connection.wants_to_write() {
            match connection.write(clock) {
                Progress::Open => {}
                over => return self.progressed(index, over),
            }
        }
        let progress = connection.read(&mut self.buffer, clock);
        self.progressed(index, progress);
    }

    fn progressed(&mut self, index: usize, progress: Progress) {
        match progress {
            Progress::Open => {}
            Progress::IdleEnd => {
                self.idle.retain(|idle| *idle != index);
                self.close(index);
            }
            Progress::Over { outcome, reusable } => self.over(index, outcome, reusable),
        }
    }

    /// An exchange is over: its row is told, its connection goes on, and what waited for one gets it.
    fn over(&mut self, index: usize, outcome: Outcome, reusable: bool) {
        let Some(connection) = &mut self.connections[index] else { return };
        let Some(mut row) = connection.row.take() else { return };
        row.outcome = outcome;
        row.ended = self.surroundings.clock.now().micros_after(row.intended);
        let reading = connection.reading();
        reading.finish(&mut row, &mut self.errors);
        let sound = outcome == Outcome::Complete && (200..300).contains(&row.status);
        let (kept, most) =
            if sound { (&mut self.samples, SAMPLES) } else { (&mut self.anomalies, ANOMALIES) };
        if *kept < most {
            *kept += 1;
            let at = self.surroundings.clock.now();
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Sample(sample(
                &row,
                reading.body(),
                at,
            )))));
        }
        self.open -= 1;
        self.tell(&row);
        if reusable {
            self.idle.push(index);
        } else {
            self.close(index);
        }
        if let Some(intended) = self.waiting.pop_front() {
            self.send(intended);
        }
        self.next_of_client();
    }

    fn tell(&mut self, row: &ExchangeRow) {
        self.figures.record(row);
        self.surroundings.facts.send(Fact::Exchange(*row));
    }

    fn close(&mut self, index: usize) {
        if let Some(mut connection) = self.connections[index].take() {
            // It ends with its stream, whatever the registry says.
            drop(self.poll.registry().deregister(&mut connection.stream));
            self.free.push(index);
        }
    }

    fn end_timed_out(&mut self) {
        let now = self.surroundings.clock.now();
        while let Some((at, index, exchange)) = self.deadlines.front().copied() {
            let row = self.connections[index].as_ref().and_then(|connection| connection.row.as_ref());
            let open = row.is_some_and(|row| row.id == exchange);
            if open && at > now {
                return;
            }
            self.deadlines.pop_front();
            if open {
                self.over(index, Outcome::TimedOut, false);
            }
        }
    }

    fn abandon(&mut self) {
        self.send_no_more();
        for index in 0..self.connections.len() {
            self.over(index, Outcome::Abandoned, false);
        }
    }
}

/// A response as it was.
fn sample(row: &ExchangeRow, body: &[u8], at: Moment) -> Sample {
    let kept = &body[..body.len().min(SAMPLED)];
    Sample {
        side: Side::ClientGot,
        exchange: row.id,
        at,
        line: if row.status == 0 { row.outcome.word().to_owned() } else { row.status.to_string() },
        head: Vec::new(),
        body: String::from_utf8_lossy(kept).into_owned(),
        cut: kept.len() < body.len(),
    }
}
