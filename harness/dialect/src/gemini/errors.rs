//! The errors of the dialect: each with its status and its body. There are no headers: a wait is told among the details.

use std::borrow::Cow;

use crate::error_name::ErrorName;
use crate::hint::go_duration;
use crate::json::{write_number, write_text};
use crate::refusal::{Cause, Refusal, RefusalReply, repeated};
use crate::request::Unfit;

/// What the dialect says of an error.
struct Row {
    code: u16,
    /// The word of the status.
    status: &'static str,
    message: Cow<'static, str>,
    /// An item of the details, as JSON; empty if there is none.
    detail: &'static str,
}

const INVALID: &str = "INVALID_ARGUMENT";
const EXHAUSTED: &str = "RESOURCE_EXHAUSTED";
const BAD_KEY: &str = r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}"#;
const PER_MINUTE: &str = r#"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel","quotaDimensions":{"location":"global"},"quotaValue":"60"}]}"#;
const PER_DAY: &str = r#"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaDimensions":{"location":"global"},"quotaValue":"20"}]}"#;
const NOTHING: &str = r#"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaDimensions":{"location":"global"},"quotaValue":"0"}]}"#;

/// A refusal's status and body, with the headers of whatever hints it is given.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> RefusalReply {
    let row = row(refusal.cause);
    let message =
        refusal.message_in(&row.message, |hint| format!("Please retry in {}.", go_duration(hint.wait)));
    let mut body = br#"{"error":{"code":"#.to_vec();
    let code = refusal.status_or(row.code);
    write_number(code, &mut body);
    body.extend_from_slice(br#","message":"#);
    write_text(&message, &mut body);
    body.extend_from_slice(br#","status":""#);
    body.extend_from_slice(row.status.as_bytes());
    body.push(b'"');
    refusal.write_details(row.detail, &mut body);
    body.extend_from_slice(b"}}");
    RefusalReply { status: code, headers: refusal.headers(), body }
}

fn row(cause: Cause<'_>) -> Row {
    let row = |code, status, message: Cow<'static, str>| Row { code, status, message, detail: "" };
    match cause {
        Cause::Named(error) => named(error),
        Cause::ModelNotFound(model) => {
            let message = format!("models/{} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.", repeated(model));
            row(404, "NOT_FOUND", message.into())
        }
        Cause::NoKey => row(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.".into()),
        Cause::NoHeader(name) => row(400, INVALID, format!("The header {} is missing.", repeated(name)).into()),
        Cause::Unfit(Unfit::NotJson) => row(400, INVALID, "Invalid JSON payload received.".into()),
        Cause::Unfit(Unfit::NoModel) => row(400, INVALID, "* GenerateContentRequest.model: unexpected model name format".into()),
        Cause::Unfit(Unfit::NoMessages | Unfit::NoInput) => {
            row(400, INVALID, "* GenerateContentRequest.contents: contents is not specified".into())
        }
        Cause::Unfit(Unfit::NoMaxTokens) => {
            row(400, INVALID, "* GenerateContentRequest.generation_config.max_output_tokens: is not specified".into())
        }
        Cause::UnknownPath { path, .. } => {
            row(404, "NOT_FOUND", format!("There is no method at {}.", repeated(path)).into())
        }
    }
}

/// The table: code, status, detail, message. A key that is not valid is an invalid argument here, and quotas of every kind
/// have one status: only the violations tell them apart. The provider itself sends no 402, 408, 409, 413, 422 and 502 that
/// are known; what stands here for those is the dialect as its other speakers would fill it in.
#[rustfmt::skip]
fn named(error: ErrorName) -> Row {
    let (code, status, detail, message) = match error {
        ErrorName::RateLimit => (429, EXHAUSTED, PER_MINUTE, "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_requests, limit: 60."),
        ErrorName::SlowDown => (429, EXHAUSTED, "", "Resource exhausted, because your traffic grows faster than there is capacity. Please try again later."),
        ErrorName::Concurrency => (429, EXHAUSTED, "", "Too many requests of this project are open at once."),
        ErrorName::DailyLimit => (429, EXHAUSTED, PER_DAY, "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 20."),
        ErrorName::ZeroQuota => (429, EXHAUSTED, NOTHING, "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0."),
        ErrorName::SpendCap => (429, EXHAUSTED, "", "Your project has exceeded its spending cap."),
        ErrorName::InsufficientQuota => (429, EXHAUSTED, "", "You exceeded your current quota, please check your plan and billing details."),
        ErrorName::PaymentRequired => (402, "FAILED_PRECONDITION", "", "Your prepaid credit is used up. Please add credit to your billing account."),
        ErrorName::InvalidKey => (400, INVALID, BAD_KEY, "API key not valid. Please pass a valid API key."),
        ErrorName::Forbidden => (403, "PERMISSION_DENIED", "", "The caller does not have permission"),
        ErrorName::BadRequest => (400, INVALID, "", "Request contains an invalid argument."),
        ErrorName::ContextOverflow => (400, INVALID, "", "The input token count (8193) exceeds the maximum number of tokens allowed (8192)."),
        ErrorName::ContentPolicy => (400, INVALID, "", "The request was blocked, because its content is against the policy on prohibited use."),
        ErrorName::ModelNotFound => (404, "NOT_FOUND", "", "The model is not found for API version v1beta, or is not supported for generateContent."),
        ErrorName::RequestTimeout => (408, "DEADLINE_EXCEEDED", "", "The request did not come in time."),
        ErrorName::Conflict => (409, "ABORTED", "", "The request conflicts with another one."),
        ErrorName::TooLarge => (413, INVALID, "", "Request payload size exceeds the limit."),
        ErrorName::Unprocessable => (422, INVALID, "", "The request is well-formed and cannot be processed."),
        ErrorName::ServerError => (500, "INTERNAL", "", "An internal error has occurred. Please retry or report it."),
        ErrorName::BadGateway => (502, "UNAVAILABLE", "", "Bad gateway"),
        ErrorName::Unavailable => (503, "UNAVAILABLE", "", "The service is currently unavailable."),
        ErrorName::Overloaded => (503, "UNAVAILABLE", "", "The model is overloaded. Please try again later."),
        ErrorName::GatewayTimeout => (504, "DEADLINE_EXCEEDED", "", "Deadline expired before operation could complete."),
    };
    Row { code, status, message: message.into(), detail }
}
