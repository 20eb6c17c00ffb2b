//! A provider while the router runs: its keys, which never change, and what has been learned about them.

use std::sync::{Mutex, MutexGuard};

use tokio::time::Instant;

use super::{Failure, HintPolicy, Limit, ProviderKey};
use crate::metrics::ByStatus;
use crate::pool::{CooldownSettings, KeyIndex, Pace, Pool, Standing};
use crate::settings::ProviderSettings;
use crate::shared::Teller;

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    name: String,
    keys: Vec<ProviderKey>,
    learned: Mutex<Learned>,
    attempts: ByStatus,
    /// Tells other routers what was learned, if there are any.
    teller: Option<Teller>,
}

/// What changes with every answer. Held only for the few steps of one decision, never across a wait.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) pool: Pool,
    pub(crate) pace: Pace,
}

impl Provider {
    pub(crate) fn new(settings: &ProviderSettings, teller: Option<Teller>) -> Self {
        let weights = settings.keys.iter().map(|key| (!key.is_disabled()).then(|| key.weight()));
        Self {
            name: settings.name.clone(),
            keys: settings.keys.clone(),
            learned: Mutex::new(Learned { pool: Pool::new(weights), pace: Pace::default() }),
            attempts: ByStatus::default(),
            teller,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self, key: KeyIndex) -> &ProviderKey {
        &self.keys[key.get()]
    }

    /// How attempts ended.
    pub(crate) fn attempts(&self) -> &ByStatus {
        &self.attempts
    }

    pub(crate) fn learned(&self) -> MutexGuard<'_, Learned> {
        // Every step under the lock leaves the state whole, so a panic elsewhere in it spoils nothing.
        self.learned.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes in that an attempt succeeded.
    pub(crate) fn prove(&self, key: KeyIndex) {
        self.learned().pool.prove(key);
    }

    /// Takes in what a failed attempt says about its key and about the provider.
    pub(crate) fn learn(
        &self,
        key: KeyIndex,
        failure: Failure,
        hints: &dyn HintPolicy,
        set: &CooldownSettings,
    ) {
        let now = Instant::now();
        let mut learned = self.learned();
        let (standing, limit, hint) = match failure {
            Failure::Limited { hint } => (Standing::Limited, Limit::Rate, hint),
            Failure::SlowDown { hint } => {
                if hints.slows_down() {
                    learned.pace.slow_down(now);
                }
                (Standing::Spiking, Limit::Spike, hint)
            }
            Failure::Exhausted => (Standing::Exhausted, Limit::Account, None),
            Failure::KeyRejected => (Standing::Invalid, Limit::Account, None),
            Failure::Transient { .. } => {
                let failures = learned.pool.fail(key);
                if set.failures.is_none_or(|most| failures < most) {
                    return;
                }
                (Standing::Failing, Limit::Failures, None)
            }
            Failure::Final => return,
        };
        let until = match limit {
            Limit::Account => now + Standing::LONG_PERIOD,
            _ => now + hints.cooldown(limit, hint, set.lasts),
        };
        let running = learned.pool.closed_until(key);
        let until = hints.end(running, until);
        if running == Some(until) {
            return;
        }
        learned.pool.close(key, standing, until);
        drop(learned);
        if let Some(teller) = self.teller.as_ref().filter(|_| hints.tells_others()) {
            teller.tell(&self.name, self.keys[key.get()].fingerprint(), standing, until);
        }
        tracing::info!(
            provider = self.name,
            key = self.keys[key.get()].name(),
            standing = ?standing,
            seconds = until.saturating_duration_since(now).as_secs_f64(),
            "key closed"
        );
    }

    /// Takes in what another router has learned. A cooldown that is longer here stays.
    pub(crate) fn hear(&self, key: KeyIndex, standing: Standing, until: Instant) {
        let mut learned = self.learned();
        if learned.pool.closed_until(key).is_none_or(|known| known < until) {
            learned.pool.close(key, standing, until);
        }
    }

    /// What may be shown of each key's secret.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = (KeyIndex, String)> {
        self.keys.iter().enumerate().map(|(index, key)| (KeyIndex::new(index), key.fingerprint()))
    }
}

/// An attempt that tries whether a key is back. Dropping it makes room for the next one.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    provider: &'a Provider,
    key: KeyIndex,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(provider: &'a Provider, key: KeyIndex) -> Self {
        Self { provider, key }
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.provider.learned().pool.end_probe(self.key);
    }
}
