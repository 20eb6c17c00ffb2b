//! Sends attempts over pooled HTTP/1.1 connections.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

use super::{ErrorReply, ProviderKey, Reply, Upstream, UpstreamRequest};

/// An upstream at one base address. The connections are shared by all keys and all exchanges.
#[derive(Debug, Clone)]
pub(crate) struct HttpUpstream {
    client: Client<HttpConnector, Full<Bytes>>,
    base: Uri,
}

/// No host that is alive takes longer to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the idle limit of common servers, so that we rarely write into a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Error answers are short; one that is longer is treated as unreadable.
const MOST_ERROR_BYTES: usize = 64 * 1024;

impl HttpUpstream {
    pub(crate) fn new(base: Uri) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self { client, base }
    }

    fn request(&self, key: &ProviderKey, request: &UpstreamRequest) -> Request<Full<Bytes>> {
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), request.path);
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = path.parse().ok();
        let uri = Uri::from_parts(parts).expect("a checked base address and a path make an address");
        let mut built = Request::new(Full::new(request.body.clone()));
        *built.method_mut() = http::Method::POST;
        *built.uri_mut() = uri;
        *built.headers_mut() = request.headers.clone();
        built.headers_mut().insert(header::AUTHORIZATION, key.authorization());
        built
    }
}

impl Upstream for HttpUpstream {
    type Body = Incoming;

    async fn send(&self, key: &ProviderKey, request: &UpstreamRequest) -> Reply<Incoming> {
        let deadline = Instant::now() + request.timeout;
        match timeout_at(deadline, self.client.request(self.request(key, request))).await {
            Err(_) => Reply::TimedOut,
            Ok(Err(error)) => {
                tracing::info!(key = key.name(), error = %Chain(&error), "attempt failed");
                Reply::Unreachable
            }
            Ok(Ok(response)) if response.status().is_success() => Reply::Success(response),
            Ok(Ok(response)) => Reply::Error(read_error(response, deadline).await),
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
