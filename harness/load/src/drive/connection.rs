//! One connection of a phase: what it is sending, and how far its response is.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use record::{Clock, ExchangeRow, Outcome};

use crate::drive::framing::{BadFraming, Framing};
use crate::reading::{Reading, TooLong};

/// A longer head is no head of a sound server.
const MOST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 128;

/// A connection with at most one exchange on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// The request's bytes and how many of them are sent.
    pub(super) request: Vec<u8>,
    written: usize,
    /// What was read and is not parsed yet: a part of a head.
    head: Vec<u8>,
    body: Option<Framing>,
    keep_alive: bool,
    reading: Reading,
    /// The exchange; none while the connection is idle.
    pub(super) row: Option<ExchangeRow>,
}

/// How far an exchange is after something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Open,
    /// It is over; the connection can be used again if it says so.
    Over { outcome: Outcome, reusable: bool },
    /// There is none, and the connection has ended.
    IdleEnd,
}

/// Why a response cannot be read on.
enum Unreadable {
    Framing,
    Long,
}

impl From<BadFraming> for Unreadable {
    fn from(_: BadFraming) -> Self {
        Self::Framing
    }
}

impl From<TooLong> for Unreadable {
    fn from(_: TooLong) -> Self {
        Self::Long
    }
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(to: SocketAddr, sampled: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        // A connection that cannot be told so is slower, and no worse.
        drop(stream.set_nodelay(true));
        Ok(Self {
            stream,
            request: Vec::new(),
            written: 0,
            head: Vec::new(),
            body: None,
            keep_alive: true,
            reading: Reading::new(sampled),
            row: None,
        })
    }

    /// Begins an exchange whose request stands in `request`.
    pub(super) fn begin(&mut self, row: ExchangeRow) {
        self.row = Some(row);
        self.written = 0;
        self.head.clear();
        self.body = None;
        self.keep_alive = true;
    }

    /// What is kept of the response's body, and the reader that finishes the row.
    pub(super) fn reading(&mut self) -> &mut Reading {
        &mut self.reading
    }

    /// Sends what is left of the request.
    pub(super) fn write(&mut self, clock: Clock) -> Progress {
        let Some(row) = &mut self.row else { return Progress::Open };
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(count) => {
                    if self.written == 0 {
                        row.sent = clock.now().micros_after(row.intended);
                    }
                    self.written += count;
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::NotConnected => return Progress::Open,
                    ErrorKind::Interrupted => {}
                    _ => return failed(&error, row),
                },
            }
        }
        Progress::Open
    }

    /// Whether the request still waits for the connection.
    pub(super) fn wants_to_write(&self) -> bool {
        self.row.is_some() && self.written < self.request.len()
    }

    /// Reads what has come.
    pub(super) fn read(&mut self, buffer: &mut [u8], clock: Clock) -> Progress {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return self.ended(),
                Ok(count) => {
                    let Some(mut row) = self.row.take() else { return Progress::IdleEnd };
                    let progress = self.take(&buffer[..count], clock, &mut row);
                    self.row = Some(row);
                    match progress {
                        Ok(Progress::Open) => {}
                        Ok(progress) => return progress,
                        Err(_) => return Progress::Over { outcome: Outcome::Garbled, reusable: false },
                    }
                }
                Err(error) => match (error.kind(), &self.row) {
                    (ErrorKind::WouldBlock | ErrorKind::NotConnected, _) => return Progress::Open,
                    (ErrorKind::Interrupted, _) => {}
                    (_, Some(row)) => return failed(&error, row),
                    (_, None) => return Progress::IdleEnd,
                },
            }
        }
    }

    /// The other side has ended the connection.
    fn ended(&mut self) -> Progress {
        match (&self.row, self.body) {
            (None, _) => Progress::IdleEnd,
            (Some(_), Some(framing)) if framing.ends_with_connection() => {
                Progress::Over { outcome: Outcome::Complete, reusable: false }
            }
            (Some(_), _) => Progress::Over { outcome: Outcome::Cut, reusable: false },
        }
    }

    fn take(&mut self, bytes: &[u8], clock: Clock, row: &mut ExchangeRow) -> Result<Progress, Unreadable> {
        let Some(framing) = &mut self.body else { return self.take_head(bytes, clock, row) };
        let at_us = clock.now().micros_after(row.intended);
        let reading = &mut self.reading;
        let taken = framing.take(bytes, |part| reading.part(part, at_us, row).map_err(Unreadable::from))?;
        if !framing.is_over() {
            return Ok(Progress::Open);
        }
        // Bytes behind the end belong to no request of ours.
        let reusable = self.keep_alive && taken == bytes.len();
        Ok(Progress::Over { outcome: Outcome::Complete, reusable })
    }

    /// Takes bytes of a head, and of what follows once it is complete.
    fn take_head(
        &mut self,
        bytes: &[u8],
        clock: Clock,
        row: &mut ExchangeRow,
    ) -> Result<Progress, Unreadable> {
        self.head.extend_from_slice(bytes);
        let head = std::mem::take(&mut self.head);
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(&head) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if head.len() > MOST_HEAD => return Err(Unreadable::Long),
            Ok(httparse::Status::Partial) => {
                self.head = head;
                return Ok(Progress::Open);
            }
            Err(_) => return Err(Unreadable::Framing),
        };
        let status = response.code.unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            return self.take_head(&head[length..], clock, row);
        }
        row.head = clock.now().micros_after(row.intended);
        self.keep_alive = response.version == Some(1);
        let framing = self.framing(status, response.headers)?;
        let fields = response.headers.iter().map(|header| (header.name, header.value));
        self.reading.head(status, fields, row);
        self.body = Some(framing);
        let progress = self.take(&head[length..], clock, row);
        self.head = head;
        self.head.clear();
        progress
    }

    fn framing(&mut self, status: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, Unreadable> {
        let mut framing = Framing::UntilClose;
        for header in headers {
            let value = header.value.trim_ascii();
            if header.name.eq_ignore_ascii_case("transfer-encoding") {
                framing = if value.eq_ignore_ascii_case(b"chunked") {
                    Framing::CHUNKED
                } else {
                    return Err(Unreadable::Framing);
                };
            } else if header.name.eq_ignore_ascii_case("content-length") && framing == Framing::UntilClose {
                let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                framing = Framing::Length(length.ok_or(Unreadable::Framing)?);
            } else if header.name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case(b"close") {
                self.keep_alive = false;
            }
        }
        Ok(if matches!(status, 204 | 304) { Framing::Length(0) } else { framing })
    }
}

fn failed(error: &io::Error, row: &ExchangeRow) -> Progress {
    let outcome = match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::Refused,
        _ if row.sent == record::NOT_REACHED => Outcome::Refused,
        _ => Outcome::Reset,
    };
    Progress::Over { outcome, reusable: false }
}
