//! A request that is sent many times: its bytes are made once, and only the marks in it are written anew.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use dialect::{Dialect, Surface};
use record::{Correlation, ExchangeId, MARK_LENGTH, NameId};

/// What is asked of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To be read.
    Get,
    /// To take something.
    Post,
    /// To be replaced.
    Put,
    /// To be changed.
    Patch,
    /// To be removed.
    Delete,
}

/// A request of the traffic. Wherever [`Request::mark_place`] stands in its path, its headers or its body, the mark of the
/// exchange is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The entry of `requests:` that it is made from; none for an endpoint.
    pub name: NameId,
    /// What is asked.
    pub method: Method,
    /// The path, with its query.
    pub path: String,
    /// Header fields beside those that the wire needs. One that the wire needs too is sent as it stands here.
    pub headers: Vec<(String, String)>,
    /// The header field in which it says who it is; none for a request that does not.
    pub authorization: Option<(String, String)>,
    /// The body; empty for a request without one.
    pub body: Vec<u8>,
    /// Whether the body is all that is sent: bytes as they are, whatever they say, on a connection of their own.
    pub raw: bool,
    /// The wire format of the response.
    pub dialect: Dialect,
    /// What is asked of the provider.
    pub surface: Surface,
    /// Whether a stream is asked for.
    pub streamed: bool,
    /// The model that is asked for.
    pub model: NameId,
    /// The tenant in whose name it is sent.
    pub tenant: NameId,
    /// The instance of the target that it is sent to, as its row tells it.
    pub instance: u8,
    /// How long its client waits for the response; as long as the client does by itself if missing.
    pub patience: Option<Duration>,
    /// The most that it can cost, in millionths of a dollar.
    pub cost_micros: u64,
    /// Where it goes; where its phase's requests go if missing.
    pub to: Option<SocketAddr>,
}

/// Holds the place of a mark while a request is made.
const PLACE: &str = "[sp:------------:--------]";

impl Request {
    /// A request without headers and body, in nobody's name.
    #[must_use]
    pub fn new(method: Method, path: String) -> Self {
        Self {
            name: NameId::NONE,
            method,
            path,
            headers: Vec::new(),
            authorization: None,
            body: Vec::new(),
            raw: false,
            dialect: Dialect::Openai,
            surface: Surface::Chat,
            streamed: false,
            model: NameId::NONE,
            tenant: NameId::NONE,
            instance: 0,
            patience: None,
            cost_micros: 0,
            to: None,
        }
    }

    /// Bytes that are sent as they are, and are answered or not.
    #[must_use]
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self { body: bytes, raw: true, ..Self::new(Method::Get, String::new()) }
    }

    /// A text that holds the place of a mark.
    #[must_use]
    pub fn mark_place() -> &'static str {
        PLACE
    }

    /// The whole request as HTTP/1.1 writes it, or the raw bytes.
    pub(crate) fn to_wire(&self, host: &str, correlation: Correlation) -> Wire {
        if self.raw {
            let end = self.body.windows(4).position(|window| window == b"\r\n\r\n");
            let head_length = end.map_or(self.body.len(), |at| at + 4);
            return Wire::new(self.body.clone(), head_length, correlation);
        }
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method.name(), on_one_line(&self.path, "%20"));
        if !self.has_header("host") {
            write_field(&mut text, "host", host);
        }
        for (name, value) in self.headers.iter().chain(&self.authorization) {
            write_field(&mut text, name, value);
        }
        let framed = self.has_header("content-length") || self.has_header("transfer-encoding");
        if !framed && (self.method.takes_body() || !self.body.is_empty()) {
            write_field(&mut text, "content-length", &self.body.len().to_string());
        }
        text.push_str("\r\n");
        let head_length = text.len();
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        Wire::new(bytes, head_length, correlation)
    }

    fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

/// A field that would end its line early would make one request two.
fn write_field(text: &mut String, name: &str, value: &str) {
    // A string takes every text.
    let _: std::fmt::Result = write!(text, "{}: {}\r\n", on_one_line(name, ""), on_one_line(value, " "));
}

fn on_one_line(text: &str, instead: &str) -> String {
    // A path may hold no space either.
    let bad = |character: char| {
        matches!(character, '\r' | '\n' | '\0') || (instead.starts_with('%') && character == ' ')
    };
    if text.contains(bad) { text.replace(bad, instead) } else { text.to_owned() }
}

impl Method {
    /// Its word in a request line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a server expects to be told how long its body is, even if it is empty.
    fn takes_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// A request's bytes. They are made once; only the marks in them are written anew for each exchange.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    bytes: Vec<u8>,
    head_length: usize,
    marks: Vec<usize>,
}

impl Wire {
    /// Bytes of which so many are the head, with the places of marks in them.
    pub(crate) fn new(mut bytes: Vec<u8>, head_length: usize, correlation: Correlation) -> Self {
        let places = bytes.windows(MARK_LENGTH).enumerate();
        let marks: Vec<usize> =
            places.filter(|(_, window)| *window == PLACE.as_bytes()).map(|(at, _)| at).collect();
        for at in &marks {
            bytes[*at..at + MARK_LENGTH].copy_from_slice(correlation.mark(ExchangeId(0)).as_bytes());
        }
        Self { bytes, head_length, marks }
    }

    /// The request with the mark of an exchange.
    pub(crate) fn marked(&mut self, exchange: ExchangeId) -> &[u8] {
        for at in &self.marks {
            write_number(&mut self.bytes[*at..at + MARK_LENGTH], exchange);
        }
        &self.bytes
    }

