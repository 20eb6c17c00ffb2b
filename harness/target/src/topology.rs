//! What a run puts behind a target: where the upstreams listen, with which keys, and the models that clients may ask for.

use std::fmt;
use std::time::Duration;

use minijinja::Value;
use minijinja::value::Serde;
use scenario::{Dialect, World};
use serde::Serialize;

/// What stands behind a target in one run.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// The upstreams, in the order of the world.
    pub upstreams: Vec<UpstreamAddress>,
    /// The models, in the order of the world.
    pub models: Vec<ModelRoute>,
}

/// Where an upstream listens, and the keys that it knows.
#[derive(Clone, Debug)]
pub struct UpstreamAddress {
    /// Its name in the world.
    pub name: String,
    /// The wire format that it speaks.
    pub dialect: Dialect,
    /// The address with the path's beginning, as a client library wants it: `http://127.0.0.1:4010/v1`.
    pub base_url: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// A key of an upstream.
#[derive(Clone)]
pub struct Key {
    /// The name under which it may be shown.
    pub label: String,
    /// The key itself, which may not.
    pub secret: String,
}

/// A model that clients may ask for.
#[derive(Clone, Debug)]
pub struct ModelRoute {
    /// The name that clients use.
    pub name: String,
    /// The upstream whose keys serve it.
    pub pool: String,
    /// The provider's name for it.
    pub model: String,
    /// How often an exchange may be tried again at one provider.
    pub retries: Option<u32>,
    /// How long the target may wait for a provider.
    pub timeout: Option<Duration>,
}

impl Topology {
    /// The topology of a world whose upstreams listen at these addresses.
    #[must_use]
    pub fn of(world: &World, upstreams: Vec<UpstreamAddress>) -> Self {
        let models = world.router.models.0.iter().map(|(name, settings)| ModelRoute {
            name: name.value.clone(),
            pool: settings.pool.value.clone(),
            model: settings.model.clone().unwrap_or_else(|| name.value.clone()),
            retries: settings.retries,
            timeout: settings.timeout,
        });
        Self { upstreams, models: models.collect() }
    }

    /// Every key.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.upstreams.iter().flat_map(|upstream| &upstream.keys)
    }

    /// What templates see of the upstreams and models, with the values of one start.
    pub(crate) fn view(&self, start: &StartView<'_>) -> Value {
        let upstreams = self.upstreams.iter().map(|upstream| UpstreamView {
            name: &upstream.name,
            dialect: upstream.dialect.name(),
            base_url: &upstream.base_url,
            keys: upstream
                .keys
                .iter()
                .map(|key| KeyView { label: &key.label, secret: &key.secret })
                .collect(),
        });
        let models = self.models.iter().map(|model| ModelView {
            name: &model.name,
            pool: &model.pool,
            model: &model.model,
            retries: model.retries,
            timeout_ms: model.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        });
        Value::from(Serde(View { upstreams: upstreams.collect(), models: models.collect(), start }))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<key {}>", self.label)
    }
}

/// The values that belong to one start of a target.
#[derive(Serialize)]
pub(crate) struct StartView<'a> {
    pub(crate) dir: &'a str,
    pub(crate) port: u16,
    pub(crate) profile_dir: &'a str,
    pub(crate) stormproof: &'a str,
    pub(crate) admin_key: &'a str,
}

#[derive(Serialize)]
struct View<'a> {
    upstreams: Vec<UpstreamView<'a>>,
    models: Vec<ModelView<'a>>,
    #[serde(flatten)]
    start: &'a StartView<'a>,
}

#[derive(Serialize)]
struct UpstreamView<'a> {
    name: &'a str,
    dialect: &'a str,
    base_url: &'a str,
    keys: Vec<KeyView<'a>>,
}

#[derive(Serialize)]
struct KeyView<'a> {
    label: &'a str,
    secret: &'a str,
}

#[derive(Serialize)]
struct ModelView<'a> {
    name: &'a str,
    pool: &'a str,
    model: &'a str,
    retries: Option<u32>,
    timeout_ms: Option<u64>,
}
