//! The event loop of a phase.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use record::{ExchangeRow, Fact, Moment, Outcome, Side};

use crate::drive::connection::{Exchange, Progress};
use crate::drive::deadlines::Deadlines;
use crate::drive::due::Due;
use crate::drive::figures::Figures;
use crate::drive::job::{PhaseJob, PhaseReport};
use crate::drive::pool::{NoConnection, Pool};
use crate::drive::samples::{Message, Samples};
use crate::drive::timer::Timer;
use crate::reading::ErrorNames;
use crate::request::Wire;
use crate::stop::{StopSignal, Stopping};
use crate::surroundings::Surroundings;

const TIMER: Token = Token(0);
const STOP: Token = Token(1);
const FIRST_CONNECTION: usize = 2;

/// Requests that are due within this time of each other are sent together: to wake for each would cost more than it gains. None
/// is sent early for it.
const COALESCED: Duration = Duration::from_micros(50);
/// So many are sent before the loop looks at its connections and at the stop signal again.
const MOST_AT_ONCE: usize = 256;

/// Drives one phase.
pub(super) struct Worker<'a> {
    job: PhaseJob,
    wires: Vec<Wire>,
    surroundings: Surroundings,
    stop: &'a StopSignal,
    poll: Poll,
    timer: Timer,
    due: Due,
    pool: Pool,
    deadlines: Deadlines,
    /// Connections that had their turn and may have more to read.
    unread: Vec<usize>,
    /// How many exchanges were begun, which also decides which request is next.
    begun: u64,
    open: usize,
    /// Whether an exchange has ended since something was last sent, so that a client or a connection is free.
    ended: bool,
    /// When something was last sent because it was due.
    last_sent: Moment,
    figures: Figures,
    samples: Samples,
    errors: ErrorNames,
    buffer: Vec<u8>,
}

/// Whether more could be sent right away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Done,
    More,
}

impl<'a> Worker<'a> {
    pub(super) fn new(job: PhaseJob, surroundings: Surroundings, stop: &'a StopSignal) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new()?;
        timer.register(poll.registry(), TIMER)?;
        stop.wake_by(Arc::new(Waker::new(poll.registry(), STOP)?));
        let (host, authorization) = (job.to.to_string(), job.authorization.as_ref());
        let wire = |request: &crate::request::Request| {
            request.to_wire(&host, authorization, surroundings.correlation)
        };
        let wires = job.requests.iter().map(wire).collect();
        let began = surroundings.clock.now();
        Ok(Self {
            wires,
            stop,
            poll,
            timer,
            due: Due::new(job.schedule, job.seed, began),
            pool: Pool::new(job.to, job.most_connections, FIRST_CONNECTION),
            deadlines: Deadlines::new(),
            unread: Vec::new(),
            begun: 0,
            open: 0,
            ended: false,
            last_sent: Moment(0),
            figures: Figures::new(),
            samples: Samples::new(surroundings.facts.clone()),
            errors: ErrorNames::new(surroundings.names.clone()),
            buffer: vec![0; 64 * 1024],
            job,
            surroundings,
        })
    }

    pub(super) fn into_report(self) -> PhaseReport {
        PhaseReport {
            clamped: self.figures.clamped(),
            figures: self.figures.finish(self.job.traffic, self.due.planned()),
            connections: self.pool.opened(),
            short_of_sockets: self.pool.was_short_of_sockets(),
        }
    }

