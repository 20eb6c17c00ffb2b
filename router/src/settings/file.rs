//! The configuration file exactly as it is written: strict shapes, nothing looked up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;

use super::api_file::{ApiEntries, ServiceEntries};
use super::duration::WrittenDuration;
use super::money::WrittenMoney;
use super::share::WrittenShare;
use crate::pool::Strategy;
use crate::provider::Platform;
use crate::secret::Secret;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouterFile {
    /// Where to listen; port 0 asks for any free port. Default: `127.0.0.1:0`.
    pub(super) listen: Option<SocketAddr>,
    #[serde(default)]
    pub(super) providers: BTreeMap<String, ProviderEntry>,
    /// None: the router is alive and not ready, until it has read a file that has some.
    #[serde(default)]
    pub(super) models: BTreeMap<String, ModelEntry>,
    /// Providers that speak no dialect of models.
    #[serde(default)]
    pub(super) apis: ApiEntries,
    /// What is no model, by name: paths that APIs serve.
    #[serde(default)]
    pub(super) services: ServiceEntries,
    /// Absent: everybody is served.
    pub(super) tenants: Option<BTreeMap<String, TenantEntry>>,
    /// What tokens cost, by the provider's name of the model.
    #[serde(default)]
    pub(super) prices: BTreeMap<String, PriceEntry>,
    /// Absent: there are no admin routes.
    pub(super) admin: Option<AdminEntry>,
    /// Where the ledger is, and what it keeps beside tokens and money.
    #[serde(default)]
    pub(super) ledger: LedgerEntry,
    /// What routers with the same keys share. Absent: each learns by itself.
    pub(super) shared: Option<Spanned<SharedEntry>>,
    /// How providers are looked after beside the requests. Absent: not at all.
    pub(super) health: Option<HealthEntry>,
    /// So many bytes a request may have at most. Default: 32 MiB, which is also the most that can be set.
    pub(super) max_request: Option<usize>,
    /// What else a client may send, and how long it may take.
    #[serde(default)]
    pub(super) requests: RequestsEntry,
}

/// What a client may send beside a body, and how long it may take.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestsEntry {
    /// So many bytes the line and the headers may have together. Default: 32 KiB.
    pub(super) max_head: Option<Spanned<usize>>,
    /// So many headers there may be. Default: 100.
    pub(super) max_headers: Option<Spanned<usize>>,
    /// Within this time a head must have come; a connection may be idle for as long. Default: 75 s.
    pub(super) head_within: Option<WrittenDuration>,
    /// Within this time a body must have come. Default: 30 s.
    pub(super) body_within: Option<WrittenDuration>,
}

/// How providers are looked after beside the requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthEntry {
    /// Once in this time each provider is asked for its models.
    pub(super) every: WrittenDuration,
}

/// What routers with the same keys share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedEntry {
    /// A folder that all of them can write to, for which keys are closed alone.
    pub(super) folder: Option<Spanned<PathBuf>>,
    /// Instead of `folder`: the address of a Redis, for limits and budgets as well.
    pub(super) redis: Option<Spanned<SecretText>>,
    /// Instead of `redis`: the variable that holds it.
    pub(super) env: Option<Spanned<String>>,
}

/// One provider with its pool of keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderEntry {
    /// What it speaks, and how it is asked.
    pub(super) dialect: Platform,
    pub(super) base_url: Spanned<String>,
    /// A file with the certificates of the authorities that are believed there, and no others. Default: those of the system.
    pub(super) ca: Option<Spanned<PathBuf>>,
    /// Absent: the keys are discovered from the environment. Those that are listed are all that there are.
    pub(super) keys: Option<Vec<KeyEntry>>,
    /// The variable that discovery begins with. Default: `OPENAI_API_KEY`, `AZURE_OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, or
    /// `GOOGLE_API_KEY` and else `GEMINI_API_KEY`, by dialect; engines of one's own are asked without a key.
    pub(super) discover: Option<String>,
    /// Whether it wants no key, as models on one's own machine: it is asked without a credential.
    #[serde(default)]
    pub(super) keyless: bool,
    /// The version of the API that an address of Azure's names. Default: the latest that is no preview.
    pub(super) api_version: Option<Spanned<String>>,
}

