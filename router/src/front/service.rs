//! The table of paths, and what is shared by all requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::Instant;

use super::answer::{ApiError, json_answer};
use super::caller::{caller, require_admin};
use super::relay::ResponseBody;
use super::request_body::BufferedBytes;
use super::{chat, ledger_page};
use crate::accounts::Books;
use crate::exchange::Backoff;
use crate::metrics::{Page, RequestCounters};
use crate::policy::Policies;
use crate::provider::{Dialect, HttpUpstream, Provider};
use crate::secret::Secret;
use crate::settings::{ModelSettings, Settings};
use crate::shared::{Shared, teller};
use crate::splitmix::Splitmix;
use crate::tenants::{TenantIndex, Tenants};

/// The router behind its connections.
pub(crate) struct Service {
    pub(super) models: BTreeMap<String, ModelSettings>,
    pub(super) backends: Vec<Backend>,
    pub(super) policies: Policies,
    pub(super) backoff: Backoff,
    pub(super) buffered: BufferedBytes,
    /// Absent when there is nobody to charge and nothing to charge for: then answers are passed on unread.
    pub(super) books: Option<Arc<Books>>,
    pub(super) ids: Splitmix,
    /// So many characters of each prompt are kept in the ledger.
    pub(super) prompt_end: usize,
    pub(super) requests: RequestCounters,
    admin_key: Option<Secret>,
    _shared: Option<Shared>,
}

/// A provider with the way to reach it.
pub(super) struct Backend {
    pub(super) provider: Arc<Provider>,
    pub(super) upstream: HttpUpstream,
    pub(super) dialect: Dialect,
    pub(super) chat_path: &'static str,
}

impl Service {
    pub(crate) fn new(settings: Settings, policies: Policies) -> Self {
        let (teller, untold) = settings.shared_folder.as_ref().map(|_| teller()).unzip();
        let backends: Vec<Backend> = settings
            .providers
            .iter()
            .map(|provider| Backend {
                provider: Arc::new(Provider::new(provider, teller.clone())),
                upstream: HttpUpstream::new(
                    provider.base_url.clone(),
                    provider.dialect,
                    Arc::clone(&policies.streams),
                ),
                dialect: provider.dialect,
                chat_path: provider.dialect.chat_path(&provider.base_url),
            })
            .collect();
        let Settings { models, tenants, prices, admin_key, prompt_end, shared_folder, .. } = settings;
        let keeps_books = !tenants.is_empty() || !prices.is_empty() || admin_key.is_some();
        let books = keeps_books.then(|| Arc::new(Books::new(Tenants::new(tenants), prices, &policies)));
        let requests = RequestCounters::new(models.keys());
        let shared = shared_folder.zip(untold).map(|(folder, untold)| {
            let providers = backends.iter().map(|backend| Arc::clone(&backend.provider)).collect();
            Shared::start(folder, untold, providers)
        });
        Self {
            _shared: shared,
            models,
            backends,
            policies,
            backoff: Backoff::from_system(),
            buffered: BufferedBytes::default(),
            books,
            ids: Splitmix::from_system(),
            prompt_end,
            requests,
            admin_key,
        }
    }

    /// Answers one request. `stopping` says that no new work should be sent here.
    pub(super) async fn answer(&self, request: Request<Incoming>, stopping: bool) -> Response<ResponseBody> {
        self.policies.border.leaving(self.route(request, stopping).await)
    }

