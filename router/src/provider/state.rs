//! A provider while the router runs: its keys, which new settings may change, and what has been learned about them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::keys::Keys;
use super::{Failure, HeldKey, HintPolicy, Limit, ProviderKey};
use crate::metrics::ByStatus;
use crate::pool::{CooldownSettings, KeyIndex, Pace, Pools, Standing};
use crate::shared::{ClosedKey, Teller};

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    name: String,
    learned: Mutex<Learned>,
}

/// What changes with every answer. Held only for the few steps of one decision, never across a wait.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) pools: Pools,
    pub(crate) pace: Pace,
    /// By their places in the pool. Those that are in the settings no more stay, for whoever still uses them.
    keys: Keys,
    /// How attempts ended, by the name of the key, also of keys that are in the settings no more.
    attempts: BTreeMap<String, Arc<ByStatus>>,
    /// Tells other routers what was learned, if there are any.
    teller: Option<Teller>,
    /// How often the provider said that its traffic grew too fast.
    spikes: u64,
}

impl Learned {
    /// The key at a place of the pool, for whoever sends with it.
    pub(crate) fn hold(&self, key: KeyIndex) -> HeldKey {
        self.keys.hold(key)
    }

    /// Takes a key out for all models, or puts it back.
    fn switch(&mut self, key: KeyIndex, on: bool) {
        for pool in self.pools.about(None) {
            if on {
                pool.enable(key);
            } else {
                pool.disable(key);
            }
        }
    }

    /// The keys of the settings, in their order.
    fn keys_in_use(&self) -> impl Iterator<Item = (KeyIndex, &ProviderKey)> {
        let in_use = self.pools.in_order();
        in_use.into_iter().map(|key| (key, self.keys.at(key)))
    }
}

impl Provider {
    pub(crate) fn new(name: &str, keys: &[ProviderKey]) -> Self {
        let weights = keys.iter().map(|key| (!key.is_disabled()).then(|| key.weight()));
        let learned = Learned {
            pools: Pools::new(weights),
            pace: Pace::default(),
            keys: Keys::new(keys),
            attempts: keys.iter().map(ProviderKey::named_attempts).collect(),
            teller: None,
            spikes: 0,
        };
        Self { name: name.to_owned(), learned: Mutex::new(learned) }
    }

    /// Takes in that it serves a model, by its own name for it.
    pub(crate) fn serves(&self, model: &str) {
        self.learned().pools.of(model);
    }

