//! The functional client: sends one request after the other, each on a connection of its own, and waits for the response,
//! whole or not. It follows no redirect, asks no proxy, and tries again only if it is asked to behave as a library does.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dialect::{Dialect, Surface};
use record::{Entry, ExchangeRow, Fact, NameId, Outcome, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::allowance::Cap;
use crate::reading::{ErrorNames, Reading};
use crate::request::{Request, Wire};
use crate::response::Response;
use crate::samples::{Message, Samples};
use crate::sending::{Pace, Sending};
use crate::surroundings::{Recorded, Surroundings};

/// The receive buffer of a client that reads slowly; the machine doubles it.
const SLOW_BUFFER: u32 = 4 * 1024;

/// Sends the requests of steps.
#[derive(Debug)]
pub struct Client {
    timeout: Duration,
    surroundings: Surroundings,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for steps cannot be made: {0}")]
pub struct ClientError(#[from] io::Error);

/// What a step got.
#[derive(Clone, Debug)]
pub struct Got {
    /// The exchange; of a client that tried again, the last one.
    pub row: ExchangeRow,
    /// The header fields of the response.
    pub headers: Vec<(String, String)>,
    /// The body, up to a cap.
    pub body: Vec<u8>,
    /// The text of the answer, up to a cap.
    pub text: String,
}

/// What is sent, and how its client behaves.
struct Errand<'a> {
    wire: &'a mut Wire,
    answered: (Dialect, Surface),
    patience: Duration,
    sending: &'a Sending,
}

impl Client {
    /// A client that waits so long for a response that says nothing else.
    ///
    /// # Errors
    ///
    /// If the machine does not give what it needs. Today that is nothing.
    pub fn new(timeout: Duration, surroundings: Surroundings) -> Result<Self, ClientError> {
        Ok(Self { timeout, surroundings })
    }

    /// Sends a request in the name of a step, and tells its exchange to the evidence: several if the client tries again by itself.
    ///
    /// # Errors
    ///
    /// If no more may be sent.
    pub async fn send(
        &self,
        to: SocketAddr,
        traffic: NameId,
        request: &Request,
        sending: &Sending,
    ) -> Result<Got, Cap> {
        let mut wire = request.to_wire(&to.to_string(), self.surroundings.correlation);
        let patience = request.patience.unwrap_or(self.timeout);
        let mut retries = 0;
        loop {
            self.surroundings.allowance.take(request.cost_micros)?;
            let row = self.new_row(traffic, request);
            let answered = (request.dialect, request.surface);
            let errand = Errand { wire: &mut wire, answered, patience, sending };
            let got = self.exchange(to, row, errand).await;
            let Some(wait) = sending.wait_of_retry(&got.row, &got.headers, retries) else { return Ok(got) };
            tokio::time::sleep(wait).await;
            retries += 1;
        }
    }

    /// Asks, and tells the evidence nothing: for what is waited for. None if there is no whole answer.
    pub async fn ask(&self, to: SocketAddr, request: &Request) -> Option<u16> {
        let mut wire = request.to_wire(&to.to_string(), self.surroundings.correlation);
        let nobody = record::ExchangeId::NONE;
        let mut row = ExchangeRow::opened(nobody, NameId::NONE, NameId::NONE, self.surroundings.clock.now());
        let untold = Surroundings { recorded: Recorded::default(), ..self.surroundings.clone() };
        let sending = Sending::default();
        let mut response = Response::new(Reading::new(&untold, &sending));
        let bytes = wire.marked(nobody).to_vec();
        let patience = request.patience.unwrap_or(self.timeout);
        let exchanged = self.transfer(to, &bytes, &mut row, &mut response, &sending);
        let outcome = timeout(patience, exchanged).await.ok()?;
        (outcome == Outcome::Complete && row.status != 0).then_some(row.status)
    }

    fn new_row(&self, traffic: NameId, request: &Request) -> ExchangeRow {
        let id = self.surroundings.new_exchange();
        let mut row = ExchangeRow::opened(id, traffic, request.name, self.surroundings.clock.now());
        (row.streamed, row.model) = (request.streamed, request.model);
        (row.tenant, row.instance) = (request.tenant, request.instance);
        row
    }

    /// Sends once, and tells the evidence.
    async fn exchange(&self, to: SocketAddr, mut row: ExchangeRow, errand: Errand<'_>) -> Got {
        let Errand { wire, answered, patience, sending } = errand;
        let clock = self.surroundings.clock;
        let mut response = Response::new(Reading::new(&self.surroundings, sending).with_text());
        response.reading.expect(answered, row.id);
        let bytes = wire.marked(row.id).to_vec();
        let exchanged = self.transfer(to, &bytes, &mut row, &mut response, sending);
        let leaves = sending.leaves_after().filter(|leaves| *leaves < patience);
        row.outcome = match timeout(leaves.unwrap_or(patience), exchanged).await {
            Ok(outcome) => outcome,
            Err(_) if leaves.is_some() => Outcome::CallerLeft,
            Err(_) => Outcome::TimedOut,
        };
        row.ended = clock.now().micros_after(row.intended);
        response.reading.finish(&mut row, &mut ErrorNames::new(self.surroundings.names.clone()));
        self.tell(&row, wire, &response);
        let (headers, body) = (response.headers(), response.reading.body().to_vec());
        Got { row, headers, body, text: response.reading.text().to_owned() }
    }

    /// Tells the evidence of an exchange. Steps are few, so that the messages of each are told.
    fn tell(&self, row: &ExchangeRow, wire: &mut Wire, response: &Response) {
        let (samples, at) = (Samples::new(&self.surroundings), self.surroundings.clock.now());
        let (head, body) = wire.marked_parts(row.id);
        samples.keep(row, &Message { side: Side::ClientSent, head, body }, at);
        let got = Message { side: Side::ClientGot, head: response.head(), body: response.reading.body() };
        samples.keep(row, &got, at);
        if self.surroundings.recorded.texts
            && let Some(text) = response.reading.text_seen(at)
        {
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Text(text))));
        }
        if let Some(said) = response.reading.said(row, at) {
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Said(said))));
        }
        self.surroundings.facts.send(Fact::Exchange(*row));
    }

    /// Sends the bytes and reads the response. Dropped midway, it closes its connection.
    async fn transfer(
        &self,
        to: SocketAddr,
        bytes: &[u8],
        row: &mut ExchangeRow,
        response: &mut Response,
        sending: &Sending,
    ) -> Outcome {
        let clock = self.surroundings.clock;
        let Ok(stream) = connect(to, sending).await else { return Outcome::Refused };
        row.sent = clock.now().micros_after(row.intended);
        let (mut incoming, mut outgoing) = stream.into_split();
        // A server may answer, or go away, before it has read a long request to its end.
        let sent = write(&mut outgoing, bytes, sending.writes);
        let read = read(&mut incoming, row, response, sending, clock);
        tokio::pin!(sent, read);
        tokio::select! {
            outcome = &mut read => outcome,
            // What broke while it was sent may have been answered before: the reader tells.
            _ = &mut sent => read.await,
        }
    }
}

