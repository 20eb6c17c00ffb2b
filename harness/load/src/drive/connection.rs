//! One connection of a phase: what it is sending, and how far its response is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use dialect::{Dialect, Surface};
use mio::net::TcpStream;
use record::{Clock, ExchangeRow, Moment, NOT_REACHED, Outcome};

use crate::reading::Reading;
use crate::response::{Response, Unreadable};
use crate::sending::{Pace, Sending};

/// Reads of one connection before the others have their turn: one that never stops sending must not stop the phase.
const MOST_READS: usize = 16;
/// The receive buffer of a client that reads slowly; the machine doubles it.
const SLOW_BUFFER: usize = 4 * 1024;

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
    pub(super) response: Response,
    /// How slowly the client writes.
    writes: Option<Pace>,
    /// When a client that writes slowly writes on.
    pub(super) writes_from: Moment,
    /// So many bytes are read at a time, by a client that reads slowly.
    at_once: Option<usize>,
    /// When a client that reads slowly reads again.
    pub(super) rests_until: Moment,
    /// When it was last looked at for something to read.
    pub(super) looked: Moment,
}

/// An exchange that is open.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) row: ExchangeRow,
    /// Which of the phase's requests it is.
    pub(super) request: usize,
    /// Which of the phase's clients it is, where they are told apart.
    pub(super) client: usize,
    /// How often its client has tried again already.
    pub(super) retries: u32,
}

