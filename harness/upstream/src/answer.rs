//! From a request to its reply.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use dialect::openai::{self, ChatRequest, Completion, Refusal, Unfit, Usage};
use http::{Method, Request, Response, StatusCode, request};
use hyper::body::Incoming;
use record::{AttemptRow, Found, Moment, NameId, Outcome};
use scenario::ErrorName;

use crate::connection::Connection;
use crate::decision::{Asked, Decision, Deviation};
use crate::draw::{Draws, Purpose};
use crate::keyring::{KeyUse, NoEntry};
use crate::pause::Pause;
use crate::reply_body::{PacedEvents, Progress, ReplyBody};
use crate::reply_head::ReplyHead;
use crate::request_body::{Cut, Received, receive};
use crate::upstream::Upstream;

/// Answers a request, and notes in the connection's open attempt whatever becomes known of it. The attempt is opened at
/// once and not only when the answer is first waited for: a caller that has already left is a row too.
///
/// # Errors
/// The future tells [`Unanswered`] if the request did not come whole, so that nobody waits for an answer.
pub(crate) fn answer(
    upstream: &Arc<Upstream>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ReplyBody>, Unanswered>> + use<> {
    let (head, body) = request.into_parts();
    let visit = Visit::open(Arc::clone(upstream), Arc::clone(connection), head);
    async move {
        let received = receive(body).await;
        let read = visit.upstream.journal.clock.now();
        visit.note_body(&received, read);
        if received.cut == Some(Cut::Broken) {
            visit.connection.fail(Outcome::Garbled);
            return Err(Unanswered);
        }
        visit.connection.paid();
        let course = visit.course(&received, read);
        drop(received);
        let now = match course {
            Course::Chat(..) => visit.think(read).await,
            _ => read,
        };
        Ok(visit.reply(&course, now))
    }
}

/// The caller broke off, so its request has no answer.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request did not come whole")
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
    arrived: Moment,
    draws: Draws,
}

/// What will be replied, as far as it is decided before the upstream thinks.
enum Course {
    NoEntry(NoEntry),
    BodyTooLarge,
    UnknownPath,
    Unfit(Unfit),
    Models(Option<Deviation>),
    Chat(Chat, Decision),
}

/// A chat request without its text.
struct Chat {
    model: String,
    stream: bool,
    include_usage: bool,
    words: u64,
}

const CHAT_PATHS: [&str; 2] = ["/v1/chat/completions", "/chat/completions"];
const MODELS_PATHS: [&str; 2] = ["/v1/models", "/models"];

impl Visit {
    fn open(upstream: Arc<Upstream>, connection: Arc<Connection>, head: request::Parts) -> Self {
        let arrived = upstream.journal.clock.now();
        let nth = upstream.next_request();
        let key = upstream.keys.admit(&head.headers);
        let mut row = AttemptRow::opened(upstream.name, connection.number, arrived);
        let draws = match &key {
            Ok(used) => {
                let seat = upstream.keys.seat(*used);
                (row.key, row.key_use) = (seat.name, used.number);
                seat.draws(used.number)
            }
            Err(_) => upstream.draws.draws(nth),
        };
        connection.open(upstream.journal.open(row, &head));
        Self { upstream, connection, head, key, nth, arrived, draws }
    }

    fn note_body(&self, received: &Received, now: Moment) {
        let found = self.find_exchange(&received.bytes);
        self.connection.note(|attempt| {
            let row = &mut attempt.row;
            row.request_bytes = u32::try_from(received.bytes.len()).unwrap_or(u32::MAX);
            if received.cut.is_none() {
                row.read = now.micros_after(row.arrived);
            }
            attempt.join(found);
            attempt.got_body(&received.bytes, now);
        });
    }

    /// The mark stands in the body as a rule, and in a header where a step says so.
    fn find_exchange(&self, body: &[u8]) -> Found {
        let correlation = self.upstream.journal.correlation;
        let in_headers = || self.head.headers.values().map(|value| correlation.find(value.as_bytes()));
        match correlation.find(body) {
            Found::Nothing => in_headers().find(|found| *found != Found::Nothing).unwrap_or(Found::Nothing),
            found => found,
        }
    }

    fn course(&self, received: &Received, now: Moment) -> Course {
        let key = match self.key {
            Ok(key) => key,
            Err(no_entry) => return Course::NoEntry(no_entry),
        };
        if received.cut == Some(Cut::TooLong) {
            return Course::BodyTooLarge;
        }
        let (method, path) = (&self.head.method, self.head.uri.path());
        let seat = self.upstream.keys.seat(key);
        if method == Method::GET && MODELS_PATHS.contains(&path) {
            let asked = Asked { seat, key, nth: self.nth, chat: None };
            return Course::Models(self.upstream.rules.decide(&asked, now).deviation);
        }
        if method != Method::POST || !CHAT_PATHS.contains(&path) {
            return Course::UnknownPath;
        }
        let chat = match ChatRequest::read(&received.bytes) {
            Ok(chat) => chat,
            Err(unfit) => return Course::Unfit(unfit),
        };
        let asked = Asked { seat, key, nth: self.nth, chat: Some((&chat.model, chat.stream)) };
        let decision = self.upstream.rules.decide(&asked, now);
        let journal = &self.upstream.journal;
        let model = self.upstream.models.number(&chat.model, |model| journal.redacted(model));
        self.connection.note(|attempt| (attempt.row.model, attempt.row.streamed) = (model, chat.stream));
        let ChatRequest { model, stream, include_usage, words } = chat;
        Course::Chat(Chat { model: model.into_owned(), stream, include_usage, words }, decision)
    }

