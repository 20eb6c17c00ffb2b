//! One connection: our own layer between hyper and the caller. It knows what is open on the connection and how it ends,
//! and it is the one place where bytes can be held back, cut off or replaced.

mod patience;
mod socket;
mod told_length;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use record::{AttemptRow, Moment, NOT_REACHED, Outcome};
use scenario::BodyLength;
use tokio::sync::Notify;

pub(crate) use socket::ConnectionIo;
pub(crate) use wire::Wire;

use patience::Rest;

use crate::journal::{Journal, OpenAttempt};
use crate::metronome::Metronome;
use crate::reply_head::row_millis;
use crate::upstream::Upstream;

/// What the two ends of a connection's handling share: the layer below hyper, and the service above it.
#[derive(Debug)]
pub(crate) struct Connection {
    journal: Arc<Journal>,
    entrance: Option<usize>,
    state: Mutex<State>,
    /// Whether the upstream closes it between two requests.
    watched: bool,
    /// Told whenever a request has been answered, where that is.
    rested: Notify,
    /// What keeps the pace of its streams, where the machine gives it.
    metronome: Option<Arc<Metronome>>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<OpenAttempt>,
    /// Whether hyper has been given the whole reply of the open attempt.
    reply_given: bool,
    /// Whether the caller owes the rest of a request.
    owing: bool,
    /// How often it has begun to owe.
    debts: u64,
    /// Which debt was open when that was last looked at.
    debt_before: Option<u64>,
    /// Whether the caller has closed or reset the connection.
    caller_left: bool,
    /// Whether the caller was given up for owing too long.
    given_up: bool,
    /// What becomes of the connection, once that was decided.
    fate: Option<Fate>,
    /// Whether hyper holds something of a reply that has not gone to the socket.
    unsent: bool,
    /// Who waits until everything has.
    waits: Option<Waker>,
    /// How the length of the next reply is told, where hyper tells it otherwise.
    told_length: Option<BodyLength>,
    rest: Rest,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is reset.
    Reset,
    /// It is closed.
    Close,
    /// Bytes that are no HTTP go out instead of the reply, and it is closed.
    Garbage,
    /// The head of the reply goes out by half, and it is closed.
    HalfHead,
}

impl Connection {
    /// A connection that came by the way of one key alone, or by that of all.
    pub(crate) fn new(
        upstream: &Upstream,
        entrance: Option<usize>,
        metronome: Option<Arc<Metronome>>,
    ) -> Self {
        Self {
            entrance,
            journal: Arc::clone(&upstream.journal),
            state: Mutex::default(),
            watched: upstream.keep_alive.is_some(),
            rested: Notify::new(),
            metronome,
        }
    }

    fn now(&self) -> Moment {
        self.journal.clock.now()
    }

    /// The key whose way it came by; `None` where requests carry their keys.
    pub(crate) fn entrance(&self) -> Option<usize> {
        self.entrance
    }

    pub(crate) fn metronome(&self) -> Option<&Arc<Metronome>> {
        self.metronome.as_ref()
    }

    /// A request's head has come. Requests that are sent ahead wait for the reply to the one before, but its last bytes may
    /// still be on their way out of hyper; then it is over now, for all that can be seen here.
    pub(crate) fn open(&self, attempt: OpenAttempt) {
        let mut state = self.state();
        let before = state.open.replace(attempt);
        state.owe();
        let outcome = if state.reply_given { Outcome::Complete } else { Outcome::Abandoned };
        state.reply_given = false;
        drop(state);
        if let Some(before) = before {
            self.journal.close(before, outcome, self.now());
        }
    }

    /// The request's body has come.
    pub(crate) fn paid(&self) {
        self.state().owing = false;
    }

    /// Changes what is known of the open attempt.
    pub(crate) fn note<T>(&self, note: impl FnOnce(&mut OpenAttempt) -> T) -> Option<T> {
        self.state().open.as_mut().map(note)
    }

    /// hyper takes the head of a reply.
    pub(crate) fn give_head(&self, note: impl FnOnce(&mut OpenAttempt)) {
        let mut state = self.state();
        state.unsent = true;
        if let Some(attempt) = &mut state.open {
            note(attempt);
        }
    }

