//! The journal of one upstream: a row for each request, and samples of the first ones, on their way to the evidence.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::HeaderMap;
use http::request;
use record::{
    AttemptRow, Carried, Clock, Correlation, Entry, ExchangeId, Fact, FactSender, Found, Joined, Moment,
    NameId, Outcome, Sample, Side, Unmatched,
};

use crate::charge::Charge;
use crate::near_miss::NearMiss;
use crate::redaction::{self, Redaction};
use crate::request_body::{Cut, Received};
use crate::surroundings::Surroundings;
use crate::tally::Tally;
use crate::watchlist::Watchlist;
use crate::work::AtWork;

/// Writes down what an upstream saw.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) clock: Clock,
    /// Finds the marks that join attempts to exchanges.
    pub(crate) correlation: Correlation,
    facts: FactSender,
    redaction: Arc<Redaction>,
    watchlist: Watchlist,
    samples_left: AtomicU32,
    /// Of how many requests that no entry of the script took it still tells; of none where there is no script.
    unmatched_left: AtomicU32,
    tally: Arc<Tally>,
}

/// A request that is not over yet.
#[derive(Debug)]
pub(crate) struct OpenAttempt {
    /// What is known of it so far.
    pub(crate) row: AttemptRow,
    /// What it has taken from the plans, until it is settled.
    pub(crate) charge: Option<Box<Charge>>,
    /// That it is worked on, where that is told.
    pub(crate) at_work: Option<AtWork>,
    /// The moment that its reply names as the end of the wait, until the reply has begun.
    pub(crate) waits_until: Option<Moment>,
    sample: Option<Box<OpenSample>>,
}

/// The two messages of an attempt, as far as they have been seen. No raw head is kept, and of bodies no more than is shown.
#[derive(Debug)]
struct OpenSample {
    request: Message,
    reply: Option<Message>,
}

struct Message {
    line: String,
    head: Vec<(String, String)>,
    body: Vec<u8>,
    /// Whether the rest of the body was not taken.
    cut: bool,
    /// Whether the body is not kept, since it may tell a key in pieces.
    hidden: bool,
    at: Moment,
}

/// What stands for a body that is hidden.
const HIDDEN: &str = "<hidden: it tells a key in pieces>";

/// Of so many requests that no entry of the script took it is told why.
const UNMATCHED: u32 = 16;

/// How much of a body a sample shows.
const SHOWN_OF_BODY: usize = 4 * 1024;