/// One key, given as text or as the variable that holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyEntry {
    pub(super) name: String,
    pub(super) secret: Option<SecretText>,
    pub(super) env: Option<String>,
    /// A disabled key is kept and shown, and never offered.
    #[serde(default)]
    pub(super) disabled: bool,
    /// Its share of the traffic, relative to the other keys. Default: 1.
    pub(super) weight: Option<Spanned<u32>>,
}

/// One public model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEntry {
    /// The provider that serves it.
    pub(super) provider: Option<Spanned<String>>,
    /// Instead of `provider`: several that serve it together.
    #[serde(default)]
    pub(super) pools: Vec<PoolEntry>,
    /// The provider's name for the model. Default: the public name.
    pub(super) model: Option<String>,
    /// Further attempts after a retryable failure. Default: 2.
    pub(super) retries: Option<Spanned<u32>>,
    /// How long an attempt may stay silent. Default: 600 s.
    pub(super) timeout: Option<WrittenDuration>,
    /// The same for each part of an answer. Default: `timeout`.
    #[serde(default)]
    pub(super) timeouts: TimeoutsEntry,
    /// How requests are spread over the keys. Default: by weight.
    #[serde(default)]
    pub(super) strategy: Strategy,
    /// The public models that are asked next when this one fails, in order.
    #[serde(default)]
    pub(super) fallbacks: Vec<Spanned<String>>,
    /// The public models that are asked next, and no other, when the prompt is too long for this one.
    #[serde(default)]
    pub(super) larger: Vec<Spanned<String>>,
    /// The same when the content is against its provider's rules.
    #[serde(default)]
    pub(super) lenient: Vec<Spanned<String>>,
    /// How many tokens its window holds. Absent: only the provider knows.
    pub(super) window: Option<u64>,
    /// How long is waited between two tries.
    #[serde(default)]
    pub(super) backoff: BackoffEntry,
    /// When a key is left alone, and how it comes back.
    #[serde(default)]
    pub(super) cooldown: CooldownEntry,
    /// How much each key may be used for this model. Default: as much as its provider allows.
    #[serde(default)]
    pub(super) limits: Vec<Spanned<LimitEntry>>,
    /// Where requests wait when no key is free. Absent: they are refused.
    pub(super) queue: Option<QueueEntry>,
    /// What keeps a client at one key. Default: nothing.
    #[serde(default)]
    pub(super) sticky: Sticky,
    /// The share of a limit from which on other keys are preferred, such as `80%`: of those here, and of the provider's
    /// own by the headers of its answers. Default: none.
    pub(super) headroom: Option<WrittenShare>,
    /// Whether other keys are preferred to one whose use grows towards a limit of those here. Default: false.
    pub(super) prediction: Option<Spanned<bool>>,
}

/// One of several providers that serve a model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolEntry {
    pub(super) provider: Spanned<String>,
    /// Its name for the model. Default: that of the model's entry.
    pub(super) model: Option<String>,
    /// Its share of the traffic, relative to others of the same priority. Default: 1.
    pub(super) weight: Option<Spanned<u32>>,
    /// A lower one is asked first; the others when it fails. Default: 0.
    pub(super) priority: Option<u32>,
}

/// Where requests wait.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueEntry {
    /// How many can wait.
    pub(super) max: u32,
    /// How long each of them waits.
    pub(super) wait: WrittenDuration,
}

/// What keeps a client at one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sticky {
    /// Nothing.
    #[default]
    None,
    /// The session that it names in the header `x-session-id`.
    Session,
}

/// How much a key may be used.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitEntry {
    pub(super) requests: Option<u32>,
    pub(super) tokens: Option<u32>,
    /// In any time of this length.
    pub(super) per: WrittenDuration,
}

