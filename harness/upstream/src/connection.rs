//! One connection: our own layer between hyper and the TCP stream. It knows what is open on the connection and how it ends,
//! and it is the one place where bytes can be held back, cut off or replaced.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use record::{NOT_REACHED, Outcome};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::journal::{Journal, OpenAttempt};

/// What the two ends of a connection's handling share: the layer below hyper, and the service above it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its number at its upstream; it starts again after 65,535.
    pub(crate) number: u16,
    journal: Arc<Journal>,
    state: Mutex<State>,
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
}

impl Connection {
    pub(crate) fn new(number: u16, journal: Arc<Journal>) -> Self {
        Self { number, journal, state: Mutex::default() }
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
            self.journal.close(before, outcome, self.journal.clock.now());
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

    /// hyper takes a piece of the reply's body, perhaps the last one.
    pub(crate) fn give(&self, piece: &[u8], last: bool) {
        let mut state = self.state();
        if let Some(attempt) = &mut state.open {
            attempt.sent_body(piece);
        }
        state.reply_given |= last;
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

    fn sent_bytes(&self) {
        let mut state = self.state();
        // Before there is a status the bytes are those of an interim reply.
        if let Some(attempt) = &mut state.open
            && attempt.row.head == NOT_REACHED
            && attempt.row.status != 0
        {
            attempt.row.head = self.journal.clock.now().micros_after(attempt.row.arrived);
        }
    }

    fn sent_everything(&self) {
        let mut state = self.state();
        if state.reply_given {
            self.close(&mut state, Outcome::Complete);
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
            self.journal.close(attempt, outcome, self.journal.clock.now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn owe(&mut self) {
        self.debts += u64::from(!self.owing);
        self.owing = true;
    }
}

/// The TCP stream as hyper sees it. Dropping it ends what is open on the connection.
#[derive(Debug)]
pub(crate) struct ConnectionIo {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl ConnectionIo {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }

    fn watch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.connection.caller_left();
        }
        result
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (filled, room) = (buffer.filled().len(), buffer.remaining());
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if buffer.filled().len() > filled {
            self.connection.got_bytes();
        } else if result.is_ok() && room > 0 {
            self.connection.caller_left();
        }
        Poll::Ready(self.watch(result))
    }
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if result.is_ok() {
            self.connection.sent_bytes();
        }
        Poll::Ready(self.watch(result))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        if result.is_ok() {
            self.connection.sent_bytes();
        }
        Poll::Ready(self.watch(result))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written all that it holds.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_flush(context));
        if result.is_ok() {
            self.connection.sent_everything();
        }
        Poll::Ready(self.watch(result))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for ConnectionIo {
    fn drop(&mut self) {
        self.connection.ended();
    }
}