    /// hyper takes a piece of the reply's body, perhaps the last one. `note` writes down what the piece tells.
    pub(crate) fn give(&self, piece: &[u8], last: bool, note: impl FnOnce(&mut AttemptRow)) {
        let mut state = self.state();
        state.unsent = true;
        state.reply_given |= last;
        if let Some(attempt) = &mut state.open {
            note(&mut attempt.row);
            attempt.sent_body(piece);
            if last {
                // Whoever has the whole reply may ask again at once, so what was taken is settled before.
                attempt.settle(&self.journal.clock);
            }
        }
    }

    /// Waits until everything that hyper was given has gone to the socket.
    pub(crate) fn poll_sent(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if !state.unsent {
            return Poll::Ready(());
        }
        state.waits = Some(context.waker().clone());
        Poll::Pending
    }

    /// Decides what becomes of the connection. The open attempt is over.
    pub(crate) fn meets(&self, fate: Fate) {
        let outcome = match fate {
            Fate::Reset => Outcome::Reset,
            Fate::Close | Fate::HalfHead => Outcome::Cut,
            Fate::Garbage => Outcome::Garbled,
        };
        self.state().fate = Some(fate);
        self.fail(outcome);
    }

    /// The length of the reply that hyper is given next is told otherwise than it would.
    pub(crate) fn tells_length(&self, length: BodyLength) {
        self.state().told_length = Some(length);
    }

    /// What is to become of bytes that hyper writes: a fate, or a length that is told otherwise in the head that they begin with.
    fn deviation(&self) -> (Option<Fate>, Option<BodyLength>) {
        let mut state = self.state();
        (state.fate, state.told_length.take())
    }

    fn fate(&self) -> Option<Fate> {
        self.state().fate
    }

    /// The open attempt ends otherwise than by its reply, unless the caller's leaving is the reason.
    pub(crate) fn fail(&self, outcome: Outcome) {
        let mut state = self.state();
        let outcome = if state.caller_left { Outcome::CallerLeft } else { outcome };
        self.close(&mut state, outcome);
    }

    /// Whether the caller owes the rest of the same request as when this was last asked. Then it is given up.
    pub(crate) fn gives_up(&self) -> bool {
        let mut state = self.state();
        let debt = state.owing.then_some(state.debts);
        state.given_up = debt.is_some() && debt == state.debt_before;
        state.debt_before = debt;
        state.given_up
    }

    fn got_bytes(&self) {
        let mut state = self.state();
        if state.open.is_none() {
            state.owe();
        }
    }

    /// Bytes have gone to the socket that were handed to it at a moment.
    fn sent_bytes(&self, handed: Moment) {
        let mut state = self.state();
        // Before there is a status the bytes are those of an interim reply.
        if let Some(attempt) = &mut state.open
            && attempt.row.head == NOT_REACHED
            && attempt.row.status != 0
        {
            attempt.row.head = handed.micros_after(attempt.row.arrived);
            if let Some(until) = attempt.waits_until.take() {
                // Rounded down: who comes at that moment does not come too early.
                attempt.row.hint_ms = row_millis(until.since(handed).as_millis());
            }
        }
    }

    fn sent_everything(&self) {
        let mut state = self.state();
        if state.reply_given {
            self.close(&mut state, Outcome::Complete);
        }
        state.unsent = false;
        let waits = state.waits.take();
        drop(state);
        if let Some(waker) = waits {
            waker.wake();
        }
    }

    fn caller_left(&self) {
        self.state().caller_left = true;
    }

    fn ended(&self) {
        let mut state = self.state();
        let outcome = match *state {
            State { caller_left: true, .. } => Outcome::CallerLeft,
            State { given_up: true, .. } => Outcome::TimedOut,
            _ => Outcome::Abandoned,
        };
        self.close(&mut state, outcome);
    }

    fn close(&self, state: &mut State, outcome: Outcome) {
        state.reply_given = false;
        if let Some(attempt) = state.open.take() {
            if self.watched {
                state.rest.begins();
                self.rested.notify_one();
            }
            self.journal.close(attempt, outcome, self.now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn owe(&mut self) {
        self.rest.ends();
        self.debts += u64::from(!self.owing);
        self.owing = true;
    }
}
