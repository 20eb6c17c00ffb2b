//! The choice of a key with no request around it, for whoever measures it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as UnknownName, StrDeserializer};

use crate::exchange::{Backoff, BackoffSettings, Exchange, ExchangeSettings, Turn, Walk};
use crate::policy::Policies;
use crate::pool::{Claim, CooldownSettings, KeyIndex, Strategy};
use crate::provider::{
    Attempted, Failure, Patience, Platform, Provider, ProviderKey, Reply, Surface, Upstream, UpstreamRequest,
};
use crate::secret::Secret;

/// The keys of one provider, of which one is chosen as an exchange chooses it: with the clock read, the provider's lock
/// taken, the pace kept and the attempt counted.
pub struct Selection {
    provider: Arc<Provider>,
    policies: Policies,
    backoff: Backoff,
    request: UpstreamRequest,
    set: ExchangeSettings,
    headroom: Option<u64>,
}

/// A key that was chosen, for a request that is not over until this is dropped.
pub struct Selected<'a>(Turn<'a>);

/// Nobody is asked.
struct Nobody;

impl Upstream for Nobody {
    type Body = ();

    async fn send(&self, _key: &ProviderKey, _request: &UpstreamRequest) -> Attempted<()> {
        Reply::Unreachable.into()
    }
}

const MODEL: &str = "gpt-4o-mini";

impl Selection {
    /// As many keys as there are weights. The strategy is named as in the configuration file.
    pub fn new(weights: &[u32], strategy: &str) -> Result<Self, UnknownName> {
        let named: StrDeserializer<'_, UnknownName> = strategy.into_deserializer();
        let strategy = Strategy::deserialize(named)?;
        let key = |(place, weight): (usize, &u32)| {
            let secret = Secret::trimmed(&format!("sk-{place}")).expect("it is not blank");
            ProviderKey::new(format!("key-{place}"), secret, false, *weight, Platform::Openai)
        };
        let keys: Vec<ProviderKey> = weights.iter().enumerate().map(key).collect();
        let silence = Duration::from_secs(10);
        Ok(Self {
            provider: Arc::new(Provider::new("openai", &keys)),
            policies: Policies::sound(),
            backoff: Backoff::from_system(),
            request: UpstreamRequest {
                surface: Surface::Chat,
                path: "/chat/completions".into(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                patience: Patience { connect: None, head: silence, first_content: silence, idle: silence },
            },
            set: ExchangeSettings {
                retries: 2,
                strategy,
                backoff: BackoffSettings::default(),
                cooldown: CooldownSettings::default(),
            },
            headroom: None,
        })
    }

    /// The same, where keys are left for others of whose limits four fifths are used.
    #[must_use]
    pub fn with_headroom(self) -> Self {
        Self { headroom: Some(800_000), ..self }
    }

    /// The key of a request that begins now, if any is open.
    pub fn choose(&self) -> Option<Selected<'_>> {
        let exchange = Exchange {
            provider: &self.provider,
            model: MODEL,
            upstream: &Nobody,
            policies: &self.policies,
            backoff: &self.backoff,
            request: &self.request,
            set: self.set,
            claim: self.headroom.map(|headroom| Claim {
                model: MODEL,
                limits: &[],
                headroom: Some(headroom),
                predicts: None,
                most_tokens: 0,
            }),
            session: None,
            queue: None,
            link: None,
        };
        exchange.next_key(&Walk::new(self.set.retries), false).ok().map(Selected)
    }

    /// Takes in a success with a chosen key.
    pub fn succeed(&self, selected: &Selected<'_>) {
        if let Some(key) = selected.0.key() {
            self.provider.prove(key, MODEL, None);
        }
    }

    /// Takes in that little is left of a key for so long, as its provider told.
    pub fn use_up(&self, key: usize, lasts: Duration) {
        self.provider.prove(KeyIndex::new(key), MODEL, Some(lasts));
    }

    /// Takes in a 429 that a key got, which asks to wait for so long.
    pub fn limit(&self, key: usize, wait: Duration) {
        let failure = Failure::Limited { hint: Some(wait) };
        let hints = self.policies.hints.as_ref();
        self.provider.learn(KeyIndex::new(key), MODEL, failure, hints, &self.set.cooldown);
    }
}

impl Selected<'_> {
    /// The place of the key among the weights.
    pub fn key(&self) -> Option<usize> {
        self.0.key().map(KeyIndex::get)
    }
}

impl std::fmt::Debug for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Selection").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Selected<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Selected").field(&self.key()).finish()
    }
}
