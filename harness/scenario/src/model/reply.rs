//! What an upstream replies: normal answers, errors by name, replies in so many words, connections that go wrong.

use std::time::Duration;

use crate::model::{BrokenStream, Data, Distribution, StreamShape};
use crate::node::Span;
use crate::problem::Problem;
use crate::read::{At, Named, part, words};
use crate::template::Template;

part! {
    /// A reply: an answer, an error by its name, or a status with headers and a body in so many words.
    "a reply" => Reply {
        /// The error, by the language's name. For example `error: rate_limit`.
        error: Option<ErrorName>,
        /// The wait that it asks for. For example `retry_after: 2s`.
        retry_after: Option<Duration>,
        /// How it tells that wait; the dialect's own way if missing. For example `hints: [date, body]`.
        hints: Vec<HintName>,
        /// The status; that of the error, or 200, if missing. For example `status: 418`.
        status: Option<u16>,
        /// Headers besides the dialect's own. For example `headers: { x-ratelimit-remaining-requests: "0" }`.
        headers: Named<Template>,
        /// Headers of the dialect that it leaves out. For example `without: [x-request-id]`.
        without: Vec<At<String>>,
        /// The body in so many words, instead of the dialect's own. For example `body: "<html>bad gateway</html>"`.
        body: Option<Data>,
        /// The text of the answer; a fixed sentence if missing.
        /// For example `text: a scripted answer` or `text: { tokens: 200 }`.
        text: Option<Data>,
        /// The usage that it reports; words are counted if missing.
        /// For example `usage: { input: 1200, cache_read: 800, output: 150 }`.
        usage: Option<Usage>,
        /// Why the answer ends; it is complete, or calls its tools, if missing. For example `finish: length`.
        finish: Option<Finish>,
        /// Tools that it calls. For example `tools: [{ name: weather, arguments: '{"city":"Bern"}' }]`.
        tools: Vec<ToolCall>,
        /// The shape of its stream, where one is asked for; everything at once if missing.
        /// For example `stream: { first_event: 20ms, gap: 2ms }`.
        stream: Option<StreamShape>,
        /// How the length of a body is told that is no stream. For example `length: until_close`.
        length: BodyLength = BodyLength::Usual,
        /// What the plans count instead of what it reports. For example `charges: { input: 100, output: 900 }`.
        charges: Option<Charges>,
        /// How long it thinks; the upstream's own latency if missing. For example `latency: 2s`.
        latency: Option<Distribution>,
    }
}

part! {
    /// Tokens that an answer reports, each in one class.
    "a usage" => Usage {
        /// Input tokens that were in no cache. For example `input: 1200`.
        input: u32 = 0,
        /// Input tokens that were read from the cache. For example `cache_read: 800`.
        cache_read: u32 = 0,
        /// Input tokens that were written to the cache. For example `cache_write: 200`.
        cache_write: u32 = 0,
        /// Output tokens, those of reasoning included. For example `output: 150`.
        output: u32 = 0,
        /// Output tokens that were spent on reasoning. For example `reasoning: 90`.
        reasoning: u32 = 0,
        /// What it tells as the sum of all, where the dialect tells one; what they sum up to if missing.
        /// For example `total: 9`.
        total: Option<u32>,
    }
}

part! {
    /// Tokens that are counted though others are reported.
    "the tokens that are charged" => Charges {
        /// Input tokens of every class. For example `input: 100`.
        input: u32 = 0,
        /// Output tokens. For example `output: 900`.
        output: u32 = 0,
    }
}

words! {
    /// How the length of a body is told that is no stream.
    "how a length is told" => BodyLength {
        /// Beforehand, in `content-length`.
        "usual" => Usual,
        /// In chunks.
        "chunked" => Chunked,
        /// By closing the connection behind it.
        "until_close" => UntilClose,
        /// Beforehand, as half of what comes; then the connection is closed.
        "half" => Half,
    }
}

words! {
    /// Why an answer ends.
    "a finish" => Finish {
        /// It is complete.
        "stop" => Stop,
        /// It reached its limit of tokens.
        "length" => Length,
        /// It calls a tool.
        "tool" => Tool,
        /// A filter held it back.
        "filtered" => Filtered,
    }
}

part! {
    /// A call of a tool.
    "a tool call" => ToolCall {
        /// The tool. For example `name: weather`.
        name: String,
        /// Its arguments, as a JSON text. For example `arguments: '{"city":"Bern"}'`.
        arguments: String = "{}".to_owned(),
    }
}

