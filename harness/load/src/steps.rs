//! The functional client: sends one request and waits for its response, whole or not. It follows no redirect, asks no proxy and
//! tries nothing again.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use record::{Entry, ExchangeId, ExchangeRow, Fact, NameId, Outcome, Sample, Side};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout;

use crate::reading::{ErrorNames, Reading};
use crate::request::{Method, Request};
use crate::surroundings::Surroundings;

/// Of a body no more than this is kept as a sample.
const SAMPLED: usize = 4 * 1024;

/// Sends the requests of steps to one address.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    authorization: Option<(String, String)>,
    timeout: Duration,
    surroundings: Surroundings,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for steps cannot be made: {0}")]
pub struct ClientError(#[from] reqwest::Error);

/// What a step got.
#[derive(Clone, Debug)]
pub struct Got {
    /// The exchange.
    pub row: ExchangeRow,
    /// The body, up to a cap.
    pub body: Vec<u8>,
}

impl Client {
    /// A client for one address.
    ///
    /// # Errors
    ///
    /// If the machine gives no sockets.
    pub fn new(
        address: SocketAddr,
        authorization: Option<(&str, &str)>,
        timeout: Duration,
        surroundings: Surroundings,
    ) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .http1_only()
            // A kept connection may have been closed by now, and the pool would then try once more on another.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .build()?;
        let authorization = authorization.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self { http, address, authorization, timeout, surroundings })
    }

    /// Sends a request in the name of a step, and tells the exchange to the evidence.
    pub async fn send(&self, traffic: NameId, request: &Request) -> Got {
        let clock = self.surroundings.clock;
        let exchange = self.surroundings.new_exchange();
        let mut row = ExchangeRow::opened(exchange, traffic, request.name, clock.now());
        (row.streamed, row.model, row.sent) = (request.streamed, request.model, 0);
        let body = request.marked_body(self.surroundings.correlation, exchange);
        self.sample_sent(request, exchange, &body);
        let mut reading = Reading::new(SAMPLED);
        let mut headers = HeaderMap::new();
        let exchanged = self.exchange(request, body, &mut row, &mut reading, &mut headers);
        row.outcome = timeout(self.timeout, exchanged).await.unwrap_or(Outcome::TimedOut);
        row.ended = clock.now().micros_after(row.intended);
        reading.finish(&mut row, &mut ErrorNames::new(self.surroundings.names.clone()));
        self.sample_got(&row, &headers, reading.body());
        self.surroundings.facts.send(Fact::Exchange(row));
        Got { row, body: reading.body().to_vec() }
    }

    async fn exchange(
        &self,
        request: &Request,
        body: Vec<u8>,
        row: &mut ExchangeRow,
        reading: &mut Reading,
        headers: &mut HeaderMap,
    ) -> Outcome {
        let clock = self.surroundings.clock;
        let mut response = match self.build(request, body).send().await {
            Ok(response) => response,
            Err(error) => return outcome_of(&error),
        };
        let since_intended = |row: &ExchangeRow| clock.now().micros_after(row.intended);
        row.head = since_intended(row);
        *headers = std::mem::take(response.headers_mut());
        let fields = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        reading.head(response.status().as_u16(), fields, row);
        loop {
            match response.chunk().await {
                Ok(None) => return Outcome::Complete,
                Ok(Some(part)) => {
                    let at_us = since_intended(row);
                    if reading.part(&part, at_us, row).is_err() {
                        return Outcome::Garbled;
                    }
                }
                Err(error) => return outcome_of(&error),
            }
        }
    }

    fn build(&self, request: &Request, body: Vec<u8>) -> reqwest::RequestBuilder {
        let url = format!("http://{}{}", self.address, request.path);
        let mut headers = HeaderMap::new();
        let own = self.authorization.iter().chain(&request.headers);
        for (name, value) in own {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
        match request.method {
            Method::Get => self.http.get(url).headers(headers),
            Method::Post => self.http.post(url).headers(headers).body(body),
        }
    }

    fn sample_sent(&self, request: &Request, exchange: ExchangeId, body: &[u8]) {
        let line = format!("{} {}", request.method.name(), request.path);
        self.sample(Side::ClientSent, exchange, line, request.headers.clone(), body);
    }

    fn sample_got(&self, row: &ExchangeRow, headers: &HeaderMap, body: &[u8]) {
        let line = if row.status == 0 { row.outcome.word().to_owned() } else { row.status.to_string() };
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let head = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        self.sample(Side::ClientGot, row.id, line, head, body);
    }

    fn sample(
        &self,
        side: Side,
        exchange: ExchangeId,
        line: String,
        head: Vec<(String, String)>,
        body: &[u8],
    ) {
        let cut = body.len() > SAMPLED;
        let body = String::from_utf8_lossy(&body[..body.len().min(SAMPLED)]).into_owned();
        let at = self.surroundings.clock.now();
        let sample = Sample { side, exchange, at, line, head, body, cut };
        self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Sample(sample))));
    }
}

/// How an exchange ended that reqwest could not finish, from the first cause that tells.
fn outcome_of(error: &reqwest::Error) -> Outcome {
    if error.is_connect() {
        return Outcome::Refused;
    }
    let mut cause = error.source();
    let mut outcome = Outcome::Garbled;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => return Outcome::Reset,
                io::ErrorKind::UnexpectedEof => return Outcome::Cut,
                _ => {}
            }
        }
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
            outcome = Outcome::Cut;
        }
        cause = error.source();
    }
    outcome
}

#[cfg(test)]
mod tests;
