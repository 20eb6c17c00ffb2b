//! Reads what an unsuccessful answer means: whose fault it is and what it says about the key.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::hint::{GoogleDetails, reset_hint, wait_hint};
use super::remaining::{met_for, much_is_left};
use super::{ErrorReply, Reply};

/// The meaning of an attempt that gave no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The key has used up a rate. Another key may have room.
    Limited { hint: Option<Duration> },
    /// The provider's traffic grew too fast, whatever the key.
    SlowDown { hint: Option<Duration> },
    /// The key has no money or quota left.
    Exhausted,
    /// The provider does not accept the key.
    KeyRejected,
    /// Nothing about the key: the same attempt may succeed later.
    Transient { hint: Option<Duration> },
    /// Trying again would change nothing; the answer is for the caller.
    Final,
}

impl Failure {
    /// Whether another key may fare better and this one would not.
    pub(crate) fn is_about_the_key(self) -> bool {
        match self {
            Self::Limited { .. } | Self::SlowDown { .. } | Self::Exhausted | Self::KeyRejected => true,
            Self::Transient { .. } | Self::Final => false,
        }
    }
}

/// Codes and types that mean money or quota, whatever the status they come with.
const QUOTA_MARKS: [&str; 8] = [
    "insufficient_quota",
    "billing_error",
    "billing_hard_limit_reached",
    "credit_balance_exhausted",
    "enforced_spend_limit_reached",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded",
];

/// Words that mean money or quota where the type says `invalid_request_error`, as Anthropic has it. They stand only in
/// messages of the provider's own, which do not quote the request.
const QUOTA_WORDS: [&str; 4] = [
    "credit balance is too low",
    "specified API usage limits",
    "reached your specified spend limit",
    // In front of Azure, with the status of a key that may not.
    "Out of call volume quota",
];

/// A growth limit that has no code of its own.
const GROWTH_WORDS: [&str; 1] = ["acceleration limit"];

/// What a reply means, or nothing for a success. `now` is the wall clock, for hints that are dates.
pub(crate) fn read_failure<B>(reply: &Reply<B>, now: SystemTime) -> Option<Failure> {
    match reply {
        Reply::Success(_) => None,
        Reply::Unreachable | Reply::TimedOut | Reply::Unreadable => Some(Failure::Transient { hint: None }),
        Reply::Error(error) => Some(read_error(error, now)),
    }
}

/// What an error means.
pub(crate) fn read_error(reply: &ErrorReply, now: SystemTime) -> Failure {
    let body = error_body(&reply.body);
    let error = &body["error"];
    let details = GoogleDetails::of(error);
    let marks = [
        error["code"].as_str(),
        error["type"].as_str(),
        error["details"]["error_code"].as_str(),
        details.reason,
    ];
    let message = error["message"].as_str().unwrap_or_default();
    let marked = |wanted: &[&str]| marks.iter().flatten().any(|mark| wanted.contains(mark));
    let says = |wanted: &[&str]| wanted.iter().any(|words| message.contains(words));
    let hint = wait_hint(&reply.headers, message, now).or(details.hint);
    match reply.status {
        StatusCode::PAYMENT_REQUIRED => Failure::Exhausted,
        status if status.is_client_error() && (marked(&QUOTA_MARKS) || says(&QUOTA_WORDS)) => {
            Failure::Exhausted
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::KeyRejected,
        // Google says so with the status of a wrong request.
        StatusCode::BAD_REQUEST if marked(&["API_KEY_INVALID"]) => Failure::KeyRejected,
        StatusCode::TOO_MANY_REQUESTS if details.has_no_quota => Failure::Exhausted,
        // The wait that comes along may be short all the same.
        StatusCode::TOO_MANY_REQUESTS if details.is_of_the_day => {
            Failure::Limited { hint: Some(A_LONG_TIME) }
        }
        StatusCode::TOO_MANY_REQUESTS
            if marked(&["slow_down", "ramp_limit_exceeded"])
                || says(&GROWTH_WORDS)
                // Of a limit that was used up OpenAI says so by its code, also where one request was more than what was left.
                || much_is_left(&reply.headers) && !marked(&["rate_limit_exceeded"]) =>
        {
            Failure::SlowDown { hint }
        }
        // Only here: the same headers come with every answer and speak of limits that are far from met.
        StatusCode::TOO_MANY_REQUESTS => {
            let reset = || reset_hint(&reply.headers, now).or_else(|| met_for(&reply.headers, now));
            Failure::Limited { hint: hint.or_else(reset) }
        }
        status if may_retry(status, &reply.headers) => Failure::Transient { hint },
        _ => Failure::Final,
    }
}

/// Why a provider does not take a request that another model may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The prompt is longer than its window.
    TooLong,
    /// The content is against its rules.
    Content,
}