async fn connect(to: SocketAddr, sending: &Sending) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if sending.reads.is_some() {
        // What the machine takes in its stead, its client has not read.
        drop(socket.set_recv_buffer_size(SLOW_BUFFER));
    }
    let stream = socket.connect(to).await?;
    // A connection that cannot be told so is slower, and no worse.
    drop(stream.set_nodelay(true));
    Ok(stream)
}

async fn write(
    outgoing: &mut tokio::net::tcp::OwnedWriteHalf,
    bytes: &[u8],
    pace: Option<Pace>,
) -> io::Result<()> {
    let Some(pace) = pace else { return outgoing.write_all(bytes).await };
    for piece in bytes.chunks(pace.bytes.max(1)) {
        outgoing.write_all(piece).await?;
        tokio::time::sleep(pace.every).await;
    }
    Ok(())
}

async fn read(
    incoming: &mut tokio::net::tcp::OwnedReadHalf,
    row: &mut ExchangeRow,
    response: &mut Response,
    sending: &Sending,
    clock: record::Clock,
) -> Outcome {
    let room = sending.reads.map_or(64 * 1024, |slow| slow.bytes.clamp(1, 64 * 1024));
    let mut buffer = vec![0; room];
    loop {
        let count = match incoming.read(&mut buffer).await {
            Ok(0) if response.ends_with_connection() => return Outcome::Complete,
            Ok(0) => return Outcome::Cut,
            Ok(count) => count,
            Err(_) => return Outcome::Reset,
        };
        match response.take(&buffer[..count], clock.now(), row) {
            Err(_) => return Outcome::Garbled,
            Ok(_) if response.reading.has_enough() => return Outcome::CallerLeft,
            Ok(true) => return Outcome::Complete,
            Ok(false) => {}
        }
        if let Some(slow) = sending.reads {
            tokio::time::sleep(slow.every).await;
        }
    }
}

#[cfg(test)]
mod tests;