/// How far an exchange is after something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on when the socket says so.
    Open,
    /// It goes on at once: there may be more to read.
    Unread,
    /// It goes on when its client, which reads slowly, has rested.
    Rests,
    /// It goes on when its client, which writes slowly, has rested.
    WritesLater,
    /// It is over; the connection can be used again if it says so.
    Over { outcome: Outcome, reusable: bool },
    /// There is none, and the connection has ended.
    IdleEnd,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(to: SocketAddr, reading: Reading, sending: &Sending) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        if sending.reads.is_some() {
            // What the machine takes in its stead, its client has not read.
            drop(socket2::SockRef::from(&stream).set_recv_buffer_size(SLOW_BUFFER));
        }
        // A connection that cannot be told so is slower, and no worse.
        drop(stream.set_nodelay(true));
        Ok(Self {
            stream,
            exchange: None,
            connected: false,
            ends: false,
            unsent: Vec::new(),
            response: Response::new(reading),
            writes: sending.writes,
            writes_from: Moment(0),
            at_once: sending.reads.map(|slow| slow.bytes.max(1)),
            rests_until: Moment(0),
            looked: Moment(0),
        })
    }

    /// Begins an exchange, which is answered in this dialect on this surface.
    pub(super) fn begin(&mut self, exchange: Exchange, answered: (Dialect, Surface)) {
        self.unsent.clear();
        self.writes_from = Moment(0);
        self.response.begin();
        self.response.reading.expect(answered, exchange.row.id);
        self.exchange = Some(exchange);
    }

    /// The request that still waits for the connection to be made.
    pub(super) fn awaits_sending(&self) -> Option<&Exchange> {
        self.exchange.as_ref().filter(|exchange| exchange.row.sent == NOT_REACHED)
    }

    /// Whether there is something to write.
    pub(super) fn has_to_write(&self) -> bool {
        !self.unsent.is_empty() || self.awaits_sending().is_some()
    }

    /// Sends the request's bytes, and keeps those that do not fit or whose time has not come.
    pub(super) fn send(&mut self, request: &[u8], now: Moment) -> Progress {
        let Some(exchange) = &mut self.exchange else { return Progress::Open };
        match self.stream.write(at_once(request, self.writes)) {
            Ok(written) => {
                exchange.row.sent = now.micros_after(exchange.row.intended);
                self.connected = true;
                self.unsent.extend_from_slice(&request[written..]);
                match self.writes {
                    Some(pace) => self.wrote(pace, now),
                    None => self.send_rest(now),
                }
            }
            Err(error) if must_wait(&error) => Progress::Open,
            Err(_) => self.failed(),
        }
    }

    /// Sends what was kept, as far as it fits and its time has come.
    pub(super) fn send_rest(&mut self, now: Moment) -> Progress {
        if now < self.writes_from {
            return Progress::Open;
        }
        while !self.unsent.is_empty() {
            match self.stream.write(at_once(&self.unsent, self.writes)) {
                Ok(written) => {
                    drop(self.unsent.drain(..written));
                    if let Some(pace) = self.writes {
                        return self.wrote(pace, now);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if must_wait(&error) => return Progress::Open,
                Err(_) => return self.failed(),
            }
        }
        Progress::Open
    }

    /// A client that writes slowly has written something.
    fn wrote(&mut self, pace: Pace, now: Moment) -> Progress {
        self.writes_from = now.after(pace.every);
        if self.unsent.is_empty() { Progress::Open } else { Progress::WritesLater }
    }

    /// Reads what has come. `ends` says that the other side has announced to send nothing after it.
    pub(super) fn read(&mut self, buffer: &mut [u8], clock: Clock, ends: bool) -> Progress {
        self.ends |= ends;
        if self.at_once.is_some() && clock.now() < self.rests_until {
            return Progress::Open;
        }
        let room = self.at_once.map_or(buffer.len(), |bytes| bytes.min(buffer.len()));
        let buffer = &mut buffer[..room];
        for _ in 0..MOST_READS {
            let read = self.stream.read(buffer);
            self.looked = clock.now();
            let count = match read {
                Ok(0) => return self.ended(),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if must_wait(&error) => return Progress::Open,
                Err(_) if self.exchange.is_none() => return Progress::IdleEnd,
                Err(_) => return self.failed(),
            };
            let Some(mut exchange) = self.exchange.take() else { return Progress::IdleEnd };
            let whole = self.response.take(&buffer[..count], self.looked, &mut exchange.row);
            let has_enough = self.response.reading.has_enough();
            self.exchange = Some(exchange);
            match whole {
                Ok(_) if has_enough => {
                    return Progress::Over { outcome: Outcome::CallerLeft, reusable: false };
                }
                Ok(true) => {
                    let reusable = self.response.keep_alive && self.unsent.is_empty() && !self.ends;
                    return Progress::Over { outcome: Outcome::Complete, reusable };
                }
                Err(Unreadable) => return Progress::Over { outcome: Outcome::Garbled, reusable: false },
                Ok(false) if self.at_once.is_some() => return Progress::Rests,
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
        let whole = self.response.ends_with_connection();
        Progress::Over { outcome: if whole { Outcome::Complete } else { Outcome::Cut }, reusable: false }
    }

    /// The socket broke. Before a byte was written there was no connection, whatever the machine calls the reason.
    fn failed(&self) -> Progress {
        let outcome = if self.connected { Outcome::Reset } else { Outcome::Refused };
        Progress::Over { outcome, reusable: false }
    }
}

/// What is written at a time.
fn at_once(bytes: &[u8], pace: Option<Pace>) -> &[u8] {
    &bytes[..pace.map_or(bytes.len(), |pace| pace.bytes.max(1).min(bytes.len()))]
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
    use crate::drive::tests::surroundings;

    #[test]
    fn a_connection_that_ends_right_behind_its_response_is_not_used_again() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = Connection::open(
            server.local_addr().unwrap(),
            Reading::new(&surroundings().0, &Sending::default()),
            &Sending::default(),
        )
        .unwrap();
        let (mut served, _) = server.accept().unwrap();
        let (clock, mut poll, mut events) = (Clock::start(), Poll::new().unwrap(), Events::with_capacity(8));
        poll.registry().register(&mut connection.stream, Token(0), Interest::READABLE).unwrap();
        let row = ExchangeRow::opened(ExchangeId(0), NameId(0), NameId(0), clock.now());
        let exchange = Exchange { row, request: 0, client: 0, retries: 0 };
        connection.begin(exchange, (Dialect::Openai, Surface::Chat));
        assert_eq!(connection.send(b"GET / HTTP/1.1\r\n\r\n", clock.now()), Progress::Open);
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
