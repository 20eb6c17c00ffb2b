//! A chat on either surface: from the caller's bytes to an exchange, and from its outcome to an answer.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::address::Addressed;
use super::answer::ApiError;
use super::answered::{Answering, read_answered, unread};
use super::backend::Backend;
use super::caller::caller;
use super::candidates::Choice;
use super::model_name::RequestedModel;
use super::passing::{Prepared, Reading, prepare};
use super::rate_headers::admit;
use super::relay::ResponseBody;
use super::relayed_error::relayed_error;
use super::request_body::read_whole;
use super::service::Service;
use super::settlement::Settlement;
use crate::accounts::{Allowance, AnswerForm, Books, BudgetRefusal, Charge, Counted, Draft, RowState};
use crate::exchange::{Exchange, Finished, Outcome, Used};
use crate::growth::{Prediction, grows_to_the_limit};
use crate::policy::Policies;
use crate::pool::Claim;
use crate::provider::{Dialect, ProviderBody, Surface};
use crate::settings::{ModelSettings, Target};
use crate::tenants::{Slot, TenantIndex};
use crate::translate::DEFAULT_MAX_TOKENS;
use crate::usage::{Tally, UsageReport};

pub(super) const ATTEMPTS: HeaderName = HeaderName::from_static("x-router-attempts");
pub(super) const PROVIDER: HeaderName = HeaderName::from_static("x-router-provider");
/// In dollars, where it is known before the head of the answer is sent.
const COST: HeaderName = HeaderName::from_static("x-router-cost");

/// Answers a chat in the dialect of its surface.
pub(super) async fn answer(
    service: &Service,
    surface: Surface,
    request: Request<Incoming>,
    id: &str,
) -> Response<ResponseBody> {
    let _open = service.requests.open();
    let mut known = Known::default();
    let answered = try_answer(service, surface, request, id, &mut known).await;
    let mut response = answered.unwrap_or_else(|error| error.into_response(surface.dialect()));
    let attempts = response.headers().get(ATTEMPTS).and_then(|told| told.to_str().ok()?.parse().ok());
    for _ in 0..service.policies.upkeep.counts(attempts.unwrap_or(0)) {
        service.requests.answered(known.model.as_deref(), response.status());
    }
    response.headers_mut().entry(ATTEMPTS).or_insert(HeaderValue::from(0));
    if let Some(slot) = known.slot {
        response.body_mut().hold(slot);
    }
    response
}

/// What is known of a request when it is answered, whatever became of it.
#[derive(Default)]
struct Known {
    /// The public name of its model.
    model: Option<String>,
    /// Its place among the open requests of its tenant.
    slot: Option<Slot>,
}

/// Everything waits inside of this one future, which is dropped when the client goes: nothing is left running.
async fn try_answer(
    service: &Service,
    surface: Surface,
    request: Request<Incoming>,
    id: &str,
    known: &mut Known,
) -> Result<Response<ResponseBody>, ApiError> {
    let (head, body) = request.into_parts();
    let addressed = if surface == Surface::Generate { Addressed::of(&head.uri) } else { None };
    let tenant = caller(service, &head.headers, addressed.as_ref().map(|_| &head.uri))?;
    known.slot = take_slot(service, tenant).await?;
    let border = &service.policies.border;
    let body = read_whole(body, &service.buffered, border.limits(service.limits)).await?;
    let arrived = border.arriving(body.bytes());
    if let Some(field) = border.refused_field(&arrived) {
        return Err(ApiError::unknown_field(field));
    }
    let requested = match &addressed {
        Some(addressed) => RequestedModel::addressed(addressed.model.clone()),
        None => RequestedModel::find(&arrived)?,
    };
    let model = service.model(tenant, requested.name())?;
    known.model = Some(requested.name().to_owned());
    if let Some(response) = border.own_answer() {
        return Ok(response);
    }
    let tokens = about_tokens(&arrived);
    let choice = Choice { service, model, headers: &head.headers, tenant, tokens };
    let mut candidates = choice.candidates();
    let (model, target) = candidates.next().ok_or_else(|| ApiError::unknown_model(requested.name()))?;
    let backend = &service.backends[target.provider];
    let (requested, body, addressed) = (&requested, &arrived, addressed.as_ref());
    let head = &head;
    let asked =
        Asked { service, surface, id, head, addressed, body, requested, choice, model, target, backend };
    let prepared = prepare(&asked)?;
    let charge = match &service.books {
        Some(books) => Some(open_charge(books, &asked, &prepared).await?),
        None => None,
    };
    let limits = match admit(service, tenant).await {
        Ok(limits) => limits,
        Err(refused) => {
            let mut response = refused.into_response(surface.dialect());
            close(Settlement { charge, ticket: None }, &mut response, Counted::nothing()).await;
            return Ok(response);
        }
    };
    let mut response = exchange(&asked, prepared, charge, candidates).await;
    limits.put_on(response.headers_mut());
    Ok(response)
}

