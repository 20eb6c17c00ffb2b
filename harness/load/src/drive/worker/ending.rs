//! How exchanges of a phase end: what is told of them, and what their clients and connections do next.

use record::{Entry, ExchangeRow, Fact, Moment, Outcome, Side};

use super::{Turn, Worker};
use crate::drive::connection::Exchange;
use crate::drive::rests::Retry;
use crate::samples::Message;

impl Worker<'_> {
    /// The exchange of a connection is over, if it has one.
    pub(super) fn over(&mut self, slot: usize, outcome: Outcome, reusable: bool) {
        let Some(connection) = self.pool.get(slot) else { return };
        let Some(exchange) = connection.exchange.take() else { return };
        let Exchange { mut row, request, client, retries, .. } = exchange;
        self.open -= 1;
        self.deadlines.remove(slot);
        row.outcome = outcome;
        let reading = &mut connection.response.reading;
        reading.finish(&mut row, &mut self.errors);
        let now = self.surroundings.clock.now();
        if let Some(text) = reading.text_seen(now) {
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Text(text))));
        }
        if let Some(said) = reading.said(&row, now) {
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Said(said))));
        }
        let headers = self.job.sending.sdk.map(|_| connection.response.headers()).unwrap_or_default();
        if self.samples.wants(&row) {
            self.keep(slot, request, &row);
        }
        self.end(&mut row, Turn { request, client, retries }, &headers);
        // Nobody knows what a server still makes of raw bytes.
        if reusable && !self.job.requests[request].raw {
            self.pool.put_back(slot);
        } else {
            self.pool.close(slot, self.poll.registry());
        }
    }

    /// A request is over before it was sent.
    pub(super) fn end_unsent(&mut self, turn: Turn, intended: Moment, outcome: Outcome) {
        let mut row = self.new_row(turn, intended);
        row.outcome = outcome;
        self.end(&mut row, turn, &[]);
    }

    /// Ends the exchanges whose clients have waited long enough.
    pub(super) fn end_timed_out(&mut self, now: Moment) {
        while let Some((slot, deadline)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            // The patience that ended is that of a client that meant to leave, or of one that had waited enough.
            let leaves = self.pool.get(slot).and_then(|connection| connection.exchange.as_ref()).is_some_and(
                |exchange| {
                    let request = &self.job.requests[exchange.request];
                    let patience = request.patience.unwrap_or(self.job.timeout);
                    self.job.sending.leaves_after().is_some_and(|leaves| leaves < patience)
                },
            );
            self.over(slot, if leaves { Outcome::CallerLeft } else { Outcome::TimedOut }, false);
        }
    }

    /// Ends what is open.
    pub(super) fn abandon(&mut self) {
        for slot in 0..self.pool.slots() {
            self.over(slot, Outcome::Abandoned, false);
        }
    }

    fn keep(&mut self, slot: usize, request: usize, row: &ExchangeRow) {
        let at = self.surroundings.clock.now();
        let Some(connection) = self.pool.get(slot) else { return };
        let (head, body) = self.wires[request].marked_parts(row.id);
        self.samples.keep(row, &Message { side: Side::ClientSent, head, body }, at);
        let response = &connection.response;
        let got = Message { side: Side::ClientGot, head: response.head(), body: response.reading.body() };
        self.samples.keep(row, &got, at);
    }

    fn end(&mut self, row: &mut ExchangeRow, turn: Turn, headers: &[(String, String)]) {
        let now = self.surroundings.clock.now();
        row.ended = now.micros_after(row.intended);
        match self.job.sending.wait_of_retry(row, headers, turn.retries) {
            Some(wait) => {
                let Turn { request, client, retries } = turn;
                self.retries.add(now.after(wait), Retry { request, client, retries: retries + 1 });
            }
            None => self.due.exchange_ended(turn.client, now, row.outcome == Outcome::Refused),
        }
        self.ended = true;
        self.figures.ended(row);
        self.surroundings.facts.send(Fact::Exchange(*row));
    }
}