words! {
    /// What becomes of the connection instead of a reply.
    "a connection's fate" => ConnectionFate {
        /// It is reset before the reply begins.
        "reset" => Reset,
        /// It is closed before the reply begins.
        "close" => Close,
        /// It stays open, and nothing comes.
        "silence" => Silence,
        /// Bytes come that are no HTTP.
        "garbage" => Garbage,
        /// It is closed in the middle of the head.
        "close_in_head" => CloseInHead,
        /// It is reset in the middle of the body.
        "reset_in_body" => ResetInBody,
        /// The upstream stops listening for as long as the entry holds: connections are refused.
        "refuse" => Refuse,
    }
}

words! {
    /// An error, by the language's name. Each dialect has its own status, body and headers for it.
    "an error's name" => ErrorName {
        /// The key's rate limit is reached: 429.
        "rate_limit" => RateLimit,
        /// The traffic grew too fast, though the limit is not reached: 429.
        "slow_down" => SlowDown,
        /// The key is out of money: 429 or 400, where a wait does not help.
        "insufficient_quota" => InsufficientQuota,
        /// The limit of the day is reached: 429 with a long wait.
        "daily_limit" => DailyLimit,
        /// Too many requests are open at once: 429.
        "concurrency" => Concurrency,
        /// The account has no quota at all, so that no wait helps: 429.
        "zero_quota" => ZeroQuota,
        /// The account has spent as much as it may: 429, or 403 with Azure, where a wait does not help.
        "spend_cap" => SpendCap,
        /// The key is not valid: 401.
        "invalid_key" => InvalidKey,
        /// The account has to be paid: 402.
        "payment_required" => PaymentRequired,
        /// The key may not do this: 403.
        "forbidden" => Forbidden,
        /// The request is wrong: 400.
        "bad_request" => BadRequest,
        /// The prompt is longer than the model's window: 400.
        "context_overflow" => ContextOverflow,
        /// The content is against the provider's rules: 400.
        "content_policy" => ContentPolicy,
        /// The model does not exist: 404.
        "model_not_found" => ModelNotFound,
        /// The provider waited too long for the request: 408.
        "request_timeout" => RequestTimeout,
        /// Another request stands in the way: 409.
        "conflict" => Conflict,
        /// The request is too large: 413.
        "too_large" => TooLarge,
        /// The request is well-formed and makes no sense: 422.
        "unprocessable" => Unprocessable,
        /// The provider failed: 500.
        "server_error" => ServerError,
        /// A gateway of the provider failed: 502.
        "bad_gateway" => BadGateway,
        /// The provider is not available: 503.
        "unavailable" => Unavailable,
        /// The provider is overloaded: 503, or 529 where the dialect has that.
        "overloaded" => Overloaded,
        /// A gateway of the provider waited too long: 504.
        "gateway_timeout" => GatewayTimeout,
    }
}

words! {
    /// How a wait hint is written.
    "a wait hint's form" => HintName {
        /// `Retry-After` in whole seconds, rounded up.
        "seconds" => Seconds,
        /// `Retry-After` in seconds with a fraction.
        "fraction" => Fraction,
        /// `Retry-After` as an HTTP date.
        "date" => Date,
        /// `retry-after-ms` in milliseconds.
        "millis" => Millis,
        /// `x-ms-retry-after-ms` in milliseconds.
        "azure_millis" => AzureMillis,
        /// The reset of the dialect's own limit headers.
        "reset" => Reset,
        /// `x-ratelimit-reset-requests` as a duration: `6m0s`.
        "reset_duration" => ResetDuration,
        /// `x-ratelimit-reset-requests` in whole seconds, rounded up.
        "reset_seconds" => ResetSeconds,
        /// `anthropic-ratelimit-requests-reset` as a time in RFC 3339.
        "reset_timestamp" => ResetTimestamp,
        /// `anthropic-ratelimit-unified-reset` in seconds of Unix time.
        "reset_epoch" => ResetEpoch,
        /// A `RetryInfo` among the details of the error's body.
        "body" => Body,
        /// An `ErrorInfo` with a `quotaResetDelay` among the details of the error's body.
        "quota_reset" => QuotaReset,
        /// A sentence in the error's message.
        "prose" => Prose,
        /// Not at all. It stands alone.
        "none" => Untold,
        /// A day in the past.
        "past" => Past,
        /// A negative number.
        "negative" => Negative,
        /// Nothing that could be read as a time.
        "nonsense" => Nonsense,
        /// `x-ratelimit-reset-requests: -1`.
        "reset_unknown" => ResetUnknown,
    }
}

