//! Sends a request to an API as it came, and tells what is known of whether it arrived.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::Effect;
use crate::provider::{
    ErrorReply, Failure, PooledClient, ProviderKey, read_error, shown_address, tls_trouble,
};
use crate::settings::Address;

/// A request that may be sent several times, always with the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    /// The caller's headers that may be passed on. No credential is among them.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) effect: Effect,
    /// How long an API may stay silent.
    pub(crate) timeout: Duration,
}

/// What came of one attempt.
#[derive(Debug)]
pub(crate) enum Came {
    /// The API's answer, of whatever status, for the client.
    Answer(Response<Incoming>),
    /// The same, read to its end.
    Read(ErrorReply),
    /// The API did nothing, since its limit is met.
    Limited { hint: Option<Duration>, reply: ErrorReply },
    /// The API does not accept the key.
    KeyRejected,
    /// The API is in trouble of its own, and says so.
    Failed { reply: ErrorReply },
    /// There was no connection, so that no byte was sent.
    NeverSent,
    /// It was sent, and the connection broke before an answer came.
    Lost,
    /// It was sent, and no answer came in time.
    TimedOut,
}

impl Came {
    /// The status, if there was an answer.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answer(response) => Some(response.status()),
            Self::Limited { reply, .. } | Self::Failed { reply } | Self::Read(reply) => Some(reply.status),
            Self::KeyRejected => Some(StatusCode::UNAUTHORIZED),
            Self::NeverSent | Self::Lost | Self::TimedOut => None,
        }
    }
}

/// A longer answer is passed on as it comes, also where it was to be read.
const MOST_READ_BYTES: usize = 1024 * 1024;

impl Came {
    /// The same with an answer read to its end, as far as it is not long. One that breaks off is a lost one.
    pub(super) async fn read(self, silence: Duration) -> Self {
        let Self::Answer(response) = self else { return self };
        let most = u64::try_from(MOST_READ_BYTES).unwrap_or(u64::MAX);
        if response.body().size_hint().lower() > most {
            return Self::Answer(response);
        }
        let (head, body) = response.into_parts();
        match tokio::time::timeout(silence, Limited::new(body, MOST_READ_BYTES).collect()).await {
            Ok(Ok(read)) => {
                Self::Read(ErrorReply { status: head.status, headers: head.headers, body: read.to_bytes() })
            }
            Ok(Err(_)) => Self::Lost,
            Err(_) => Self::TimedOut,
        }
    }
}

/// The connections to one API.
#[derive(Debug)]
pub(super) struct ApiClient {
    client: PooledClient,
    at: Address,
}

/// What is longer is passed on unread, and judged by its status alone.
const MOST_ERROR_BYTES: u64 = 64 * 1024;

impl ApiClient {
    pub(super) fn new(at: Address) -> Self {
        Self { client: PooledClient::new(at.trust.as_ref(), None), at }
    }

    pub(super) fn address(&self) -> &Address {
        &self.at
    }

    /// Makes one attempt.
    pub(super) async fn send(&self, key: &ProviderKey, request: &ApiRequest) -> Came {
        let deadline = Instant::now() + request.timeout;
        let mut built = Request::new(Full::new(request.body.clone()));
        *built.method_mut() = request.method.clone();
        *built.uri_mut() = self.below(&request.path);
        *built.headers_mut() = request.headers.clone();
        built.headers_mut().extend(key.credential());
        match timeout_at(deadline, self.client.request(built)).await {
            // The connection has a shorter time of its own, so this was sent.
            Err(_) => Came::TimedOut,
            Ok(Err(error)) if error.is_connect() => {
                if let Some(trouble) = tls_trouble(&error) {
                    let address = shown_address(&self.at.base);
                    tracing::warn!(key = key.name(), address, "attempt failed: {trouble}");
                }
                Came::NeverSent
            }
            Ok(Err(error)) => {
                tracing::info!(key = key.name(), %error, "an attempt was lost");
                Came::Lost
            }
            Ok(Ok(response)) => read(response, deadline).await,
        }
    }

    /// Asks for a path of the API, which is to cost nothing, and gives the status, if there is an answer.
    pub(super) async fn ask(&self, key: &ProviderKey, path: &str, patience: Duration) -> Option<StatusCode> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.below(&path.parse().ok()?);
        request.headers_mut().extend(key.credential());
        let deadline = Instant::now() + patience;
        let response = timeout_at(deadline, self.client.request(request)).await.ok()?.ok()?;
        let (head, body) = response.into_parts();
        let most = usize::try_from(MOST_ERROR_BYTES).unwrap_or(usize::MAX);
        // Read to its end, so that the connection can be used again; what it says is of no interest.
        drop(timeout_at(deadline, Limited::new(body, most).collect()).await);
        Some(head.status)
    }

    fn below(&self, path: &PathAndQuery) -> Uri {
        let base = self.at.base.path().trim_end_matches('/');
        let mut parts = self.at.base.clone().into_parts();
        parts.path_and_query =
            if base.is_empty() { Some(path.clone()) } else { format!("{base}{path}").parse().ok() };
        Uri::from_parts(parts).expect("a checked base address and a path make an address")
    }
}

/// Takes errors that say something about the API itself apart from answers.
async fn read(response: Response<Incoming>, deadline: Instant) -> Came {
    let status = response.status();
    let is_telling = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT
        );
    if !is_telling || response.body().size_hint().upper().is_none_or(|upper| upper > MOST_ERROR_BYTES) {
        return Came::Answer(response);
    }
    let (head, body) = response.into_parts();
    let body = match timeout_at(deadline, body.collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    let reply = ErrorReply { status, headers: head.headers, body };
    match status {
        StatusCode::UNAUTHORIZED => Came::KeyRejected,
        StatusCode::TOO_MANY_REQUESTS => {
            let hint = match read_error(&reply, SystemTime::now()) {
                Failure::Limited { hint } | Failure::SlowDown { hint } => hint,
                _ => None,
            };
            Came::Limited { hint, reply }
        }
        _ => Came::Failed { reply },
    }
}
