//! What a client is told when no API of a service served its request.

use http::StatusCode;

use super::answer::{Advice, ApiError, UPSTREAM};
use crate::apis::ApiRefusal;

impl ApiError {
    /// The router's own answer to an exchange with a service.
    pub(super) fn refused_by_apis(refusal: ApiRefusal) -> Self {
        const RATE: &str = "rate_limit_error";
        let (status, kind, code, message, advice) = match refusal {
            ApiRefusal::Full { wait } => (
                StatusCode::TOO_MANY_REQUESTS,
                RATE,
                "rate_limit_exceeded",
                "every API of this service is used to its limit",
                Advice::After(wait),
            ),
            ApiRefusal::QueueFull { wait } => (
                StatusCode::TOO_MANY_REQUESTS,
                RATE,
                "queue_full",
                "every API of this service is used to its limit, and as many requests wait as may",
                Advice::After(wait),
            ),
            ApiRefusal::KeysRejected => (
                StatusCode::BAD_GATEWAY,
                UPSTREAM,
                "provider_keys_rejected",
                "no API of this service accepts its keys; whoever runs this router must renew them",
                Advice::Never,
            ),
            ApiRefusal::KeysDisabled => (
                StatusCode::SERVICE_UNAVAILABLE,
                UPSTREAM,
                "keys_disabled",
                "every key for this service has been disabled by whoever runs this router",
                Advice::Never,
            ),
            ApiRefusal::NobodyLeft => (
                StatusCode::SERVICE_UNAVAILABLE,
                UPSTREAM,
                "no_api",
                "no API is switched on that may serve this request",
                Advice::Never,
            ),
            ApiRefusal::Unreachable => (
                StatusCode::BAD_GATEWAY,
                UPSTREAM,
                "api_unreachable",
                "no API of this service could be reached; nothing was done",
                Advice::None,
            ),
            ApiRefusal::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                UPSTREAM,
                "api_timeout",
                "the API did not answer in time",
                Advice::None,
            ),
            ApiRefusal::OutcomeUnknown => (
                StatusCode::BAD_GATEWAY,
                UPSTREAM,
                "outcome_unknown",
                "the request was sent and its answer was lost: it may have been done, so it was sent to nobody else; \
                 look before you send it again",
                Advice::Never,
            ),
        };
        Self { status, kind, code: Some(code.into()), param: None, message: message.to_owned(), advice }
    }
}
