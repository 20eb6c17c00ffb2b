//! Errors of the router's own, as the caller's dialect writes them.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::relay::ResponseBody;
use crate::accounts::BudgetRefusal;
use crate::exchange::Refusal;
use crate::provider::Dialect;
use crate::translate::Untranslatable;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<Cow<'static, str>>,
    message: String,
    advice: Advice,
}

/// What the caller is told about trying again.
#[derive(Debug, Clone, Copy)]
enum Advice {
    None,
    /// Not before this time.
    After(Duration),
    /// Waiting will not help.
    Never,
}

pub(super) const INVALID_REQUEST: &str = "invalid_request_error";
pub(super) const UPSTREAM: &str = "upstream_error";

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

    pub(super) fn bad_model(problem: &str) -> Self {
        let error = Self::invalid(StatusCode::BAD_REQUEST, None, problem.to_owned());
        Self { param: Some(Cow::Borrowed("model")), ..error }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes");
        Self::invalid(StatusCode::PAYLOAD_TOO_LARGE, Some("request_too_large"), message)
    }

    pub(super) fn body_too_slow() -> Self {
        let message = "the body did not arrive in time".to_owned();
        Self::invalid(StatusCode::REQUEST_TIMEOUT, Some("request_timeout"), message)
    }

    pub(super) fn body_broken() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, None, "the body broke off".to_owned())
    }

    pub(super) fn too_much_at_once() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "server_error",
            code: Some("server_is_overloaded"),
            param: None,
            message: "too many large requests are being read at once".to_owned(),
            advice: Advice::After(Duration::from_secs(1)),
        }
    }

    /// The router's own answer to an exchange. Trouble with our keys is never shown as trouble with the caller's.
    pub(super) fn refused(refusal: Refusal) -> Self {
        let (status, kind, code, message, advice) = match refusal {
            Refusal::Limited { wait } => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "rate_limit_exceeded",
                "every key for this model is rate-limited",
                Advice::After(wait),
            ),
            Refusal::Paced { wait } => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "slow_down",
                "the provider asked for less traffic, so requests are sent at a lower rate for a while",
                Advice::After(wait),
            ),
            Refusal::Exhausted => (
                StatusCode::SERVICE_UNAVAILABLE,
                "insufficient_quota",
                "insufficient_quota",
                "no key for this model has quota left; waiting will not help",
                Advice::Never,
            ),
            Refusal::KeysRejected => (
                StatusCode::BAD_GATEWAY,
                UPSTREAM,
                "provider_keys_rejected",
                "the provider accepts none of the keys for this model; whoever runs this router must renew them",
                Advice::Never,
            ),
            Refusal::KeysDisabled => (
                StatusCode::SERVICE_UNAVAILABLE,
                UPSTREAM,
                "keys_disabled",
                "every key for this model has been disabled by whoever runs this router",
                Advice::Never,
            ),
            Refusal::Unreachable => (
                StatusCode::BAD_GATEWAY,
                UPSTREAM,
                "provider_unreachable",
                "the provider could not be reached, or broke off before it answered",
                Advice::None,
            ),
            Refusal::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                UPSTREAM,
                "provider_timeout",
                "the provider did not answer in time",
                Advice::None,
            ),
            Refusal::Unreadable => (
                StatusCode::BAD_GATEWAY,
                UPSTREAM,
                "provider_unreadable",
                "the provider's answer broke off or cannot be read",
                Advice::None,
            ),
        };
        Self { status, kind, code: Some(code), param: None, message: message.to_owned(), advice }
    }

    /// No key came, or not in a form that is read.
    pub(super) fn no_key() -> Self {
        let message = "a key is needed: send `Authorization: Bearer KEY` or `x-api-key: KEY`";
        Self::invalid(StatusCode::UNAUTHORIZED, Some("missing_api_key"), message.to_owned())
    }

    pub(super) fn unknown_key() -> Self {
        let message = "the key is not known here".to_owned();
        Self::invalid(StatusCode::UNAUTHORIZED, Some("invalid_api_key"), message)
    }

    /// Refused for the caller's own budget, before anything was sent.
    pub(super) fn over_budget(refusal: BudgetRefusal) -> Self {
        let (status, kind, code, message, advice) = match refusal {
            BudgetRefusal::Exceeded => (
                StatusCode::PAYMENT_REQUIRED,
                "insufficient_quota",
                "budget_exceeded",
                "your budget here is used up; waiting will not help",
                Advice::Never,
            ),
            BudgetRefusal::Reserved => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "budget_reserved",
                "what is left of your budget here is set aside for requests of yours that are under way",
                Advice::After(Duration::from_secs(1)),
            ),
        };
        Self { status, kind, code: Some(code), param: None, message: message.to_owned(), advice }
    }

    /// Refused for the caller's own rate, before anything was sent.
    pub(super) fn over_rate(wait: Duration) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            kind: "rate_limit_error",
            code: Some("rate_limit_exceeded"),
            param: None,
            message: "you have sent as many requests as you may send in a minute".to_owned(),
            advice: Advice::After(wait),
        }
    }

    pub(super) fn untranslatable(problem: Untranslatable) -> Self {
        let error = Self::invalid(StatusCode::BAD_REQUEST, Some("unsupported_parameter"), problem.problem);
        let param = (!problem.field.is_empty()).then_some(problem.field);
        Self { param: param.map(Cow::Owned), ..error }
    }

    pub(super) fn wrong_surface(name: &str) -> Self {
        let message = format!(
            "the model `{}` is not served on this path: ask for it on `/v1/chat/completions`",
            shortened(name)
        );
        let error = Self::invalid(StatusCode::BAD_REQUEST, Some("wrong_surface"), message);
        Self { param: Some(Cow::Borrowed("model")), ..error }
    }

    pub(super) fn bad_query(problem: String) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, Some("invalid_query"), problem)
    }

    /// A success whose body is none.
    pub(super) fn unreadable_answer() -> Self {
        Self::refused(Refusal::Unreadable)
    }

    /// The provider's own words, put into the caller's shape.
    pub(super) fn foreign(
        status: StatusCode,
        kind: &'static str,
        code: Option<&'static str>,
        message: String,
    ) -> Self {
        Self { status, kind, code, param: None, message, advice: Advice::None }
    }

    /// The answer in the caller's dialect.
    pub(super) fn into_response(self, dialect: Dialect) -> Response<ResponseBody> {
        let Self { status, kind, code, param, message, advice } = self;
        let body = match dialect {
            Dialect::Openai => {
                json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
            }
            Dialect::Anthropic => {
                json!({ "type": "error", "error": { "type": anthropic_type(status), "message": message } })
            }
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

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Rounded up, so that nobody comes back before the time, and never 0, which would invite a hot loop.
fn whole_seconds(wait: Duration) -> u64 {
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
mod tests {
    use http::HeaderMap;
    use http_body_util::BodyExt;

    use super::*;

    async fn parts(response: Response<ResponseBody>) -> (u16, HeaderMap, Value) {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn refusals_carry_a_fitting_status_and_advice() {
        let wait = Duration::from_millis(1_200);
        let cases = [
            (Refusal::Limited { wait }, 429, Some("2"), None),
            (Refusal::Limited { wait: Duration::ZERO }, 429, Some("1"), None),
            (Refusal::Paced { wait }, 429, Some("2"), None),
            (Refusal::Exhausted, 503, None, Some("false")),
            (Refusal::KeysRejected, 502, None, Some("false")),
            (Refusal::KeysDisabled, 503, None, Some("false")),
            (Refusal::Unreachable, 502, None, None),
            (Refusal::TimedOut, 504, None, None),
        ];
        for (refusal, expected, retry_after, should_retry) in cases {
            let (status, headers, answer) =
                parts(ApiError::refused(refusal).into_response(Dialect::Openai)).await;
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(status, expected, "{refusal:?}");
            assert_eq!(text("retry-after"), retry_after, "{refusal:?}");
            assert_eq!(text("x-should-retry"), should_retry, "{refusal:?}");
            assert!(answer["error"]["code"].is_string() && answer["error"]["message"].is_string());
        }
    }

    #[tokio::test]
    async fn an_anthropic_client_gets_its_own_shape() {
        let cases = [
            (ApiError::unknown_key(), 401, "authentication_error"),
            (ApiError::over_budget(BudgetRefusal::Exceeded), 402, "billing_error"),
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
