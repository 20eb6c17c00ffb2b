//! One connection of a phase: what it is sending, and how far its response is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use record::{Clock, ExchangeRow, Moment, NOT_REACHED, Outcome};

use crate::drive::framing::{BadFraming, Framing};
use crate::reading::{Reading, TooLong};

/// A longer head is no head of a sound server.
const MOST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 128;
/// More interim responses (status 1xx) before the real one are a way to keep a client busy for nothing.
const MOST_INTERIM: u8 = 16;
/// Reads of one connection before the others have their turn: one that never stops sending must not stop the phase.
const MOST_READS: usize = 16;

/// A connection with at most one exchange on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// The exchange; none while the connection is idle.
    pub(super) exchange: Option<Exchange>,
    /// Whether anything could ever be written to it.
    connected: bool,
    /// Whether the other side has announced to send nothing any more.
    ends: bool,
    /// What of the request did not fit into the socket yet.
    unsent: Vec<u8>,
    /// The head, or what has come of it.
    head: Vec<u8>,
    interim: u8,
    body: Option<Framing>,
    keep_alive: bool,
    reading: Reading,
}

/// An exchange that is open.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) row: ExchangeRow,
    /// Which of the phase's requests it is.
    pub(super) request: usize,
    /// When it times out.
    pub(super) deadline: Moment,
}

/// How far an exchange is after something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on when the socket says so.
    Open,
    /// It goes on at once: there may be more to read.
    Unread,
    /// It is over; the connection can be used again if it says so.
    Over { outcome: Outcome, reusable: bool },
    /// There is none, and the connection has ended.
    IdleEnd,
}

/// A response that cannot be read on.
struct Unreadable;

impl From<BadFraming> for Unreadable {
    fn from(_: BadFraming) -> Self {
        Self
    }
}