const TOO_LONG_MARKS: [&str; 3] =
    ["context_length_exceeded", "exceed_context_size_error", "string_above_max_length"];
/// Each engine has its own words for it.
const TOO_LONG_WORDS: [&str; 6] = [
    "maximum context length",
    "prompt is too long",
    "exceeds the maximum number of tokens",
    "exceeds the available context size",
    "exceed context limit",
    "context window",
];
const CONTENT_MARKS: [&str; 5] = [
    "content_policy_violation",
    "content_filter",
    "ResponsibleAIPolicyViolation",
    "moderation_blocked",
    "cyber_policy_violation",
];
const CONTENT_WORDS: [&str; 2] = ["content filtering policy", "content management policy"];

/// What of a request an error finds fault with, if another model may not.
pub(crate) fn read_unfit(reply: &ErrorReply) -> Option<Unfit> {
    if !matches!(reply.status.as_u16(), 400 | 403 | 413 | 422) {
        return None;
    }
    let body = error_body(&reply.body);
    let error = &body["error"];
    let marks = [
        error["code"].as_str(),
        error["type"].as_str(),
        error["innererror"]["code"].as_str(),
        error["details"]["error_code"].as_str(),
    ];
    let message = error["message"].as_str().unwrap_or_default();
    let is = |wanted: &[&str], words: &[&str]| {
        marks.iter().flatten().any(|mark| wanted.contains(mark))
            || words.iter().any(|words| message.contains(words))
    };
    if is(&TOO_LONG_MARKS, &TOO_LONG_WORDS) {
        Some(Unfit::TooLong)
    } else {
        is(&CONTENT_MARKS, &CONTENT_WORDS).then_some(Unfit::Content)
    }
}

/// A limit of the day is not free again before long.
const A_LONG_TIME: Duration = Duration::from_secs(60 * 60);

/// The body of an error. Google wraps some in a list.
pub(crate) fn error_body(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes).unwrap_or_default() {
        Value::Array(items) => items.into_iter().next().unwrap_or_default(),
        body => body,
    }
}

