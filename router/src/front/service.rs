//! The table of paths, and what all requests under the same settings share.

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use serde_json::Value;

use super::address::is_addressed;
use super::answer::ApiError;
use super::backend::Backend;
use super::headers::head_fits;
use super::model_list::ModelsAsked;
use super::relay::ResponseBody;
use super::request_body::BufferedBytes;
use super::spread::Spread;
use super::{admin, chat, metrics_page, readiness, service_call};
use crate::accounts::{Accounts, Books, Records};
use crate::apis::{Api, ApiService, AuditLog};
use crate::exchange::{Backoff, Queue};
use crate::known_keys::KnownKeys;
use crate::metrics::RequestCounters;
use crate::policy::Policies;
use crate::provider::{ANTHROPIC_VERSION, Dialect, Provider, ProviderKey, Surface};
use crate::secret::Secret;
use crate::settings::{
    ApiSettings, ModelSettings, ProviderSettings, RequestLimits, Settings, Target, TenantSettings, shown,
};
use crate::shared::Link;
use crate::splitmix::Splitmix;
use crate::tenants::{TenantIndex, Tenants};
use crate::upkeep::InForce;

/// The router behind its connections, under one reading of its settings.
pub(crate) struct Service {
    pub(super) models: BTreeMap<String, ModelSettings>,
    pub(super) backends: Vec<Arc<Backend>>,
    apis: Vec<Arc<Api>>,
    /// Those with the longest paths first.
    pub(super) services: Vec<ApiService>,
    /// By the public names of those models that have one.
    pub(super) queues: BTreeMap<String, Arc<Queue>>,
    /// By the public names of those models that several providers serve.
    spreads: BTreeMap<String, Arc<Spread>>,
    /// Absent when there is nobody to charge and nothing to charge for: then answers are passed on unread.
    pub(super) books: Option<Arc<Books>>,
    /// So many characters of each prompt are kept in the ledger.
    pub(super) prompt_end: usize,
    /// What a request may have, and how long it may take to come.
    pub(super) limits: RequestLimits,
    pub(super) admin_key: Option<Secret>,
    /// None of which a client is ever told.
    pub(super) known_keys: Arc<KnownKeys>,
    pub(super) requests: RequestCounters,
    /// The settings as they may be shown.
    pub(super) shown: Value,
    /// The way to the store that routers share, if there is one that counts.
    pub(super) link: Option<Arc<Link>>,
    // These outlive the settings.
    pub(super) policies: Arc<Policies>,
    pub(super) backoff: Arc<Backoff>,
    pub(super) buffered: Arc<BufferedBytes>,
    pub(super) ids: Arc<Splitmix>,
    pub(super) session_digests: RandomState,
    pub(super) audit: Arc<AuditLog>,
}

impl Service {
    /// A router that has read no settings yet, and serves nobody.
    pub(crate) fn before_all_settings(policies: Policies) -> Self {
        Self {
            models: BTreeMap::new(),
            backends: Vec::new(),
            apis: Vec::new(),
            services: Vec::new(),
            queues: BTreeMap::new(),
            spreads: BTreeMap::new(),
            books: None,
            prompt_end: 0,
            limits: RequestLimits::default(),
            admin_key: None,
            known_keys: Arc::new(KnownKeys::new(std::iter::empty())),
            requests: RequestCounters::default(),
            shown: Value::Null,
            link: None,
            policies: Arc::new(policies),
            backoff: Arc::new(Backoff::from_system()),
            buffered: Arc::new(BufferedBytes::default()),
            ids: Arc::new(Splitmix::from_system()),
            session_digests: RandomState::new(),
            audit: Arc::default(),
        }
    }

    /// The router under new settings. What is known of keys and what tenants have spent is taken along.
    pub(crate) fn followed_by(
        &self,
        settings: Settings,
        records: Option<&Records>,
        link: Option<&Arc<Link>>,
    ) -> Self {
        let shown = shown(&settings);
        let backends: Vec<_> = settings.providers.iter().map(|provider| self.backend(provider)).collect();
        for target in settings.models.values().flat_map(|model| &model.targets) {
            backends[target.provider].provider.serves(&target.upstream_name);
        }
        let apis: Vec<_> = settings.apis.iter().map(|api| self.api(api)).collect();
        let keys = settings.providers.iter().map(|provider| &provider.keys);
        let keys = keys.chain(settings.apis.iter().map(|api| &api.keys)).flatten();
        let known_keys = Arc::new(KnownKeys::new(keys.filter_map(ProviderKey::secret)));
        let records = records.filter(|_| settings.keep_books());
        let Settings { models, services, tenants, prices, admin_key, ledger, requests, .. } = settings;
        let books = records.map(|Records { ledger, accounts }| {
            let tenants = self.tenants(tenants, accounts, link);
            Arc::new(Books::new(tenants, prices, ledger, &self.policies))
        });
        let services = services.into_iter().map(|service| {
            let before = self.services.iter().find(|before| before.name() == service.name);
            ApiService::new(service, &apis, before)
        });
        Self {
            services: services.collect(),
            apis,
            backends,
            queues: models.values().filter_map(|model| self.queue(model)).collect(),
            spreads: models.values().filter_map(|model| self.spread_over_reloads(model)).collect(),
            books,
            requests: self.requests.followed_by(models.keys()),
            models,
            prompt_end: ledger.prompt_end,
            limits: requests,
            admin_key,
            known_keys,
            shown,
            link: link.map(Arc::clone),
            policies: Arc::clone(&self.policies),
            backoff: Arc::clone(&self.backoff),
            buffered: Arc::clone(&self.buffered),
            ids: Arc::clone(&self.ids),
            session_digests: self.session_digests.clone(),
            audit: Arc::clone(&self.audit),
        }
    }

