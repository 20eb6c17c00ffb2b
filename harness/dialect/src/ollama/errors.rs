//! The errors of Ollama: a text and no more in its own chat, and OpenAI's shape below `/v1`. It tells no limits and no waits.

use std::borrow::Cow;

use crate::error_name::ErrorName;
use crate::json::write_text;
use crate::refusal::{Cause, Refusal, RefusalReply, repeated};
use crate::request::Unfit;

/// A refusal's status and body in the dialect's own chat, with whatever hints it is given.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> RefusalReply {
    let (own, message) = said(refusal.cause);
    let status = refusal.status_or(own);
    let mut body = br#"{"error":"#.to_vec();
    write_text(&refusal.message(&message), &mut body);
    refusal.write_details("", &mut body);
    body.push(b'}');
    RefusalReply { status, headers: refusal.headers(), body }
}

/// The same below `/v1`.
pub(crate) fn refusal_below_v1(refusal: &Refusal<'_>) -> RefusalReply {
    let (own, message) = said(refusal.cause);
    let status = refusal.status_or(own);
    let kind = match status {
        400 => "invalid_request_error",
        404 => "not_found_error",
        _ => "api_error",
    };
    let mut body = br#"{"error":{"message":"#.to_vec();
    write_text(&refusal.message(&message), &mut body);
    body.extend_from_slice(br#","type":""#);
    body.extend_from_slice(kind.as_bytes());
    body.extend_from_slice(br#"","param":null,"code":null"#);
    refusal.write_details("", &mut body);
    body.extend_from_slice(b"}}");
    RefusalReply { status, headers: refusal.headers(), body }
}

fn said(cause: Cause<'_>) -> (u16, Cow<'static, str>) {
    match cause {
        Cause::Named(error) => named(error),
        Cause::ModelNotFound(model) => (404, format!("model '{}' not found", repeated(model)).into()),
        Cause::NoKey => (401, "unauthorized".into()),
        Cause::NoHeader(name) => (400, format!("missing header {}", repeated(name)).into()),
        Cause::Unfit(Unfit::NotJson) => (400, "invalid character in the request's body".into()),
        Cause::Unfit(Unfit::NoModel) => (400, "model is required".into()),
        Cause::Unfit(Unfit::NoMessages) => (400, "[] is too short - 'messages'".into()),
        Cause::Unfit(Unfit::NoInput) => (400, "invalid input".into()),
        Cause::Unfit(Unfit::NoMaxTokens) => (400, "max_tokens is required".into()),
        Cause::UnknownPath { .. } => (404, "404 page not found".into()),
    }
}

/// The table: status, message. A server of one's own has no quotas and no bills; what stands here for those is what the cloud
/// of the same name, or somebody in front of it, would say in its shape.
#[rustfmt::skip]
fn named(error: ErrorName) -> (u16, Cow<'static, str>) {
    let (status, message) = match error {
        ErrorName::RateLimit => (429, "too many requests"),
        ErrorName::SlowDown => (429, "requests grow too fast, please slow down"),
        ErrorName::Concurrency => (429, "too many concurrent requests"),
        ErrorName::DailyLimit => (429, "you've reached your daily usage limit"),
        ErrorName::ZeroQuota => (429, "there is no quota: the limit is 0"),
        ErrorName::SpendCap => (429, "you've reached your spend limit"),
        ErrorName::InsufficientQuota => (429, "you've reached your usage limit, please upgrade to continue"),
        ErrorName::PaymentRequired => (402, "this model requires a subscription"),
        ErrorName::InvalidKey => (401, "unauthorized"),
        ErrorName::Forbidden => (403, "forbidden"),
        ErrorName::BadRequest => (400, "the request could not be understood"),
        ErrorName::ContextOverflow => (400, "the input length exceeds the context length"),
        ErrorName::ContentPolicy => (400, "the content is against the policy"),
        ErrorName::ModelNotFound => (404, "model not found"),
        ErrorName::RequestTimeout => (408, "request timeout"),
        ErrorName::Conflict => (409, "the request conflicts with another one"),
        ErrorName::TooLarge => (413, "request body too large"),
        ErrorName::Unprocessable => (422, "the request is well-formed and cannot be processed"),
        ErrorName::ServerError => (500, "llama runner process has terminated: exit status 2"),
        ErrorName::BadGateway => (502, "bad gateway"),
        ErrorName::Unavailable => (503, "service unavailable"),
        ErrorName::Overloaded => (503, "server busy, please try again.  maximum pending requests exceeded"),
        ErrorName::GatewayTimeout => (504, "gateway timeout"),
    };
    (status, message.into())
}
