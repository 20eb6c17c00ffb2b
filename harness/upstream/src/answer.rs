//! From a request to its reply.

mod course;
mod reply;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialect::Dialect;
use http::{Method, Request, Response, request};
use http_body::Body;
use hyper::body::Incoming;
use record::{AttemptRow, Found, Moment, Outcome};
use scenario::{ConnectionFate, Latency, Protocol};

use course::{Course, Decided};

use crate::connection::{Connection, Fate};
use crate::decision::Decision;
use crate::deed::Done;
use crate::draw::{Draws, Purpose};
use crate::keyring::{KeyUse, NoEntry};
use crate::pause::Pause;
use crate::reply_body::ReplyBody;
use crate::reply_head::ReplyHead;
use crate::request_body::{Cut, Received, receive};
use crate::service::{Matter, TakenIn};
use crate::upstream::Upstream;

/// Answers a request, and notes in the connection's open attempt whatever becomes known of it. The attempt is opened at
/// once and not only when the answer is first waited for: a caller that has already left is a row too.
///
/// # Errors
/// The future tells [`Unanswered`] if the request did not come whole, so that nobody waits for an answer, or if the
/// scenario wants none.
pub(crate) fn answer(
    upstream: &Arc<Upstream>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ReplyBody>, Unanswered>> + use<> {
    let (head, body) = request.into_parts();
    let mut visit = Visit::open(Arc::clone(upstream), Arc::clone(connection), head);
    if body.is_end_stream() {
        visit.note_no_body();
    }
    async move {
        let (received, upload) = visit.receive(body).await;
        let read = visit.upstream.journal.clock.now();
        visit.note_body(&received, read);
        if received.cut == Some(Cut::Broken) {
            if let (Some(service), Some(upload)) = (&visit.upstream.service, upload) {
                service.broke_off(&visit.head, upload, read);
            }
            visit.connection.fail(Outcome::Garbled);
            return Err(Unanswered);
        }
        visit.connection.paid();
        let course = visit.course(&received, read);
        let matter = visit.matter(&course, &received, upload);
        drop(received);
        let now = visit.think(&course, read).await;
        match course {
            Course::Refused(cause, number) => Ok(visit.refuse(cause, number, now)),
            Course::UnknownPath => Ok(visit.refuse_path(now)),
            Course::Models => Ok(visit.list_models(now)),
            Course::About(about) => Ok(visit.tell_about(about, now)),
            Course::Decided(decided) => visit.do_it(&decided, matter, now).await,
        }
    }
}

/// The request has no answer, or not all of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unanswered;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request has no whole answer")
    }
}

impl std::error::Error for Unanswered {}

/// One request at an upstream.
struct Visit {
    upstream: Arc<Upstream>,
    connection: Arc<Connection>,
    head: request::Parts,
    key: Result<KeyUse, NoEntry>,
    /// Which request of the upstream it is, from 1.
    nth: u32,
    /// Which attempt of its exchange it is at this upstream, from 1, once its body has come.
    ordinal: u32,
    arrived: Moment,
    /// What mark stands in the head.
    in_head: Found,
    draws: Draws,
    /// The dialect in which it is answered: that of the upstream, or what the upstream speaks at the path that is asked.
    dialect: Dialect,
}

impl Visit {
    fn open(upstream: Arc<Upstream>, connection: Arc<Connection>, head: request::Parts) -> Self {
        let arrived = upstream.journal.clock.now();
        let nth = upstream.next_request();
        let key = match connection.entrance() {
            // A router looks after its workers without using them.
            Some(_) if head.method == Method::GET => Ok(upstream.keys.nobody()),
            Some(key) => Ok(upstream.keys.enter(key)),
            None => upstream.keys.admit(&head),
        };
        let mut row = AttemptRow::opened(upstream.name, arrived);
        let draws = match &key {
            Ok(used) => {
                let seat = upstream.keys.seat(*used);
                (row.key, row.key_use) = (seat.name, used.number);
                seat.draws(used.number)
            }
            Err(_) => upstream.draws.draws(nth),
        };
        let mut attempt = upstream.journal.open(row, &head);
        let in_head = find_in_head(&upstream, &head);
        // A caller may leave before its body has come.
        attempt.join(in_head);
        connection.open(attempt);
        let dialect = spoken(upstream.protocol, &head);
        Self { upstream, connection, head, key, nth, ordinal: 1, arrived, in_head, draws, dialect }
    }