/// How long an attempt may stay silent, part by part.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeoutsEntry {
    /// Before there is a connection. Default: 5 s.
    pub(super) connect: Option<WrittenDuration>,
    /// Before the head of the answer.
    pub(super) head: Option<WrittenDuration>,
    /// Before the first content of a stream, counted from the attempt's begin.
    pub(super) first_content: Option<WrittenDuration>,
    /// Between two parts of an answer that has begun.
    pub(super) idle: Option<WrittenDuration>,
}

/// Waits between two tries of one exchange.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackoffEntry {
    /// The longest that the first wait can be; it doubles with each one. Default: 200 ms.
    pub(super) base: Option<WrittenDuration>,
    /// The longest that any wait can be. Default: 2 s.
    pub(super) max: Option<WrittenDuration>,
    /// Whether waits are spread at random between nothing and their bound. Default: true.
    pub(super) jitter: Option<bool>,
}

/// When a key is left alone, and how it comes back.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CooldownEntry {
    /// How long a limited key is left alone when the provider does not say. Default: 1 s.
    pub(super) lasts: Option<WrittenDuration>,
    /// After so many failures in a row that say nothing about the key it is left alone, too. Default: never.
    pub(super) failures: Option<Spanned<u32>>,
    /// How many requests at once may try whether a key is back, until one has succeeded. Default: 1.
    pub(super) probes: Option<Spanned<u32>>,
}

/// Where the ledger is, and what it keeps beside tokens and money.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerEntry {
    /// Its file, of this router alone; `:memory:` for one that is gone when the router ends. Default: beside this file, with
    /// the ending `.ledger.db`.
    pub(super) path: Option<Spanned<PathBuf>>,
    /// Whether each batch of rows is flushed to the disk, so that it survives the end of the machine as well as that of the
    /// router.
    #[serde(default)]
    pub(super) flush: bool,
    /// So many characters of the end of each prompt, to find a row by. Default: none.
    #[serde(default)]
    pub(super) prompt_end: usize,
}

/// Someone on whose behalf clients ask.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantEntry {
    pub(super) keys: Vec<SecretText>,
    /// What may be spent, in all or in each `budget_per`. Default: without bound.
    pub(super) budget: Option<Spanned<WrittenMoney>>,
    /// The time after which the budget is fresh again, counted from the start. Default: never.
    pub(super) budget_per: Option<Spanned<WrittenDuration>>,
    /// How many requests may be open at once. Default: without bound.
    pub(super) at_once: Option<Spanned<u32>>,
    /// Whether its keys have run out: they are known, and let nobody in.
    #[serde(default)]
    pub(super) expired: bool,
    /// The public models that may be asked for. Default: all.
    pub(super) models: Option<Vec<Spanned<String>>>,
    /// How many requests any minute may have. Default: without bound.
    pub(super) requests_per_minute: Option<Spanned<u32>>,
}

/// What a model's tokens cost: millionths of a dollar for a million tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceEntry {
    pub(super) input: u64,
    /// Default: as `input`.
    pub(super) cache_read: Option<u64>,
    /// Default: as `input`.
    pub(super) cache_write: Option<u64>,
    pub(super) output: u64,
    /// Output that was spent on reasoning. Default: as `output`.
    pub(super) reasoning: Option<u64>,
}

/// Who may use the admin routes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminEntry {
    pub(super) secret: SecretText,
}

/// A key as it is written, which is not shown, also when it is wrong.
#[derive(Debug)]
pub(super) struct SecretText(SecretString);

impl SecretText {
    /// As it is written.
    pub(super) fn text(&self) -> &str {
        self.0.expose_secret()
    }

    /// The key without the blanks around it, if it is one.
    pub(super) fn key(&self) -> Option<Secret> {
        Secret::trimmed(self.text()).filter(Secret::is_well_formed)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer);
        text.map(|text| Self(text.into()))
            .map_err(|_| de::Error::custom("not a key: write it as a text in quotes"))
    }
}
