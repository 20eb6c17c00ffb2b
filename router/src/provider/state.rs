//! A provider while the router runs: its keys, which new settings may change, and what has been learned about them.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::{Failure, HintPolicy, Limit, ProviderKey};
use crate::metrics::ByStatus;
use crate::pool::{CooldownSettings, KeyIndex, OpenUse, Pace, Pool, Standing};
use crate::settings::ProviderSettings;
use crate::shared::Teller;

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    name: String,
    learned: Mutex<Learned>,
    attempts: ByStatus,
}

/// What changes with every answer. Held only for the few steps of one decision, never across a wait.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) pool: Pool,
    pub(crate) pace: Pace,
    /// By their places in the pool. Those that are in the settings no more stay, for whoever still uses them.
    keys: Vec<Arc<ProviderKey>>,
    /// Tells other routers what was learned, if there are any.
    teller: Option<Teller>,
}

impl Learned {
    /// The key at a place of the pool.
    pub(crate) fn key(&self, key: KeyIndex) -> &Arc<ProviderKey> {
        &self.keys[key.get()]
    }

    /// The keys of the settings, in their order.
    fn keys_in_use(&self) -> impl Iterator<Item = (KeyIndex, &Arc<ProviderKey>)> {
        let in_use = self.pool.in_order();
        in_use.into_iter().map(|key| (key, self.key(key)))
    }
}

impl Provider {
    pub(crate) fn new(settings: &ProviderSettings) -> Self {
        let weights = settings.keys.iter().map(|key| (!key.is_disabled()).then(|| key.weight()));
        let learned = Learned {
            pool: Pool::new(weights),
            pace: Pace::default(),
            keys: settings.keys.iter().cloned().map(Arc::new).collect(),
            teller: None,
        };
        Self { name: settings.name.clone(), learned: Mutex::new(learned), attempts: ByStatus::default() }
    }

    /// Takes over the keys of new settings. What is known of a key that stays is kept, and so is its turn. The operator's
    /// word on a key holds until the settings say something else about it than before.
    pub(crate) fn follow(&self, keys: &[ProviderKey]) {
        let mut learned = self.learned();
        let learned = &mut *learned;
        for (place, known) in learned.keys.iter().enumerate() {
            if !keys.iter().any(|key| key.has_same_secret(known)) {
                learned.pool.remove(KeyIndex::new(place));
            }
        }
        for (rank, key) in keys.iter().enumerate() {
            let known = learned.keys.iter().position(|known| known.has_same_secret(key));
            let (index, was_disabled) = match known {
                Some(place) => {
                    let before = std::mem::replace(&mut learned.keys[place], Arc::new(key.clone()));
                    learned.pool.keep(KeyIndex::new(place), key.weight(), rank);
                    (KeyIndex::new(place), before.is_disabled())
                }
                None => {
                    learned.keys.push(Arc::new(key.clone()));
                    (learned.pool.add(key.weight(), rank), false)
                }
            };
            match (was_disabled, key.is_disabled()) {
                (false, true) => learned.pool.disable(index),
                (true, false) => learned.pool.enable(index),
                _ => {}
            }
        }
    }

    /// Tells others from now on what is learned, or nobody.
    pub(crate) fn tell_by(&self, teller: Option<Teller>) {
        self.learned().teller = teller;
    }

    /// The operator takes a key out or puts it back. False when there is no key of this name.
    pub(crate) fn switch(&self, name: &str, on: bool) -> bool {
        let mut learned = self.learned();
        let named = learned.keys_in_use().find(|(_, key)| key.name() == name).map(|(index, _)| index);
        let Some(key) = named else { return false };
        if on {
            learned.pool.enable(key);
        } else {
            learned.pool.disable(key);
        }
        true
    }

    /// The open key whose turn is next. It stays next.
    pub(crate) fn first_open_key(&self, now: Instant) -> Option<Arc<ProviderKey>> {
        let mut learned = self.learned();
        let key = learned.pool.first_open(now)?;
        Some(Arc::clone(learned.key(key)))
    }

    /// Each key, and how it stands.
    pub(crate) fn standings(&self, now: Instant) -> Vec<KeyStanding> {
        let mut learned = self.learned();
        let keys: Vec<_> = learned.keys_in_use().map(|(index, key)| (index, Arc::clone(key))).collect();
        let standing = |(index, key)| {
            let (standing, until) = learned.pool.standing(index, now);
            KeyStanding { key, standing, until }
        };
        keys.into_iter().map(standing).collect()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How attempts ended.
    pub(crate) fn attempts(&self) -> &ByStatus {
        &self.attempts
    }

    pub(crate) fn learned(&self) -> MutexGuard<'_, Learned> {
        // Every step under the lock leaves the state whole, so a panic elsewhere in it spoils nothing.
        self.learned.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes in that an attempt succeeded, and for how long other keys are to be preferred by what its answer says.
    pub(crate) fn prove(&self, key: KeyIndex, used_up_for: Option<Duration>) {
        let used_up_until = used_up_for.map(|wait| Instant::now() + wait);
        self.learned().pool.prove(key, used_up_until);
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
        let (key, teller) = (Arc::clone(learned.key(key)), learned.teller.clone());
        drop(learned);
        if let Some(teller) = teller.filter(|_| hints.tells_others()) {
            teller.tell(&self.name, key.fingerprint(), standing, until);
        }
        tracing::info!(
            provider = self.name,
            key = key.name(),
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
    pub(crate) fn fingerprints(&self) -> Vec<(KeyIndex, String)> {
        self.learned().keys_in_use().map(|(index, key)| (index, key.fingerprint())).collect()
    }
}

/// A key, and how it stands.
#[derive(Debug)]
pub(crate) struct KeyStanding {
    pub(crate) key: Arc<ProviderKey>,
    pub(crate) standing: Standing,
    /// Until when it is closed.
    pub(crate) until: Option<Instant>,
}

/// A use of a key under limits, whose tokens are not known yet. Dropping it leaves what was set aside for it.
#[derive(Debug)]
pub(crate) struct Ticket {
    provider: Arc<Provider>,
    model: String,
    open: OpenUse,
}

impl Ticket {
    pub(crate) fn new(provider: &Arc<Provider>, model: &str, open: OpenUse) -> Self {
        Self { provider: Arc::clone(provider), model: model.to_owned(), open }
    }

    /// Takes in what the use came to.
    pub(crate) fn settle(self, tokens: u64) {
        self.provider.learned().pool.settle(&self.model, &self.open, tokens, Instant::now());
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
