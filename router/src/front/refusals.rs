//! What a client is told when its request was in order and is not served.

use std::time::Duration;

use http::StatusCode;

use super::answer::{Advice, ApiError, OVERLOADED, UPSTREAM};
use crate::accounts::BudgetRefusal;
use crate::exchange::Refusal;

impl ApiError {
    pub(super) fn too_much_at_once() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind: "server_error",
            code: Some(OVERLOADED.into()),
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
            Refusal::QueueFull { wait } => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "queue_full",
                "no key for this model is free, and as many requests wait for one as may",
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
            Refusal::NoKey => (
                StatusCode::SERVICE_UNAVAILABLE,
                UPSTREAM,
                "no_provider_key",
                "no key of the provider is configured for this model; whoever runs this router must add one",
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
        Self { status, kind, code: Some(code.into()), param: None, message: message.to_owned(), advice }
    }

    /// Refused for as many of the caller's own requests as may be open.
    pub(super) fn too_many_open() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            kind: "rate_limit_error",
            code: Some("too_many_open_requests".into()),
            param: None,
            message: "as many of your requests are open as may be at once: wait for one of them to end"
                .to_owned(),
            advice: Advice::After(Duration::from_secs(1)),
        }
    }

    /// Refused for the caller's own budget, before anything was sent.
    pub(super) fn over_budget(refusal: BudgetRefusal) -> Self {
        let (status, kind, code, message, advice) = match refusal {
            BudgetRefusal::Exceeded { fresh_in: None } => (
                StatusCode::PAYMENT_REQUIRED,
                "insufficient_quota",
                "budget_exceeded",
                "your budget here is used up; waiting will not help",
                Advice::Never,
            ),
            BudgetRefusal::Exceeded { fresh_in: Some(wait) } => (
                StatusCode::PAYMENT_REQUIRED,
                "insufficient_quota",
                "budget_exceeded",
                "your budget here is used up until it is fresh again",
                Advice::After(wait),
            ),
            BudgetRefusal::Reserved => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "budget_reserved",
                "what is left of your budget here is set aside for requests of yours that are under way",
                Advice::After(Duration::from_secs(1)),
            ),
        };
        Self { status, kind, code: Some(code.into()), param: None, message: message.to_owned(), advice }
    }

    /// Refused for the caller's own rate, before anything was sent.
    pub(super) fn over_rate(wait: Duration) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            kind: "rate_limit_error",
            code: Some("rate_limit_exceeded".into()),
            param: None,
            message: "you have sent as many requests as you may send in a minute".to_owned(),
            advice: Advice::After(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::parts;
    use super::*;
    use crate::provider::Dialect;

    #[tokio::test]
    async fn refusals_carry_a_fitting_status_and_advice() {
        let wait = Duration::from_millis(1_200);
        let cases = [
            (Refusal::Limited { wait }, 429, Some("2"), None),
            (Refusal::Limited { wait: Duration::ZERO }, 429, Some("1"), None),
            (Refusal::Paced { wait }, 429, Some("2"), None),
            (Refusal::QueueFull { wait }, 429, Some("2"), None),
            (Refusal::Exhausted, 503, None, Some("false")),
            (Refusal::KeysRejected, 502, None, Some("false")),
            (Refusal::KeysDisabled, 503, None, Some("false")),
            (Refusal::NoKey, 503, None, Some("false")),
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
}