/// What is asked of whom, as far as it is known before anything is sent.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) service: &'a Service,
    /// What the client asks for, and how.
    pub(super) surface: Surface,
    /// Tells the request from all others.
    pub(super) id: &'a str,
    pub(super) head: &'a Parts,
    /// What its address says of it, where the surface has that.
    pub(super) addressed: Option<&'a Addressed>,
    pub(super) body: &'a Bytes,
    pub(super) requested: &'a RequestedModel,
    /// Who else may be asked.
    choice: Choice<'a>,
    pub(super) model: &'a ModelSettings,
    pub(super) target: &'a Target,
    pub(super) backend: &'a Backend,
}

impl<'a> Asked<'a> {
    /// The same asked of somebody else.
    fn of(self, model: &'a ModelSettings, target: &'a Target) -> Self {
        Self { model, target, backend: &self.service.backends[target.provider], ..self }
    }

    /// Whether some provider that speaks a dialect may be asked this, now or in another turn.
    pub(super) fn may_be_asked_in(&self, dialect: Dialect) -> bool {
        self.choice.everybody().any(|target| self.service.backends[target.provider].dialect == dialect)
    }

    /// A fresh tally for the answer.
    pub(super) fn tally(&self) -> Tally {
        Tally::new(Arc::clone(&self.service.policies.usage), self.body.len())
    }
}

/// A token is hardly ever shorter than two bytes of a body, so a request's input is at most half of its length.
const BYTES_PER_TOKEN: usize = 2;

/// What is shorter holds no picture.
const SHORT: usize = 1_024;

/// About how many tokens a body comes to. One that may hold a picture says nothing about that.
fn about_tokens(body: &[u8]) -> u64 {
    let holds = |word: &str| memchr::memmem::find(body, word.as_bytes()).is_some();
    if body.len() > SHORT && (holds("base64") || holds("inlineData")) {
        return 0;
    }
    // Most text has about four bytes to a token.
    u64::try_from(body.len() / 4).unwrap_or(u64::MAX)
}

async fn open_charge(books: &Arc<Books>, asked: &Asked<'_>, prepared: &Prepared) -> Result<Charge, ApiError> {
    let booked = &prepared.booked;
    let is_kept = asked.service.policies.charging.keeps_whom_it_is_for();
    let draft = Draft {
        id: asked.id.to_owned(),
        at: SystemTime::now(),
        caller: asked.choice.tenant,
        model: asked.requested.name().to_owned(),
        provider: asked.backend.provider.name().to_owned(),
        provider_model: asked.target.upstream_name.clone(),
        key: None,
        key_fingerprint: None,
        form: if prepared.stream { AnswerForm::Streamed } else { AnswerForm::Whole },
        attempts: 0,
        caller_id: booked.caller_id.clone(),
        end_user: booked.end_user.clone().filter(|_| is_kept),
        tags: if is_kept { booked.tags.clone() } else { Vec::new() },
        prompt_end: booked.prompt_end.clone(),
    };
    let allowance = Allowance {
        input: most_input(asked),
        output: prepared.max_output.unwrap_or(DEFAULT_MAX_TOKENS),
        or_models: asked.choice.everybody().map(|target| target.upstream_name.as_str()).collect(),
    };
    let status = |refusal: BudgetRefusal| ApiError::over_budget(refusal).status().as_u16();
    books.open(draft, allowance, status).await.map_err(ApiError::over_budget)
}

