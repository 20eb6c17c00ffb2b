//! A key that is closed, as routers tell it to each other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::pool::{KeyIndex, Standing};
use crate::provider::Provider;

/// Which key is closed, and for which model; for all of them if none is named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedKey<'a> {
    pub(crate) provider: &'a str,
    pub(crate) fingerprint: &'a str,
    pub(crate) model: Option<&'a str>,
}

/// Takes what one router has learned, to tell it to the others.
#[derive(Debug, Clone)]
pub(crate) struct Teller(mpsc::Sender<Closed>);

/// A key that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    /// The name under which others look for it.
    pub(super) name: String,
    pub(super) standing: Standing,
    pub(super) until: Instant,
}

/// The keys of which others are heard, exchanged as a whole when the settings change.
pub(super) type WatchedKeys = Mutex<Arc<Vec<Watched>>>;

/// A key of which another router would say that it is closed.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) name: String,
    provider: Arc<Provider>,
    key: KeyIndex,
    model: Option<String>,
}

/// Half of the longest time in which nothing is heard of a key that another router has closed; the rest is writing.
pub(super) const PAUSE: Duration = Duration::from_millis(25);
/// More than this is closed at once only in a storm, in which most of it is told again soon.
pub(super) const MOST_UNTOLD: usize = 1_024;

impl Teller {
    pub(super) fn new(sender: mpsc::Sender<Closed>) -> Self {
        Self(sender)
    }

    /// Tells that a key is closed. It never waits: this is called in the middle of a request.
    pub(crate) fn tell(&self, key: ClosedKey<'_>, standing: Standing, until: Instant) {
        if self.0.try_send(Closed { name: key.name(), standing, until }).is_err() {
            tracing::warn!(
                provider = key.provider,
                "too much is closed at once to tell it all to other routers"
            );
        }
    }
}

impl ClosedKey<'_> {
    /// What it is called may hold anything and be of any length, so it stands in the name as a digest.
    fn name(&self) -> String {
        let digits = |name: &str| -> String {
            let digest = Sha256::digest(name.as_bytes());
            digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
        };
        let model = self.model.map_or_else(String::new, |model| format!("-{}", digits(model)));
        format!("closed-{}-{}{model}", digits(self.provider), self.fingerprint)
    }
}

impl Watched {
    /// Every key of a provider, for each of its models and for all of them.
    pub(super) fn all_of(provider: &Arc<Provider>) -> Vec<Self> {
        let models: Vec<_> = provider.models().into_iter().map(Some).chain([None]).collect();
        let watched = |(key, fingerprint): &(KeyIndex, String), model: &Option<String>| {
            let closed = ClosedKey { provider: provider.name(), fingerprint, model: model.as_deref() };
            Self { name: closed.name(), provider: Arc::clone(provider), key: *key, model: model.clone() }
        };
        let keys = provider.fingerprints();
        keys.iter().flat_map(|key| models.iter().map(move |model| watched(key, model))).collect()
    }

    /// Takes in that it is closed for so long.
    pub(super) fn hear(&self, standing: Standing, left: Duration) {
        self.provider.hear(self.key, self.model.as_deref(), standing, Instant::now() + left);
    }
}
