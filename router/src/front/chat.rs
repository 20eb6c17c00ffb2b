//! A chat on either surface: from the caller's bytes to an exchange, and from its outcome to an answer.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::answer::ApiError;
use super::answered::{Answering, read_answered, unread};
use super::caller::caller;
use super::model_name::RequestedModel;
use super::passing::{Prepared, Reading, prepare};
use super::rate_headers::admit;
use super::relay::ResponseBody;
use super::relayed_error::relayed_error;
use super::request_body::read_whole;
use super::service::{Backend, Service};
use super::whole_answer::count_error;
use crate::accounts::{Allowance, AnswerForm, Books, BudgetRefusal, Charge, Counted, Draft};
use crate::exchange::{Exchange, Finished, Outcome};
use crate::provider::{Dialect, ProviderBody};
use crate::settings::ModelSettings;
use crate::tenants::TenantIndex;
use crate::translate::DEFAULT_MAX_TOKENS;
use crate::usage::Tally;

const ATTEMPTS: HeaderName = HeaderName::from_static("x-router-attempts");
const PROVIDER: HeaderName = HeaderName::from_static("x-router-provider");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a chat in the dialect of its surface.
pub(super) async fn answer(
    service: &Service,
    surface: Dialect,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    // Without books nothing would be found by the id, and the provider's own is passed on.
    let id = service.books.is_some().then(|| format!("req-{:016x}", service.ids.next()));
    let _open = service.requests.open();
    let mut model = None;
    let answered = try_answer(service, surface, request, id.as_deref(), &mut model).await;
    let mut response = answered.unwrap_or_else(|error| error.into_response(surface));
    service.requests.answered(model.as_deref(), response.status());
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Everything waits inside of this one future, which is dropped when the client goes: nothing is left running.
async fn try_answer(
    service: &Service,
    surface: Dialect,
    request: Request<Incoming>,
    id: Option<&str>,
    public_model: &mut Option<String>,
) -> Result<Response<ResponseBody>, ApiError> {
    let (head, body) = request.into_parts();
    let tenant = match &service.books {
        Some(books) => caller(books.tenants(), &head.headers)?,
        None => None,
    };
    let body = read_whole(body, &service.buffered).await?;
    let requested = RequestedModel::find(body.bytes())?;
    let model = service.model(tenant, requested.name())?;
    *public_model = Some(requested.name().to_owned());
    let backend = &service.backends[model.provider];
    let requested = &requested;
    let asked =
        Asked { service, surface, head: &head, body: body.bytes(), requested, tenant, model, backend };
    let prepared = prepare(&asked)?;
    let charge = match (&service.books, id) {
        (Some(books), Some(id)) => Some(open_charge(books, &asked, &prepared, id).await?),
        _ => None,
    };
    let limits = match admit(service, tenant) {
        Ok(limits) => limits,
        Err(refused) => {
            if let Some(charge) = charge {
                charge.close(Some(refused.status()), Counted::nothing());
            }
            return Ok(refused.into_response(surface));
        }
    };
    let mut response = exchange(&asked, prepared, charge).await;
    limits.put_on(response.headers_mut());
    Ok(response)
}

/// What is asked of whom, as far as it is known before anything is sent.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) service: &'a Service,
    /// The dialect of the client.
    pub(super) surface: Dialect,
    pub(super) head: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) requested: &'a RequestedModel,
    pub(super) tenant: Option<TenantIndex>,
    pub(super) model: &'a ModelSettings,
    pub(super) backend: &'a Backend,
}

impl<'a> Asked<'a> {
    /// The same asked of another model.
    fn of(self, model: &'a ModelSettings) -> Self {
        Self { model, backend: &self.service.backends[model.provider], ..self }
    }

    /// The models that are asked next, in order.
    fn fallbacks(&self) -> impl Iterator<Item = &'a ModelSettings> + use<'a> {
        let models = &self.service.models;
        self.model.fallbacks.iter().filter_map(|name| models.get(name))
    }

    /// A fresh tally for the answer.
    pub(super) fn tally(&self) -> Tally {
        Tally::new(Arc::clone(&self.service.policies.usage), self.body.len())
    }
}

/// A token is hardly ever shorter than two bytes of a body, so a request's input is at most half of its length.
const BYTES_PER_TOKEN: usize = 2;

