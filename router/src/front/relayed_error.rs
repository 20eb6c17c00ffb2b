//! A provider's error on its way to the caller: word for word when it has the caller's shape, else put into it.

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::answer::{
    ApiError, INVALID_REQUEST, JSON, UPSTREAM, anthropic_type, gemini_status, whole_seconds,
};
use super::headers::forwarded_to_client;
use super::relay::ResponseBody;
use crate::provider::{Dialect, ErrorReply, Failure, error_body, read_error};
use crate::translate::TroubleKind;

/// The answer to a caller of one dialect, from a provider of another or the same.
pub(super) fn relayed_error(
    reply: &ErrorReply,
    provider: Dialect,
    caller: Dialect,
) -> Response<ResponseBody> {
    let is_error = reply.status.is_client_error() || reply.status.is_server_error();
    let status = if is_error { reply.status } else { StatusCode::BAD_GATEWAY };
    let body = error_body(&reply.body);
    let mut response = if is_error && provider == caller && has_shape(&body, caller) {
        // Google wraps some errors in a list, which clients do not expect.
        let is_wrapped = reply.body.trim_ascii_start().starts_with(b"[");
        let bytes = if is_wrapped { Bytes::from(body.to_string()) } else { reply.body.clone() };
        let mut response = Response::new(ResponseBody::whole(bytes));
        *response.status_mut() = status;
        response
    } else {
        in_other_words(status, &body, provider, caller).into_response(caller)
    };
    for (name, value) in forwarded_to_client(&reply.headers) {
        if let Some(name) = name
            && is_relayed(&name, provider == caller)
        {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    if let Failure::Transient { hint: Some(wait) } = read_error(reply, SystemTime::now()) {
        let seconds = HeaderValue::from(whole_seconds(wait));
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(seconds);
    }
    response
}

/// Across dialects only what every client understands: when to come back.
fn is_relayed(name: &HeaderName, same_dialect: bool) -> bool {
    if same_dialect {
        *name != header::CONTENT_TYPE && *name != header::CONTENT_ENCODING
    } else {
        *name == header::RETRY_AFTER || *name == "retry-after-ms" || *name == "x-should-retry"
    }
}

fn in_other_words(status: StatusCode, body: &Value, provider: Dialect, caller: Dialect) -> ApiError {
    let text = [&body["error"]["message"], &body["message"], &body["error"], &body["detail"]]
        .into_iter()
        .find_map(|value| value.as_str().filter(|text| !text.is_empty()));
    let message = match text {
        Some(text) => text.to_owned(),
        None => format!("the provider answered {} without an error that can be read", status.as_u16()),
    };
    let error = &body["error"];
    let meaning = match provider {
        Dialect::Anthropic => {
            TroubleKind::of_anthropic(error["type"].as_str().unwrap_or_else(|| anthropic_type(status)))
        }
        Dialect::Gemini => {
            TroubleKind::of_gemini(error["status"].as_str().unwrap_or_else(|| gemini_status(status)))
        }
        Dialect::Openai if caller == provider => {
            let kind = if status.is_client_error() { INVALID_REQUEST } else { UPSTREAM };
            return ApiError::foreign(status, kind, own_code(error).map(Cow::Owned), message);
        }
        Dialect::Openai => {
            TroubleKind::told_by_openai(error).unwrap_or(TroubleKind::of_status(status.as_u16()))
        }
    };
    let (kind, code) = meaning.in_openai();
    ApiError::foreign(status, kind, code.map(Cow::Borrowed), message)
}

/// A code that says more than the status, which some write there once more.
fn own_code(error: &Value) -> Option<String> {
    let code = error["code"].as_str().filter(|code| code.parse::<u16>().is_err() && !code.is_empty())?;
    // Azure's word for it; clients know the other.
    let known = if code == "DeploymentNotFound" { "model_not_found" } else { code };
    Some(known.to_owned())
}

fn has_shape(body: &Value, dialect: Dialect) -> bool {
    let filled = |name: &str| body["error"][name].as_str().is_some_and(|text| !text.is_empty());
    let code = &body["error"]["code"];
    let fits = match dialect {
        Dialect::Openai => code.is_string() || code.is_null(),
        Dialect::Anthropic => body["type"] == "error",
        Dialect::Gemini => return filled("message") && filled("status") && code.is_u64(),
    };
    filled("message") && filled("type") && fits
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    async fn parts(response: Response<ResponseBody>) -> (u16, HeaderMap, Value) {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_wait_that_stands_in_the_body_is_told_as_a_header_in_any_dialect() {
        let body = r#"[{"error":{"code":503,"status":"UNAVAILABLE","message":"m","details":[{"retryDelay":"6.2s"}]}}]"#;
        for caller in [Dialect::Openai, Dialect::Anthropic, Dialect::Gemini] {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let reply =
                ErrorReply { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) };
            let (status, headers, answer) = parts(relayed_error(&reply, Dialect::Gemini, caller)).await;
            // Anthropic's own status for an overload.
            let expected = if caller == Dialect::Anthropic { 529 } else { 503 };
            assert_eq!((status, headers["retry-after"].to_str().unwrap()), (expected, "7"));
            assert_eq!(answer["error"]["message"], "m");
        }
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
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"m"}}"#,
                404,
                "m",
                "invalid_request_error",
            ),
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
            let (status, headers, answer) =
                parts(relayed_error(&reply, Dialect::Openai, Dialect::Openai)).await;
            assert_eq!(status, expected, "{body}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/json");
            assert!(answer["error"]["message"].as_str().unwrap().starts_with(message), "{answer}");
            assert_eq!(answer["error"]["type"], kind, "{body}");
        }
    }

    #[tokio::test]
    async fn a_code_that_says_something_is_kept_and_one_that_is_the_status_is_not() {
        let cases = [
            ("content_filter", Some("content_filter")),
            ("DeploymentNotFound", Some("model_not_found")),
            ("400", None),
            ("", None),
        ];
        for (code, expected) in cases {
            let body = json!({ "error": { "code": code, "message": "m" } }).to_string();
            let reply = ErrorReply {
                status: StatusCode::BAD_REQUEST,
                headers: HeaderMap::new(),
                body: Bytes::from(body),
            };
            let (_, _, answer) = parts(relayed_error(&reply, Dialect::Openai, Dialect::Openai)).await;
            assert_eq!(answer["error"]["code"].as_str(), expected, "{code}");
        }
    }

    #[tokio::test]
    async fn an_overload_is_one_for_anthropic_s_clients_whoever_is_overloaded() {
        let cases = [
            (
                503,
                r#"{"error":{"message":"m","type":"service_unavailable_error","code":"x"}}"#,
                529,
                "overloaded_error",
            ),
            (
                503,
                r#"{"error":{"message":"m","type":"Service Unavailable","code":503}}"#,
                529,
                "overloaded_error",
            ),
            (503, r#"{"error":{"message":"m","type":"server_error","code":"x"}}"#, 503, "api_error"),
            (500, r#"{"error":{"message":"m","type":"InternalServerError","code":500}}"#, 500, "api_error"),
            (404, "<html>", 404, "not_found_error"),
        ];
        for (status, body, expected, kind) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let reply = ErrorReply { status, headers: HeaderMap::new(), body: Bytes::from(body) };
            let (status, _, answer) = parts(relayed_error(&reply, Dialect::Openai, Dialect::Anthropic)).await;
            assert_eq!((status, answer["error"]["type"].as_str()), (expected, Some(kind)), "{body}");
        }
    }

    #[tokio::test]
    async fn an_error_of_anthropics_reaches_each_client_in_its_own_shape() {
        let body = |kind: &str| {
            format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"m"}},"request_id":"r"}}"#)
        };
        let cases = [
            (400, body("invalid_request_error"), "invalid_request_error", None),
            (404, body("not_found_error"), "invalid_request_error", Some("not_found")),
            (413, "<html>".to_owned(), "invalid_request_error", Some("request_too_large")),
            (500, body("api_error"), "server_error", None),
            (529, body("overloaded_error"), "service_unavailable_error", Some("server_is_overloaded")),
            (529, String::new(), "service_unavailable_error", Some("server_is_overloaded")),
        ];
        for (status, body, kind, code) in cases {
            let headers =
                [("retry-after", "7"), ("anthropic-ratelimit-requests-limit", "5"), ("request-id", "r")];
            let headers =
                headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let reply = ErrorReply {
                status: StatusCode::from_u16(status).unwrap(),
                headers: headers.into_iter().collect(),
                body: Bytes::from(body.clone()),
            };
            let (got, headers, answer) =
                parts(relayed_error(&reply, Dialect::Anthropic, Dialect::Openai)).await;
            assert_eq!((got, answer["error"]["type"].as_str()), (status, Some(kind)), "{body}");
            assert_eq!(answer["error"]["code"].as_str(), code, "{body}");
            assert!(answer.get("type").is_none() && answer.get("request_id").is_none());
            assert_eq!(headers["retry-after"], "7");
            assert!(!headers.contains_key("anthropic-ratelimit-requests-limit"));
            let (got, headers, answer) =
                parts(relayed_error(&reply, Dialect::Anthropic, Dialect::Anthropic)).await;
            assert_eq!((got, answer["type"].as_str()), (status, Some("error")));
            assert!(headers.contains_key("anthropic-ratelimit-requests-limit"));
        }
    }
}
