//! The errors of the dialect: each with its status, its body and its headers.

use std::borrow::Cow;

use crate::error_name::ErrorName;
use crate::json::write_text;
use crate::refusal::{Cause, Refusal, RefusalReply, repeated};
use crate::request::Unfit;

/// What the dialect says of an error.
struct Row {
    status: u16,
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
    message: Cow<'static, str>,
}

const INVALID: &str = "invalid_request_error";
const QUOTA: &str = "insufficient_quota";

/// A refusal's status, headers and body.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> RefusalReply {
    let row = row(refusal.cause);
    let mut body = br#"{"error":{"message":"#.to_vec();
    write_text(&refusal.message(&row.message), &mut body);
    for (name, word) in [("type", Some(row.kind)), ("param", row.param), ("code", row.code)] {
        body.extend_from_slice(b",\"");
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\":");
        match word {
            Some(word) => write_text(word, &mut body),
            None => body.extend_from_slice(b"null"),
        }
    }
    refusal.write_details("", &mut body);
    body.extend_from_slice(b"}}");
    RefusalReply { status: refusal.status_or(row.status), headers: refusal.headers(), body }
}

fn row(cause: Cause<'_>) -> Row {
    let invalid =
        |status, message: Cow<'static, str>| Row { status, kind: INVALID, param: None, code: None, message };
    match cause {
        Cause::Named(error) => named(error),
        Cause::ModelNotFound(model) => {
            let message = format!("The model `{}` does not exist or you do not have access to it.", repeated(model));
            Row { code: Some("model_not_found"), ..invalid(404, message.into()) }
        }
        Cause::NoKey => invalid(401, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).".into()),
        Cause::NoHeader(name) => invalid(400, format!("Missing required header: '{}'.", repeated(name)).into()),
        Cause::Unfit(Unfit::NotJson) => invalid(400, "We could not parse the JSON body of your request. The API expects a JSON payload, but what was sent was not valid JSON.".into()),
        Cause::Unfit(Unfit::NoModel) => invalid(400, "you must provide a model parameter".into()),
        Cause::Unfit(Unfit::NoMessages) => missing("messages"),
        Cause::Unfit(Unfit::NoInput) => missing("input"),
        Cause::Unfit(Unfit::NoMaxTokens) => missing("max_tokens"),
        Cause::UnknownPath { method, path } => {
            invalid(404, format!("Invalid URL ({} {})", repeated(method), repeated(path)).into())
        }
    }
}

fn missing(param: &'static str) -> Row {
    let message = format!("Missing required parameter: '{param}'.").into();
    Row { status: 400, kind: INVALID, param: Some(param), code: Some("missing_required_parameter"), message }
}

/// The table: status, type, parameter, code, message. The provider itself sends no 402, 408, 409, 413, 502 and 504 with a
/// body of its own that is known; what stands here for those is the dialect as its other speakers would fill it in.
#[rustfmt::skip]
fn named(error: ErrorName) -> Row {
    let (status, kind, param, code, message) = match error {
        ErrorName::RateLimit => (429, "requests", None, Some("rate_limit_exceeded"), "Rate limit reached on requests per min (RPM)."),
        ErrorName::SlowDown => (429, "rate_limit_error", None, Some("slow_down"), "Your traffic grows faster than is allowed. Please slow down and raise it step by step."),
        ErrorName::Concurrency => (429, "requests", None, Some("rate_limit_exceeded"), "Too many requests are open at once."),
        ErrorName::DailyLimit => (429, "requests", None, Some("rate_limit_exceeded"), "Rate limit reached on requests per day (RPD)."),
        ErrorName::ZeroQuota => (429, QUOTA, None, Some("credit_balance_exhausted"), "Your account has no quota. Limit: 0. Please add credits to use this model."),
        ErrorName::SpendCap => (429, QUOTA, None, Some("organization_spend_limit_exceeded"), "Your organization has reached its spend limit."),
        ErrorName::InsufficientQuota => (429, QUOTA, None, Some("insufficient_quota"), "You exceeded your current quota, please check your plan and billing details."),
        ErrorName::PaymentRequired => (402, QUOTA, None, Some("payment_required"), "Insufficient balance. Please add credits."),
        ErrorName::InvalidKey => (401, INVALID, None, Some("invalid_api_key"), "Incorrect API key provided."),
        ErrorName::Forbidden => (403, "request_forbidden", None, Some("unsupported_country_region_territory"), "Country, region, or territory not supported."),
        ErrorName::BadRequest => (400, INVALID, None, None, "The request could not be understood."),
        ErrorName::ContextOverflow => (400, INVALID, Some("messages"), Some("context_length_exceeded"), "This model's maximum context length is 8192 tokens. However, your messages resulted in more. Please reduce the length of the messages."),
        ErrorName::ContentPolicy => (400, INVALID, None, Some("content_policy_violation"), "Your request was rejected by our safety system, because its content is against our policy."),
        ErrorName::ModelNotFound => (404, INVALID, None, Some("model_not_found"), "The model does not exist or you do not have access to it."),
        ErrorName::RequestTimeout => (408, INVALID, None, Some("request_timeout"), "Your request did not come in time."),
        ErrorName::Conflict => (409, INVALID, None, Some("conflict"), "Your request conflicts with another one."),
        ErrorName::TooLarge => (413, INVALID, None, Some("request_too_large"), "The body of your request is too large."),
        ErrorName::Unprocessable => (422, INVALID, None, Some("unprocessable_entity"), "The request is well-formed and cannot be processed."),
        ErrorName::ServerError => (500, "server_error", None, None, "The server had an error while processing your request. Sorry about that!"),
        ErrorName::BadGateway => (502, "server_error", None, Some("bad_gateway"), "Bad gateway."),
        ErrorName::Unavailable => (503, "server_error", None, Some("service_unavailable"), "The service is temporarily unavailable. Please try again later."),
        ErrorName::Overloaded => (503, "service_unavailable_error", None, Some("server_is_overloaded"), "The server is currently overloaded with other requests. Sorry about that! You can retry your request."),
        ErrorName::GatewayTimeout => (504, "server_error", None, Some("gateway_timeout"), "Gateway timeout."),
    };
    Row { status, kind, param, code, message: message.into() }
}