    /// Runs until the phase is over.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        loop {
            let now = self.surroundings.clock.now();
            self.end_timed_out(now);
            match self.stop.told() {
                Stopping::Not => {}
                Stopping::Drain => self.due.stop(now),
                Stopping::Now => {
                    self.due.stop(now);
                    self.abandon();
                }
            }
            let sending = self.send_due(now)?;
            if self.open == 0 && self.due.next().is_none() {
                return Ok(());
            }
            self.wait(&mut events, sending)?;
            for slot in std::mem::take(&mut self.unread) {
                self.read(slot, false);
            }
            for event in &events {
                match event.token() {
                    TIMER => self.timer.fired(),
                    STOP => {}
                    Token(token) => self.happened(token - FIRST_CONNECTION, event)?,
                }
            }
        }
    }

    /// Something happened to a connection. What its exchange kept waiting is sent before the next event is looked at.
    fn happened(&mut self, slot: usize, event: &Event) -> io::Result<()> {
        if event.is_writable() {
            self.write(slot);
        }
        self.read(slot, event.is_read_closed());
        if self.ended {
            self.send_due(self.surroundings.clock.now())?;
        }
        Ok(())
    }

    /// Waits for an event, or for the next time at which something is to be done.
    fn wait(&mut self, events: &mut Events, sending: Sending) -> io::Result<()> {
        let at_once = sending == Sending::More || !self.unread.is_empty();
        if !at_once && let Some(wake) = self.next_wake() {
            self.timer.wake_by(self.surroundings.clock.instant(wake))?;
        }
        match self.poll.poll(events, at_once.then_some(Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            polled => polled,
        }
    }

    fn next_wake(&mut self) -> Option<Moment> {
        let due = self.due.next().map(|due| {
            if self.pool.has_room() {
                due.max(self.last_sent.after(COALESCED))
            } else {
                due.after(self.job.timeout)
            }
        });
        let first = self.deadlines.first().and_then(|slot| self.pool.get(slot));
        let deadline =
            first.and_then(|connection| connection.exchange.as_ref()).map(|exchange| exchange.deadline);
        due.into_iter().chain(deadline).min()
    }

    /// Sends what is due, as far as there are connections for it.
    fn send_due(&mut self, now: Moment) -> io::Result<Sending> {
        self.ended = false;
        for _ in 0..MOST_AT_ONCE {
            let Some(due) = self.due.next().filter(|due| *due <= now) else { return Ok(Sending::Done) };
            if now.since(due) >= self.job.timeout {
                // Whoever waited as long for a connection as for an answer has left.
                self.due.take();
                self.end_unsent(due, Outcome::TimedOut);
                continue;
            }
            if !self.pool.has_room() {
                return Ok(Sending::Done);
            }
            self.last_sent = now;
            match self.pool.take(self.poll.registry()) {
                Ok(Some(slot)) => {
                    self.due.take();
                    self.begin(slot, due);
                }
                Ok(None) => return Ok(Sending::Done),
                Err(NoConnection::Refused) => {
                    self.due.take();
                    self.figures.begun(now.micros_after(due));
                    self.end_unsent(due, Outcome::Refused);
                }
                Err(NoConnection::NoSocket(error)) => return Err(error),
            }
        }
        Ok(Sending::More)
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

    /// Begins an exchange on a connection that may still be in the making.
    fn begin(&mut self, slot: usize, intended: Moment) {
        let (row, request) = self.new_row(intended);
        let now = self.surroundings.clock.now();
        self.figures.begun(now.micros_after(intended));
        let Some(connection) = self.pool.get(slot) else { return };
        connection.begin(Exchange { row, request, deadline: now.after(self.job.timeout) });
        self.deadlines.add(slot);
        self.open += 1;
        self.write(slot);
    }

    /// A request is over before it was sent.
    fn end_unsent(&mut self, intended: Moment, outcome: Outcome) {
        let (mut row, _) = self.new_row(intended);
        self.end(&mut row, outcome);
    }

    fn write(&mut self, slot: usize) {
        let Some(connection) = self.pool.get(slot) else { return };
        let progress = match connection.awaits_sending() {
            Some(Exchange { row, request, .. }) => {
                let request = self.wires[*request].marked(row.id);
                connection.send(request, self.surroundings.clock)
            }
            None => connection.send_rest(),
        };
        self.progressed(slot, progress);
    }

    fn read(&mut self, slot: usize, ends: bool) {
        let Some(connection) = self.pool.get(slot) else { return };
        let progress = connection.read(&mut self.buffer, self.surroundings.clock, ends);
        self.progressed(slot, progress);
    }

    fn progressed(&mut self, slot: usize, progress: Progress) {
        match progress {
            Progress::Open => {}
            Progress::Unread => self.unread.push(slot),
            Progress::IdleEnd => self.pool.close(slot, self.poll.registry()),
            Progress::Over { outcome, reusable } => self.over(slot, outcome, reusable),
        }
    }

    /// The exchange of a connection is over, if it has one.
    fn over(&mut self, slot: usize, outcome: Outcome, reusable: bool) {
        let Some(connection) = self.pool.get(slot) else { return };
        let Some(Exchange { mut row, request, .. }) = connection.exchange.take() else { return };
        self.open -= 1;
        self.deadlines.remove(slot);
        row.outcome = outcome;
        connection.reading().finish(&mut row, &mut self.errors);
        if self.samples.wants(&row) {
            self.keep(slot, request, &row);
        }
        self.end(&mut row, outcome);
        if reusable {
            self.pool.put_back(slot);
        } else {
            self.pool.close(slot, self.poll.registry());
        }
    }

    fn keep(&mut self, slot: usize, request: usize, row: &ExchangeRow) {
        let at = self.surroundings.clock.now();
        let Some(connection) = self.pool.get(slot) else { return };
        let (head, body) = self.wires[request].marked_parts(row.id);
        self.samples.keep(row, &Message { side: Side::ClientSent, head, body }, at);
        let head = connection.head().to_vec();
        let got = Message { side: Side::ClientGot, head: &head, body: connection.reading().body() };
        self.samples.keep(row, &got, at);
    }

    fn end(&mut self, row: &mut ExchangeRow, outcome: Outcome) {
        let now = self.surroundings.clock.now();
        (row.outcome, row.ended) = (outcome, now.micros_after(row.intended));
        self.due.exchange_ended(now, outcome == Outcome::Refused);
        self.ended = true;
        self.figures.ended(row);
        self.surroundings.facts.send(Fact::Exchange(*row));
    }

    fn end_timed_out(&mut self, now: Moment) {
        while let Some(slot) = self.deadlines.first() {
            let exchange = self.pool.get(slot).and_then(|connection| connection.exchange.as_ref());
            if exchange.is_some_and(|exchange| exchange.deadline > now) {
                return;
            }
            self.over(slot, Outcome::TimedOut, false);
        }
    }

    fn abandon(&mut self) {
        for slot in 0..self.pool.slots() {
            self.over(slot, Outcome::Abandoned, false);
        }
    }
}
