//! The seam between deciding and sending: what one attempt is given and what comes of it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};

use super::{ProviderKey, Surface};
use crate::usage::UsageReport;

/// Whatever can carry one attempt to a provider. Implementations make exactly one attempt for each call.
pub(crate) trait Upstream: Send + Sync {
    /// The body of a successful answer, not yet read.
    type Body: Send;

    /// Makes one attempt with `key`.
    fn send(
        &self,
        key: &ProviderKey,
        request: &UpstreamRequest,
    ) -> impl Future<Output = Attempted<Self::Body>> + Send;
}

/// An attempt that was made.
#[derive(Debug)]
pub(crate) struct Attempted<B> {
    pub(crate) reply: Reply<B>,
    /// The tokens that a failed one has used, where the provider says so.
    pub(crate) used: Option<UsageReport>,
    /// After how long the first byte of its answer came, if that is known.
    pub(crate) first_byte: Option<Duration>,
}

impl<B> From<Reply<B>> for Attempted<B> {
    fn from(reply: Reply<B>) -> Self {
        Self { reply, used: None, first_byte: None }
    }
}

/// A request that may be sent several times, always with the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamRequest {
    /// What the provider is asked for, and so what its answer looks like.
    pub(crate) surface: Surface,
    /// What is appended to the provider's base address, from the slash on.
    pub(crate) path: Cow<'static, str>,
    /// The caller's headers that may be passed on. No credential is among them.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) patience: Patience,
}

/// How long a provider may keep silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Before there is a connection. Absent: as long as any host that is alive may take.
    pub(crate) connect: Option<Duration>,
    /// Before the head of its answer.
    pub(crate) head: Duration,
    /// Before the first content of a stream.
    pub(crate) first_content: Duration,
    /// Between two parts of an answer that has begun.
    pub(crate) idle: Duration,
}

/// What became of one attempt.
#[derive(Debug)]
pub(crate) enum Reply<B> {
    /// A 2xx head; its body is still to come.
    Success(Response<B>),
    /// Any other head, with its body read up to a bound.
    Error(ErrorReply),
    /// No connection, or it broke before the head was complete.
    Unreachable,
    /// Silent for longer than allowed.
    TimedOut,
    /// A 2xx head, and then no answer.
    Unreadable,
}

impl<B> Reply<B> {
    /// The status, if there was an answer.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Success(response) => Some(response.status()),
            Self::Error(error) => Some(error.status),
            Self::Unreachable | Self::TimedOut | Self::Unreadable => None,
        }
    }
}

/// An answer that is no success.
#[derive(Debug, Clone)]
pub(crate) struct ErrorReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty when it was longer than the bound or could not be read.
    pub(crate) body: Bytes,
}
