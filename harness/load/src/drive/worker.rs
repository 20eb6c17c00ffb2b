//! The event loop of a phase.

mod ending;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use record::{Entry, ExchangeId, ExchangeRow, Fact, Moment, Outcome, Pair};

use crate::draw::unit;
use crate::drive::connection::{Exchange, Progress};
use crate::drive::deadlines::Deadlines;
use crate::drive::due::Due;
use crate::drive::figures::Figures;
use crate::drive::job::{EndedEarly, Order, Part, PhaseJob};
use crate::drive::pool::{NoConnection, Pool};
use crate::drive::rests::{Rests, Retry};
use crate::drive::rows::Rows;
use crate::drive::timer::Timer;
use crate::reading::ErrorNames;
use crate::request::{Request, Wire};
use crate::samples::Samples;
use crate::schedule::Share;
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

/// Drives one phase, or its share of one.
pub(super) struct Worker<'a> {
    job: &'a PhaseJob,
    share: Share,
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
    /// What was due and found no connection, and when it was due.
    waiting: Option<(Turn, Moment)>,
    /// The exchange whose counterpart comes next, of a phase that sends pairs: its request, and its number.
    half: Option<(usize, ExchangeId)>,
    open: usize,
    /// When an exchange ended since something was last sent, so that a client or a connection is free.
    ended: Option<Moment>,
    /// When something was last sent because it was due.
    last_sent: Moment,
    /// When the last of the connections was taken no more: what was due before could not be sent, which is no fault of the driver's.
    room_since: Moment,
    /// Since when nobody has listened, and how many requests were refused meanwhile.
    refused: Option<(Moment, u32)>,
    /// Why nothing is sent any more, though the schedule goes on.
    ended_early: Option<EndedEarly>,
    figures: Figures,
    rows: Rows,
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
    pub(super) fn new(
        job: &'a PhaseJob,
        share: Share,
        began: Moment,
        (surroundings, stop): (Surroundings, &'a StopSignal),
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new()?;
        timer.register(poll.registry(), TIMER)?;
        stop.wake_by(Arc::new(Waker::new(poll.registry(), STOP)?));
        let wire = |request: &Request| {
            let host = request.to.unwrap_or(job.to).to_string();
            request.to_wire(&host, surroundings.correlation)
        };
        let wires = job.requests.iter().map(wire).collect();
        Ok(Self {
            wires,
            share,
            stop,
            poll,
            timer,
            due: Due::new(&job.schedule, job.seed, began, share),
            pool: Pool::new(
                job.most_connections.div_ceil(share.of),
                FIRST_CONNECTION,
                (surroundings.clone(), job.sending.clone()),
            ),
            deadlines: Deadlines::new(),
            unread: Vec::new(),
            slow: Rests::new(),
            slow_writers: Rests::new(),
            retries: Rests::new(),
            in_turn: share.nth as u64,
            waiting: None,
            half: None,
            open: 0,
            ended: None,
            last_sent: Moment(0),
            room_since: Moment(0),
            refused: None,
            ended_early: None,
            figures: Figures::new(began).with_values(!surroundings.recorded.nothing),
            rows: Rows::new(surroundings.facts.clone()),
            samples: Samples::new(&surroundings),
            errors: ErrorNames::new(surroundings.names.clone()),
            buffer: vec![0; 64 * 1024],
            job,
            surroundings,
        })
    }

    /// What it came to, once it has run.
    pub(super) fn into_part(mut self) -> Part {
        let now = self.surroundings.clock.now();
        self.figures.end_part(now, (self.job.traffic, &self.surroundings.facts));
        Part {
            planned: self.due.planned(),
            figures: self.figures,
            connections: self.pool.opened(),
            short_of_sockets: self.pool.was_short_of_sockets(),
            ended_early: self.ended_early,
        }
    }

    /// Runs until the phase is over.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        loop {
            let now = self.surroundings.clock.now();
            self.figures.turn(now, (self.job.traffic, &self.surroundings.facts));
            self.end_timed_out(now);
            match self.stop.told() {
                Stopping::Not => {}
                Stopping::Drain => self.stop_sending(now),
                Stopping::Now => {
                    self.stop_sending(now);
                    self.abandon(now);
                }
            }
            while let Some((_, slot)) = self.slow.take(now) {
                self.read(slot, false);
            }
            while let Some((_, slot)) = self.slow_writers.take(now) {
                self.write(slot);
            }
            let sent = self.send_due(now)?;
            if self.open == 0 && self.next_due().is_none() {
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
        self.waiting = None;
        self.retries.clear();
    }

    /// When something is to be sent, first of what is tried again.
    fn next_due(&self) -> Option<Moment> {
        if let Some((_, due)) = self.waiting {
            return Some(due);
        }
        self.due.next().into_iter().chain(self.retries.next()).min()
    }

    /// Takes what is due.
    fn take_due(&mut self, now: Moment) -> Turn {
        if let Some((turn, _)) = self.waiting.take() {
            return turn;
        }
        let retry = self.retries.next().is_some_and(|retry| self.due.next().is_none_or(|due| retry <= due));
        if retry && let Some((_, Retry { request, client, retries })) = self.retries.take(now) {
            return Turn { request, client, retries };
        }
        let taken = self.due.take();
        let request = taken.request.unwrap_or_else(|| self.next_in_turn());
        Turn { request, client: taken.client, retries: 0 }
    }

    /// The request whose turn it is.
    fn next_in_turn(&mut self) -> usize {
        let (turn, all) = (self.in_turn, self.wires.len() as u64);
        self.in_turn += self.share.of as u64;
        let next = match self.job.order {
            Order::InTurn => turn % all,
            Order::Pairs => {
                let (pair, half) = (turn / 2, all / 2);
                let direct_first = unit(self.job.seed, pair) > 0.5;
                let direct = (turn % 2 == 0) == direct_first;
                pair % half.max(1) + if direct { half } else { 0 }
            }
        };
        usize::try_from(next).unwrap_or_default()
    }

    /// Tells of two exchanges that are to be compared, once the second of them has a number.
    fn note_half(&mut self, request: usize, id: ExchangeId, at: Moment) {
        let Some((before, other)) = self.half.take() else {
            self.half = Some((request, id));
            return;
        };
        let (through, direct) = if before < request { (other, id) } else { (id, other) };
        self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Pair(Pair { at, through, direct }))));
    }

    /// Something happened to a connection. What its exchange kept waiting is sent before the next event is looked at.
    fn happened(&mut self, slot: usize, event: &Event) -> io::Result<()> {
        if event.is_writable() {
            self.write(slot);
        }
        self.read(slot, event.is_read_closed());
        match self.ended.take() {
            Some(ended) => self.send_due(ended).map(drop),
            None => Ok(()),
        }
    }

    /// Waits for an event, or for the next time at which something is to be done.
    fn wait(&mut self, events: &mut Events, sent: Sent) -> io::Result<()> {
        self.rows.hand_over();
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
        self.ended = None;
        for _ in 0..MOST_AT_ONCE {
            if self.ended_early.is_some() {
                return Ok(Sent::All);
            }
            let Some(due) = self.next_due().filter(|due| *due <= now) else { return Ok(Sent::All) };
            if now.since(due) >= self.job.timeout {
                // Whoever waited as long for a connection as for an answer has left.
                let turn = self.take_due(now);
                self.end_unsent(turn, due, (Outcome::TimedOut, now));
                continue;
            }
            if !self.pool.has_room() {
                return Ok(Sent::All);
            }
            self.last_sent = now;
            let turn = self.take_due(now);
            let to = self.job.requests[turn.request].to.unwrap_or(self.job.to);
            match self.pool.take(to, self.poll.registry()) {
                Ok(Some(slot)) => self.begin(slot, turn, due),
                Ok(None) => {
                    self.waiting = Some((turn, due));
                    return Ok(Sent::All);
                }
                Err(NoConnection::Refused) => {
                    self.note_begun(due, now);
                    self.end_unsent(turn, due, (Outcome::Refused, now));
                }
                Err(NoConnection::NoSocket(error)) => return Err(error),
            }
        }
        Ok(Sent::Some)
    }

    /// A request that was due begins now. It was late by what it waited beyond the moment from which on there was a connection for it.
    fn note_begun(&mut self, due: Moment, now: Moment) {
        self.figures.begun(now.micros_after(due.max(self.room_since)), self.room_since > due);
    }

    fn new_row(&mut self, turn: Turn, intended: Moment) -> ExchangeRow {
        let id = self.surroundings.new_exchange();
        if self.job.order == Order::Pairs && turn.retries == 0 {
            self.note_half(turn.request, id, intended);
        }
        let request = &self.job.requests[turn.request];
        let mut row = ExchangeRow::opened(id, self.job.traffic, request.name, intended);
        (row.streamed, row.model) = (request.streamed, request.model);
        (row.tenant, row.instance) = (request.tenant, request.instance);
        row
    }

    /// Begins an exchange on a connection that may still be in the making.
    fn begin(&mut self, slot: usize, turn: Turn, intended: Moment) {
        if let Err(cap) = self.surroundings.allowance.take(self.job.requests[turn.request].cost_micros) {
            self.pool.put_back(slot);
            return self.end_early(EndedEarly::Capped(cap));
        }
        let row = self.new_row(turn, intended);
        let now = self.surroundings.clock.now();
        self.note_begun(intended, now);
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
        self.write_at(slot, now);
    }

    fn write(&mut self, slot: usize) {
        // Whatever comes says that there is room too, and the clock costs more than this question.
        if self.pool.get(slot).is_some_and(|connection| connection.has_to_write()) {
            self.write_at(slot, self.surroundings.clock.now());
        }
    }

    fn write_at(&mut self, slot: usize, now: Moment) {
        let Some(connection) = self.pool.get(slot) else { return };
        let progress = match connection.awaits_sending() {
            Some(Exchange { row, request, .. }) => {
                let request = self.wires[*request].marked(row.id);
                connection.send(request, now)
            }
            None => connection.send_rest(now),
        };
        self.progressed(slot, progress, now);
    }

    fn read(&mut self, slot: usize, ends: bool) {
        let Some(connection) = self.pool.get(slot) else { return };
        let progress = connection.read(&mut self.buffer, self.surroundings.clock, ends);
        let now = connection.looked;
        connection.response.reading.take_gaps().for_each(|gap| self.figures.gap(gap));
        self.progressed(slot, progress, now);
    }

    /// What is to be done now that something was written or read at that time.
    fn progressed(&mut self, slot: usize, progress: Progress, now: Moment) {
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
            Progress::Over { outcome, reusable } => self.over(slot, (outcome, reusable), now),
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
