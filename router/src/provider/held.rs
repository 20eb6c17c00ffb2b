//! What a request holds of a provider's key until it is over.

use std::sync::Arc;

use tokio::time::Instant;

use super::Provider;
use crate::pool::{KeyIndex, OpenUse};

/// A use of a key under limits, whose tokens are not known yet. Dropping it leaves what was set aside for it.
#[derive(Debug)]
pub(crate) struct Ticket {
    provider: Arc<Provider>,
    /// The provider's name of the model.
    served: String,
    /// The public one, whose limits these are.
    model: String,
    open: OpenUse,
}

impl Ticket {
    pub(crate) fn new(provider: &Arc<Provider>, served: &str, model: &str, open: OpenUse) -> Self {
        Self { provider: Arc::clone(provider), served: served.to_owned(), model: model.to_owned(), open }
    }

    /// Takes in what the use came to.
    pub(crate) fn settle(self, tokens: u64) {
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
        for pool in self.provider.learned().pools.about(None) {
            pool.end_busy(self.key);
        }
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
