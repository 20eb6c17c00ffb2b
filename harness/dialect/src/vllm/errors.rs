//! The errors of vLLM: the code is the status as a number, and the type its name. It tells no limits and no waits.

use std::borrow::Cow;

use crate::error_name::ErrorName;
use crate::json::{write_number, write_text};
use crate::refusal::{Cause, Refusal, RefusalReply, repeated};
use crate::request::Unfit;

/// A refusal's status and body, with whatever hints it is given.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> RefusalReply {
    let (own, message) = said(refusal.cause);
    let status = refusal.status_or(own);
    let mut body = Vec::new();
    if own == 401 {
        // What looks at the key stands in front of what knows the usual shape.
        body.extend_from_slice(br#"{"error":"Unauthorized"}"#);
        return RefusalReply { status, headers: refusal.headers(), body };
    }
    body.extend_from_slice(br#"{"error":{"message":"#);
    write_text(&refusal.message(&message), &mut body);
    body.extend_from_slice(br#","type":"#);
    write_text(kind(status), &mut body);
    body.extend_from_slice(br#","param":null,"code":"#);
    write_number(status, &mut body);
    refusal.write_details("", &mut body);
    body.extend_from_slice(b"}}");
    RefusalReply { status, headers: refusal.headers(), body }
}

/// The type: a name where the engine itself refuses, the phrase of HTTP where its server does.
fn kind(status: u16) -> &'static str {
    match status {
        400 => "BadRequestError",
        404 => "NotFoundError",
        500 => "InternalServerError",
        402 => "Payment Required",
        403 => "Forbidden",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Request Entity Too Large",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

fn said(cause: Cause<'_>) -> (u16, Cow<'static, str>) {
    match cause {
        Cause::Named(error) => named(error),
        Cause::ModelNotFound(model) => {
            (404, format!("The model `{}` does not exist.", repeated(model)).into())
        }
        Cause::NoKey => (401, "Unauthorized".into()),
        Cause::NoHeader(name) => (400, format!("The header {} is missing.", repeated(name)).into()),
        Cause::Unfit(Unfit::NotJson) => {
            (400, "[{'type': 'json_invalid', 'loc': ('body',), 'msg': 'JSON decode error'}]".into())
        }
        Cause::Unfit(Unfit::NoModel) => (400, missing("model")),
        Cause::Unfit(Unfit::NoMessages) => (400, missing("messages")),
        Cause::Unfit(Unfit::NoInput) => (400, missing("input")),
        Cause::Unfit(Unfit::NoMaxTokens) => (400, missing("max_tokens")),
        Cause::UnknownPath { .. } => (404, "Not Found".into()),
    }
}

fn missing(field: &str) -> Cow<'static, str> {
    format!("[{{'type': 'missing', 'loc': ('body', '{field}'), 'msg': 'Field required'}}]").into()
}

/// The table: status, message. An engine of one's own has no quotas and no bills; what stands here for those is what somebody
/// who puts a limit in front of it would say in its shape.
#[rustfmt::skip]
fn named(error: ErrorName) -> (u16, Cow<'static, str>) {
    let (status, message) = match error {
        ErrorName::RateLimit => (429, "Too many requests."),
        ErrorName::SlowDown => (429, "Traffic grows faster than is allowed. Please slow down."),
        ErrorName::Concurrency => (429, "Too many requests are open at once."),
        ErrorName::DailyLimit => (429, "The limit of requests per day is reached."),
        ErrorName::ZeroQuota => (429, "There is no quota: the limit is 0."),
        ErrorName::SpendCap => (429, "The spend limit is reached."),
        ErrorName::InsufficientQuota => (429, "The quota is exceeded."),
        ErrorName::PaymentRequired => (402, "Payment required."),
        ErrorName::InvalidKey => (401, "Unauthorized"),
        ErrorName::Forbidden => (403, "Forbidden"),
        ErrorName::BadRequest => (400, "The request could not be understood."),
        ErrorName::ContextOverflow => (400, "This model's maximum context length is 8192 tokens. However, your request has 8193 input tokens. Please reduce the length of the input messages."),
        ErrorName::ContentPolicy => (400, "The request was rejected, because its content is against the policy."),
        ErrorName::ModelNotFound => (404, "The model does not exist."),
        ErrorName::RequestTimeout => (408, "The request did not come in time."),
        ErrorName::Conflict => (409, "The request conflicts with another one."),
        ErrorName::TooLarge => (413, "The body of the request is too large."),
        ErrorName::Unprocessable => (422, "The request is well-formed and cannot be processed."),
        ErrorName::ServerError => (500, "EngineCore encountered an issue. See stack trace (above) for the root cause."),
        ErrorName::BadGateway => (502, "Bad gateway."),
        ErrorName::Unavailable => (503, "The service is unavailable."),
        ErrorName::Overloaded => (503, "The server is overloaded."),
        ErrorName::GatewayTimeout => (504, "Gateway timeout."),
    };
    (status, message.into())
}