    async fn route(&self, request: Request<Incoming>, stopping: bool) -> Response<ResponseBody> {
        let path = request.uri().path();
        let Some(allowed) = self.method_of(path) else {
            return ApiError::unknown_path(path).into_response(Dialect::Openai);
        };
        if request.method() != allowed {
            let mut response = ApiError::wrong_method(request.method(), path).into_response(surface_of(path));
            if let Ok(value) = HeaderValue::from_str(allowed.as_str()) {
                response.headers_mut().insert(header::ALLOW, value);
            }
            return response;
        }
        match path {
            CHAT | MESSAGES => chat::answer(self, surface_of(path), request).await,
            MODELS => or_error(self.list_models(request.headers())),
            LEDGER => or_error(self.ledger(&request)),
            METRICS => self.metrics(),
            READINESS if stopping => status(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            READINESS => status(StatusCode::OK, "ready"),
            _ => status(StatusCode::OK, "alive"),
        }
    }

    /// A model by its public name, as far as a caller may use it. One that it may not use does not exist for it.
    pub(super) fn model(&self, tenant: Option<TenantIndex>, name: &str) -> Result<&ModelSettings, ApiError> {
        let model = self.models.get(name).filter(|_| self.may_use(tenant, name));
        model.ok_or_else(|| ApiError::unknown_model(name))
    }

    fn may_use(&self, tenant: Option<TenantIndex>, model: &str) -> bool {
        match (&self.books, tenant) {
            (Some(books), Some(tenant)) => books.tenants().get(tenant).may_use(model),
            _ => true,
        }
    }

    fn ledger(&self, request: &Request<Incoming>) -> Result<Response<ResponseBody>, ApiError> {
        let (Some(admin_key), Some(books)) = (&self.admin_key, &self.books) else {
            return Err(ApiError::unknown_path(request.uri().path()));
        };
        require_admin(admin_key, request.headers())?;
        ledger_page::answer(books, request.uri())
    }

    /// The method that a path takes. Without an admin's key its paths do not exist.
    fn method_of(&self, path: &str) -> Option<Method> {
        match path {
            CHAT | MESSAGES => Some(Method::POST),
            MODELS | METRICS | LIVENESS | READINESS => Some(Method::GET),
            LEDGER if self.admin_key.is_some() => Some(Method::GET),
            _ => None,
        }
    }

    fn metrics(&self) -> Response<ResponseBody> {
        const ATTEMPTS: &str = "router_attempts_total";
        const KEYS: &str = "router_keys";
        let mut page = Page::default();
        page.requests(&self.requests);
        page.metric(ATTEMPTS, "counter", "Attempts at providers, by how they ended.");
        for Backend { provider, .. } in &self.backends {
            page.by_status(ATTEMPTS, ("provider", provider.name()), provider.attempts());
        }
        page.metric(KEYS, "gauge", "Keys of providers, by their standing.");
        for Backend { provider, .. } in &self.backends {
            for (standing, count) in provider.learned().pool.standings(Instant::now()) {
                let labels = [("provider", provider.name()), ("standing", standing.word())];
                page.sample(KEYS, &labels, u64::try_from(count).unwrap_or(u64::MAX));
            }
        }
        let mut response = Response::new(ResponseBody::whole(Bytes::from(page.text())));
        response.headers_mut().insert(header::CONTENT_TYPE, PROMETHEUS);
        response
    }

    fn list_models(&self, headers: &HeaderMap) -> Result<Response<ResponseBody>, ApiError> {
        let tenant = match &self.books {
            Some(books) => caller(books.tenants(), headers)?,
            None => None,
        };
        let models: Vec<_> = self
            .models
            .iter()
            .filter(|(name, _)| self.may_use(tenant, name))
            .map(|(name, model)| {
                let owner = self.backends[model.provider].provider.name();
                json!({ "id": name, "object": "model", "created": 0, "owned_by": owner })
            })
            .collect();
        Ok(json_answer(StatusCode::OK, &json!({ "object": "list", "data": models })))
    }
}

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const MODELS: &str = "/v1/models";
const METRICS: &str = "/metrics";
const LEDGER: &str = "/admin/ledger";
/// Answered from memory alone: a provider in trouble must not get the router restarted.
const LIVENESS: &str = "/health/liveness";
const READINESS: &str = "/health/readiness";

const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

fn surface_of(path: &str) -> Dialect {
    if path == MESSAGES { Dialect::Anthropic } else { Dialect::Openai }
}

fn or_error(answer: Result<Response<ResponseBody>, ApiError>) -> Response<ResponseBody> {
    answer.unwrap_or_else(|error| error.into_response(Dialect::Openai))
}

fn status(code: StatusCode, word: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(format!("{{\"status\":\"{word}\"}}"))));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
