//! The error replies of the provider: each with its status and its body to the letter.

use std::time::Duration;

use crate::openai::Unfit;
use crate::openai::completion::write_text;
use crate::openai::limit_headers::go_duration;

/// An error reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'a> {
    /// The key's rate limit is reached; the wait is told where it is known.
    RateLimit(Option<Duration>),
    /// The traffic grew too fast, though the limit is not reached.
    SlowDown,
    /// The key is out of money, and a wait does not help.
    InsufficientQuota,
    /// There is no key.
    NoKey,
    /// The key is not valid. The message does not repeat it.
    InvalidKey,
    /// The request is wrong in some way.
    BadRequest,
    /// The body is no chat request.
    Unfit(Unfit),
    /// The body is longer than the provider takes.
    BodyTooLarge,
    /// The model does not exist.
    ModelNotFound(&'a str),
    /// There is nothing at this address.
    UnknownPath {
        /// The request's method.
        method: &'a str,
        /// The request's path.
        path: &'a str,
    },
    /// The provider failed.
    ServerError,
    /// The provider is overloaded.
    Overloaded,
}

/// A longer text of the caller's own is cut before it is repeated to the caller.
const MOST_REPEATED: usize = 200;

impl Refusal<'_> {
    /// The status of the reply.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::RateLimit(_) | Self::SlowDown | Self::InsufficientQuota => 429,
            Self::NoKey | Self::InvalidKey => 401,
            Self::BadRequest | Self::Unfit(_) => 400,
            Self::BodyTooLarge => 413,
            Self::ModelNotFound(_) | Self::UnknownPath { .. } => 404,
            Self::ServerError => 500,
            Self::Overloaded => 503,
        }
    }

    /// The body of the reply.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let (kind, param, code) = self.words();
        let mut body = br#"{"error":{"message":"#.to_vec();
        write_text(&self.message(), &mut body);
        for (name, word) in [("type", Some(kind)), ("param", param), ("code", code)] {
            body.extend_from_slice(b",\"");
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(b"\":");
            match word {
                Some(word) => write_text(word, &mut body),
                None => body.extend_from_slice(b"null"),
            }
        }
        body.extend_from_slice(b"}}");
        body
    }

    /// The type, the parameter and the code.
    fn words(&self) -> (&'static str, Option<&'static str>, Option<&'static str>) {
        let invalid = "invalid_request_error";
        match self {
            Self::RateLimit(_) => ("requests", None, Some("rate_limit_exceeded")),
            Self::SlowDown => ("rate_limit_error", None, Some("slow_down")),
            Self::InsufficientQuota => ("insufficient_quota", None, Some("insufficient_quota")),
            Self::InvalidKey => (invalid, None, Some("invalid_api_key")),
            Self::ModelNotFound(_) => (invalid, None, Some("model_not_found")),
            Self::Unfit(Unfit::NoMessages) => (invalid, Some("messages"), Some("missing_required_parameter")),
            Self::NoKey
            | Self::BadRequest
            | Self::Unfit(Unfit::NotJson | Unfit::NoModel)
            | Self::BodyTooLarge
            | Self::UnknownPath { .. } => (invalid, None, None),
            Self::ServerError => ("server_error", None, None),
            Self::Overloaded => ("service_unavailable_error", None, Some("server_is_overloaded")),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::RateLimit(None) => "Rate limit reached on requests per min (RPM).".to_owned(),
            Self::RateLimit(Some(wait)) => {
                let wait = go_duration(*wait);
                format!("Rate limit reached on requests per min (RPM). Please try again in {wait}.")
            }
            Self::SlowDown => "Your request rate grew too fast. Please slow down and raise it step by step.".to_owned(),
            Self::InsufficientQuota => "You exceeded your current quota, please check your plan and billing details.".to_owned(),
            Self::NoKey => "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).".to_owned(),
            Self::InvalidKey => "Incorrect API key provided.".to_owned(),
            Self::BadRequest => "The request could not be understood.".to_owned(),
            Self::Unfit(Unfit::NotJson) => "We could not parse the JSON body of your request. The API expects a JSON payload, but what was sent was not valid JSON.".to_owned(),
            Self::Unfit(Unfit::NoModel) => "you must provide a model parameter".to_owned(),
            Self::Unfit(Unfit::NoMessages) => "Missing required parameter: 'messages'.".to_owned(),
            Self::BodyTooLarge => "The body of your request is too large.".to_owned(),
            Self::ModelNotFound(model) => {
                format!("The model `{}` does not exist or you do not have access to it.", cut(model))
            }
            Self::UnknownPath { method, path } => format!("Invalid URL ({} {})", cut(method), cut(path)),
            Self::ServerError => "The server had an error while processing your request. Sorry about that!".to_owned(),
            Self::Overloaded => "The server is currently overloaded with other requests. Sorry about that! You can retry your request.".to_owned(),
        }
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_REPEATED)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorBody, Shape};

    #[test]
    fn every_refusal_has_its_status_type_and_code() {
        let unknown = Refusal::UnknownPath { method: "GET", path: "/" };
        let invalid = "invalid_request_error";
        for (refusal, status, kind, code) in [
            (Refusal::RateLimit(None), 429, "requests", Some("rate_limit_exceeded")),
            (Refusal::SlowDown, 429, "rate_limit_error", Some("slow_down")),
            (Refusal::InsufficientQuota, 429, "insufficient_quota", Some("insufficient_quota")),
            (Refusal::NoKey, 401, invalid, None),
            (Refusal::InvalidKey, 401, invalid, Some("invalid_api_key")),
            (Refusal::BadRequest, 400, invalid, None),
            (Refusal::Unfit(Unfit::NotJson), 400, invalid, None),
            (Refusal::Unfit(Unfit::NoModel), 400, invalid, None),
            (Refusal::Unfit(Unfit::NoMessages), 400, invalid, Some("missing_required_parameter")),
            (Refusal::BodyTooLarge, 413, invalid, None),
            (Refusal::ModelNotFound("m"), 404, invalid, Some("model_not_found")),
            (unknown, 404, invalid, None),
            (Refusal::ServerError, 500, "server_error", None),
            (Refusal::Overloaded, 503, "service_unavailable_error", Some("server_is_overloaded")),
        ] {
            let read = ErrorBody::read(Some("application/json"), &refusal.body());
            assert_eq!(refusal.status(), status, "{refusal:?}");
            assert_eq!((read.kind.as_deref(), read.code.as_deref()), (Some(kind), code), "{refusal:?}");
            assert_eq!(read.shape, Shape::Openai, "{refusal:?}");
        }
    }

    #[test]
    fn bodies_are_written_to_the_letter() {
        for (refusal, expected) in [
            (
                Refusal::RateLimit(Some(Duration::from_millis(20_500))),
                r#"{"error":{"message":"Rate limit reached on requests per min (RPM). Please try again in 20.5s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            ),
            (
                Refusal::Unfit(Unfit::NoMessages),
                r#"{"error":{"message":"Missing required parameter: 'messages'.","type":"invalid_request_error","param":"messages","code":"missing_required_parameter"}}"#,
            ),
            (
                Refusal::ModelNotFound("a\"b"),
                r#"{"error":{"message":"The model `a\"b` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            ),
        ] {
            assert_eq!(String::from_utf8(refusal.body()).unwrap(), expected);
        }
    }

    #[test]
    fn a_long_text_is_not_repeated_whole() {
        let path = "é".repeat(10_000);
        assert!(Refusal::UnknownPath { method: "GET", path: &path }.body().len() < 500);
    }
}