impl From<TooLong> for Unreadable {
    fn from(_: TooLong) -> Self {
        Self
    }
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(to: SocketAddr, reading: Reading) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        // A connection that cannot be told so is slower, and no worse.
        drop(stream.set_nodelay(true));
        Ok(Self {
            stream,
            exchange: None,
            connected: false,
            ends: false,
            unsent: Vec::new(),
            head: Vec::new(),
            interim: 0,
            body: None,
            keep_alive: true,
            reading,
        })
    }

    /// Begins an exchange.
    pub(super) fn begin(&mut self, exchange: Exchange) {
        self.exchange = Some(exchange);
        self.unsent.clear();
        self.head.clear();
        self.reading.reset();
        (self.interim, self.body, self.keep_alive) = (0, None, true);
    }

    /// The response's head as it came, as far as it came.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// What is kept of the response's body, and the reader that finishes the row.
    pub(super) fn reading(&mut self) -> &mut Reading {
        &mut self.reading
    }

    /// The request that still waits for the connection to be made.
    pub(super) fn awaits_sending(&self) -> Option<&Exchange> {
        self.exchange.as_ref().filter(|exchange| exchange.row.sent == NOT_REACHED)
    }

    /// Sends the request's bytes, and keeps those that do not fit.
    pub(super) fn send(&mut self, request: &[u8], clock: Clock) -> Progress {
        let Some(exchange) = &mut self.exchange else { return Progress::Open };
        let now = clock.now();
        match self.stream.write(request) {
            Ok(written) => {
                exchange.row.sent = now.micros_after(exchange.row.intended);
                self.connected = true;
                self.unsent.extend_from_slice(&request[written..]);
                self.send_rest()
            }
            Err(error) if must_wait(&error) => Progress::Open,
            Err(_) => self.failed(),
        }
    }

    /// Sends what did not fit before.
    pub(super) fn send_rest(&mut self) -> Progress {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if must_wait(&error) => return Progress::Open,
                Err(_) => return self.failed(),
            }
        }
        Progress::Open
    }

    /// Reads what has come. `ends` says that the other side has announced to send nothing after it.
    pub(super) fn read(&mut self, buffer: &mut [u8], clock: Clock, ends: bool) -> Progress {
        self.ends |= ends;
        for _ in 0..MOST_READS {
            let count = match self.stream.read(buffer) {
                Ok(0) => return self.ended(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if must_wait(&error) => return Progress::Open,
                Err(_) if self.exchange.is_none() => return Progress::IdleEnd,
                Err(_) => return self.failed(),
            };
            let Some(mut exchange) = self.exchange.take() else { return Progress::IdleEnd };
            let whole = self.take(&buffer[..count], clock.now(), &mut exchange.row);
            self.exchange = Some(exchange);
            match whole {
                Ok(true) => {
                    let reusable = self.keep_alive && self.unsent.is_empty() && !self.ends;
                    return Progress::Over { outcome: Outcome::Complete, reusable };
                }
                Err(Unreadable) => return Progress::Over { outcome: Outcome::Garbled, reusable: false },
                // A socket that gave less than there was room for has no more, unless its end was announced.
                Ok(false) if count < buffer.len() && !self.ends => return Progress::Open,
                Ok(false) => {}
            }
        }
        Progress::Unread
    }

    /// The other side has ended the connection.
    fn ended(&mut self) -> Progress {
        if self.exchange.is_none() {
            return Progress::IdleEnd;
        }
        let whole = self.body.is_some_and(Framing::ends_with_connection);
        Progress::Over { outcome: if whole { Outcome::Complete } else { Outcome::Cut }, reusable: false }
    }

    /// The socket broke. Before a byte was written there was no connection, whatever the machine calls the reason.
    fn failed(&self) -> Progress {
        let outcome = if self.connected { Outcome::Reset } else { Outcome::Refused };
        Progress::Over { outcome, reusable: false }
    }

    /// Takes bytes of the response, and says whether it is whole.
    fn take(&mut self, mut bytes: &[u8], now: Moment, row: &mut ExchangeRow) -> Result<bool, Unreadable> {
        loop {
            if let Some(framing) = &mut self.body {
                let at_us = now.micros_after(row.intended);
                let reading = &mut self.reading;
                let taken =
                    framing.take(bytes, |part| reading.part(part, at_us, row).map_err(Unreadable::from))?;
                // Bytes behind the end belong to no request of ours.
                self.keep_alive &= taken == bytes.len();
                return Ok(framing.is_over());
            }
            let Some(taken) = self.take_head(bytes, now, row)? else { return Ok(false) };
            bytes = &bytes[taken..];
        }
    }

    /// Takes bytes of a head, and says how many were its own once it is complete.
    fn take_head(
        &mut self,
        bytes: &[u8],
        now: Moment,
        row: &mut ExchangeRow,
    ) -> Result<Option<usize>, Unreadable> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(&self.head).map_err(|_| Unreadable)? {
            httparse::Status::Complete(length) if length <= MOST_HEAD => length,
            httparse::Status::Partial if self.head.len() <= MOST_HEAD => return Ok(None),
            httparse::Status::Complete(_) | httparse::Status::Partial => return Err(Unreadable),
        };
        let status = response.code.unwrap_or_default();
        if (100..200).contains(&status) {
            self.interim += 1;
            self.head.clear();
            // Nobody asked for another protocol.
            let bad = status == 101 || self.interim > MOST_INTERIM;
            return if bad { Err(Unreadable) } else { Ok(Some(length - before)) };
        }
        row.head = now.micros_after(row.intended);
        let fields = response.headers.iter().map(|header| (header.name, header.value));
        self.reading.head(status, fields, row);
        self.keep_alive = response.version == Some(1) && !says_close(response.headers);
        self.body = Some(Framing::of(status, response.headers)?);
        self.head.truncate(length);
        Ok(Some(length - before))
    }
}

fn says_close(headers: &[httparse::Header<'_>]) -> bool {
    let closing = |value: &[u8]| {
        value.split(|byte| *byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    };
    headers.iter().any(|header| header.name.eq_ignore_ascii_case("connection") && closing(header.value))
}

fn must_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use mio::{Events, Interest, Poll, Token};
    use record::{ExchangeId, NameId};

    use super::*;

    #[test]
    fn a_connection_that_ends_right_behind_its_response_is_not_used_again() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = Connection::open(server.local_addr().unwrap(), Reading::new(0)).unwrap();
        let (mut served, _) = server.accept().unwrap();
        let (clock, mut poll, mut events) = (Clock::start(), Poll::new().unwrap(), Events::with_capacity(8));
        poll.registry().register(&mut connection.stream, Token(0), Interest::READABLE).unwrap();
        let row = ExchangeRow::opened(ExchangeId(0), NameId(0), NameId(0), clock.now());
        connection.begin(Exchange { row, request: 0, deadline: Moment(u64::MAX) });
        assert_eq!(connection.send(b"GET / HTTP/1.1\r\n\r\n", clock), Progress::Open);
        // What is not read when a connection is closed would reset it.
        assert_eq!(served.read(&mut [0; 64]).unwrap(), 18);
        served.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        drop(served);
        poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
        let event = events.iter().next().expect("the response and the end behind it are one event");
        let progress = connection.read(&mut [0; 1_024], clock, event.is_read_closed());
        assert_eq!(progress, Progress::Over { outcome: Outcome::Complete, reusable: false });
    }
}