    /// Receives the body: as any other, or as an upload to a service that keeps files.
    async fn receive(&self, body: Incoming) -> (Received, Option<TakenIn>) {
        match self.upstream.service.as_ref().and_then(|service| service.intake(&self.head)) {
            None => (receive(body).await, None),
            Some(intake) => {
                let (received, upload) = intake.take(body).await;
                (received, Some(upload))
            }
        }
    }

    /// What a service is to do, where it is to do something. What came lives in hyper's buffer until then, so it is copied.
    fn matter(&self, course: &Course<'_>, received: &Received, upload: Option<TakenIn>) -> Option<Matter> {
        let Course::Decided(Decided { decision, .. }) = course else { return None };
        let does = self.upstream.service.is_some() && (!decision.deviates || decision.takes_effect);
        does.then(|| Matter { body: Bytes::copy_from_slice(&received.bytes), upload })
    }

    /// A request without a body has come whole with its head, also where the caller leaves before anybody looks at it.
    fn note_no_body(&self) {
        self.connection.note(|attempt| {
            attempt.row.read = 0;
            attempt.join(self.in_head);
        });
    }

    fn note_body(&mut self, received: &Received, now: Moment) {
        // The mark stands in the body as a rule, and in a header where a step says so.
        let found = match self.upstream.journal.correlation.find(&received.bytes) {
            Found::Nothing => self.in_head,
            found => found,
        };
        self.connection.note(|attempt| {
            let row = &mut attempt.row;
            if received.cut.is_none() {
                row.read = now.micros_after(row.arrived);
                row.body_hash = body_hash(&received.bytes);
            }
            attempt.join(found);
            attempt.got_body(received, now);
            self.upstream.journal.look_for_secrets(&attempt.row, (&self.head, &received.bytes), now);
        });
        self.ordinal = self.upstream.exchanges.count(found);
    }

    /// Waits as long as the upstream thinks, counted from the request's last byte, and tells when that is over. About what is
    /// no work it thinks only if an entry that was written for it says so.
    async fn think(&self, course: &Course<'_>, read: Moment) -> Moment {
        let Course::Decided(Decided { decision, works, .. }) = course else { return read };
        let own = decision.done.reply().and_then(|reply| reply.latency.as_ref());
        let latency = match own.filter(|_| *works || decision.by_path) {
            Some(own) => self.draws.duration(Purpose::Latency, own),
            None if *works => self.usual_latency(),
            None => return read,
        };
        if latency.is_zero() {
            return read;
        }
        let clock = self.upstream.journal.clock;
        Pause::until(clock.instant(read.after(latency))).await;
        clock.now()
    }

    /// How long the upstream thinks about any work, with as many requests open as there are now.
    fn usual_latency(&self) -> Duration {
        let Latency { head, under_load, .. } = &self.upstream.latency;
        let latency = self.draws.duration(Purpose::Latency, head);
        match under_load {
            Some(load) => load.stretched(latency, self.upstream.journal.open_now()),
            None => latency,
        }
    }

    /// Does what was decided.
    async fn do_it(
        &self,
        decided: &Decided<'_>,
        matter: Option<Matter>,
        now: Moment,
    ) -> Result<Response<ReplyBody>, Unanswered> {
        let decision = &decided.decision;
        let request_id = self.draws.id("req_");
        if let (Some(service), Some(matter)) = (&self.upstream.service, matter) {
            let (clock, stopped) = (self.upstream.journal.clock, self.upstream.stopped());
            let answer = service.perform(&self.head, matter, clock, stopped).await;
            if !decision.deviates {
                return Ok(self.send_answer(answer, decision, (&request_id, clock.now())));
            }
        }
        let speaker = self.speaker((&decided.chat, &decided.values), &request_id, now);
        let said = match decision.done {
            Done::Reply(rule) => speaker.say(rule, decision.script, decision.wait.left(now)),
            Done::Broken(broken) => speaker.break_off(broken, decision.script),
            Done::Connection(fate) => return self.meet(fate).await,
        };
        let mut speech = match said {
            Ok(speech) => speech,
            Err(why) => return Ok(self.no_reply(&why, decision, (&request_id, now))),
        };
        self.tell_limits(decision, &mut speech.head, now);
        Ok(self.send_speech(speech, (&request_id, now)))
    }