/// Asks one provider after the other, as long as another one may fare better.
async fn exchange<'a>(
    asked: &Asked<'a>,
    prepared: Prepared,
    mut charge: Option<Charge>,
    mut candidates: impl Iterator<Item = Candidate<'a>> + Send,
) -> Response<ResponseBody> {
    let Policies { retry, border, .. } = asked.service.policies.as_ref();
    let falls_back = retry.falls_back();
    let first = asked.backend.provider.name();
    let (mut asked, mut prepared, mut attempts) = (*asked, prepared, 0);
    // Once a provider found fault with the request, only those are asked who may not.
    let mut instead = None;
    let (finished, used) = loop {
        let mut finished = asked_once(&asked, &prepared).await;
        let earlier = attempts;
        attempts += finished.attempts;
        if let Some(charge) = &mut charge {
            let key = finished.key.as_ref().map(|key| (key.name(), key.fingerprint()));
            charge.served_by(asked.backend.provider.name(), &asked.target.upstream_name, key, attempts);
        }
        let unfit = finished.unfit().filter(|_| falls_back);
        let is_minded = unfit.is_none_or(|unfit| retry.minds(unfit));
        let may_go_on = falls_back && (unfit.is_some() || finished.may_fall_back());
        let unfit = unfit.filter(|_| is_minded);
        if let (Some(unfit), None) = (unfit, &instead) {
            instead = Some(asked.choice.instead(unfit, asked.model));
        }
        let next = match &mut instead {
            _ if !may_go_on => None,
            Some(instead) => next_prepared(&asked, instead),
            None => next_prepared(&asked, &mut candidates),
        };
        // The failure that the client is told of is booked with the answer, the others by themselves.
        let used = if next.is_none() { finished.take_used_by_the_last() } else { None };
        book_failed(charge.as_mut(), &finished.used, earlier);
        let Some(next) = next else { break (finished, used) };
        (asked, prepared) = next;
    };
    let settlement = Settlement { charge, ticket: finished.ticket };
    let telling = Telling { asked: &asked, reading: prepared.reading, settlement, used };
    let mut response = told(telling, finished.outcome).await;
    response.body_mut().keep_busy(finished.busy);
    let attempts = border.told_attempts(finished.attempts, attempts);
    let provider = border.told_provider(first, asked.backend.provider.name());
    mark(response.headers_mut(), provider, attempts);
    if let Some(key) = finished.key {
        border.to_client(&key, response.headers_mut());
    }
    response
}

async fn asked_once(asked: &Asked<'_>, prepared: &Prepared) -> Finished<ProviderBody> {
    let Asked { service, backend, model, target, .. } = *asked;
    let queue = service.queues.get(&model.name).map(Arc::as_ref);
    let exchange = Exchange {
        provider: &backend.provider,
        model: &target.upstream_name,
        upstream: &backend.upstream,
        policies: &service.policies,
        backoff: &service.backoff,
        request: &prepared.request,
        set: model.exchange,
        claim: claim(asked, prepared),
        link: service.link.as_ref().filter(|_| service.policies.tenancy.counts_together()),
        session: asked.choice.session(model),
        // Another provider is better than waiting.
        queue: queue.filter(|_| asked.choice.is_only_one()),
    };
    let under_way = service.spread(model).and_then(|spread| spread.ask(target));
    let finished = exchange.run().await;
    // A request that is wrong says nothing of how fast its provider is.
    if let Some(under_way) = under_way
        && (finished.is_answered() || finished.may_fall_back())
    {
        under_way.ended(!finished.is_answered());
    }
    finished
}

/// What a request would use of a key, where keys have limits.
fn claim<'a>(asked: &Asked<'a>, prepared: &Prepared) -> Option<Claim<'a>> {
    let ModelSettings { name, limits, headroom, predicts, .. } = asked.model;
    let most_tokens = most_input(asked).saturating_add(prepared.max_output.unwrap_or(DEFAULT_MAX_TOKENS));
    let has_any = !limits.is_empty() || headroom.is_some();
    let predicts = predicts.then_some(grows_to_the_limit as Prediction);
    has_any.then_some(Claim { model: name, limits, headroom: *headroom, predicts, most_tokens })
}

