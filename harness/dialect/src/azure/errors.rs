//! The errors of Azure: most have a code and a message and no more; those of the model itself are written as OpenAI's.

use std::borrow::Cow;

use crate::error_name::ErrorName;
use crate::hint::{Hint, whole_seconds};
use crate::json::write_text;
use crate::openai;
use crate::refusal::{Cause, Refusal, RefusalReply};

/// What Azure says of an error that the model itself does not tell.
struct Row {
    status: u16,
    code: &'static str,
    message: Cow<'static, str>,
    /// What stands behind the message, as JSON members with a comma before them.
    rest: &'static str,
}

const FILTERED: &str = r#","type":null,"param":"prompt","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"filtered":false,"detected":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"high"}}}"#;

/// A refusal's status, headers and body.
pub(crate) fn refusal(refusal: &Refusal<'_>) -> RefusalReply {
    let Some(row) = row(refusal.cause) else { return openai::refusal(refusal) };
    let sentence = |hint: Hint| format!("Please retry after {} seconds.", whole_seconds(hint.wait));
    let mut body = br#"{"error":{"code":"#.to_vec();
    let status = refusal.status_or(row.status);
    let is_status = row.code.parse() == Ok(row.status);
    let code = if is_status { status.to_string().into() } else { Cow::Borrowed(row.code) };
    write_text(&code, &mut body);
    body.extend_from_slice(br#","message":"#);
    write_text(&refusal.message_in(&row.message, sentence), &mut body);
    body.extend_from_slice(row.rest.as_bytes());
    refusal.write_details("", &mut body);
    body.extend_from_slice(b"}}");
    RefusalReply { status, headers: refusal.headers(), body }
}

/// What Azure itself says; none for what the model behind it says.
fn row(cause: Cause<'_>) -> Option<Row> {
    let row =
        |status, code, message: &'static str| Some(Row { status, code, message: message.into(), rest: "" });
    match cause {
        Cause::Named(error) => named(error),
        Cause::ModelNotFound(_) => named(ErrorName::ModelNotFound),
        Cause::NoKey => row(
            401,
            "401",
            "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.",
        ),
        Cause::UnknownPath { .. } => row(404, "404", "Resource not found"),
        Cause::NoHeader(_) | Cause::Unfit(_) => None,
    }
}

/// The table: status, code, message, rest.
#[rustfmt::skip]
fn named(error: ErrorName) -> Option<Row> {
    let (status, code, message, rest) = match error {
        ErrorName::RateLimit => (429, "429", "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded call rate limit of your current OpenAI S0 pricing tier.", ""),
        ErrorName::SlowDown => (429, "429", "The system is currently experiencing high demand and cannot process your request. Your traffic grows too fast: please scale up more gradually.", ""),
        ErrorName::Concurrency => (429, "429", "Too many requests to this deployment are open at once.", ""),
        ErrorName::DailyLimit => (429, "429", "Requests to this deployment have exceeded the limit of requests per day.", ""),
        ErrorName::ZeroQuota => (429, "429", "This deployment has no quota: its limit is 0.", ""),
        ErrorName::SpendCap => (403, "403", "Out of call volume quota. Quota will be replenished later.", ""),
        ErrorName::InsufficientQuota => (429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.", ""),
        ErrorName::PaymentRequired => (402, "402", "The subscription has to be paid.", ""),
        ErrorName::InvalidKey => (401, "401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.", ""),
        ErrorName::Forbidden => (403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource.", ""),
        ErrorName::ContentPolicy => (400, "content_filter", "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.", FILTERED),
        ErrorName::ModelNotFound => (404, "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.", ""),
        ErrorName::RequestTimeout => (408, "Timeout", "The operation was timeout.", ""),
        ErrorName::Conflict => (409, "Conflict", "The request conflicts with another one.", ""),
        ErrorName::TooLarge => (413, "RequestEntityTooLarge", "The body of the request is too large.", ""),
        ErrorName::ServerError => (500, "InternalServerError", "The server had an error while processing your request.", ""),
        ErrorName::BadGateway => (502, "BadGateway", "Bad gateway", ""),
        ErrorName::Unavailable => (503, "503", "Service unavailable", ""),
        ErrorName::Overloaded => (503, "ServiceUnavailable", "The service is temporarily unable to process your request. Please try again later.", ""),
        ErrorName::GatewayTimeout => (504, "GatewayTimeout", "The gateway did not receive a response in time.", ""),
        ErrorName::BadRequest | ErrorName::ContextOverflow | ErrorName::Unprocessable => return None,
    };
    Some(Row { status, code, message: message.into(), rest })
}
