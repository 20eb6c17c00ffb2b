//! Errors as the caller's dialect writes them, whoever's they are.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::headers::forwarded_to_client;
use super::relay::ResponseBody;
use crate::exchange::Refusal;
use crate::provider::ErrorReply;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
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

const INVALID_REQUEST: &str = "invalid_request_error";
const UPSTREAM: &str = "upstream_error";

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
        Self { param: Some("model"), ..error }
    }

    pub(super) fn bad_json(problem: &str) -> Self {
        let message = format!("the body cannot be read: {problem}");
        Self::invalid(StatusCode::BAD_REQUEST, Some("invalid_json"), message)
    }

    pub(super) fn bad_model(problem: &str) -> Self {
        let error = Self::invalid(StatusCode::BAD_REQUEST, None, problem.to_owned());
        Self { param: Some("model"), ..error }
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
        };
        Self { status, kind, code: Some(code), param: None, message: message.to_owned(), advice }
    }

    /// The provider's own error: word for word when it has the caller's shape, else put into it.
    pub(super) fn relayed_response(reply: &ErrorReply) -> Response<ResponseBody> {
        let is_error = reply.status.is_client_error() || reply.status.is_server_error();
        let status = if is_error { reply.status } else { StatusCode::BAD_GATEWAY };
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        let mut response = if is_error && has_our_shape(&body) {
            let mut response = Response::new(ResponseBody::whole(reply.body.clone()));
            *response.status_mut() = status;
            response
        } else {
            Self::from_foreign(status, &body).into_response()
        };
        for (name, value) in forwarded_to_client(&reply.headers) {
            if let Some(name) = name
                && name != header::CONTENT_TYPE
                && name != header::CONTENT_ENCODING
            {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        response
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let Self { status, kind, code, param, message, advice } = self;
        let error = json!({ "message": message, "type": kind, "param": param, "code": code });
        let mut response = json_answer(status, &json!({ "error": error }));
        match advice {
            Advice::None => {}
            Advice::After(wait) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
            }
            Advice::Never => {
                response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
            }
        }
        response
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    fn invalid(status: StatusCode, code: Option<&'static str>, message: String) -> Self {
        Self { status, kind: INVALID_REQUEST, code, param: None, message, advice: Advice::None }
    }

    fn from_foreign(status: StatusCode, body: &Value) -> Self {
        let text = [&body["error"]["message"], &body["message"], &body["error"], &body["detail"]]
            .into_iter()
            .find_map(|value| value.as_str().filter(|text| !text.is_empty()));
        let message = match text {
            Some(text) => text.to_owned(),
            None => format!("the provider answered {} without an error that can be read", status.as_u16()),
        };
        let kind = if status.is_client_error() { INVALID_REQUEST } else { UPSTREAM };
        Self { status, kind, code: None, param: None, message, advice: Advice::None }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

fn has_our_shape(body: &Value) -> bool {
    let filled = |name: &str| body["error"][name].as_str().is_some_and(|text| !text.is_empty());
    let code = &body["error"]["code"];
    filled("message") && filled("type") && (code.is_string() || code.is_null())
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
    async fn every_provider_error_reaches_the_caller_in_its_own_shape() {
        let ours = r#"{"error":{"message":"m","type":"t","param":null,"code":"c"},"more":1}"#;
        let cases = [
            (400, ours, 400, "m", "t"),
            (400, r#"{"error":{"message":"m","type":"t","code":7}}"#, 400, "m", "invalid_request_error"),
            (500, r#"{"error":"boom"}"#, 500, "boom", "upstream_error"),
            (529, r#"[{"error":{}}]"#, 529, "the provider answered 529", "upstream_error"),
            (503, "<html>", 503, "the provider answered 503", "upstream_error"),
            (404, "", 404, "the provider answered 404", "invalid_request_error"),
            (422, r#"{"detail":"no"}"#, 422, "no", "invalid_request_error"),
            (302, ours, 502, "m", "upstream_error"),
        ];
        for (status, body, expected, message, kind) in cases {
            let reply = ErrorReply {
                status: StatusCode::from_u16(status).unwrap(),
                headers: [(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))]
                    .into_iter()
                    .collect(),
                body: Bytes::from_static(body.as_bytes()),
            };
            let (status, headers, answer) = parts(ApiError::relayed_response(&reply)).await;
            assert_eq!(status, expected, "{body}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/json");
            assert!(answer["error"]["message"].as_str().unwrap().starts_with(message), "{answer}");
            assert_eq!(answer["error"]["type"], kind, "{body}");
        }
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
            let (status, headers, answer) = parts(ApiError::refused(refusal).into_response()).await;
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(status, expected, "{refusal:?}");
            assert_eq!(text("retry-after"), retry_after, "{refusal:?}");
            assert_eq!(text("x-should-retry"), should_retry, "{refusal:?}");
            assert!(answer["error"]["code"].is_string() && answer["error"]["message"].is_string());
        }
    }
}
