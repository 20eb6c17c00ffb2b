//! Replies on their way to hyper: noted in the attempt, and bound to the connection.

use std::sync::Arc;

use bytes::Bytes;
use dialect::{About, Cause, Limit};
use http::header::CONNECTION;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use record::{Moment, NameId};
use scenario::{BodyLength, LimitSignal, Protocol, Values};

use super::Visit;
use crate::decision::Decision;
use crate::reply_body::ReplyBody;
use crate::reply_head::{JSON, ReplyHead};
use crate::service::{Answer, AnswerBody, Sending};
use crate::speech::{Chat, Speaker, Speech, SpokenBody};

impl Visit {
    pub(super) fn tell_limits(&self, decision: &Decision<'_>, head: &mut ReplyHead, now: Moment) {
        let Some((plan, standing)) = &decision.standing else { return };
        if self.upstream.protocol == Protocol::Http {
            return;
        }
        let limited = head.status == 429;
        let tells = match self.upstream.limits {
            LimitSignal::Usual => limited || head.status < 400,
            LimitSignal::Refusals => limited,
            LimitSignal::Never => false,
        };
        if tells && self.upstream.protocol == Protocol::Rest {
            head.set_own("x-ratelimit-limit", standing.limit.to_string());
            head.set_own("x-ratelimit-remaining", standing.remaining.to_string());
            head.set_own("x-ratelimit-reset", standing.reset.as_secs_f64().ceil().to_string());
        } else if tells {
            let limit = Limit {
                counted: plan.counted(),
                limit: standing.limit,
                remaining: standing.remaining,
                reset: standing.reset,
            };
            for (name, value) in self.dialect.limit_headers(&limit, self.upstream.wall_clock(now)) {
                // What the refusal itself says stands.
                head.set_own(name, value);
            }
        }
    }

    pub(super) fn speaker<'s>(
        &'s self,
        (chat, values): (&'s Chat, &'s Values),
        request_id: &'s str,
        now: Moment,
    ) -> Speaker<'s> {
        let wall = self.upstream.wall_clock(now);
        let unix_seconds = wall.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let (upstream, dialect, draws) = (&self.upstream, self.dialect, self.draws);
        Speaker { upstream, dialect, chat, values, draws, request_id, wall, unix_seconds }
    }

    pub(super) fn refuse(&self, cause: Cause<'_>, number: NameId, now: Moment) -> Response<ReplyBody> {
        let (request_id, chat, values) = (self.draws.id("req_"), Chat::default(), Values::default());
        let speech = self.speaker((&chat, &values), &request_id, now).refuse(cause, number);
        self.send_speech(speech, (&request_id, now))
    }

    pub(super) fn refuse_path(&self, now: Moment) -> Response<ReplyBody> {
        let (method, path) = (self.head.method.as_str(), self.head.uri.path());
        self.refuse(Cause::UnknownPath { method, path }, self.upstream.errors.unknown_path, now)
    }

    pub(super) fn list_models(&self, now: Moment) -> Response<ReplyBody> {
        let request_id = self.draws.id("req_");
        let created = self.upstream.unix_seconds(now);
        let served = self.upstream.models.served();
        let body = self.dialect.model_list(served, created);
        self.send(ReplyHead::new(NameId::NONE), (&request_id, now), body.into())
    }

    pub(super) fn tell_about(&self, about: About, now: Moment) -> Response<ReplyBody> {
        let told = self.upstream.told_about(self.dialect, about);
        let mut head = ReplyHead::new(NameId::NONE);
        told.content_type.into_iter().for_each(|kind| head.body(kind));
        let body = SpokenBody::Whole(told.body.into());
        let speech = Speech { head, body, used: (0, 0), reported: None, text_hash: 0, hidden: false };
        self.send_speech(speech, (&self.draws.id("req_"), now))
    }

    /// Sends a body of JSON that is no answer.
    pub(super) fn send(&self, mut head: ReplyHead, told: (&str, Moment), body: Bytes) -> Response<ReplyBody> {
        head.body(JSON);
        let body = SpokenBody::Whole(body);
        self.send_speech(Speech::plain(head, body), told)
    }

    /// Sends what a service says.
    pub(super) fn send_answer(
        &self,
        answer: Answer,
        decision: &Decision<'_>,
        told: (&str, Moment),
    ) -> Response<ReplyBody> {
        let mut head = ReplyHead { status: answer.status, ..ReplyHead::new(decision.script) };
        let body = match answer.body {
            AnswerBody::Nothing => SpokenBody::Whole(Bytes::new()),
            AnswerBody::Json(body) => {
                head.body(JSON);
                SpokenBody::Whole(body)
            }
            AnswerBody::Bytes(body) => SpokenBody::Whole(body),
            AnswerBody::File(piece) => SpokenBody::File(Sending::new(piece)),
        };
        head.headers.extend(answer.headers);
        self.tell_limits(decision, &mut head, told.1);
        self.send_speech(Speech::plain(head, body), told)
    }

    /// Makes the response, and notes it in the attempt before hyper writes the first byte of it.
    pub(super) fn send_speech(
        &self,
        speech: Speech,
        (request_id, now): (&str, Moment),
    ) -> Response<ReplyBody> {
        let Speech { mut head, body, used, reported, text_hash, hidden } = speech;
        if let Protocol::Llm(_) = self.upstream.protocol {
            if let Some(name) = self.dialect.request_id_header() {
                head.set_own(name, request_id.to_owned());
            }
            if let Some(name) = self.dialect.took_header() {
                head.set_own(name, now.since(self.arrived).as_millis().to_string());
            }
        }
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = std::mem::take(&mut head.headers);
        if matches!(head.length, BodyLength::UntilClose | BodyLength::Half) {
            // hyper closes the connection behind such a reply.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let (parts, ()) = response.into_parts();
        self.connection.give_head(|attempt| {
            head.note(attempt, now);
            attempt.row.text_hash = text_hash;
            if let Some((input, output)) = reported {
                (attempt.row.input_tokens, attempt.row.output_tokens) = (input, output);
            }
            if let Some(charge) = &mut attempt.charge {
                charge.used = used;
            }
            if let Some(at_work) = attempt.at_work.as_mut().filter(|_| head.status == 200) {
                at_work.answers(used);
            }
            self.upstream.journal.replied(attempt, (&parts, hidden), now);
        });
        let connection = Arc::clone(&self.connection);
        let body = match body {
            SpokenBody::Whole(body) => {
                if matches!(head.length, BodyLength::UntilClose | BodyLength::Half) {
                    connection.tells_length(head.length);
                }
                ReplyBody::whole(connection, body, head.length != BodyLength::Chunked)
            }
            SpokenBody::Events(events) => ReplyBody::events(connection, *events),
            SpokenBody::Torn(torn) => ReplyBody::torn(connection, torn),
            SpokenBody::File(sending) => ReplyBody::file(connection, sending),
        };
        let bare = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&parts.status);
        if bare || self.head.method == Method::HEAD || body.is_end_stream() {
            // hyper asks for no byte of this body, so the head is the whole reply.
            self.connection.give(&[], true, |_| {});
        }
        Response::from_parts(parts, body)
    }
}