fn most_input(asked: &Asked<'_>) -> u64 {
    u64::try_from(asked.body.len() / BYTES_PER_TOKEN).unwrap_or(u64::MAX)
}

/// A provider that a request can be put to, and the model that it serves.
type Candidate<'a> = (&'a ModelSettings, &'a Target);

/// The next provider to which the request can be put.
fn next_prepared<'a>(
    asked: &Asked<'a>,
    candidates: &mut impl Iterator<Item = Candidate<'a>>,
) -> Option<(Asked<'a>, Prepared)> {
    candidates.find_map(|(model, target)| {
        let asked = asked.of(model, target);
        prepare(&asked).ok().map(|prepared| (asked, prepared))
    })
}

/// Everything beside an outcome itself.
struct Telling<'a> {
    asked: &'a Asked<'a>,
    reading: Option<Reading>,
    settlement: Settlement,
    /// The tokens of the failure that is told.
    used: Option<UsageReport>,
}

/// What the client is told of an outcome, which is booked.
async fn told(telling: Telling<'_>, outcome: Outcome<ProviderBody>) -> Response<ResponseBody> {
    let Telling { asked, reading, settlement, used } = telling;
    let Asked { service, backend, surface, .. } = *asked;
    let mut response = match outcome {
        Outcome::Answered(mut response) => {
            service.known_keys.take_out_of_headers(response.headers_mut());
            let border = &service.policies.border;
            let more = border.shown_of_provider(response.headers());
            let response = match border.handover() {
                None => response,
                Some(handover) => handover.hand(response).await,
            };
            let mut answered = match reading {
                None => unread(response, asked).await,
                Some(reading) => read_answered(Answering { asked, reading, settlement }, response).await,
            };
            answered.headers_mut().extend(more);
            return answered;
        }
        Outcome::Relayed(mut error) => {
            service.known_keys.take_out_of_error(&mut error);
            relayed_error(&error, backend.dialect, surface.dialect())
        }
        Outcome::Refused(refusal) => ApiError::refused(refusal).into_response(surface.dialect()),
    };
    let used = used.unwrap_or_default().tokens();
    let tokens = service.policies.charging.of_a_failure(used, most_input(asked));
    close(settlement, &mut response, Counted { tokens, state: RowState::Settled }).await;
    response
}

/// Books what failed attempts have used, behind so many earlier ones.
fn book_failed(charge: Option<&mut Charge>, used: &[Used], earlier: u32) {
    let Some(charge) = charge else { return };
    for Used { key, attempt, tokens } in used {
        charge.failed((key.name(), key.fingerprint()), earlier + attempt, tokens.tokens());
    }
}

/// Books an exchange whose answer is known in full, and tells the client what it cost. The answer is held back until that
/// is in the ledger.
pub(super) async fn close(settlement: Settlement, response: &mut Response<ResponseBody>, counted: Counted) {
    let booked = settlement.close(response.status().as_u16(), counted);
    booked.receipt.kept().await;
    if let Some(cost) = booked.cost.and_then(|cost| HeaderValue::from_str(&cost.to_string()).ok()) {
        response.headers_mut().insert(COST, cost);
    }
}

/// A place among the open requests of a tenant, if it may have only so many.
pub(super) async fn take_slot(
    service: &Service,
    tenant: Option<TenantIndex>,
) -> Result<Option<Slot>, ApiError> {
    let (Some(books), Some(index)) = (&service.books, tenant) else { return Ok(None) };
    let policy = &service.policies.tenancy;
    let Some(slots) = books.tenants().get(policy.whose_places(index)).slots() else { return Ok(None) };
    if let Some(slot) = slots.take(policy).await {
        return Ok(Some(slot));
    }
    if policy.counts_refused() {
        drop(admit(service, tenant).await);
    }
    Err(ApiError::too_many_open())
}

fn mark(headers: &mut HeaderMap, provider: &str, attempts: u32) {
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
    if let Ok(provider) = HeaderValue::from_str(provider) {
        headers.insert(PROVIDER, provider);
    }
}
