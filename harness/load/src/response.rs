//! A response as it comes over a connection: its head, where its body ends, and what is read of it.

use std::mem::MaybeUninit;

use httparse::ParserConfig;
use record::{ExchangeRow, Moment};

use crate::framing::{BadFraming, Framing};
use crate::reading::{Reading, TooLong};

/// A longer head is no head of a sound server.
const MOST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 128;
/// More interim responses (status 1xx) before the real one are a way to keep a client busy for nothing.
const MOST_INTERIM: u8 = 16;

/// A response that is being received.
#[derive(Debug)]
pub(crate) struct Response {
    /// The head, or what has come of it.
    head: Vec<u8>,
    /// When its first byte came.
    first_byte: Option<Moment>,
    interim: u8,
    body: Option<Framing>,
    /// Whether the connection can be used again behind it.
    pub(crate) keep_alive: bool,
    pub(crate) reading: Reading,
}

/// A response that cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

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

impl Response {
    pub(crate) fn new(reading: Reading) -> Self {
        Self { head: Vec::new(), first_byte: None, interim: 0, body: None, keep_alive: true, reading }
    }

    /// Another response is to come, which its reading is told of apart.
    pub(crate) fn begin(&mut self) {
        self.head.clear();
        self.first_byte = None;
        (self.interim, self.body, self.keep_alive) = (0, None, true);
    }

    /// When its first byte came.
    pub(crate) fn first_byte(&self) -> Option<Moment> {
        self.first_byte
    }

    /// The head as it came, as far as it came.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The header fields of a head that came whole.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&self.head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) | Err(_) => return Vec::new(),
        }
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        response.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect()
    }

    /// Whether it is whole when its connection ends.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.body.is_some_and(Framing::ends_with_connection)
    }

    /// Takes bytes that came, and says whether the response is whole.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        now: Moment,
        row: &mut ExchangeRow,
    ) -> Result<bool, Unreadable> {
        self.first_byte.get_or_insert(now);
        loop {
            if let Some(framing) = &mut self.body {
                let reading = &mut self.reading;
                let taken =
                    framing.take(bytes, |part| reading.part(part, now, row).map_err(Unreadable::from))?;
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
        // Room for so many headers is not written before they are: that would cost more than to read the few there are.
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            &self.head,
            &mut headers,
        );
        let length = match parsed.map_err(|_| Unreadable)? {
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
