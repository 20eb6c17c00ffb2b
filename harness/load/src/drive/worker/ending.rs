//! How exchanges of a phase end: what is told of them, and what their clients and connections do next.

use record::{Entry, ExchangeRow, Fact, Moment, Outcome, Side};

use super::{Turn, Worker};
use crate::drive::connection::Exchange;
use crate::drive::figures::StreamTimes;
use crate::drive::job::EndedEarly;
use crate::drive::rests::Retry;
use crate::samples::Message;
use crate::stop::Stopping;

/// Fewer refusals in a row than this tell nothing: a phase that seldom sends costs nothing if it goes on.
const LEAST_REFUSED: u32 = 20;

impl Worker<'_> {
    /// The exchange of a connection is over at that time, if it has one.
    pub(super) fn over(&mut self, slot: usize, (outcome, reusable): (Outcome, bool), now: Moment) {
        let Some(connection) = self.pool.get(slot) else { return };
        let Some(exchange) = connection.exchange.take() else { return };
        let Exchange { mut row, request, client, retries, .. } = exchange;
        self.open -= 1;
        self.deadlines.remove(slot);
        row.outcome = outcome;
        let reading = &mut connection.response.reading;
        reading.finish(&mut row, &mut self.errors);
        if let Some(text) = reading.text_seen(now) {
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Text(text))));
        }
        if let Some(said) = reading.said(&row, now) {
            self.surroundings.facts.send(Fact::Entry(Box::new(Entry::Said(said))));
        }
        let headers = self.job.sending.sdk.map(|_| connection.response.headers()).unwrap_or_default();
        let times = StreamTimes {
            first_byte: connection.response.first_byte(),
            last_content: connection.response.reading.last_content(),
        };
        self.figures.streamed(&row, times);
        if self.samples.wants(&row) {
            self.keep(slot, request, &row);
        }
        self.end(&mut row, Turn { request, client, retries }, &headers, now);
        if !self.pool.has_room() {
            self.room_since = now;
        }
        // Nobody knows what a server still makes of raw bytes.
        if reusable && !self.job.requests[request].raw {
            self.pool.put_back(slot);
        } else {
            self.pool.close(slot, self.poll.registry());
        }
    }

    /// A request is over before it was sent.
    pub(super) fn end_unsent(&mut self, turn: Turn, intended: Moment, (outcome, now): (Outcome, Moment)) {
        let mut row = self.new_row(turn, intended);
        row.outcome = outcome;
        self.end(&mut row, turn, &[], now);
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
            let outcome = if leaves { Outcome::CallerLeft } else { Outcome::TimedOut };
            self.over(slot, (outcome, false), now);
        }
    }

    /// Ends what is open.
    pub(super) fn abandon(&mut self, now: Moment) {
        for slot in 0..self.pool.slots() {
            self.over(slot, (Outcome::Abandoned, false), now);
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

    /// Nothing is sent any more, by no worker of the phase; what is open may end.
    pub(super) fn end_early(&mut self, why: EndedEarly) {
        self.ended_early.get_or_insert(why);
        self.stop.stop(Stopping::Drain);
    }

    /// Notes whether somebody listened. Nobody is told by many refusals in a row over a while: a target that is restarted comes back.
    fn note_listener(&mut self, outcome: Outcome, now: Moment) {
        if outcome != Outcome::Refused {
            self.refused = None;
            return;
        }
        let (since, refused) = self.refused.get_or_insert((now, 0));
        *refused += 1;
        let (lasts, refused) = (now.since(*since), *refused);
        if refused >= LEAST_REFUSED && self.job.gives_up_after.is_some_and(|patience| lasts >= patience) {
            self.end_early(EndedEarly::Down { refused });
        }
    }

    fn end(&mut self, row: &mut ExchangeRow, turn: Turn, headers: &[(String, String)], now: Moment) {
        row.ended = now.micros_after(row.intended);
        self.note_listener(row.outcome, now);
        match self.job.sending.wait_of_retry(row, headers, turn.retries) {
            Some(wait) => {
                let Turn { request, client, retries } = turn;
                self.retries.add(now.after(wait), Retry { request, client, retries: retries + 1 });
            }
            None => self.due.exchange_ended(turn.client, now, row.outcome == Outcome::Refused),
        }
        self.ended = Some(now);
        self.figures.ended(row);
        if !self.surroundings.recorded.nothing {
            self.rows.add(*row);
        }
    }
}
