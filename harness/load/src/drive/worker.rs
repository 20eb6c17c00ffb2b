//! The event loop of a phase.

mod ending;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use record::{ExchangeRow, Moment, Outcome};

use crate::drive::connection::{Exchange, Progress};
use crate::drive::deadlines::Deadlines;
use crate::drive::due::Due;
use crate::drive::figures::Figures;
use crate::drive::job::{PhaseJob, PhaseReport};
use crate::drive::pool::{NoConnection, Pool};
use crate::drive::rests::{Rests, Retry};
use crate::drive::timer::Timer;
use crate::reading::ErrorNames;
use crate::request::Wire;
use crate::samples::Samples;
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
    /// Connections whose clients read slowly, and when they read again.
    slow: Rests<usize>,
    /// Connections whose clients write slowly, and when they write on.
    slow_writers: Rests<usize>,
    /// What clients send once more by themselves.
    retries: Rests<Retry>,
    /// How many requests were taken in turn, which decides which is next.
    in_turn: u64,
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
enum Sent {
    All,
    Some,
}

/// Who sends which request, and how often it was sent before.
#[derive(Clone, Copy)]
struct Turn {
    request: usize,
    client: usize,
    retries: u32,
}

impl<'a> Worker<'a> {
    pub(super) fn new(job: PhaseJob, surroundings: Surroundings, stop: &'a StopSignal) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new()?;
        timer.register(poll.registry(), TIMER)?;
        stop.wake_by(Arc::new(Waker::new(poll.registry(), STOP)?));
        let host = job.to.to_string();
        let wires =
            job.requests.iter().map(|request| request.to_wire(&host, surroundings.correlation)).collect();
        let began = surroundings.clock.now();
        Ok(Self {
            wires,
            stop,
            poll,
            timer,
            due: Due::new(&job.schedule, job.seed, began),
            pool: Pool::new(
                job.to,
                job.most_connections,
                FIRST_CONNECTION,
                (surroundings.clone(), job.sending.clone()),
            ),
            deadlines: Deadlines::new(),
            unread: Vec::new(),
            slow: Rests::new(),
            slow_writers: Rests::new(),
            retries: Rests::new(),
            in_turn: 0,
            open: 0,
            ended: false,
            last_sent: Moment(0),
            figures: Figures::new(),
            samples: Samples::new(&surroundings),
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
                Stopping::Drain => self.stop_sending(now),
                Stopping::Now => {
                    self.stop_sending(now);
                    self.abandon();
                }
            }
            while let Some((_, slot)) = self.slow.take(now) {
                self.read(slot, false);
            }
            while let Some((_, slot)) = self.slow_writers.take(now) {
                self.write(slot);
            }
            let sent = self.send_due(now)?;
            if self.open == 0 && self.due.next().is_none() && self.retries.next().is_none() {
                return Ok(());
            }
            self.wait(&mut events, sent)?;
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

    /// Nothing is sent any more. It is told in every turn, for what is open may end in such a way that its client tries again.
    fn stop_sending(&mut self, now: Moment) {
        self.due.stop(now);
        self.retries.clear();
    }

    /// When something is to be sent, first of what is tried again.
    fn next_due(&self) -> Option<Moment> {
        self.due.next().into_iter().chain(self.retries.next()).min()
    }

    /// Takes what is due.
    fn take_due(&mut self, now: Moment) -> Turn {
        let retry = self.retries.next().is_some_and(|retry| self.due.next().is_none_or(|due| retry <= due));
        if retry && let Some((_, Retry { request, client, retries })) = self.retries.take(now) {
            return Turn { request, client, retries };
        }
        let taken = self.due.take();
        let request = taken.request.unwrap_or_else(|| {
            let next = usize::try_from(self.in_turn % self.wires.len() as u64).unwrap_or_default();
            self.in_turn += 1;
            next
        });
        Turn { request, client: taken.client, retries: 0 }
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
    fn wait(&mut self, events: &mut Events, sent: Sent) -> io::Result<()> {
        let at_once = sent == Sent::Some || !self.unread.is_empty();
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
        let due = self.next_due().map(|due| {
            if self.pool.has_room() {
                due.max(self.last_sent.after(COALESCED))
            } else {
                due.after(self.job.timeout)
            }
        });
        let deadline = self.deadlines.first().map(|(_, deadline)| deadline);
        due.into_iter().chain(deadline).chain(self.slow.next()).chain(self.slow_writers.next()).min()
    }

    /// Sends what is due, as far as there are connections for it.
    fn send_due(&mut self, now: Moment) -> io::Result<Sent> {
        self.ended = false;
        for _ in 0..MOST_AT_ONCE {
            let Some(due) = self.next_due().filter(|due| *due <= now) else { return Ok(Sent::All) };
            if now.since(due) >= self.job.timeout {
                // Whoever waited as long for a connection as for an answer has left.
                let turn = self.take_due(now);
                self.end_unsent(turn, due, Outcome::TimedOut);
                continue;
            }
            if !self.pool.has_room() {
                return Ok(Sent::All);
            }
            self.last_sent = now;
            match self.pool.take(self.poll.registry()) {
                Ok(Some(slot)) => {
                    let turn = self.take_due(now);
                    self.begin(slot, turn, due);
                }
                Ok(None) => return Ok(Sent::All),
                Err(NoConnection::Refused) => {
                    let turn = self.take_due(now);
                    self.figures.begun(now.micros_after(due));
                    self.end_unsent(turn, due, Outcome::Refused);
                }
                Err(NoConnection::NoSocket(error)) => return Err(error),
            }
        }
        Ok(Sent::Some)
    }

    fn new_row(&self, turn: Turn, intended: Moment) -> ExchangeRow {
        let request = &self.job.requests[turn.request];
        let id = self.surroundings.new_exchange();
        let mut row = ExchangeRow::opened(id, self.job.traffic, request.name, intended);
        (row.streamed, row.model) = (request.streamed, request.model);
        (row.tenant, row.instance) = (request.tenant, request.instance);
        row
    }

    /// Begins an exchange on a connection that may still be in the making.
    fn begin(&mut self, slot: usize, turn: Turn, intended: Moment) {
        let row = self.new_row(turn, intended);
        let now = self.surroundings.clock.now();
        self.figures.begun(now.micros_after(intended));
        let request = &self.job.requests[turn.request];
        let patience = request.patience.unwrap_or(self.job.timeout);
        // Whoever leaves after a time has no longer patience than that.
        let patience = self.job.sending.leaves_after().map_or(patience, |leaves| leaves.min(patience));
        let answered = (request.dialect, request.surface);
        let Some(connection) = self.pool.get(slot) else { return };
        let Turn { request, client, retries } = turn;
        let exchange = Exchange { row, request, client, retries };
        connection.begin(exchange, answered);
        self.deadlines.add(slot, now, patience);
        self.open += 1;
        self.write(slot);
    }

    fn write(&mut self, slot: usize) {
        let Some(connection) = self.pool.get(slot) else { return };
        let progress = match connection.awaits_sending() {
            Some(Exchange { row, request, .. }) => {
                let request = self.wires[*request].marked(row.id);
                connection.send(request, self.surroundings.clock)
            }
            None => connection.send_rest(self.surroundings.clock),
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
            Progress::Rests => self.rest(slot),
            Progress::WritesLater => {
                if let Some(connection) = self.pool.get(slot) {
                    self.slow_writers.add(connection.writes_from, slot);
                }
            }
            Progress::IdleEnd => self.pool.close(slot, self.poll.registry()),
            Progress::Over { outcome, reusable } => self.over(slot, outcome, reusable),
        }
    }

    /// A client that reads slowly rests.
    fn rest(&mut self, slot: usize) {
        let Some(slow) = self.job.sending.reads else { return };
        let until = self.surroundings.clock.now().after(slow.every);
        if let Some(connection) = self.pool.get(slot) {
            connection.rests_until = until;
            self.slow.add(until, slot);
        }
    }
}
