//! A provider while the router runs: its keys, which never change, and what has been learned about them.

use std::sync::{Mutex, MutexGuard};

use tokio::time::Instant;

use super::{Failure, HintPolicy, Limit, ProviderKey};
use crate::pool::{KeyIndex, Pace, Pool, Standing};
use crate::settings::ProviderSettings;

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    name: String,
    keys: Vec<ProviderKey>,
    learned: Mutex<Learned>,
}

/// What changes with every answer. Held only for the few steps of one decision, never across a wait.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) pool: Pool,
    pub(crate) pace: Pace,
}

impl Provider {
    pub(crate) fn new(settings: &ProviderSettings) -> Self {
        let disabled = settings.keys.iter().map(ProviderKey::is_disabled);
        Self {
            name: settings.name.clone(),
            keys: settings.keys.clone(),
            learned: Mutex::new(Learned { pool: Pool::new(disabled), pace: Pace::default() }),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self, key: KeyIndex) -> &ProviderKey {
        &self.keys[key.get()]
    }

    pub(crate) fn learned(&self) -> MutexGuard<'_, Learned> {
        // Every step under the lock leaves the state whole, so a panic elsewhere in it spoils nothing.
        self.learned.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes in what a failed attempt says about its key and about the provider.
    pub(crate) fn learn(&self, key: KeyIndex, failure: Failure, hints: &dyn HintPolicy, now: Instant) {
        let mut learned = self.learned();
        let (standing, period) = match failure {
            Failure::Limited { hint } => (Standing::Limited, hints.cooldown(Limit::Rate, hint)),
            Failure::SlowDown { hint } => {
                learned.pace.slow_down(now);
                (Standing::Spiking, hints.cooldown(Limit::Spike, hint))
            }
            Failure::Exhausted => (Standing::Exhausted, Standing::LONG_PERIOD),
            Failure::KeyRejected => (Standing::Invalid, Standing::LONG_PERIOD),
            Failure::Transient { .. } | Failure::Final => return,
        };
        learned.pool.close(key, standing, now + period);
        tracing::info!(
            provider = self.name,
            key = self.keys[key.get()].name(),
            standing = ?standing,
            seconds = period.as_secs_f64(),
            "key closed"
        );
    }
}