    /// What is sent where the scenario's reply cannot be made. The run is told, since no verdict may follow from it.
    fn no_reply(&self, why: &str, decision: &Decision<'_>, told: (&str, Moment)) -> Response<ReplyBody> {
        let place = decision.done.reply().map_or("", |reply| reply.place.as_str());
        self.upstream.tell_mistake(place, why);
        let head = ReplyHead { status: 500, ..ReplyHead::new(decision.script) };
        let body = serde_json::json!({ "error": { "message": format!("the scenario's reply cannot be made: {why}") } });
        self.send(head, told, Bytes::from(body.to_string()))
    }

    /// What becomes of the connection instead of a reply.
    async fn meet(&self, fate: ConnectionFate) -> Result<Response<ReplyBody>, Unanswered> {
        let fate = match fate {
            ConnectionFate::Silence => {
                self.upstream.stopped().await;
                return Err(Unanswered);
            }
            // A connection that was opened before its upstream went away.
            ConnectionFate::Reset | ConnectionFate::ResetInBody | ConnectionFate::Refuse => Fate::Reset,
            ConnectionFate::Close => Fate::Close,
            ConnectionFate::Garbage => Fate::Garbage,
            ConnectionFate::CloseInHead => Fate::HalfHead,
        };
        self.connection.meets(fate);
        match fate {
            Fate::Reset | Fate::Close => Err(Unanswered),
            // hyper has to write something, so that something else can go out.
            Fate::Garbage | Fate::HalfHead => {
                let body = ReplyBody::whole(Arc::clone(&self.connection), Bytes::from_static(b"{}"), true);
                Ok(Response::new(body))
            }
        }
    }
}

/// The hash of a body, by words of eight bytes, since it is taken of every request. It tells equal bodies of one trial.
fn body_hash(body: &[u8]) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = body.len() as u64;
    let (words, rest) = body.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    for word in words.iter().chain([&last]) {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(ODD).rotate_left(29);
    }
    (hash ^ (hash >> 32)) as u32
}

/// The first mark in the headers.
fn find_in_head(upstream: &Upstream, head: &request::Parts) -> Found {
    let correlation = upstream.journal.correlation;
    let found = head.headers.values().map(|value| correlation.find(value.as_bytes()));
    found.into_iter().find(|found| *found != Found::Nothing).unwrap_or(Found::Nothing)
}

/// The dialect in which a request is answered. A service has none of its own, and what it says itself is in no dialect's words.
fn spoken(protocol: Protocol, head: &request::Parts) -> Dialect {
    let Protocol::Llm(dialect) = protocol else { return Dialect::Openai };
    let asked = dialect.asked(target(head)).map(|asked| asked.dialect);
    asked.or_else(|| dialect.lists_models(target(head))).unwrap_or(dialect)
}

/// The path that is asked, with its query.
fn target(head: &request::Parts) -> &str {
    head.uri.path_and_query().map_or("/", |target| target.as_str())
}

#[cfg(test)]
mod tests {
    use super::body_hash;

    #[test]
    fn bodies_that_differ_anywhere_differ_in_their_hash() {
        let body = b"a body that is longer than two words of eight bytes";
        let hash = body_hash(body);
        for place in 0..body.len() {
            let mut other = body.to_vec();
            other[place] ^= 1;
            assert_ne!(hash, body_hash(&other), "{place}");
            assert_ne!(hash, body_hash(&body[..place]), "{place} bytes");
        }
        assert_ne!(body_hash(b"\0"), body_hash(b""));
    }
}
