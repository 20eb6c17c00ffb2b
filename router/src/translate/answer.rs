//! An answer by its meaning: what every reader makes of a provider's answer, and every writer tells a client.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// A whole answer. Its tokens are in the tally.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) parts: Vec<Said>,
    pub(super) finish: Finish,
}

/// One part of an answer.
#[derive(Debug)]
pub(super) enum Said {
    Text(String),
    Call {
        id: String,
        name: String,
        /// A JSON object, unless the answer was cut off in it.
        arguments: String,
        /// Gemini's of its thoughts before the call.
        signature: Option<String>,
    },
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    /// It calls tools.
    Tools,
    /// The content is against the provider's rules.
    Filter,
}

impl Finish {
    /// A tool call is told as one even where the provider says that its turn ended.
    pub(super) fn with_calls(self, called_tools: bool) -> Self {
        if self == Self::Stop && called_tools { Self::Tools } else { self }
    }
}

/// What went wrong, in a stream or instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: TroubleKind,
    pub(super) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    Overloaded,
    RateLimited,
    /// There is no money or quota left.
    Quota,
    Invalid,
    NotFound,
    TooLarge,
    Timeout,
    Server,
}

impl Trouble {
    pub(super) fn new(kind: TroubleKind, message: &str) -> Self {
        let message = if message.is_empty() { "the provider failed inside of its answer" } else { message };
        Self { kind, message: message.to_owned() }
    }
}

impl TroubleKind {
    /// OpenAI's type and code.
    pub(crate) fn in_openai(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Overloaded => ("service_unavailable_error", Some("server_is_overloaded")),
            Self::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
            Self::Quota => ("insufficient_quota", Some("insufficient_quota")),
            Self::Invalid => ("invalid_request_error", None),
            Self::NotFound => ("invalid_request_error", Some("not_found")),
            Self::TooLarge => ("invalid_request_error", Some("request_too_large")),
            Self::Timeout => ("server_error", Some("provider_timeout")),
            Self::Server => ("server_error", None),
        }
    }

    /// Anthropic's type.
    pub(super) fn in_anthropic(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded_error",
            Self::RateLimited => "rate_limit_error",
            Self::Quota => "billing_error",
            Self::Invalid => "invalid_request_error",
            Self::NotFound => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::Timeout => "timeout_error",
            Self::Server => "api_error",
        }
    }

    /// Gemini's status and its number.
    pub(super) fn in_gemini(self) -> (&'static str, u16) {
        match self {
            Self::Overloaded => ("UNAVAILABLE", 503),
            Self::RateLimited | Self::Quota => ("RESOURCE_EXHAUSTED", 429),
            Self::Invalid | Self::TooLarge => ("INVALID_ARGUMENT", 400),
            Self::NotFound => ("NOT_FOUND", 404),
            Self::Timeout => ("DEADLINE_EXCEEDED", 504),
            Self::Server => ("INTERNAL", 500),
        }
    }

    /// By Anthropic's type.
    pub(crate) fn of_anthropic(kind: &str) -> Self {
        match kind {
            "overloaded_error" => Self::Overloaded,
            "rate_limit_error" => Self::RateLimited,
            "billing_error" => Self::Quota,
            "invalid_request_error" => Self::Invalid,
            "not_found_error" => Self::NotFound,
            "request_too_large" => Self::TooLarge,
            "timeout_error" => Self::Timeout,
            _ => Self::Server,
        }
    }

    /// By OpenAI's type and code, or where those say nothing by a code that is a status.
    pub(super) fn of_openai(error: &Value) -> Self {
        Self::told_by_openai(error).unwrap_or(Self::Server)
    }

    /// The same, if they say anything. Engines that speak this dialect have types of their own, and a status as the code.
    pub(crate) fn told_by_openai(error: &Value) -> Option<Self> {
        let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, code) = (text(&error["type"]), text(&error["code"]));
        let told = match (kind.as_str(), code.as_str()) {
            (_, "server_is_overloaded" | "ServiceUnavailable") | ("service_unavailable_error", _) => {
                Self::Overloaded
            }
            ("insufficient_quota", _) | (_, "insufficient_quota") => Self::Quota,
            ("rate_limit_error", _) | (_, "rate_limit_exceeded" | "slow_down") => Self::RateLimited,
            (_, "not_found" | "model_not_found") => Self::NotFound,
            (_, "request_too_large") => Self::TooLarge,
            ("invalid_request_error" | "BadRequestError", _) => Self::Invalid,
            ("server_error", _) => Self::Server,
            _ => {
                let status = error["code"].as_u64().or_else(|| code.parse().ok())?;
                Self::of_status(u16::try_from(status).ok()?)
            }
        };
        Some(told)
    }

    /// By the status of an error that says nothing else.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            402 => Self::Quota,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::Invalid,
            _ => Self::Server,
        }
    }

    /// By the status that Gemini names.
    pub(crate) fn of_gemini(status: &str) -> Self {
        match status {
            "UNAVAILABLE" => Self::Overloaded,
            "RESOURCE_EXHAUSTED" => Self::RateLimited,
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => Self::Invalid,
            "NOT_FOUND" => Self::NotFound,
            "DEADLINE_EXCEEDED" => Self::Timeout,
            _ => Self::Server,
        }
    }
}

pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