    /// Takes over the keys of new settings. What is known of a key that stays is kept, and so is its turn. The operator's
    /// word on a key holds until the settings say something else about it than before.
    pub(crate) fn follow(&self, keys: &[ProviderKey]) {
        let mut learned = self.learned();
        let learned = &mut *learned;
        for (index, known) in learned.keys.iter() {
            if !keys.iter().any(|key| key.has_same_secret(known)) {
                learned.pools.about(None).for_each(|pool| pool.remove(index));
            }
        }
        for (rank, key) in keys.iter().enumerate() {
            let key = match learned.attempts.get(key.name()) {
                Some(counted) => key.clone().counting_on(counted),
                None => key.clone(),
            };
            learned.attempts.extend([key.named_attempts()]);
            let known = learned.keys.iter().find(|(_, known)| known.has_same_secret(&key));
            let known = known.map(|(index, known)| (index, known.is_disabled()));
            let (weight, is_disabled) = (key.weight(), key.is_disabled());
            let (index, was_disabled) = match known {
                Some((index, was_disabled)) => {
                    learned.keys.replace(index, key);
                    learned.pools.about(None).for_each(|pool| pool.keep(index, weight, rank));
                    (index, was_disabled)
                }
                None => {
                    learned.keys.add(key);
                    (learned.pools.add(weight, rank), false)
                }
            };
            if was_disabled != is_disabled {
                learned.switch(index, was_disabled);
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
        learned.switch(key, on);
        true
    }

    /// The first key that is open for every model. Whose turn it is stays as it is.
    pub(crate) fn first_open_key(&self, now: Instant) -> Option<HeldKey> {
        let mut learned = self.learned();
        let key = learned.pools.first_open(now)?;
        Some(learned.hold(key))
    }

    /// Each key, and how it stands.
    pub(crate) fn standings(&self, now: Instant) -> Vec<KeyStanding> {
        let mut learned = self.learned();
        let keys = learned.pools.in_order();
        let standing = |index| {
            let (standing, until) = learned.pools.standing(index, now);
            let growths = learned.pools.growths(index, now);
            let growths = growths.into_iter().map(|(model, growth)| (model.to_owned(), growth)).collect();
            KeyStanding { key: learned.hold(index), standing, until, growths }
        };
        keys.into_iter().map(standing).collect()
    }

    /// The places of the keys of the settings, in their order.
    pub(crate) fn key_places(&self) -> Vec<KeyIndex> {
        self.learned().pools.in_order()
    }

    /// How many keys nobody took out.
    pub(crate) fn enabled_keys(&self) -> usize {
        let now = Instant::now();
        let standings = self.learned().pools.standings(now);
        standings.iter().filter(|(standing, _)| *standing != Standing::Disabled).map(|(_, count)| count).sum()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How attempts ended, by the name of the key.
    pub(crate) fn attempts(&self) -> BTreeMap<String, Arc<ByStatus>> {
        self.learned().attempts.clone()
    }

    pub(crate) fn learned(&self) -> MutexGuard<'_, Learned> {
        // Every step under the lock leaves the state whole, so a panic elsewhere in it spoils nothing.
        self.learned.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes in that an attempt succeeded, and for how long other keys are to be preferred by what its answer says.
    pub(crate) fn prove(&self, key: KeyIndex, model: &str, used_up_for: Option<Duration>) {
        let used_up_until = used_up_for.map(|wait| Instant::now() + wait);
        self.learned().pools.prove(key, model, used_up_until);
    }

    /// Takes in what a failed attempt says about its key and about the provider.
    pub(crate) fn learn(
        &self,
        key: KeyIndex,
        model: &str,
        failure: Failure,
        hints: &dyn HintPolicy,
        set: &CooldownSettings,
    ) {
        let now = Instant::now();
        let mut learned = self.learned();
        let (standing, limit, hint) = match hints.taken_for(failure) {
            Failure::Limited { hint } => (Standing::Limited, Limit::Rate, hint),
            Failure::SlowDown { hint } => {
                learned.spikes = learned.spikes.saturating_add(1);
                if hints.slows_down() {
                    learned.pace.slow_down(now);
                }
                (Standing::Spiking, Limit::Spike, hint)
            }
            Failure::Exhausted => (Standing::Exhausted, Limit::Account, None),
            Failure::KeyRejected => (Standing::Invalid, Limit::Account, None),
            Failure::Transient { .. } | Failure::Final => {
                if !hints.counts(failure) {
                    return;
                }
                let failures = learned.pools.fail(key, now);
                if hints.most_failures(set.failures).is_none_or(|most| failures < most) {
                    return;
                }
                (Standing::Failing, Limit::Failures, None)
            }
        };
        let until = match limit {
            Limit::Account => now + hints.rest_of_the_dead(),
            _ => now + hints.cooldown(limit, hint, set.lasts),
        };
        // Rates are counted for each model by itself, and everything else is about the account.
        let is_of_the_model = match limit {
            Limit::Rate => hints.rests_for_one_model(),
            Limit::Account => !hints.rests_for_the_account(),
            Limit::Spike | Limit::Failures => false,
        };
        let model = Some(model).filter(|_| is_of_the_model);
        let mut closed = None;
        for pool in learned.pools.about(model) {
            let running = pool.closed_until(key);
            let end = hints.end(running, until);
            if running != Some(end) {
                pool.close(key, standing, end);
                closed = closed.max(Some(end));
            }
        }
        let Some(until) = closed else { return };
        let (key, teller) = (learned.hold(key), learned.teller.clone());
        drop(learned);
        if let Some(teller) = teller.filter(|_| hints.tells_others()) {
            let closed_key = ClosedKey { provider: &self.name, fingerprint: &key.fingerprint(), model };
            teller.tell(closed_key, standing, until);
        }
        tracing::info!(
            provider = self.name,
            key = key.name(),
            model,
            standing = ?standing,
            seconds = until.saturating_duration_since(now).as_secs_f64(),
            "key closed"
        );
    }

    /// Takes in what another router has learned, for a model or for all. A cooldown that is longer here stays.
    pub(crate) fn hear(&self, key: KeyIndex, model: Option<&str>, standing: Standing, until: Instant) {
        for pool in self.learned().pools.about(model) {
            if pool.closed_until(key).is_none_or(|known| known < until) {
                pool.close(key, standing, until);
            }
        }
    }

    /// How often it said that its traffic grew too fast.
    pub(crate) fn spikes(&self) -> u64 {
        self.learned().spikes
    }

    /// Its own names of the models that it serves.
    pub(crate) fn models(&self) -> Vec<String> {
        self.learned().pools.models().cloned().collect()
    }

    /// What may be shown of each key's secret.
    pub(crate) fn fingerprints(&self) -> Vec<(KeyIndex, String)> {
        self.learned().keys_in_use().map(|(index, key)| (index, key.fingerprint())).collect()
    }
}

/// A key, and how it stands.
#[derive(Debug)]
pub(crate) struct KeyStanding {
    pub(crate) key: HeldKey,
    pub(crate) standing: Standing,
    /// Until when it is closed.
    pub(crate) until: Option<Instant>,
    /// By the public models for which it is looked ahead: whether its use grows towards its limit, and how often it began to.
    pub(crate) growths: BTreeMap<String, (bool, u64)>,
}
