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
    /// The code among the details, which errors of money and of growth have.
    code: Option<&'static str>,
    /// What `x-should-retry` says, where it says something.
    retry: Option<bool>,
    message: Cow<'static, str>,
}

const INVALID: &str = "invalid_request_error";
const LIMIT: &str = "rate_limit_error";

/// A refusal's status, headers and body.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> RefusalReply {
    let row = row(refusal.cause);
    let mut body = br#"{"type":"error","error":{"type":"#.to_vec();
    write_text(row.kind, &mut body);
    body.extend_from_slice(br#","message":"#);
    write_text(&refusal.message(&row.message), &mut body);
    write_details(row.code, &refusal.details(), &mut body);
    body.extend_from_slice(br#"},"request_id":"#);
    write_text(refusal.request_id, &mut body);
    body.push(b'}');
    let mut headers = refusal.headers();
    headers.extend(row.retry.map(|retry| ("x-should-retry", retry.to_string())));
    RefusalReply { status: refusal.status_or(row.status), headers, body }
}

/// The details: an object with the code, as the provider has it. A wait is told among them in a list, as Google has it.
fn write_details(code: Option<&str>, wait: &str, to: &mut Vec<u8>) {
    let code = code.map(|code| format!(r#"{{"error_code":"{code}"}}"#)).unwrap_or_default();
    let (begin, between, end) = match (code.is_empty(), wait.is_empty()) {
        (true, true) => return,
        (false, true) => ("", "", ""),
        (true, false) => ("[", "", "]"),
        (false, false) => ("[", ",", "]"),
    };
    for part in [r#","details":"#, begin, &code, between, wait, end] {
        to.extend_from_slice(part.as_bytes());
    }
}

fn row(cause: Cause<'_>) -> Row {
    let row = |status, kind, message: Cow<'static, str>| Row {
        status,
        kind,
        code: None,
        retry: Some(false),
        message,
    };
    match cause {
        Cause::Named(error) => named(error),
        Cause::ModelNotFound(model) => {
            row(404, "not_found_error", format!("model: {}", repeated(model)).into())
        }
        Cause::NoKey => row(401, "authentication_error", "x-api-key header is required".into()),
        Cause::NoHeader(name) => row(400, INVALID, format!("{}: header is required", repeated(name)).into()),
        Cause::Unfit(Unfit::NotJson) => row(400, INVALID, "The request body is not valid JSON".into()),
        Cause::Unfit(Unfit::NoModel) => row(400, INVALID, "model: Field required".into()),
        Cause::Unfit(Unfit::NoMessages) => row(400, INVALID, "messages: Field required".into()),
        Cause::Unfit(Unfit::NoInput) => row(400, INVALID, "input: Field required".into()),
        Cause::Unfit(Unfit::NoMaxTokens) => row(400, INVALID, "max_tokens: Field required".into()),
        Cause::UnknownPath { .. } => row(404, "not_found_error", "Not Found".into()),
    }
}

/// The table: status, type, code, whether to retry, message. Errors of money and of growth look like others: only their
/// codes and messages tell. Statuses without a type of their own have that of an invalid request, as the provider's documentation says.
#[rustfmt::skip]
fn named(error: ErrorName) -> Row {
    let (yes, no) = (Some(true), Some(false));
    let (status, kind, code, retry, message) = match error {
        ErrorName::RateLimit => (429, LIMIT, None, yes, "This request would exceed your organization's rate limit of requests per minute."),
        ErrorName::SlowDown => (429, LIMIT, Some("ramp_limit_exceeded"), yes, "This request would exceed your organization's maximum usage increase rate. Please scale up more gradually."),
        ErrorName::Concurrency => (429, LIMIT, None, yes, "Number of concurrent connections has exceeded your rate limit."),
        ErrorName::DailyLimit => (429, LIMIT, None, yes, "This request would exceed your organization's limit of requests per day."),
        ErrorName::ZeroQuota => (429, LIMIT, None, None, "This request would exceed your organization's rate limit of 0 requests per minute for this model."),
        ErrorName::SpendCap => (429, LIMIT, Some("enforced_spend_limit_reached"), None, "Your organization has reached the spend limit of its tier."),
        ErrorName::InsufficientQuota => (400, INVALID, None, no, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."),
        ErrorName::PaymentRequired => (402, "billing_error", None, no, "There is an issue with your billing. Please check your payment information."),
        ErrorName::InvalidKey => (401, "authentication_error", None, no, "invalid x-api-key"),
        ErrorName::Forbidden => (403, "permission_error", None, no, "Your API key does not have permission to use the specified resource."),
        ErrorName::BadRequest => (400, INVALID, None, no, "There was an issue with the format or content of your request."),
        ErrorName::ContextOverflow => (400, INVALID, None, no, "prompt is too long: 8193 tokens > 8192 maximum"),
        ErrorName::ContentPolicy => (400, INVALID, None, no, "Output blocked by content filtering policy"),
        ErrorName::ModelNotFound => (404, "not_found_error", None, no, "The requested model could not be found."),
        ErrorName::RequestTimeout => (408, INVALID, None, yes, "Your request did not come in time."),
        ErrorName::Conflict => (409, INVALID, None, yes, "Your request conflicts with another one."),
        ErrorName::TooLarge => (413, "request_too_large", None, no, "Request exceeds the maximum allowed number of bytes."),
        ErrorName::Unprocessable => (422, INVALID, None, no, "The request is well-formed and cannot be processed."),
        ErrorName::ServerError => (500, "api_error", None, yes, "Internal server error"),
        ErrorName::BadGateway => (502, "api_error", None, yes, "Bad gateway"),
        ErrorName::Unavailable => (503, "api_error", None, yes, "Service unavailable"),
        ErrorName::Overloaded => (529, "overloaded_error", None, yes, "Overloaded"),
        ErrorName::GatewayTimeout => (504, "timeout_error", None, yes, "The request timed out while it was processed."),
    };
    Row { status, kind, code, retry, message: message.into() }
}