    /// Its head and its body, with the mark of an exchange.
    pub(crate) fn marked_parts(&mut self, exchange: ExchangeId) -> (&[u8], &[u8]) {
        let head_length = self.head_length;
        self.marked(exchange).split_at(head_length)
    }
}

/// Makes a mark of this trial another exchange's: the eight hexadecimal digits before its last byte are the number.
fn write_number(mark: &mut [u8], exchange: ExchangeId) {
    let digits = mark.iter_mut().rev().skip(1).take(8);
    for (place, digit) in digits.enumerate() {
        *digit = b"0123456789abcdef"[(exchange.0 >> (4 * place)) as usize & 0xf];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Request {
        Request {
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            authorization: Some(("authorization".to_owned(), "Bearer mine".to_owned())),
            body: format!("{{\"prompt\":\"ping {PLACE}\"}}").into_bytes(),
            ..Request::new(Method::Post, "/v1/chat".to_owned())
        }
    }

    fn sent(request: &Request, exchange: ExchangeId) -> String {
        let mut wire = request.to_wire("127.0.0.1:1", Correlation::new(0xabc));
        String::from_utf8(wire.marked(exchange).to_vec()).unwrap()
    }

    #[test]
    fn a_request_is_written_with_who_sends_it_and_how_long_it_is() {
        let wire = sent(&ask(), ExchangeId(7));
        let mark = Correlation::new(0xabc).mark(ExchangeId(7));
        assert!(wire.starts_with("POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:1\r\n"), "{wire}");
        assert!(wire.contains("\r\nauthorization: Bearer mine\r\n"), "{wire}");
        let body = format!("{{\"prompt\":\"ping {mark}\"}}");
        assert!(wire.ends_with(&format!("\r\n\r\n{body}")), "{wire}");
        assert!(wire.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{wire}");
    }

    #[test]
    fn a_mark_is_written_wherever_its_place_is_held() {
        let request = Request {
            path: format!("/v1/{PLACE}/x"),
            headers: vec![("x-client-request-id".to_owned(), PLACE.to_owned())],
            body: format!("{{\"input\":[\"a {PLACE}\",\"b {PLACE}\"]}}").into_bytes(),
            ..ask()
        };
        let mut wire = request.to_wire("x", Correlation::new(0xabc));
        for exchange in [ExchangeId(0xdead_beef), ExchangeId(u32::MAX), ExchangeId(7)] {
            let (head, body) = wire.marked_parts(exchange);
            let mark = Correlation::new(0xabc).mark(exchange);
            assert_eq!(String::from_utf8_lossy(head).matches(&mark).count(), 2);
            assert_eq!(body, format!("{{\"input\":[\"a {mark}\",\"b {mark}\"]}}").as_bytes());
        }
    }

    #[test]
    fn raw_bytes_are_sent_alone_with_the_marks_in_them() {
        let bytes = format!("GET /{PLACE} HTTP/1.1\r\n\r\n\0{PLACE}");
        let mut wire = Request::raw(bytes.into_bytes()).to_wire("x", Correlation::new(0xabc));
        let mark = Correlation::new(0xabc).mark(ExchangeId(7));
        let (head, body) = wire.marked_parts(ExchangeId(7));
        assert_eq!(head, format!("GET /{mark} HTTP/1.1\r\n\r\n").as_bytes());
        assert_eq!(body, format!("\0{mark}").as_bytes());
        let mut headless = Request::raw(b"hello".to_vec()).to_wire("x", Correlation::new(0xabc));
        assert_eq!(headless.marked_parts(ExchangeId(7)), (&b"hello"[..], &b""[..]));
    }

    #[test]
    fn only_what_has_a_body_or_should_have_one_says_how_long_it_is() {
        for (method, body, says) in [
            (Method::Get, "", false),
            (Method::Delete, "", false),
            (Method::Get, "{}", true),
            (Method::Delete, "{}", true),
            (Method::Post, "", true),
            (Method::Put, "", true),
            (Method::Patch, "{}", true),
        ] {
            let request = Request { body: body.into(), ..Request::new(method, "/".to_owned()) };
            let wire = sent(&request, ExchangeId(0));
            assert_eq!(wire.contains("content-length: "), says, "{method:?} {body}");
            assert!(wire.starts_with(method.name()));
        }
    }

    #[test]
    fn a_header_that_the_request_has_itself_is_sent_as_it_stands() {
        for (name, value) in
            [("Host", "elsewhere"), ("Content-Length", "7"), ("Transfer-Encoding", "chunked")]
        {
            let request = Request { headers: vec![(name.to_owned(), value.to_owned())], ..ask() };
            let wire = sent(&request, ExchangeId(0)).to_lowercase();
            let line = format!("\r\n{}: {value}\r\n", name.to_lowercase());
            assert_eq!(wire.matches(&line).count(), 1, "{wire}");
            let framed = wire.matches("content-length:").count() + wire.matches("transfer-encoding:").count();
            assert_eq!(framed, 1, "{wire}");
            assert_eq!(wire.matches("\r\nhost:").count(), 1, "{wire}");
        }
    }

    #[test]
    fn no_value_can_end_its_line_and_begin_another() {
        let request = Request {
            path: "/a b\r\nx".to_owned(),
            headers: vec![("x-\r\na".to_owned(), "1\r\nx-b: 2".to_owned())],
            ..Request::new(Method::Get, String::new())
        };
        let request = Request { path: "/a b\r\nx: y".to_owned(), ..request };
        let wire = sent(&request, ExchangeId(0));
        assert_eq!(wire, "GET /a%20b%20%20x:%20y HTTP/1.1\r\nhost: 127.0.0.1:1\r\nx-a: 1  x-b: 2\r\n\r\n");
    }
}