impl Reply {
    /// The answer of an upstream that says nothing about it.
    #[must_use]
    pub fn normal() -> Self {
        Self {
            error: None,
            retry_after: None,
            hints: Vec::new(),
            status: None,
            headers: Named::default(),
            without: Vec::new(),
            body: None,
            text: None,
            usage: None,
            finish: None,
            tools: Vec::new(),
            stream: None,
            length: BodyLength::Usual,
            charges: None,
            latency: None,
            span: Span::default(),
        }
    }

    /// An error that asks for no wait.
    #[must_use]
    pub fn of(error: ErrorName) -> Self {
        Self { error: Some(error), ..Self::normal() }
    }

    /// The shape of its stream.
    #[must_use]
    pub fn shape(&self) -> StreamShape {
        self.stream.clone().unwrap_or_else(StreamShape::immediate)
    }

    /// Tells what means nothing together in the reply of a plan, which knows by itself when there is room again.
    pub(crate) fn check_of_plan(&self, problems: &mut Vec<Problem>) {
        let limits = matches!(self.error, Some(ErrorName::RateLimit | ErrorName::DailyLimit));
        self.check_with(limits || self.retry_after.is_some(), problems);
    }

    /// Tells what means nothing together.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        self.check_with(self.retry_after.is_some(), problems);
    }

    fn check_with(&self, has_wait: bool, problems: &mut Vec<Problem>) {
        let answers =
            self.text.is_some() || self.usage.is_some() || self.finish.is_some() || !self.tools.is_empty();
        if self.error.is_some() && answers {
            problems.push(
                Problem::new(self.span, "an error and an answer in one reply")
                    .help("write `error:` with `retry_after:`, or `text:` with `usage:`"),
            );
        }
        if self.body.is_some() && (answers || self.stream.is_some()) {
            problems.push(
                Problem::new(self.span, "a body in so many words beside an answer of the dialect")
                    .help("write `body:` alone, with `status:` and `headers:`"),
            );
        }
        let hidden = self.hints.contains(&HintName::Untold);
        if hidden && self.hints.len() > 1 {
            problems.push(
                Problem::new(self.span, "a wait that is told and is not told")
                    .help("write `none` alone, or the forms in which the wait is told"),
            );
        }
        if !self.hints.is_empty() && !hidden && !has_wait {
            problems.push(
                Problem::new(self.span, "`hints` without a wait to tell").help("write `retry_after: 2s`"),
            );
        }
        if let Some(status) = self.status.filter(|status| !(200..=599).contains(status)) {
            problems.push(
                Problem::new(self.span, format!("{status} is no status of a reply"))
                    .help("write a status from 200 to 599"),
            );
        }
    }
}

/// What a script or timeline entry does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deed<'a> {
    /// It replies.
    Reply(&'a Reply),
    /// It begins an answer that goes wrong.
    Stream(&'a BrokenStream),
    /// It gives no reply.
    Connection(ConnectionFate),
    /// It replies these in turn.
    Loop(&'a [Reply]),
}

/// The deed of an entry: exactly one of the four, and told otherwise.
pub(crate) fn one_deed<'a>(
    reply: Option<&'a Reply>,
    stream: Option<&'a BrokenStream>,
    connection: Option<&At<ConnectionFate>>,
    in_turn: &'a [Reply],
) -> Option<Deed<'a>> {
    let deeds = [
        reply.map(Deed::Reply),
        stream.map(Deed::Stream),
        connection.map(|fate| Deed::Connection(fate.value)),
        (!in_turn.is_empty()).then_some(Deed::Loop(in_turn)),
    ];
    let mut deeds = deeds.into_iter().flatten();
    match (deeds.next(), deeds.next()) {
        (Some(deed), None) => Some(deed),
        _ => None,
    }
}

impl Deed<'_> {
    /// Tells what means nothing.
    pub(crate) fn check(self, problems: &mut Vec<Problem>) {
        match self {
            Self::Reply(reply) => reply.check(problems),
            Self::Stream(stream) => stream.check(problems),
            Self::Connection(_) => {}
            Self::Loop(replies) => replies.iter().for_each(|reply| reply.check(problems)),
        }
    }
}
