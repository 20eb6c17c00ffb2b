//! A provider with the way to reach it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::policy::Policies;
use crate::provider::{Dialect, HttpUpstream, Provider, ProviderKey, Surface};
use crate::secret::Secret;
use crate::settings::ProviderSettings;
use crate::upkeep::Health;

/// One provider as requests are put to it.
pub(crate) struct Backend {
    pub(super) provider: Arc<Provider>,
    pub(super) upstream: HttpUpstream,
    pub(super) dialect: Dialect,
    pub(super) health: Health,
}

impl Backend {
    pub(super) fn new(settings: &ProviderSettings, policies: &Policies) -> Self {
        Self {
            provider: Arc::new(Provider::new(&settings.name, &with_stand_in(settings, policies).keys)),
            upstream: HttpUpstream::new(settings.endpoint.clone(), policies),
            dialect: settings.endpoint.dialect(),
            health: Health::default(),
        }
    }

    /// Takes over new settings, if they are of the same provider at the same place.
    pub(super) fn follow(
        self: &Arc<Self>,
        settings: &ProviderSettings,
        policies: &Policies,
    ) -> Option<Arc<Self>> {
        let is_same = self.provider.name() == settings.name && *self.upstream.endpoint() == settings.endpoint;
        is_same.then(|| {
            self.provider.follow(&with_stand_in(settings, policies).keys);
            Arc::clone(self)
        })
    }

    /// The path of a surface, below the provider's base address.
    pub(super) fn path(&self, surface: Surface, model: &str, stream: bool) -> Cow<'static, str> {
        self.upstream.endpoint().path(surface, model, stream)
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(crate) fn upstream(&self) -> &HttpUpstream {
        &self.upstream
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}

/// The settings of a provider, with whatever it is asked with for want of a key.
fn with_stand_in(settings: &ProviderSettings, policies: &Policies) -> ProviderSettings {
    let mut settings = settings.clone();
    let stand_in = policies.upkeep.stand_in_key().and_then(Secret::trimmed);
    if let Some(secret) = stand_in.filter(|_| settings.keys.is_empty()) {
        settings.keys.push(ProviderKey::new("none".to_owned(), secret, false, 1, settings.endpoint.platform));
    }
    settings
}
