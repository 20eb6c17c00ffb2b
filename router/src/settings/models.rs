//! Models as the settings have them: who serves them, how their exchanges go, and who comes next.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_saphyr::Spanned;

use super::SettingsError;
use super::file::{BackoffEntry, CooldownEntry, LimitEntry, ModelEntry, Sticky};
use super::resolve::Place;
use super::targets::Target;
use crate::exchange::{BackoffSettings, ExchangeSettings, QueueSettings};
use crate::nearest::nearest;
use crate::pool::{CooldownSettings, UseLimit};
use crate::provider::Patience;

/// One public model.
#[derive(Debug)]
pub(crate) struct ModelSettings {
    /// Its public name.
    pub(crate) name: String,
    /// Who serves it, in the order of preference; at least one.
    pub(crate) targets: Vec<Target>,
    pub(crate) patience: Patience,
    pub(crate) exchange: ExchangeSettings,
    /// Public names of other models, each of which is there.
    pub(crate) fallbacks: Vec<String>,
    /// The same, for prompts that are too long for this one.
    pub(crate) larger: Vec<String>,
    /// The same, for content against the rules of this one's provider.
    pub(crate) lenient: Vec<String>,
    /// How many tokens its window holds, as far as that is declared.
    pub(crate) window: Option<u64>,
    /// How much each key may be used for it.
    pub(crate) limits: Vec<UseLimit>,
    /// The share of a limit from which on other keys are preferred, in millionths.
    pub(crate) headroom: Option<u64>,
    /// Whether other keys are preferred to one whose use grows towards its limit.
    pub(crate) predicts: bool,
    pub(crate) queue: Option<QueueSettings>,
    /// Whether a client stays at the key of its session.
    pub(crate) is_sticky: bool,
}

/// Two more attempts after a retryable failure, as the official client does.
const DEFAULT_RETRIES: u32 = 2;
/// The official client's own limit: a shorter one would cut answers that it still waits for.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Attempts are made one after another, so more would only keep a client waiting.
const MOST_RETRIES: u32 = 100;

impl Place<'_> {
    pub(super) fn model(
        &self,
        name: &str,
        entry: ModelEntry,
        providers: &[String],
    ) -> Result<ModelSettings, SettingsError> {
        let targets = self.targets(name, &entry, providers)?;
        let retries = match &entry.retries {
            Some(written) if written.value > MOST_RETRIES => {
                return Err(self.wrong(written, format!("at most {MOST_RETRIES} retries are possible")));
            }
            Some(written) => written.value,
            None => DEFAULT_RETRIES,
        };
        let silence = entry.timeout.map_or(DEFAULT_TIMEOUT, |written| written.0);
        Ok(ModelSettings {
            name: name.to_owned(),
            targets,
            patience: Patience {
                connect: entry.timeouts.connect.map(|written| written.0),
                head: entry.timeouts.head.map_or(silence, |written| written.0),
                first_content: entry.timeouts.first_content.map_or(silence, |written| written.0),
                idle: entry.timeouts.idle.map_or(silence, |written| written.0),
            },
            exchange: ExchangeSettings {
                retries,
                strategy: entry.strategy,
                backoff: backoff(&entry.backoff),
                cooldown: self.cooldown(&entry.cooldown)?,
            },
            limits: entry.limits.iter().map(|limit| self.use_limit(limit)).collect::<Result<_, _>>()?,
            headroom: entry.headroom.map(|share| share.0),
            predicts: self.predicts(entry.prediction.as_ref(), &entry.limits)?,
            queue: entry.queue.map(|queue| QueueSettings { max: queue.max, wait: queue.wait.0 }),
            is_sticky: entry.sticky == Sticky::Session,
            fallbacks: entry.fallbacks.into_iter().map(|name| name.value).collect(),
            larger: entry.larger.into_iter().map(|name| name.value).collect(),
            lenient: entry.lenient.into_iter().map(|name| name.value).collect(),
            window: entry.window,
        })
    }

    pub(super) fn cooldown(&self, entry: &CooldownEntry) -> Result<CooldownSettings, SettingsError> {
        let sound = CooldownSettings::default();
        Ok(CooldownSettings {
            lasts: entry.lasts.map(|written| written.0),
            failures: entry.failures.as_ref().map(|written| self.at_least_one(written)).transpose()?,
            probes: match &entry.probes {
                Some(written) => self.at_least_one(written)?,
                None => sound.probes,
            },
        })
    }

    pub(super) fn use_limit(&self, written: &Spanned<LimitEntry>) -> Result<UseLimit, SettingsError> {
        let LimitEntry { requests, tokens, per } = written.value;
        let is_nothing = requests.is_none() && tokens.is_none() || requests == Some(0) || tokens == Some(0);
        if is_nothing {
            let message =
                "a limit needs `requests` or `tokens`, from 1 on, such as `{ requests: 20, per: 1s }`";
            return Err(self.wrong(written, message.to_owned()));
        }
        Ok(UseLimit { requests: requests.map(u64::from), tokens: tokens.map(u64::from), per: per.0 })
    }

    fn predicts(
        &self,
        written: Option<&Spanned<bool>>,
        limits: &[Spanned<LimitEntry>],
    ) -> Result<bool, SettingsError> {
        match written {
            Some(written) if written.value && limits.is_empty() => {
                let message = "a prediction needs `limits`, such as `[{ requests: 20, per: 1s }]`";
                Err(self.wrong(written, message.to_owned()))
            }
            written => Ok(written.is_some_and(|written| written.value)),
        }
    }

    pub(super) fn at_least_one(&self, written: &Spanned<u32>) -> Result<u32, SettingsError> {
        match written.value {
            0 => Err(self.wrong(written, "write a number from 1 on".to_owned())),
            number => Ok(number),
        }
    }

    /// Each fallback is a model, and none leads from a model to itself.
    pub(super) fn check_fallbacks(
        &self,
        models: &BTreeMap<String, ModelSettings>,
        written: &[(String, Spanned<String>)],
    ) -> Result<(), SettingsError> {
        for (model, fallback) in written {
            let name = &fallback.value;
            if name == model {
                let message = format!("the model `{name}` falls back to itself: name another one");
                return Err(self.wrong(fallback, message));
            }
            if !models.contains_key(name) {
                let hint = nearest(name, models.keys().map(String::as_str))
                    .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
                return Err(self.wrong(fallback, format!("there is no model `{name}`{hint}")));
            }
        }
        Ok(())
    }
}

pub(super) fn backoff(entry: &BackoffEntry) -> BackoffSettings {
    let sound = BackoffSettings::default();
    BackoffSettings {
        base: entry.base.map_or(sound.base, |written| written.0),
        max: entry.max.map_or(sound.max, |written| written.0),
        jitter: entry.jitter.unwrap_or(sound.jitter),
    }
}