async fn open_charge(
    books: &Arc<Books>,
    asked: &Asked<'_>,
    prepared: &Prepared,
    id: &str,
) -> Result<Charge, ApiError> {
    let draft = Draft {
        id: id.to_owned(),
        at: SystemTime::now(),
        caller: asked.tenant,
        model: asked.requested.name().to_owned(),
        provider: asked.backend.provider.name().to_owned(),
        provider_model: asked.model.upstream_name.clone(),
        key: None,
        key_fingerprint: None,
        form: if prepared.stream { AnswerForm::Streamed } else { AnswerForm::Whole },
        attempts: 0,
        caller_id: prepared.caller_id.clone(),
        prompt_end: prepared.prompt_end.clone(),
    };
    let allowance = Allowance {
        input: u64::try_from(asked.body.len() / BYTES_PER_TOKEN).unwrap_or(u64::MAX),
        output: prepared.max_output.unwrap_or(DEFAULT_MAX_TOKENS),
        or_models: asked.fallbacks().map(|model| model.upstream_name.as_str()).collect(),
    };
    let status = |refusal: BudgetRefusal| ApiError::over_budget(refusal).status().as_u16();
    books.open(draft, allowance, status).await.map_err(ApiError::over_budget)
}

/// Asks the model and, as long as another provider may fare better, its fallbacks.
async fn exchange<'a>(
    asked: &Asked<'a>,
    prepared: Prepared,
    mut charge: Option<Charge>,
) -> Response<ResponseBody> {
    let mut fallbacks = asked.fallbacks();
    let (mut asked, mut prepared, mut attempts) = (*asked, prepared, 0);
    let finished = loop {
        let finished = asked_once(&asked, &prepared).await;
        attempts += finished.attempts;
        if let Some(charge) = &mut charge {
            let key = finished.key.map(|key| asked.backend.provider.key(key));
            let key = key.map(|key| (key.name(), key.fingerprint()));
            charge.served_by(asked.backend.provider.name(), &asked.model.upstream_name, key, attempts);
        }
        let next = if finished.may_fall_back() { next_prepared(&asked, &mut fallbacks) } else { None };
        let Some(next) = next else { break finished };
        (asked, prepared) = next;
    };
    let key = finished.key.map(|key| asked.backend.provider.key(key));
    let mut response = told(&asked, prepared.reading, charge, finished.outcome).await;
    mark(response.headers_mut(), asked.backend.provider.name(), attempts);
    if let Some(key) = key {
        asked.service.policies.border.to_client(key, response.headers_mut());
    }
    response
}

async fn asked_once(asked: &Asked<'_>, prepared: &Prepared) -> Finished<ProviderBody> {
    let Asked { service, backend, model, .. } = *asked;
    let exchange = Exchange {
        provider: &backend.provider,
        upstream: &backend.upstream,
        policies: &service.policies,
        backoff: &service.backoff,
        request: &prepared.request,
        set: model.exchange,
    };
    exchange.run().await
}

/// The next fallback to which the request can be put.
fn next_prepared<'a>(
    asked: &Asked<'a>,
    fallbacks: &mut impl Iterator<Item = &'a ModelSettings>,
) -> Option<(Asked<'a>, Prepared)> {
    fallbacks.find_map(|model| {
        let asked = asked.of(model);
        prepare(&asked).ok().map(|prepared| (asked, prepared))
    })
}

/// What the client is told of an outcome, which is booked.
async fn told(
    asked: &Asked<'_>,
    reading: Option<Reading>,
    charge: Option<Charge>,
    outcome: Outcome<ProviderBody>,
) -> Response<ResponseBody> {
    let Asked { service, backend, surface, .. } = *asked;
    match outcome {
        Outcome::Answered(response) => {
            let response = match service.policies.border.handover() {
                None => response,
                Some(handover) => handover.hand(response).await,
            };
            match reading {
                None => unread(response, asked).await,
                Some(reading) => read_answered(Answering { asked, reading, charge }, response).await,
            }
        }
        Outcome::Relayed(error) => {
            let mut tally = asked.tally();
            count_error(&error.body, backend.dialect, &mut tally);
            let response = relayed_error(&error, backend.dialect, surface);
            close(charge, &response, tally.broken_off());
            response
        }
        Outcome::Refused(refusal) => {
            let response = ApiError::refused(refusal).into_response(surface);
            close(charge, &response, Counted::nothing());
            response
        }
    }
}

/// Books an exchange whose answer is known in full.
pub(super) fn close(charge: Option<Charge>, response: &Response<ResponseBody>, counted: Counted) {
    if let Some(charge) = charge {
        charge.close(Some(response.status().as_u16()), counted);
    }
}

fn mark(headers: &mut HeaderMap, provider: &str, attempts: u32) {
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
    if let Ok(provider) = HeaderValue::from_str(provider) {
        headers.insert(PROVIDER, provider);
    }
}