impl Journal {
    pub(crate) fn new(
        surroundings: &Surroundings,
        redaction: Arc<Redaction>,
        (watchlist, has_script): (Watchlist, bool),
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            clock: surroundings.clock,
            correlation: surroundings.correlation,
            facts: surroundings.facts.clone(),
            redaction,
            watchlist,
            samples_left: AtomicU32::new(surroundings.samples),
            unmatched_left: AtomicU32::new(if has_script { UNMATCHED } else { 0 }),
            tally,
        }
    }

    /// Opens an attempt; the first ones keep their messages.
    pub(crate) fn open(&self, row: AttemptRow, head: &request::Parts) -> OpenAttempt {
        self.tally.began(&row);
        let sample = self.take_sample().then(|| {
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
            let line = format!("{} {target} {:?}", head.method, head.version);
            let request = self.message(&line, &head.headers, row.arrived);
            Box::new(OpenSample { request, reply: None })
        });
        OpenAttempt { row, charge: None, at_work: None, waits_until: None, sample }
    }

    /// Notes the head of the reply, and whether its body is hidden.
    pub(crate) fn replied(
        &self,
        attempt: &mut OpenAttempt,
        (head, hidden): (&http::response::Parts, bool),
        at: Moment,
    ) {
        if let Some(sample) = &mut attempt.sample {
            let line = format!("{:?} {}", head.version, head.status);
            sample.reply = Some(Message { hidden, ..self.message(&line, &head.headers, at) });
        }
    }

    /// Writes an attempt down. Nothing more will be known of it.
    pub(crate) fn close(&self, mut attempt: OpenAttempt, outcome: Outcome, at: Moment) {
        attempt.settle(&self.clock);
        attempt.row.outcome = outcome;
        attempt.row.ended = at.micros_after(attempt.row.arrived);
        self.tally.ended(&attempt.row);
        let of = (attempt.row.exchange, attempt.row.arrived);
        self.facts.send(Fact::Attempt(attempt.row));
        if let Some(sample) = attempt.sample {
            self.send_sample(Side::UpstreamGot, of, sample.request);
            if let Some(mut reply) = sample.reply {
                reply.at = at;
                self.send_sample(Side::UpstreamSent, of, reply);
            }
        }
    }

    /// Tells of the secrets in a request that belong to no request of this upstream.
    pub(crate) fn look_for_secrets(
        &self,
        row: &AttemptRow,
        (head, body): (&request::Parts, &[u8]),
        at: Moment,
    ) {
        let what = self.watchlist.found(head, body);
        if !what.is_empty() {
            let arrived = Some(row.arrived);
            let carried = Carried { side: Side::UpstreamGot, exchange: row.exchange, arrived, at, what };
            self.facts.send(Fact::Entry(Box::new(Entry::Carried(carried))));
        }
    }

    /// A text without any key, for the evidence.
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.redaction.of(text.as_bytes())
    }

    /// Whether the next request that no entry took is still told of. Whoever is told so tells of it.
    pub(crate) fn wants_unmatched(&self) -> bool {
        take(&self.unmatched_left)
    }

    /// Tells of a request that no entry of the script took.
    pub(crate) fn unmatched(&self, row: &AttemptRow, asked: &str, near: Option<&NearMiss>) {
        let told = |text: &str| self.redaction.first(text.as_bytes(), SHOWN_OF_BODY);
        let unmatched = Unmatched {
            upstream: row.upstream,
            exchange: row.exchange,
            arrived: row.arrived,
            at: self.clock.now(),
            asked: told(asked),
            nearest: near.map_or(NameId::NONE, |near| near.entry),
            why: near.map(|near| told(&near.why)).unwrap_or_default(),
        };
        self.facts.send(Fact::Entry(Box::new(Entry::Unmatched(unmatched))));
    }

    /// How many requests are open.
    pub(crate) fn open_now(&self) -> u64 {
        self.tally.open_now()
    }

    fn take_sample(&self) -> bool {
        take(&self.samples_left)
    }

    fn message(&self, line: &str, headers: &HeaderMap, at: Moment) -> Message {
        let head = headers
            .iter()
            .map(|(name, value)| {
                (self.redaction.of(name.as_str().as_bytes()), self.redaction.of(value.as_bytes()))
            })
            .collect();
        Message {
            line: self.redaction.of(line.as_bytes()),
            head,
            body: Vec::new(),
            cut: false,
            hidden: false,
            at,
        }
    }

    fn send_sample(&self, side: Side, (exchange, arrived): (ExchangeId, Moment), message: Message) {
        let Message { line, head, body, cut, hidden, at } = message;
        let cut = cut || hidden || body.len() > SHOWN_OF_BODY;
        let body = if hidden { HIDDEN.to_owned() } else { self.redaction.first(&body, SHOWN_OF_BODY) };
        let sample = Sample { side, exchange, arrived: Some(arrived), at, line, head, body, cut };
        self.facts.send(Fact::Entry(Box::new(Entry::Sample(sample))));
    }
}

/// Takes one of what is left, if anything is.
fn take(left: &AtomicU32) -> bool {
    // The plain load keeps the long run after the last one free of writes to a shared line.
    left.load(Ordering::Relaxed) > 0
        && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

impl OpenAttempt {
    /// Joins the attempt to what was found.
    pub(crate) fn join(&mut self, found: Found) {
        (self.row.exchange, self.row.joined) = match found {
            Found::Exchange(exchange) => (exchange, Joined::Exchange),
            Found::Foreign => (ExchangeId::NONE, Joined::Foreign),
            Found::Nothing => (ExchangeId::NONE, Joined::Nothing),
        };
    }

    /// Notes what was read of the request's body.
    pub(crate) fn got_body(&mut self, received: &Received, at: Moment) {
        if let Some(sample) = &mut self.sample {
            sample.request.add(&received.bytes);
            sample.request.cut |= received.cut == Some(Cut::TooLong);
            sample.request.at = at;
        }
    }

    /// Settles what the attempt has taken, if that is still to be done. It is no longer worked on.
    pub(crate) fn settle(&mut self, clock: &Clock) {
        if let Some(charge) = self.charge.take() {
            charge.settle(clock.now());
        }
        self.at_work = None;
    }

    /// Notes a piece of the reply's body.
    pub(crate) fn sent_body(&mut self, piece: &[u8]) {
        if let Some(reply) = self.sample.as_mut().and_then(|sample| sample.reply.as_mut()) {
            reply.add(piece);
        }
    }
}

/// The body may hold a key until it is sent, so no debug dump shows it.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl Message {
    fn add(&mut self, piece: &[u8]) {
        if self.hidden {
            return;
        }
        let room = redaction::needed(SHOWN_OF_BODY) - self.body.len();
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}
