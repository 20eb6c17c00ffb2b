//! Errors of the router's own, as the caller's dialect writes them.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::relay::ResponseBody;
use crate::accounts::Unlisted;
use crate::exchange::Refusal;
use crate::provider::Dialect;
use crate::settings::{RequestLimits, SettingsError};
use crate::translate::Untranslatable;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) code: Option<Cow<'static, str>>,
    pub(super) param: Option<Cow<'static, str>>,
    pub(super) message: String,
    pub(super) advice: Advice,
}

/// What the caller is told about trying again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Advice {
    None,
    /// Not before this time.
    After(Duration),
    /// Waiting will not help.
    Never,
}

pub(super) const INVALID_REQUEST: &str = "invalid_request_error";
pub(super) const UPSTREAM: &str = "upstream_error";
/// The code of what is in order and comes at a bad time.
pub(super) const OVERLOADED: &str = "server_is_overloaded";

impl ApiError {
    pub(super) fn unknown_path(path: &str) -> Self {
        let message = format!("there is no `{}` here", shortened(path));
        Self::invalid(StatusCode::NOT_FOUND, Some("unknown_path"), message)
    }

    pub(super) fn wrong_method(method: &Method, path: &str) -> Self {
        let message = format!("`{}` does not take `{}`", shortened(path), shortened(method.as_str()));
        Self::invalid(StatusCode::METHOD_NOT_ALLOWED, Some("method_not_allowed"), message)
    }

    pub(super) fn unknown_model(name: &str) -> Self {
        let message = format!(
            "the model `{}` does not exist here: `GET /v1/models` lists those that do",
            shortened(name)
        );
        let error = Self::invalid(StatusCode::NOT_FOUND, Some("model_not_found"), message);
        Self { param: Some(Cow::Borrowed("model")), ..error }
    }

    pub(super) fn bad_json(problem: &str) -> Self {
        let message = format!("the body cannot be read: {problem}");
        Self::invalid(StatusCode::BAD_REQUEST, Some("invalid_json"), message)
    }

    pub(super) fn unknown_field(name: &str) -> Self {
        Self::bad_json(&format!("the field `{name}` is not known"))
    }

    pub(super) fn bad_model(problem: &str) -> Self {
        let error = Self::invalid(StatusCode::BAD_REQUEST, None, problem.to_owned());
        Self { param: Some(Cow::Borrowed("model")), ..error }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes");
        Self::invalid(StatusCode::PAYLOAD_TOO_LARGE, Some("request_too_large"), message)
    }

    pub(super) fn head_too_large(limits: RequestLimits) -> Self {
        let RequestLimits { head, headers, .. } = limits;
        let message = format!("the headers are more than {headers} or larger than {head} bytes together");
        Self::invalid(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Some("request_headers_too_large"), message)
    }

    pub(super) fn head_too_slow() -> Self {
        let message = "the headers did not arrive in time".to_owned();
        Self::invalid(StatusCode::REQUEST_TIMEOUT, Some("request_timeout"), message)
    }

    pub(super) fn body_too_slow() -> Self {
        let message = "the body did not arrive in time".to_owned();
        Self::invalid(StatusCode::REQUEST_TIMEOUT, Some("request_timeout"), message)
    }

