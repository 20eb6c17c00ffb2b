//! Sends attempts over kept HTTP/1.1 connections.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::body::{Again, Asking, opened};
use super::coming::Coming;
use super::used::used_by_whole;
use super::{
    ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE, Attempted, Dialect, Endpoint, ErrorReply, PooledClient,
    ProviderBody, ProviderKey, Reply, Upstream, UpstreamRequest, WirePolicy, tls_trouble,
};
use crate::policy::Policies;
use crate::stream::StreamPolicy;

/// An upstream at one base address. The connections are shared by all keys and all exchanges.
pub(crate) struct HttpUpstream {
    client: PooledClient,
    /// Those of models that wait less or longer for a connection, each with connections of its own.
    others: RwLock<BTreeMap<Duration, PooledClient>>,
    endpoint: Endpoint,
    streams: Arc<dyn StreamPolicy>,
    wire: Arc<dyn WirePolicy>,
}

/// Error answers are short; one that is longer is treated as unreadable.
const MOST_ERROR_BYTES: usize = 64 * 1024;

impl HttpUpstream {
    pub(crate) fn new(endpoint: Endpoint, policies: &Policies) -> Self {
        let client = PooledClient::new(endpoint.trust.as_ref(), None);
        let (streams, wire) = (Arc::clone(&policies.streams), Arc::clone(&policies.wire));
        Self { client, others: RwLock::default(), endpoint, streams, wire }
    }

    /// The client that waits so long for a connection.
    fn client(&self, connect: Option<Duration>) -> PooledClient {
        let Some(connect) = connect else { return self.client.clone() };
        let known = self.others.read().unwrap_or_else(PoisonError::into_inner).get(&connect).cloned();
        known.unwrap_or_else(|| {
            let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
            let client = || PooledClient::new(self.endpoint.trust.as_ref(), Some(connect));
            others.entry(connect).or_insert_with(client).clone()
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks for the list of models, which costs nothing, and gives the status, if there is an answer.
    pub(crate) async fn ask_for_models(&self, key: &ProviderKey, patience: Duration) -> Option<StatusCode> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.endpoint.address(&self.endpoint.models_path());
        request.headers_mut().extend(key.credential());
        if self.endpoint.dialect() == Dialect::Anthropic {
            request.headers_mut().insert(ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE);
        }
        let deadline = Instant::now() + patience;
        let response = timeout_at(deadline, self.client.request(request)).await.ok()?.ok()?;
        let (head, body) = response.into_parts();
        // Read to its end, so that the connection can be used again; what it says is of no interest.
        drop(timeout_at(deadline, Limited::new(body, MOST_ERROR_BYTES).collect()).await);
        Some(head.status)
    }

    fn request(&self, key: &ProviderKey, request: &UpstreamRequest) -> Request<Full<Bytes>> {
        let mut built = Request::new(request.body.clone());
        *built.method_mut() = http::Method::POST;
        *built.uri_mut() = self.endpoint.address(&request.path);
        *built.headers_mut() = request.headers.clone();
        built.headers_mut().extend(key.credential());
        self.wire.sending(&mut built);
        built.map(Full::new)
    }

    fn with_again(
        &self,
        attempted: Attempted<ProviderBody>,
        key: &ProviderKey,
        request: &UpstreamRequest,
    ) -> Attempted<ProviderBody> {
        let Reply::Success(mut response) = attempted.reply else { return attempted };
        let left = self.streams.begins_again();
        if left > 0 {
            let (client, wire) = (self.client(request.patience.connect), Arc::clone(&self.wire));
            let request = self.request(key, request);
            let ask = move || -> Asking {
                let (asked, wire) = (client.request(request.clone()), Arc::clone(&wire));
                Box::pin(async move { Some(Coming::new(asked.await.ok()?.into_body(), wire.as_ref())) })
            };
            response.body_mut().set_again(Again { left, ask: Box::new(ask), asking: None });
        }
        Reply::Success(response).into()
    }
}

impl Upstream for HttpUpstream {
    type Body = ProviderBody;

    async fn send(&self, key: &ProviderKey, request: &UpstreamRequest) -> Attempted<ProviderBody> {
        let begin = Instant::now();
        let deadline = begin + request.patience.head;
        let client = self.client(request.patience.connect);
        let _turn = match self.wire.shared_line() {
            Some(line) => line.acquire().await.ok(),
            None => None,
        };
        match timeout_at(deadline, client.request(self.request(key, request))).await {
            Err(_) => Reply::TimedOut.into(),
            Ok(Err(error)) => {
                match tls_trouble(&error) {
                    Some(trouble) => {
                        tracing::warn!(key = key.name(), address = %self.endpoint.shown(), "attempt failed: {trouble}");
                    }
                    None => tracing::info!(key = key.name(), error = %Chain(&error), "attempt failed"),
                }
                Reply::Unreachable.into()
            }
            Ok(Ok(response)) if response.status().is_success() => {
                let first_byte = Some(begin.elapsed());
                let policies = (&self.streams, self.wire.as_ref());
                let opened = opened(response, request.surface, policies, begin, request.patience).await;
                Attempted { first_byte, ..self.with_again(opened, key, request) }
            }
            Ok(Ok(response)) => {
                let mut error = read_error(response, deadline).await;
                self.wire.came(&mut error.headers);
                let used = used_by_whole(&error.body, request.surface);
                Attempted { used, ..Attempted::from(Reply::Error(error)) }
            }
        }
    }
}

async fn read_error(response: Response<Incoming>, deadline: Instant) -> ErrorReply {
    let (head, body) = response.into_parts();
    let body = match timeout_at(deadline, Limited::new(body, MOST_ERROR_BYTES).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    ErrorReply { status: head.status, headers: head.headers, body }
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
