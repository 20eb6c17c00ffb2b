//! What a service says: an answer, or a refusal that tells what is wrong.

use bytes::Bytes;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderName, HeaderValue};
use record::Moment;
use serde_json::{Value, json};

use crate::service::blob_file::Piece;

/// An answer, before it is bound to a connection.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: AnswerBody,
}

/// The body of an answer.
#[derive(Clone, Debug)]
pub(crate) enum AnswerBody {
    Nothing,
    Json(Bytes),
    /// Bytes of a type that a header tells.
    Bytes(Bytes),
    /// A part of a file.
    File(Piece),
}

/// Why something is not done. Whatever is refused has changed nothing.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// When it is worth asking again without a word from anybody; none for what waiting does not change.
    pub(crate) again: Option<Moment>,
}

/// What comes of a request.
pub(crate) type Outcome = Result<Answer, Refusal>;

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: AnswerBody::Nothing }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self { body: AnswerBody::Json(Bytes::from(value.to_string())), ..Self::empty(status) }
    }

    /// A list with its length.
    pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Self {
        let items: Vec<Value> = items.into_iter().collect();
        Self::json(200, &json!({ "count": items.len(), "items": items }))
    }

    /// The same with another header. What no header can hold is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), header: None, again: None }
    }

    pub(crate) fn with(self, name: HeaderName, value: impl AsRef<str>) -> Self {
        Self { header: HeaderValue::from_str(value.as_ref()).ok().map(|value| (name, value)), ..self }
    }

    /// Nothing is there.
    pub(crate) fn unknown(what: &str) -> Self {
        Self::new(404, "not_found", format!("there is no {what}"))
    }

    /// The request cannot be read.
    pub(crate) fn unfit(message: impl Into<String>) -> Self {
        Self::new(400, "bad_request", message)
    }

    /// The field of the body that is wrong.
    pub(crate) fn field((field, why): (String, String)) -> Self {
        Self::new(400, "bad_field", format!("`{field}` {why}"))
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(409, code, message)
    }

    /// There is something at this path, and this is no method for it.
    pub(crate) fn method(allowed: &'static str) -> Self {
        let message = format!("only {allowed} can be asked here");
        Self::new(405, "method_not_allowed", message).with(ALLOW, allowed)
    }

    /// The service is full.
    pub(crate) fn no_room() -> Self {
        Self::new(507, "no_room", "the service holds all that it can")
    }

    /// It may be there later.
    pub(crate) fn later(self, seconds: u64, again: Moment) -> Self {
        Self { again: Some(again), ..self.with(RETRY_AFTER, seconds.to_string()) }
    }

    /// The same as an error of the service itself.
    pub(crate) fn into_500(self) -> Self {
        Self { status: 500, code: "server_error", header: None, ..self }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = json!({ "error": { "code": refusal.code, "message": refusal.message } });
        Self { headers: refusal.header.into_iter().collect(), ..Self::json(refusal.status, &body) }
    }
}
