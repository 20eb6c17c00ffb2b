//! What a request holds of a provider's key until it is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Provider;
use super::shared_use::SharedUse;
use crate::pool::{KeyIndex, OpenUse, UseLimit};
use crate::shared::{Link, Told};

/// A use of a key under limits, whose tokens are not known yet. Dropping it leaves what was set aside for it.
#[derive(Debug)]
pub(crate) struct Ticket {
    provider: Arc<Provider>,
    /// The provider's name of the model.
    served: String,
    /// The public one, whose limits these are.
    model: String,
    open: OpenUse,
    /// Absent where nobody else counts.
    shared: Option<SharedUse>,
}

impl Ticket {
    pub(crate) fn new(provider: &Arc<Provider>, served: &str, model: &str, open: OpenUse) -> Self {
        let (served, model) = (served.to_owned(), model.to_owned());
        Self { provider: Arc::clone(provider), served, model, open, shared: None }
    }

    /// Counts the use at all routers as well. Gives it back with the time to wait when theirs have left no room.
    pub(crate) async fn count_together(
        mut self: Box<Self>,
        link: &Arc<Link>,
        fingerprint: &str,
        limits: &[UseLimit],
    ) -> Result<Box<Self>, (Box<Self>, Duration)> {
        let key = format!("{}:{fingerprint}:{}", self.provider.name(), self.model);
        match SharedUse::begin(link, &key, limits, self.open.tokens()).await {
            Told::This(Ok(shared)) => {
                self.shared = Some(shared);
                Ok(self)
            }
            Told::This(Err(wait)) => Err((self, wait)),
            // What is known here has to do.
            Told::Nothing => Ok(self),
        }
    }

    /// Takes the use back: the key is full for so long.
    pub(crate) fn take_back(self, wait: Duration) {
        let mut learned = self.provider.learned();
        let until = Instant::now() + wait;
        learned.pools.of(&self.served).take_back(&self.model, &self.open, until);
    }

    /// Takes in what the use came to.
    pub(crate) fn settle(mut self, tokens: u64) {
        if let Some(shared) = self.shared.take() {
            shared.settle(tokens);
        }
        let mut learned = self.provider.learned();
        learned.pools.of(&self.served).settle(&self.model, &self.open, tokens, Instant::now());
    }
}

/// A request that a key is busy with, until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    provider: Arc<Provider>,
    key: KeyIndex,
}

impl Busy {
    /// The pools have counted it.
    pub(crate) fn new(provider: &Arc<Provider>, key: KeyIndex) -> Self {
        Self { provider: Arc::clone(provider), key }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.provider.learned().pools.end_busy(self.key);
    }
}

/// An attempt that tries whether a key is back. Dropping it makes room for the next one.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    provider: &'a Provider,
    model: &'a str,
    key: KeyIndex,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(provider: &'a Provider, model: &'a str, key: KeyIndex) -> Self {
        Self { provider, model, key }
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.provider.learned().pools.of(self.model).end_probe(self.key);
    }
}
