//! Errors by the language's names, whatever a dialect makes of them.

/// An error that an upstream can reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorName {
    /// The key's rate limit is reached.
    RateLimit,
    /// The traffic grew too fast, though the limit is not reached.
    SlowDown,
    /// Too many requests are open at once.
    Concurrency,
    /// The limit of the day is reached.
    DailyLimit,
    /// The account has no quota at all, so that no wait helps.
    ZeroQuota,
    /// The account has spent as much as it may.
    SpendCap,
    /// The account is out of money.
    InsufficientQuota,
    /// The account has to be paid.
    PaymentRequired,
    /// The key is not valid.
    InvalidKey,
    /// The key may not do this.
    Forbidden,
    /// The request is wrong.
    BadRequest,
    /// The prompt is longer than the model's window.
    ContextOverflow,
    /// The content is against the provider's rules.
    ContentPolicy,
    /// The model does not exist.
    ModelNotFound,
    /// The provider waited too long for the request.
    RequestTimeout,
    /// Another request stands in the way.
    Conflict,
    /// The request is too large.
    TooLarge,
    /// The request is well-formed and makes no sense.
    Unprocessable,
    /// The provider failed.
    ServerError,
    /// A gateway of the provider failed.
    BadGateway,
    /// The provider is not available.
    Unavailable,
    /// The provider is overloaded.
    Overloaded,
    /// A gateway of the provider waited too long.
    GatewayTimeout,
}

impl ErrorName {
    /// Every error, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::RateLimit,
        Self::SlowDown,
        Self::Concurrency,
        Self::DailyLimit,
        Self::ZeroQuota,
        Self::SpendCap,
        Self::InsufficientQuota,
        Self::PaymentRequired,
        Self::InvalidKey,
        Self::Forbidden,
        Self::BadRequest,
        Self::ContextOverflow,
        Self::ContentPolicy,
        Self::ModelNotFound,
        Self::RequestTimeout,
        Self::Conflict,
        Self::TooLarge,
        Self::Unprocessable,
        Self::ServerError,
        Self::BadGateway,
        Self::Unavailable,
        Self::Overloaded,
        Self::GatewayTimeout,
    ];

    /// The word that scenarios use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::SlowDown => "slow_down",
            Self::Concurrency => "concurrency",
            Self::DailyLimit => "daily_limit",
            Self::ZeroQuota => "zero_quota",
            Self::SpendCap => "spend_cap",
            Self::InsufficientQuota => "insufficient_quota",
            Self::PaymentRequired => "payment_required",
            Self::InvalidKey => "invalid_key",
            Self::Forbidden => "forbidden",
            Self::BadRequest => "bad_request",
            Self::ContextOverflow => "context_overflow",
            Self::ContentPolicy => "content_policy",
            Self::ModelNotFound => "model_not_found",
            Self::RequestTimeout => "request_timeout",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::Unprocessable => "unprocessable",
            Self::ServerError => "server_error",
            Self::BadGateway => "bad_gateway",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::GatewayTimeout => "gateway_timeout",
        }
    }

    /// The error of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.name() == name)
    }
}
