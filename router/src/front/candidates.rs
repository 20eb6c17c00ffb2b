//! The providers that a request is put to, one after the other, until one has an answer.

use std::hash::BuildHasher;

use http::HeaderMap;

use super::service::Service;
use crate::pool::Session;
use crate::provider::Unfit;
use crate::settings::{ModelSettings, Target};
use crate::tenants::TenantIndex;

/// What belongs together, for models that keep it at one key.
const SESSION: &str = "x-session-id";
/// `true` from a client that wants an answer of this model and provider or none.
const NO_FALLBACKS: &str = "x-router-no-fallbacks";

/// A request, as far as it says who may answer it.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) service: &'a Service,
    pub(super) model: &'a ModelSettings,
    pub(super) headers: &'a HeaderMap,
    pub(super) tenant: Option<TenantIndex>,
    /// About how many tokens the request has, for models whose window is known.
    pub(super) tokens: u64,
}

impl<'a> Choice<'a> {
    /// The providers of the model, and then those of its fallbacks, or of larger models for what is too long for it. Turns
    /// are taken as they are needed.
    pub(super) fn candidates(self) -> impl Iterator<Item = (&'a ModelSettings, &'a Target)> + Send + use<'a> {
        let session = self.session(self.model);
        let most = if self.wants_no_other() { 1 } else { usize::MAX };
        // Where nothing is larger the provider has the word.
        let larger = self.named(&self.model.larger).filter(move |larger| self.fits(larger));
        let is_too_long = !self.fits(self.model) && larger.clone().next().is_some();
        let own = std::iter::once(self.model).chain(self.fallbacks()).filter(move |_| !is_too_long);
        let models = own.chain(larger.filter(move |_| is_too_long));
        let targets = move |model: &'a ModelSettings| {
            let order = self.service.spread(model).map_or_else(|| vec![0], |spread| spread.order(session));
            order.into_iter().filter_map(move |place| Some((model, model.targets.get(place)?)))
        };
        let rounds = self.service.policies.retry.rounds();
        (0..rounds).flat_map(move |_| models.clone().flat_map(targets)).take(most)
    }

    /// Who may be asked next, and nobody else, when a model found fault with the request.
    pub(super) fn instead(
        self,
        unfit: Unfit,
        of: &'a ModelSettings,
    ) -> impl Iterator<Item = (&'a ModelSettings, &'a Target)> + Send + use<'a> {
        let names = match unfit {
            Unfit::TooLong => &self.model.larger,
            Unfit::Content => &self.model.lenient,
        };
        let session = self.session(self.model);
        let most = if self.wants_no_other() { 0 } else { usize::MAX };
        // A window that is no larger could only say the same.
        let may_take = move |model: &&ModelSettings| {
            let is_larger = model.window.zip(of.window).is_none_or(|(its, too_small)| its > too_small);
            self.fits(model) && (unfit != Unfit::TooLong || is_larger)
        };
        let targets = move |model: &'a ModelSettings| {
            let order = self.service.spread(model).map_or_else(|| vec![0], |spread| spread.order(session));
            order.into_iter().filter_map(move |place| Some((model, model.targets.get(place)?)))
        };
        self.named(names).filter(may_take).flat_map(targets).take(most)
    }

    /// Everybody who may be asked, in no order.
    pub(super) fn everybody(self) -> impl Iterator<Item = &'a Target> + use<'a> {
        let others = self.named(&self.model.larger).chain(self.named(&self.model.lenient));
        std::iter::once(self.model).chain(self.fallbacks()).chain(others).flat_map(|model| &model.targets)
    }

    /// Whether there is only one provider that may be asked.
    pub(super) fn is_only_one(self) -> bool {
        let mut others = std::iter::once(self.model).chain(self.fallbacks()).flat_map(|model| &model.targets);
        self.wants_no_other() || others.nth(1).is_none()
    }

    /// The session that a client names, where those stay at their keys. Tenants do not share them.
    pub(super) fn session(self, model: &ModelSettings) -> Option<Session> {
        let name = self.headers.get(SESSION).filter(|_| model.is_sticky)?;
        let tenant = self.tenant.map(TenantIndex::get);
        Some(Session(self.service.session_digests.hash_one((tenant, &model.name, name.as_bytes()))))
    }

    /// As far as the caller may use them, and the request fits.
    fn fallbacks(self) -> impl Iterator<Item = &'a ModelSettings> + Clone + use<'a> {
        self.named(&self.model.fallbacks).filter(move |model| self.fits(model))
    }

    fn fits(self, model: &ModelSettings) -> bool {
        model.window.is_none_or(|window| self.tokens <= window)
    }

    /// As far as the caller may use them.
    fn named(self, names: &'a [String]) -> impl Iterator<Item = &'a ModelSettings> + Clone + use<'a> {
        let withholds = self.service.policies.tenancy.withholds_fallbacks();
        let may_use = move |name: &&String| !withholds || self.service.may_use(self.tenant, name);
        names.iter().filter(may_use).filter_map(move |name| self.service.models.get(name))
    }

    fn wants_no_other(self) -> bool {
        let opted_out = self.headers.get(NO_FALLBACKS).is_some_and(|value| value == "true");
        opted_out && self.service.policies.retry.heeds_opting_out()
    }
}