    fn tenants(
        &self,
        settings: Vec<TenantSettings>,
        accounts: &Accounts,
        link: Option<&Arc<Link>>,
    ) -> Tenants {
        let nobody = Tenants::default();
        let before = self.books.as_ref().map_or(&nobody, |books| books.tenants());
        Tenants::new(settings, before, accounts, self.policies.tenancy.as_ref(), link)
    }

    fn backend(&self, settings: &ProviderSettings) -> Arc<Backend> {
        let policies = &self.policies;
        let mut known = self.backends.iter().filter(|_| policies.upkeep.keeps_what_is_known());
        let followed = known.find_map(|known| known.follow(settings, policies));
        followed.unwrap_or_else(|| Arc::new(Backend::new(settings, policies)))
    }

    fn api(&self, settings: &ApiSettings) -> Arc<Api> {
        let mut known = self.apis.iter().filter(|_| self.policies.upkeep.keeps_what_is_known());
        known.find_map(|known| known.followed_by(settings)).unwrap_or_else(|| Api::new(settings))
    }

    /// The queue of a model. Those who wait in the one of earlier settings stay in line if it is as long.
    fn queue(&self, model: &ModelSettings) -> Option<(String, Arc<Queue>)> {
        let set = model.queue?;
        let known = self.queues.get(&model.name).filter(|queue| queue.settings() == set);
        let queue = known.map_or_else(|| Arc::new(Queue::new(set)), Arc::clone);
        Some((model.name.clone(), queue))
    }

    /// The turns of a model's providers, where they are if the settings are as they were.
    fn spread_over_reloads(&self, model: &ModelSettings) -> Option<(String, Arc<Spread>)> {
        let strategy = self.policies.choice.strategy(model.exchange.strategy);
        let known = self.spreads.get(&model.name).filter(|spread| spread.is_of(model, strategy));
        let spread = || known.map_or_else(|| Arc::new(Spread::new(model, strategy)), Arc::clone);
        (model.targets.len() > 1).then(|| (model.name.clone(), spread()))
    }

    /// The turns of a model's providers, if it has several.
    pub(super) fn spread(&self, model: &ModelSettings) -> Option<&Spread> {
        self.spreads.get(&model.name).map(Arc::as_ref)
    }