/// The provider's own word on retrying outranks the status.
fn may_retry(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("x-should-retry").map(http::HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Reply<()> {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        Reply::Error(ErrorReply { status, headers, body: Bytes::from_static(body.as_bytes()) })
    }

    #[test]
    fn a_request_that_another_model_may_take_is_told_from_one_that_is_wrong() {
        let (long, content) = (Some(Unfit::TooLong), Some(Unfit::Content));
        let cases = [
            (400, r#"{"error":{"code":"context_length_exceeded","message":"m"}}"#, long),
            (
                400,
                r#"{"error":{"code":400,"message":"This model's maximum context length is 4096 tokens."}}"#,
                long,
            ),
            (400, r#"{"error":{"message":"prompt is too long: 9 tokens > 4 maximum"}}"#, long),
            (
                400,
                r#"[{"error":{"message":"The input token count (9) exceeds the maximum number of tokens allowed (4)."}}]"#,
                long,
            ),
            (400, r#"{"error":{"type":"exceed_context_size_error"}}"#, long),
            (500, r#"{"error":{"code":"context_length_exceeded"}}"#, None),
            (400, r#"{"error":{"code":"content_policy_violation"}}"#, content),
            (400, r#"{"error":{"message":"Output blocked by content filtering policy"}}"#, content),
            (400, r#"{"error":{"message":"a number is missing"}}"#, None),
            (400, "<html>", None),
        ];
        for (status, body, expected) in cases {
            let Reply::Error(error) = reply(status, &[], body) else { unreachable!() };
            assert_eq!(read_unfit(&error), expected, "{body}");
        }
    }

    #[test]
    fn the_details_of_google_are_read_in_any_order() {
        let error = |details: &str| {
            let body = format!(
                r#"{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","message":"m","details":[{details}]}}}}"#
            );
            let Reply::Error(error) = reply(429, &[], "") else { unreachable!() };
            read_error(&ErrorReply { body: Bytes::from(body), ..error }, SystemTime::now())
        };
        let limited = |millis| Failure::Limited { hint: Some(Duration::from_millis(millis)) };
        assert_eq!(error(r#"{"links":[]},{"retryDelay":"26.66s"}"#), limited(26_660));
        assert_eq!(
            error(r#"{"metadata":{"quotaResetDelay":"373.8ms"}}"#),
            Failure::Limited { hint: Some(Duration::from_micros(373_800)) }
        );
        let day =
            r#"{"retryDelay":"5s"},{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]}"#;
        assert_eq!(error(day), Failure::Limited { hint: Some(A_LONG_TIME) });
        assert_eq!(error(r#"{"retryDelay":"5s"},{"violations":[{"quotaValue":"0"}]}"#), Failure::Exhausted);
        let rejected = reply(400, &[], r#"{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}"#);
        assert_eq!(read_failure(&rejected, SystemTime::now()), Some(Failure::KeyRejected));
    }

    #[test]
    fn each_answer_has_one_meaning() {
        let transient = Failure::Transient { hint: None };
        let limited = Failure::Limited { hint: None };
        let quota_type = r#"{"error":{"type":"insufficient_quota","code":"project_spend_limit_exceeded"}}"#;
        let cases = [
            (reply(429, &[], ""), limited),
            (reply(429, &[], "[1]"), limited),
            (reply(429, &[], r#"{"error":{"code":"rate_limit_exceeded"}}"#), limited),
            (reply(429, &[], r#"{"error":{"code":429}}"#), limited),
            (
                reply(429, &[("retry-after", "5")], r#"{"error":{"code":"slow_down"}}"#),
                Failure::SlowDown { hint: Some(Duration::from_secs(5)) },
            ),
            (
                reply(429, &[], r#"{"error":{"details":{"error_code":"ramp_limit_exceeded"}}}"#),
                Failure::SlowDown { hint: None },
            ),
            (
                reply(429, &[], r#"{"error":{"message":"Please try again in 20s."}}"#),
                Failure::Limited { hint: Some(Duration::from_secs(20)) },
            ),
            (
                reply(
                    429,
                    &[("anthropic-ratelimit-requests-remaining", "100"), ("retry-after", "5")],
                    r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#,
                ),
                Failure::SlowDown { hint: Some(Duration::from_secs(5)) },
            ),
            (
                reply(
                    429,
                    &[("anthropic-ratelimit-requests-remaining", "0"), ("retry-after", "5")],
                    r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#,
                ),
                Failure::Limited { hint: Some(Duration::from_secs(5)) },
            ),
            (
                reply(
                    429,
                    &[("x-ratelimit-limit-tokens", "100"), ("x-ratelimit-remaining-tokens", "60")],
                    r#"{"error":{"code":"rate_limit_exceeded","type":"tokens"}}"#,
                ),
                limited,
            ),
            (reply(429, &[], quota_type), Failure::Exhausted),
            (reply(403, &[], quota_type), Failure::Exhausted),
            (reply(400, &[], r#"{"error":{"code":"insufficient_quota"}}"#), Failure::Exhausted),
            (reply(402, &[], "<html>"), Failure::Exhausted),
            (reply(401, &[], ""), Failure::KeyRejected),
            (reply(403, &[], ""), Failure::KeyRejected),
            (reply(400, &[], ""), Failure::Final),
            (reply(404, &[], ""), Failure::Final),
            (reply(413, &[], ""), Failure::Final),
            (reply(422, &[], ""), Failure::Final),
            (reply(308, &[], ""), Failure::Final),
            (reply(408, &[], ""), transient),
            (reply(409, &[], ""), transient),
            (reply(500, &[], ""), transient),
            (reply(529, &[], ""), transient),
            (reply(503, &[("x-should-retry", "false")], ""), Failure::Final),
            (reply(400, &[("x-should-retry", "true")], ""), transient),
            (
                reply(429, &[], r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#),
                limited,
            ),
            (
                reply(
                    429,
                    &[],
                    r#"{"error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
                ),
                Failure::Exhausted,
            ),
            (
                reply(
                    429,
                    &[],
                    r#"{"error":{"type":"rate_limit_error","message":"over the acceleration limit of your organization"}}"#,
                ),
                Failure::SlowDown { hint: None },
            ),
            (
                reply(
                    400,
                    &[],
                    r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low to use this."}}"#,
                ),
                Failure::Exhausted,
            ),
            (
                reply(
                    400,
                    &[],
                    r#"{"error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}"#,
                ),
                Failure::Exhausted,
            ),
            (reply(402, &[], r#"{"error":{"type":"billing_error"}}"#), Failure::Exhausted),
            (
                reply(
                    403,
                    &[],
                    r#"{"error":{"code":"403","message":"Out of call volume quota. Quota will be replenished later."}}"#,
                ),
                Failure::Exhausted,
            ),
            (reply(403, &[], r#"{"error":{"type":"permission_error"}}"#), Failure::KeyRejected),
            (
                reply(400, &[], r#"{"error":{"type":"invalid_request_error","message":"max_tokens"}}"#),
                Failure::Final,
            ),
            (reply(529, &[], r#"{"error":{"type":"overloaded_error"}}"#), transient),
            (reply(529, &[("anthropic-ratelimit-requests-reset", "2999-01-01T00:00:00Z")], ""), transient),
            (Reply::Unreachable, transient),
            (Reply::TimedOut, transient),
        ];
        for (reply, expected) in cases {
            assert_eq!(read_failure(&reply, SystemTime::now()), Some(expected), "{reply:?}");
        }
    }
}