    pub(super) fn body_broken() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, None, "the body broke off".to_owned())
    }

    /// No key came, or not in a form that is read.
    pub(super) fn no_key() -> Self {
        let message =
            "a key is needed: send `Authorization: Bearer KEY`, `x-api-key: KEY` or `x-goog-api-key: KEY`";
        Self::invalid(StatusCode::UNAUTHORIZED, Some("missing_api_key"), message.to_owned())
    }

    pub(super) fn unknown_key() -> Self {
        let message = "the key is not known here".to_owned();
        Self::invalid(StatusCode::UNAUTHORIZED, Some("invalid_api_key"), message)
    }

    /// A key that is known and has run out.
    pub(super) fn expired_key() -> Self {
        let message = "the key has run out: ask whoever runs this router for another one".to_owned();
        Self::invalid(StatusCode::UNAUTHORIZED, Some("expired_api_key"), message)
    }

    /// The operator named a key that is not there.
    pub(super) fn unknown_provider_key(provider: &str, key: &str) -> Self {
        let (provider, key) = (shortened(provider), shortened(key));
        let message =
            format!("the pool `{provider}` has no key `{key}`: `GET /admin/keys` lists those that there are");
        Self::invalid(StatusCode::NOT_FOUND, Some("unknown_key"), message)
    }

    /// New settings are wrong, so the old ones stay.
    pub(super) fn bad_settings(error: &SettingsError) -> Self {
        let message = format!("the settings stay as they were, since the file is wrong: {error}");
        Self::invalid(StatusCode::UNPROCESSABLE_ENTITY, Some("invalid_settings"), message)
    }

    pub(super) fn untranslatable(problem: Untranslatable) -> Self {
        let error = Self::invalid(StatusCode::BAD_REQUEST, Some("unsupported_parameter"), problem.problem);
        let param = (!problem.field.is_empty()).then_some(problem.field);
        Self { param: param.map(Cow::Owned), ..error }
    }

    /// Nothing is kept here, nor at one account of several.
    pub(super) fn needs_memory(field: &'static str) -> Self {
        let message = format!(
            "responses are not kept here, so `{field}` cannot be followed: leave it out, and send all of the input"
        );
        let error = Self::invalid(StatusCode::BAD_REQUEST, Some("unsupported_parameter"), message);
        Self { param: Some(Cow::Borrowed(field)), ..error }
    }

    pub(super) fn bad_query(problem: String) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, Some("invalid_query"), problem)
    }

    /// The ledger could not be looked at.
    pub(super) fn unlisted(error: &Unlisted) -> Self {
        if let Unlisted::Failed(source) = error {
            tracing::warn!(%source, "the ledger could not be listed");
        }
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "ledger_error",
            code: Some(Cow::Borrowed("ledger_not_listed")),
            param: None,
            message: error.to_string(),
            advice: Advice::None,
        }
    }

    /// A success whose body is none.
    pub(super) fn unreadable_answer() -> Self {
        Self::refused(Refusal::Unreadable)
    }

    /// The provider's own words, put into the caller's shape.
    pub(super) fn foreign(
        status: StatusCode,
        kind: &'static str,
        code: Option<Cow<'static, str>>,
        message: String,
    ) -> Self {
        Self { status, kind, code, param: None, message, advice: Advice::None }
    }

    /// The answer in the caller's dialect.
    pub(super) fn into_response(self, dialect: Dialect) -> Response<ResponseBody> {
        let Self { status, kind, code, param, message, advice } = self;
        // Anthropic has a status of its own for it, by which its clients tell it from other trouble.
        let status = match dialect {
            Dialect::Anthropic
                if code.as_deref() == Some(OVERLOADED) && status == StatusCode::SERVICE_UNAVAILABLE =>
            {
                StatusCode::from_u16(529).unwrap_or(status)
            }
            _ => status,
        };
        let body = match dialect {
            Dialect::Openai => {
                json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
            }
            Dialect::Anthropic => {
                json!({ "type": "error", "error": { "type": anthropic_type(status), "message": message } })
            }
            Dialect::Gemini => gemini_error(status, code.as_deref(), &message, advice),
        };
        let mut response = json_answer(status, &body);
        let headers = response.headers_mut();
        match advice {
            Advice::None => {}
            Advice::After(wait) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
            }
            Advice::Never => {
                headers.insert("x-should-retry", HeaderValue::from_static("false"));
            }
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    fn invalid(status: StatusCode, code: Option<&'static str>, message: String) -> Self {
        let code = code.map(Cow::Borrowed);
        Self { status, kind: INVALID_REQUEST, code, param: None, message, advice: Advice::None }
    }
}

/// The type that Anthropic gives to errors of a status.
pub(super) fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

/// The error as Google writes it. What the caller is told about trying again stands in its details.
fn gemini_error(status: StatusCode, code: Option<&str>, message: &str, advice: Advice) -> Value {
    let mut details = Vec::new();
    if let Advice::After(wait) = advice {
        let delay = format!("{}s", whole_seconds(wait));
        details.push(json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }));
    }
    if let Some(code) = code {
        details.push(json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code }));
    }
    let word = gemini_status(status);
    json!({ "error": { "code": status.as_u16(), "message": message, "status": word, "details": details } })
}

/// The word that Google has for errors of a status.
pub(super) fn gemini_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        502 | 503 | 529 => "UNAVAILABLE",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Rounded up, so that nobody comes back before the time, and never 0, which would invite a hot loop.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.max(1)
}

/// The caller's own words, cut to what a message needs.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use http::HeaderMap;
    use http_body_util::BodyExt;

    use super::*;
    use crate::accounts::BudgetRefusal;

    pub(in crate::front) async fn parts(response: Response<ResponseBody>) -> (u16, HeaderMap, Value) {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn an_anthropic_client_gets_its_own_shape() {
        let cases = [
            (ApiError::unknown_key(), 401, "authentication_error"),
            (ApiError::over_budget(BudgetRefusal::Exceeded { fresh_in: None }), 402, "billing_error"),
            (ApiError::unknown_model("m"), 404, "not_found_error"),
            (ApiError::over_rate(Duration::from_secs(3)), 429, "rate_limit_error"),
            (ApiError::bad_json("x"), 400, "invalid_request_error"),
            (ApiError::refused(Refusal::TimedOut), 504, "timeout_error"),
            (ApiError::unreadable_answer(), 502, "api_error"),
        ];
        for (error, expected, kind) in cases {
            let (status, _, answer) = parts(error.into_response(Dialect::Anthropic)).await;
            assert_eq!(
                (status, answer["type"].as_str(), answer["error"]["type"].as_str()),
                (expected, Some("error"), Some(kind))
            );
            assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
        }
    }
}
