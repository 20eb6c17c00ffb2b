//! Sends attempts over pooled HTTP/1.1 connections.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use super::body::{Again, opened};
use super::used::used_by_whole;
use super::{
    ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE, Attempted, Dialect, ErrorReply, ProviderBody, ProviderKey,
    Reply, Upstream, UpstreamRequest,
};
use crate::stream::StreamPolicy;

/// An upstream at one base address. The connections are shared by all keys and all exchanges.
pub(crate) struct HttpUpstream {
    client: PooledClient,
    /// Those of models that wait less or longer for a connection, each with connections of its own.
    others: RwLock<BTreeMap<Duration, PooledClient>>,
    base: Uri,
    dialect: Dialect,
    streams: Arc<dyn StreamPolicy>,
}

pub(crate) type PooledClient = Client<HttpConnector, Full<Bytes>>;

/// No host that is alive takes longer to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the idle limit of common servers, so that we rarely write into a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Error answers are short; one that is longer is treated as unreadable.
const MOST_ERROR_BYTES: usize = 64 * 1024;

impl HttpUpstream {
    pub(crate) fn new(base: Uri, dialect: Dialect, streams: Arc<dyn StreamPolicy>) -> Self {
        Self { client: client(CONNECT_TIMEOUT), others: RwLock::default(), base, dialect, streams }
    }

    /// The client that waits so long for a connection.
    fn client(&self, connect: Option<Duration>) -> PooledClient {
        let Some(connect) = connect else { return self.client.clone() };
        let known = self.others.read().unwrap_or_else(PoisonError::into_inner).get(&connect).cloned();
        known.unwrap_or_else(|| {
            let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
            others.entry(connect).or_insert_with(|| client(connect)).clone()
        })
    }

    pub(crate) fn base(&self) -> &Uri {
        &self.base
    }

    /// Asks for the list of models, which costs nothing, and gives the status, if there is an answer.
    pub(crate) async fn ask_for_models(&self, key: &ProviderKey, patience: Duration) -> Option<StatusCode> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.address(self.dialect.models_path(&self.base));
        request.headers_mut().extend(key.credential());
        if self.dialect == Dialect::Anthropic {
            request.headers_mut().insert(ANTHROPIC_VERSION, ANTHROPIC_VERSION_VALUE);
        }
        let deadline = Instant::now() + patience;
        let response = timeout_at(deadline, self.client.request(request)).await.ok()?.ok()?;
        let (head, body) = response.into_parts();
        // Read to its end, so that the connection can be used again; what it says is of no interest.
        drop(timeout_at(deadline, Limited::new(body, MOST_ERROR_BYTES).collect()).await);
        Some(head.status)
    }

    /// The address of a path below the base.
    fn address(&self, path: &str) -> Uri {
        let path = format!("{}{path}", self.base.path().trim_end_matches('/'));
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = path.parse().ok();
        Uri::from_parts(parts).expect("a checked base address and a path make an address")
    }

    fn request(&self, key: &ProviderKey, request: &UpstreamRequest) -> Request<Full<Bytes>> {
        let mut built = Request::new(Full::new(request.body.clone()));
        *built.method_mut() = http::Method::POST;
        *built.uri_mut() = self.address(&request.path);
        *built.headers_mut() = request.headers.clone();
        built.headers_mut().extend(key.credential());
        built
    }

    fn with_again(
        &self,
        attempted: Attempted<ProviderBody>,
        key: &ProviderKey,
        request: &UpstreamRequest,
    ) -> Attempted<ProviderBody> {
        let Reply::Success(mut response) = attempted.reply else { return attempted };
        if self.streams.begins_again() {
            let client = self.client(request.patience.connect);
            let request = self.request(key, request);
            let again = async move { client.request(request).await.ok().map(Response::into_body) };
            response.body_mut().set_again(Again(Box::pin(again)));
        }
        Reply::Success(response).into()
    }
}

/// A client that waits for a connection as long as any host that is alive may take.
pub(crate) fn pooled_client() -> PooledClient {
    client(CONNECT_TIMEOUT)
}

fn client(connect: Duration) -> PooledClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(connect));
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(connector)
}

impl Upstream for HttpUpstream {
    type Body = ProviderBody;

    async fn send(&self, key: &ProviderKey, request: &UpstreamRequest) -> Attempted<ProviderBody> {
        let begin = Instant::now();
        let deadline = begin + request.patience.head;
        let client = self.client(request.patience.connect);
        match timeout_at(deadline, client.request(self.request(key, request))).await {
            Err(_) => Reply::TimedOut.into(),
            Ok(Err(error)) => {
                tracing::info!(key = key.name(), error = %Chain(&error), "attempt failed");
                Reply::Unreachable.into()
            }
            Ok(Ok(response)) if response.status().is_success() => {
                let opened = opened(response, request.surface, &self.streams, begin, request.patience).await;
                self.with_again(opened, key, request)
            }
            Ok(Ok(response)) => {
                let error = read_error(response, deadline).await;
                let used = used_by_whole(&error.body, request.surface);
                Attempted { reply: Reply::Error(error), used }
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
