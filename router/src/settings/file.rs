//! The configuration file exactly as it is written: strict shapes, nothing looked up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;

use super::duration::WrittenDuration;
use super::money::WrittenMoney;
use crate::pool::Strategy;
use crate::provider::Dialect;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouterFile {
    /// Where to listen; port 0 asks for any free port. Default: `127.0.0.1:0`.
    pub(super) listen: Option<SocketAddr>,
    pub(super) providers: BTreeMap<String, ProviderEntry>,
    pub(super) models: BTreeMap<String, ModelEntry>,
    /// Absent: everybody is served.
    pub(super) tenants: Option<BTreeMap<String, TenantEntry>>,
    /// What tokens cost, by the provider's name of the model.
    #[serde(default)]
    pub(super) prices: BTreeMap<String, PriceEntry>,
    /// Absent: there are no admin routes.
    pub(super) admin: Option<AdminEntry>,
    /// What the ledger keeps beside tokens and money.
    #[serde(default)]
    pub(super) ledger: LedgerEntry,
    /// What routers with the same keys share. Absent: each learns by itself.
    pub(super) shared: Option<SharedEntry>,
}

/// What routers with the same keys share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SharedEntry {
    /// A folder that all of them can write to.
    pub(super) folder: Spanned<PathBuf>,
}

/// One provider with its pool of keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderEntry {
    pub(super) dialect: Dialect,
    pub(super) base_url: Spanned<String>,
    /// Absent: the keys are discovered from the environment.
    pub(super) keys: Option<Vec<KeyEntry>>,
}

/// One key, given as text or as the variable that holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyEntry {
    pub(super) name: String,
    pub(super) secret: Option<String>,
    pub(super) env: Option<String>,
    /// A disabled key is kept and shown, and never offered.
    #[serde(default)]
    pub(super) disabled: bool,
    /// Its share of the traffic, relative to the other keys. Default: 1.
    pub(super) weight: Option<Spanned<u32>>,
}

// Written by hand because the secret is still plain text here.
impl std::fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyEntry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One public model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEntry {
    pub(super) provider: Spanned<String>,
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
    /// How long is waited between two tries.
    #[serde(default)]
    pub(super) backoff: BackoffEntry,
    /// When a key is left alone, and how it comes back.
    #[serde(default)]
    pub(super) cooldown: CooldownEntry,
}

/// How long an attempt may stay silent, part by part.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeoutsEntry {
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

/// What the ledger keeps beside tokens and money.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerEntry {
    /// So many characters of the end of each prompt, to find a row by. Default: none.
    #[serde(default)]
    pub(super) prompt_end: usize,
}

/// Someone on whose behalf clients ask.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantEntry {
    pub(super) keys: Vec<SecretText>,
    /// What may be spent in all. Default: without bound.
    pub(super) budget: Option<Spanned<WrittenMoney>>,
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
}

/// Who may use the admin routes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminEntry {
    pub(super) secret: SecretText,
}

/// A key as text, which is not shown, also when it is wrong.
pub(super) struct SecretText(pub(super) String);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer);
        text.map(Self).map_err(|_| de::Error::custom("not a key: write it as a text in quotes"))
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText")
    }
}
