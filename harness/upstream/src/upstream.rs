//! One simulated provider: everything that its connections share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use record::{Moment, NameId, NameTable};
use scenario::{Distribution, ErrorName, StreamShape, World};

use crate::decision::Rules;
use crate::draw::DrawSource;
use crate::journal::Journal;
use crate::key::Key;
use crate::keyring::KeyRing;
use crate::redaction::Redaction;
use crate::surroundings::Surroundings;

/// A simulated provider at work.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// Its name's number.
    pub(crate) name: NameId,
    pub(crate) keys: KeyRing,
    pub(crate) rules: Rules,
    pub(crate) journal: Arc<Journal>,
    pub(crate) models: ModelNames,
    pub(crate) errors: ErrorNames,
    pub(crate) latency: Distribution,
    pub(crate) answer: NormalAnswer,
    /// The draws of requests without a key.
    pub(crate) draws: DrawSource,
    /// The Unix time of the clock's zero.
    epoch: Duration,
    requests: AtomicU32,
    connections: AtomicU16,
}

/// The normal answer with everything about it that is known beforehand.
#[derive(Debug)]
pub(crate) struct NormalAnswer {
    pub(crate) text: Arc<str>,
    /// How many words the text has.
    pub(crate) words: u64,
    /// The usage, where the scenario sets it.
    pub(crate) usage: Option<dialect::openai::Usage>,
    pub(crate) stream: StreamShape,
}

/// What an upstream says that was not told what to say.
const DEFAULT_TEXT: &str = "This is the answer of a simulated provider, and it is always the same.";

impl Upstream {
    /// The upstream of that name in a world.
    pub(crate) fn new(
        (name, settings): (&str, &scenario::Upstream),
        world: &World,
        keys: &[Key],
        redaction: Arc<Redaction>,
        surroundings: &Surroundings,
    ) -> Self {
        let Surroundings { clock, names, traffic, seed, .. } = surroundings;
        let now = clock.now();
        let served = world.router.models.0.iter().filter(|(_, model)| model.pool.value == name);
        let served = served.map(|(public, model)| model.model.as_ref().unwrap_or(&public.value).clone());
        Self {
            name: names.id(name),
            keys: KeyRing::new((*seed, name), keys, names, || Rules::own_gauges(settings, now)),
            rules: Rules::new(settings, names, traffic.clone(), now),
            journal: Arc::new(Journal::new(surroundings, redaction)),
            models: ModelNames::new(served.collect(), names.clone()),
            errors: ErrorNames::new(names),
            latency: settings.latency.head.clone(),
            answer: NormalAnswer::new(&settings.reply),
            draws: DrawSource::new(*seed, name, None),
            epoch: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(now.since(Moment(0))),
            requests: AtomicU32::new(0),
            connections: AtomicU16::new(0),
        }
    }

    /// The number of a new request, from 1.
    pub(crate) fn next_request(&self) -> u32 {
        self.requests.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// A moment in seconds of Unix time.
    pub(crate) fn unix_seconds(&self, moment: Moment) -> u64 {
        (self.epoch + moment.since(Moment(0))).as_secs()
    }

    /// The number of a new connection.
    pub(crate) fn next_connection(&self) -> u16 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }
}

impl NormalAnswer {
    fn new(answer: &scenario::Answer) -> Self {
        let text: Arc<str> = answer.text.as_deref().unwrap_or(DEFAULT_TEXT).into();
        let usage = answer
            .usage
            .as_ref()
            .map(|usage| dialect::openai::Usage { input: usage.input.into(), output: usage.output.into() });
        let words = dialect::openai::count_words(&text);
        Self { text, words, usage, stream: answer.stream.clone() }
    }
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

/// The numbers of the errors' names.
#[derive(Debug)]
pub(crate) struct ErrorNames {
    numbers: Vec<(ErrorName, NameId)>,
    /// For a request to a path that the provider does not have.
    pub(crate) unknown_path: NameId,
}

impl ErrorNames {
    fn new(names: &NameTable) -> Self {
        let numbers = ErrorName::ALL.iter().map(|(word, error, _)| (*error, names.id(word))).collect();
        Self { numbers, unknown_path: names.id("unknown_path") }
    }

    pub(crate) fn number(&self, error: ErrorName) -> NameId {
        let found = self.numbers.iter().find(|(name, _)| *name == error);
        found.map_or(NameId::NONE, |(_, number)| *number)
    }
}