    /// Waits as long as the upstream thinks, counted from the request's last byte, and tells when that is over.
    async fn think(&self, read: Moment) -> Moment {
        let latency = self.draws.duration(Purpose::Latency, &self.upstream.latency);
        if latency.is_zero() {
            return read;
        }
        let clock = self.upstream.journal.clock;
        Pause::until(clock.instant(read.after(latency))).await;
        clock.now()
    }

    fn reply(&self, course: &Course, now: Moment) -> Response<ReplyBody> {
        let errors = &self.upstream.errors;
        let refuse = |error, refusal| self.refuse(errors.number(error), refusal, now);
        match course {
            Course::NoEntry(NoEntry::Missing) => refuse(ErrorName::InvalidKey, Refusal::NoKey),
            Course::NoEntry(NoEntry::Unknown) => refuse(ErrorName::InvalidKey, Refusal::InvalidKey),
            Course::BodyTooLarge => refuse(ErrorName::BadRequest, Refusal::BodyTooLarge),
            Course::Unfit(unfit) => refuse(ErrorName::BadRequest, Refusal::Unfit(*unfit)),
            Course::UnknownPath => {
                let (method, path) = (self.head.method.as_str(), self.head.uri.path());
                self.refuse(errors.unknown_path, Refusal::UnknownPath { method, path }, now)
            }
            Course::Models(Some(deviation)) => self.deviate(deviation, None, "", now),
            Course::Models(None) => {
                let models =
                    openai::model_list(self.upstream.models.served(), self.upstream.unix_seconds(now));
                self.send(&ReplyHead::ok(), now, |connection| ReplyBody::whole(connection, models.into()))
            }
            Course::Chat(chat, Decision { deviation: Some(deviation), limit }) => {
                self.deviate(deviation, *limit, &chat.model, now)
            }
            Course::Chat(chat, Decision { deviation: None, limit }) => self.complete(chat, *limit, now),
        }
    }

    fn refuse(&self, error: NameId, refusal: Refusal<'_>, now: Moment) -> Response<ReplyBody> {
        let head = ReplyHead { status: refusal.status(), error, ..ReplyHead::ok() };
        self.send(&head, now, |connection| ReplyBody::whole(connection, refusal.body().into()))
    }

    fn deviate(
        &self,
        deviation: &Deviation,
        limit: Option<openai::RequestLimit>,
        model: &str,
        now: Moment,
    ) -> Response<ReplyBody> {
        let wait = deviation.wait.from(now);
        let refusal = match deviation.error {
            ErrorName::RateLimit => Refusal::RateLimit(wait),
            ErrorName::SlowDown => Refusal::SlowDown,
            ErrorName::InsufficientQuota => Refusal::InsufficientQuota,
            ErrorName::InvalidKey => Refusal::InvalidKey,
            ErrorName::BadRequest => Refusal::BadRequest,
            ErrorName::ModelNotFound => Refusal::ModelNotFound(model),
            ErrorName::ServerError => Refusal::ServerError,
            ErrorName::Overloaded => Refusal::Overloaded,
        };
        let status = refusal.status();
        let head = ReplyHead {
            status,
            error: self.upstream.errors.number(deviation.error),
            script: deviation.script,
            wait,
            limit: limit.filter(|_| status == StatusCode::TOO_MANY_REQUESTS),
            ..ReplyHead::ok()
        };
        self.send(&head, now, |connection| ReplyBody::whole(connection, refusal.body().into()))
    }

    fn complete(&self, chat: &Chat, limit: Option<openai::RequestLimit>, now: Moment) -> Response<ReplyBody> {
        let normal = &self.upstream.answer;
        let counted = Usage { input: chat.words, output: normal.words };
        let usage = normal.usage.unwrap_or(counted);
        let id = self.draws.id("chatcmpl-");
        let completion = Completion { id: &id, created: self.upstream.unix_seconds(now), model: &chat.model };
        let head = ReplyHead { limit, usage, events: chat.stream, ..ReplyHead::ok() };
        self.send(&head, now, |connection| {
            if !chat.stream {
                return ReplyBody::whole(connection, completion.body(&normal.text, usage).into());
            }
            let events = PacedEvents {
                writer: completion.stream(chat.include_usage),
                text: Arc::clone(&normal.text),
                usage: chat.include_usage.then_some(usage),
                first_event: normal.stream.first_event,
                gap: normal.stream.gap,
                progress: Progress::default(),
            };
            ReplyBody::events(connection, events)
        })
    }

    /// Makes the response, and notes it in the attempt before hyper writes the first byte of it.
    fn send(
        &self,
        reply: &ReplyHead,
        now: Moment,
        body: impl FnOnce(Arc<Connection>) -> ReplyBody,
    ) -> Response<ReplyBody> {
        let journal = &self.upstream.journal;
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        reply.write_headers(now.since(self.arrived), self.draws, response.headers_mut());
        let (head, ()) = response.into_parts();
        self.connection.note(|attempt| {
            reply.note(&mut attempt.row);
            journal.replied(attempt, &head, now);
        });
        if self.head.method == Method::HEAD {
            // hyper asks for no byte of this body, so the head is the whole reply.
            self.connection.give(&[], true);
        }
        Response::from_parts(head, body(Arc::clone(&self.connection)))
    }
}