    /// Answers one request. `stopping` says that no new work should be sent here.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        stopping: bool,
        in_force: &InForce,
    ) -> Response<ResponseBody> {
        let id = self.policies.border.request_id(self.ids.next());
        let is_for_anthropic =
            request.uri().path() == MESSAGES || request.headers().contains_key(ANTHROPIC_VERSION);
        let mut response = self.route(request, &id, stopping, in_force).await;
        if let Ok(id) = HeaderValue::from_str(&id) {
            let headers = response.headers_mut();
            let mut providers_own = headers.insert(REQUEST_ID, id.clone());
            if is_for_anthropic {
                providers_own = headers.insert(REQUEST_ID_OF_ANTHROPIC, id).or(providers_own);
            }
            if let Some(id) = providers_own {
                headers.insert(PROVIDER_REQUEST_ID, id);
            }
        }
        self.policies.border.leaving(response)
    }

    async fn route(
        &self,
        request: Request<Incoming>,
        id: &str,
        stopping: bool,
        in_force: &InForce,
    ) -> Response<ResponseBody> {
        let path = request.uri().path();
        if !head_fits(&request, self.limits) {
            return ApiError::head_too_large(self.limits).into_response(dialect_of(path));
        }
        if let Some(of) = self.services.iter().find(|of| of.serves(path)) {
            return service_call::answer(self, of, request, id).await;
        }
        let surface = surface_of(path);
        let models = if surface.is_none() { ModelsAsked::of(path, request.headers()) } else { None };
        let Some(allowed) = self.method_of(path, surface, models) else {
            return ApiError::unknown_path(path).into_response(Dialect::Openai);
        };
        let of_models = models.map_or(Dialect::Openai, |models| models.dialect);
        let dialect = surface.map_or(of_models, Surface::dialect);
        if request.method() != allowed {
            let mut response = ApiError::wrong_method(request.method(), path).into_response(dialect);
            if let Ok(value) = HeaderValue::from_str(allowed.as_str()) {
                response.headers_mut().insert(header::ALLOW, value);
            }
            return response;
        }
        if let Some(surface) = surface {
            return chat::answer(self, surface, request, id).await;
        }
        if let Some(models) = models {
            let answer = models.answer(self, request.headers(), request.uri());
            return answer.unwrap_or_else(|error| error.into_response(dialect));
        }
        match path {
            METRICS => metrics_page::answer(self),
            LIVENESS => readiness::liveness(self).await,
            READINESS => readiness::answer(self, stopping),
            _ => or_error(admin::answer(self, in_force, request).await),
        }
    }

    /// A model by its public name, as far as a caller may use it. One that it may not use does not exist for it.
    pub(super) fn model(&self, tenant: Option<TenantIndex>, name: &str) -> Result<&ModelSettings, ApiError> {
        let model = self.models.get(name).filter(|_| self.may_use(tenant, name));
        let stand_in = || self.models.values().next().filter(|_| self.policies.tenancy.takes_any_name());
        model.or_else(stand_in).ok_or_else(|| ApiError::unknown_model(name))
    }

    /// Whether some model or service can be served.
    pub(super) fn is_ready(&self) -> bool {
        let mut targets = self.models.values().flat_map(|model| &model.targets);
        let has_key =
            |target: &Target| self.backends[target.provider].provider.learned().pools.has_enabled_key();
        let can_serve = targets.any(has_key) || self.services.iter().any(ApiService::has_api);
        self.policies.upkeep.is_ready(can_serve)
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    pub(crate) fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    pub(crate) fn apis(&self) -> &[Arc<Api>] {
        &self.apis
    }

    /// Whatever has keys: providers of models, and APIs.
    pub(crate) fn providers(&self) -> impl Iterator<Item = &Arc<Provider>> {
        let of_models = self.backends.iter().map(|backend| &backend.provider);
        of_models.chain(self.apis.iter().map(|api| api.provider()))
    }

    /// How many providers may be asked at once how they are.
    pub(crate) fn checks_at_once(&self) -> usize {
        self.policies.upkeep.checks_at_once()
    }

    pub(super) fn may_use(&self, tenant: Option<TenantIndex>, model: &str) -> bool {
        match (&self.books, tenant) {
            (Some(books), Some(tenant)) => books.tenants().get(tenant).may_use(model),
            _ => true,
        }
    }

    /// The method that a path takes. Without an admin's key its paths do not exist.
    fn method_of(
        &self,
        path: &str,
        surface: Option<Surface>,
        models: Option<ModelsAsked<'_>>,
    ) -> Option<Method> {
        match path {
            _ if surface.is_some() => Some(Method::POST),
            _ if models.is_some() => Some(Method::GET),
            METRICS | LIVENESS | READINESS => Some(Method::GET),
            _ if self.admin_key.is_some() => admin::method_of(path),
            _ => None,
        }
    }
}

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";
const EMBEDDINGS: &str = "/v1/embeddings";
const METRICS: &str = "/metrics";
const LIVENESS: &str = "/health/liveness";
const READINESS: &str = "/health/readiness";

/// Tells one request from all others, to clients and to providers.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same where Anthropic's clients look for it.
const REQUEST_ID_OF_ANTHROPIC: HeaderName = HeaderName::from_static("request-id");

/// The id to ask the provider by.
const PROVIDER_REQUEST_ID: HeaderName = HeaderName::from_static("x-provider-request-id");

fn surface_of(path: &str) -> Option<Surface> {
    match path {
        CHAT => Some(Surface::Chat),
        MESSAGES => Some(Surface::Messages),
        RESPONSES => Some(Surface::Responses),
        EMBEDDINGS => Some(Surface::Embeddings),
        _ => is_addressed(path).then_some(Surface::Generate),
    }
}

/// In which a client of a path is told what is wrong, before anything else of its request is known.
pub(super) fn dialect_of(path: &str) -> Dialect {
    surface_of(path).map_or(Dialect::Openai, Surface::dialect)
}

fn or_error(answer: Result<Response<ResponseBody>, ApiError>) -> Response<ResponseBody> {
    answer.unwrap_or_else(|error| error.into_response(Dialect::Openai))
}
