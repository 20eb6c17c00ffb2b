//! A request that is sent many times: its bytes are made once, and only the mark in it is written anew.

use dialect::Dialect;
use record::{Correlation, ExchangeId, MARK_LENGTH, NameId};

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It is read.
    Get,
    /// It is sent something.
    Post,
}

/// A request of the traffic.
#[derive(Clone, Debug)]
pub struct Request {
    /// The entry of `requests:` that it is made from; none for an endpoint.
    pub name: NameId,
    /// How the endpoint is asked.
    pub method: Method,
    /// The path, with its query.
    pub path: String,
    /// Header fields beside those that the wire needs.
    pub headers: Vec<(String, String)>,
    /// The body; empty for a request without one.
    pub body: Vec<u8>,
    /// Where in the body its mark stands; none for a request without one.
    pub mark_at: Option<usize>,
    /// The wire format of the response.
    pub dialect: Dialect,
    /// Whether a stream is asked for.
    pub streamed: bool,
    /// The model that is asked for.
    pub model: NameId,
}

/// Holds the place of a mark while a request is made.
const PLACE: &str = "[sp:------------:--------]";

impl Request {
    /// A text that holds the place of a mark. A body that holds it once is a request's whose mark stands there.
    #[must_use]
    pub fn mark_place() -> &'static str {
        PLACE
    }

    /// Where the place of a mark is in a body.
    #[must_use]
    pub fn find_mark(body: &[u8]) -> Option<usize> {
        body.windows(MARK_LENGTH).position(|window| window == PLACE.as_bytes())
    }

    /// The body with the mark of an exchange.
    pub(crate) fn marked_body(&self, correlation: Correlation, exchange: ExchangeId) -> Vec<u8> {
        let mut body = self.body.clone();
        if let Some(at) = self.mark_at {
            body[at..at + MARK_LENGTH].copy_from_slice(correlation.mark(exchange).as_bytes());
        }
        body
    }

    /// The whole request as HTTP/1.1 writes it.
    pub(crate) fn to_wire(
        &self,
        host: &str,
        authorization: Option<&(String, String)>,
        correlation: Correlation,
    ) -> Wire {
        let method = self.method.name();
        let mut text = format!("{method} {} HTTP/1.1\r\nhost: {host}\r\n", self.path);
        for (name, value) in self.headers.iter().chain(authorization) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.method == Method::Post {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        text.push_str("\r\n");
        let body_at = text.len();
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.marked_body(correlation, ExchangeId(0)));
        Wire { bytes, body_at, mark_at: self.mark_at.map(|at| body_at + at) }
    }
}

impl Method {
    /// Its word in a request line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A request's bytes. They are made once; only the mark in them is written anew for each exchange.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    bytes: Vec<u8>,
    body_at: usize,
    mark_at: Option<usize>,
}

impl Wire {
    /// The request with the mark of an exchange.
    pub(crate) fn marked(&mut self, exchange: ExchangeId) -> &[u8] {
        if let Some(at) = self.mark_at {
            write_number(&mut self.bytes[at..at + MARK_LENGTH], exchange);
        }
        &self.bytes
    }

    /// Its head and its body, with the mark of an exchange.
    pub(crate) fn marked_parts(&mut self, exchange: ExchangeId) -> (&[u8], &[u8]) {
        let body_at = self.body_at;
        self.marked(exchange).split_at(body_at)
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

    #[test]
    fn a_mark_is_written_where_its_place_is_held() {
        let body = format!("{{\"prompt\":\"ping {PLACE}\"}}").into_bytes();
        let request = Request {
            name: NameId::NONE,
            method: Method::Post,
            path: "/v1/chat".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            mark_at: Request::find_mark(&body),
            body,
            dialect: Dialect::Openai,
            streamed: false,
            model: NameId::NONE,
        };
        let correlation = Correlation::new(0xabc);
        let authorization = ("authorization".to_owned(), "Bearer mine".to_owned());
        let mut wire = request.to_wire("127.0.0.1:1", Some(&authorization), correlation);
        for exchange in [ExchangeId(0xdead_beef), ExchangeId(u32::MAX), ExchangeId(7)] {
            assert_eq!(wire.marked_parts(exchange).1, request.marked_body(correlation, exchange));
        }
        let wire = String::from_utf8(wire.marked(ExchangeId(7)).to_vec()).unwrap();
        let mark = correlation.mark(ExchangeId(7));
        assert!(wire.starts_with("POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:1\r\n"), "{wire}");
        assert!(wire.contains("\r\nauthorization: Bearer mine\r\n"), "{wire}");
        assert!(wire.ends_with(&format!("\r\n\r\n{{\"prompt\":\"ping {mark}\"}}")), "{wire}");
        let body = request.marked_body(correlation, ExchangeId(7));
        assert!(wire.contains(&format!("content-length: {}\r\n", body.len())), "{wire}");
        assert!(wire.ends_with(&String::from_utf8(body).unwrap()));
    }
}
