//! Kept connections to a provider, plain or over TLS.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::time::timeout;
use tower_service::Service;

use super::Trust;

/// Connections that are used again, of one kind.
#[derive(Debug, Clone)]
pub(crate) enum PooledClient {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Secure(Client<Patient, Full<Bytes>>),
}

/// No host that is alive takes longer to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below the idle limit of common servers, so that we rarely write into a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

impl PooledClient {
    /// One that waits so long for a connection, or as long as any host that is alive may take. Over TLS if something is trusted.
    pub(crate) fn new(trust: Option<&Trust>, connect: Option<Duration>) -> Self {
        let connect = connect.unwrap_or(CONNECT_TIMEOUT);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect));
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT);
        let Some(trust) = trust else { return Self::Plain(client.build(connector)) };
        connector.enforce_http(false);
        let secure = HttpsConnectorBuilder::new().with_tls_config((*trust.config).clone());
        let secure = secure.https_only().enable_http1().wrap_connector(connector);
        Self::Secure(client.build(Patient { connector: secure, patience: connect }))
    }

    pub(crate) fn request(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(request),
            Self::Secure(client) => client.request(request),
        }
    }
}

/// Makes connections over TLS, and waits so long for each, the agreement on keys included.
#[derive(Debug, Clone)]
pub(crate) struct Patient {
    connector: HttpsConnector<HttpConnector>,
    patience: Duration,
}

#[derive(Debug, Error)]
#[error("no connection over TLS within {0:?}")]
struct TooSlow(Duration);

type Connection = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
type Trouble = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Patient {
    type Response = Connection;
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, Trouble>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Trouble>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (connecting, patience) = (self.connector.call(address), self.patience);
        Box::pin(async move { timeout(patience, connecting).await.map_err(|_| TooSlow(patience))? })
    }
}
