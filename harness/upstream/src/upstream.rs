//! One simulated provider: everything that its connections share.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use record::{Clock, Moment, NameId, NameTable};
use scenario::{Distribution, ErrorName, LimitSignal, Protocol, World};
use tokio::sync::watch;

use crate::decision::Rules;
use crate::draw::DrawSource;
use crate::exchange_counts::ExchangeCounts;
use crate::journal::Journal;
use crate::key::Key;
use crate::key_states::KeyStates;
use crate::keyring::KeyRing;
use crate::mistakes::Mistakes;
use crate::plans::Plans;
use crate::preparation::Preparation;
use crate::surroundings::Surroundings;

/// A simulated provider at work.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Its name's number.
    pub(crate) name: NameId,
    pub(crate) protocol: Protocol,
    pub(crate) keys: KeyRing,
    pub(crate) rules: Rules,
    pub(crate) journal: Arc<Journal>,
    pub(crate) models: ModelNames,
    pub(crate) errors: ErrorNames,
    /// Which attempt of its exchange each request is.
    pub(crate) exchanges: ExchangeCounts,
    /// The replies that could not be made.
    mistakes: Mistakes,
    /// Its name, as people read it.
    label: String,
    pub(crate) latency: Distribution,
    /// When limit headers are sent.
    pub(crate) limits: LimitSignal,
    /// The draws of requests without a key.
    pub(crate) draws: DrawSource,
    /// The Unix time of the clock's zero.
    epoch: Duration,
    requests: AtomicU32,
    stopping: watch::Sender<bool>,
}

impl Upstream {
    /// The upstream of that name in a world.
    ///
    /// # Errors
    /// What cannot be done as the scenario says, in words.
    pub(crate) fn new(
        (name, settings): (&str, &scenario::Upstream),
        world: &World,
        (keys, journal, mistakes): (&[Key], Journal, &Mistakes),
        surroundings: &Surroundings,
    ) -> Result<Self, String> {
        let Surroundings { clock, names, traffic, seed, .. } = surroundings;
        let now = clock.now();
        let mut preparation = Preparation::new(name, settings.dialect, surroundings);
        let rules = Rules::new(settings, traffic.clone(), &mut preparation)?;
        let mut with_states = Vec::with_capacity(keys.len());
        for (key, entry) in keys.iter().zip(&settings.keys.0) {
            with_states.push((key, KeyStates::new(&entry.settings.states, &mut preparation)?));
        }
        let own_counters = || Plans::own_counters(&settings.plans, now);
        Ok(Self {
            name: names.id(name),
            protocol: settings.dialect,
            keys: KeyRing::new((*seed, name, settings.dialect), with_states, names, own_counters),
            exchanges: ExchangeCounts::new(rules.questions.ordinals),
            rules,
            mistakes: mistakes.clone(),
            label: name.to_owned(),
            journal: Arc::new(journal),
            models: ModelNames::new(served(world, name), names.clone()),
            errors: ErrorNames::new(names),
            latency: settings.latency.head.clone(),
            limits: settings.signals.limits,
            draws: DrawSource::new(*seed, name, None),
            epoch: epoch(clock),
            requests: AtomicU32::new(0),
            stopping: watch::Sender::new(false),
        })
    }

    /// Tells the run that a reply could not be made.
    pub(crate) fn tell_mistake(&self, place: &str, why: &str) {
        let mistake = format!("the upstream `{}` could not make the reply of `{place}`: {why}", self.label);
        self.mistakes.tell(&self.journal.redacted(&mistake));
    }

    /// The number of a new request, from 1.
    pub(crate) fn next_request(&self) -> u32 {
        self.requests.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// A moment by the clock on the wall.
    pub(crate) fn wall_clock(&self, moment: Moment) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.epoch + moment.since(Moment(0))
    }

    /// A moment in seconds of Unix time.
    pub(crate) fn unix_seconds(&self, moment: Moment) -> u64 {
        (self.epoch + moment.since(Moment(0))).as_secs()
    }

    /// Tells everything at the upstream to stop.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Waits until the upstream is told to stop.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // An upstream that is gone has stopped too.
            drop(stopping.wait_for(|stopping| *stopping).await);
        }
    }
}

/// The Unix time of a clock's zero. The wall is read first: whatever passes until the clock is read makes waits longer that are
/// told as times on the wall, and none too short.
fn epoch(clock: &Clock) -> Duration {
    let wall = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    wall.saturating_sub(clock.now().since(Moment(0)))
}

/// The models that the world routes to an upstream, by the provider's names.
fn served(world: &World, upstream: &str) -> Vec<String> {
    let mut served = Vec::new();
    for (public, settings) in &world.router.models.0 {
        let usual = settings.model.as_ref().unwrap_or(&public.value);
        if settings.pool.as_ref().is_some_and(|pool| pool.value == upstream) {
            served.push(usual.clone());
        }
        let entries = settings.pools.iter().filter(|entry| entry.pool.value == upstream);
        served.extend(entries.map(|entry| entry.model.as_ref().unwrap_or(usual).clone()));
    }
    let mut known = HashSet::new();
    served.retain(|model| known.insert(model.clone()));
    served
}

/// The models that an upstream serves, and the numbers of all models that it was asked for.
#[derive(Debug)]
pub(crate) struct ModelNames {
    served: Vec<String>,
    numbers: HashMap<String, NameId>,
    /// The numbers of models that the scenario does not know.
    strange: Mutex<HashMap<String, NameId>>,
    names: NameTable,
}

/// So many strange models get numbers, so that no caller fills the memory with names.
const MOST_STRANGE_MODELS: usize = 1_000;

/// A longer name than this is no name.
const LONGEST_MODEL: usize = 256;

impl ModelNames {
    fn new(served: Vec<String>, names: NameTable) -> Self {
        let numbers = served.iter().map(|model| (model.clone(), names.id(model))).collect();
        Self { served, numbers, strange: Mutex::default(), names }
    }

    /// The models that the upstream serves.
    pub(crate) fn served(&self) -> impl Iterator<Item = &str> {
        self.served.iter().map(String::as_str)
    }

    /// The number of a model; none for one too many or one too long.
    pub(crate) fn number(&self, model: &str, redaction: impl FnOnce(&str) -> String) -> NameId {
        if let Some(number) = self.numbers.get(model) {
            return *number;
        }
        let mut strange = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = strange.get(model) {
            return *number;
        }
        if model.len() > LONGEST_MODEL || strange.len() >= MOST_STRANGE_MODELS {
            return NameId::NONE;
        }
        let number = self.names.id(&redaction(model));
        strange.insert(model.to_owned(), number);
        number
    }
}

/// The numbers of the names of errors that stand in no scenario.
#[derive(Debug)]
pub(crate) struct ErrorNames {
    pub(crate) invalid_key: NameId,
    pub(crate) bad_request: NameId,
    pub(crate) too_large: NameId,
    /// For a request to a path that the provider does not have.
    pub(crate) unknown_path: NameId,
}

impl ErrorNames {
    fn new(names: &NameTable) -> Self {
        let number = |error: ErrorName| names.id(error.word());
        Self {
            invalid_key: number(ErrorName::InvalidKey),
            bad_request: number(ErrorName::BadRequest),
            too_large: number(ErrorName::TooLarge),
            unknown_path: names.id("unknown_path"),
        }
    }
}
