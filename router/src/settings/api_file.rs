//! Services and their APIs exactly as the configuration file has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::duration::WrittenDuration;
use super::file::{BackoffEntry, CooldownEntry, KeyEntry, LimitEntry, QueueEntry};
use super::share::WrittenShare;
use crate::apis::ApiStrategy;

/// The APIs of a file, by name.
pub(super) type ApiEntries = BTreeMap<String, ApiEntry>;
/// The services of a file, by name.
pub(super) type ServiceEntries = BTreeMap<String, ServiceEntry>;

/// One API: a provider that speaks no dialect of models.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiEntry {
    /// Where it is: the path of a request is put behind it.
    pub(super) base_url: Spanned<String>,
    /// A file with the certificates of the authorities that are believed there, and no others. Default: those of the system.
    pub(super) ca: Option<Spanned<PathBuf>>,
    /// Absent: it is asked without a credential.
    pub(super) keys: Option<Vec<KeyEntry>>,
    /// How a key is sent. Default: `authorization: Bearer KEY`.
    #[serde(default)]
    pub(super) credential: CredentialEntry,
    /// One that is not enabled is kept and shown, and never asked.
    #[serde(default = "enabled")]
    pub(super) enabled: bool,
    /// How much each of its keys may be used. Default: as much as it allows.
    #[serde(default)]
    pub(super) limits: Vec<Spanned<LimitEntry>>,
    /// Where the result of certain requests is found when their reply was lost. Default: nowhere.
    #[serde(default)]
    pub(super) lookups: Vec<LookupEntry>,
    /// What a health check asks for. Default: `/`.
    pub(super) health: Option<Spanned<String>>,
}

fn enabled() -> bool {
    true
}

/// Where the result of certain requests is found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupEntry {
    /// Of requests with this method. Default: `POST`.
    pub(super) method: Option<Spanned<String>>,
    /// And with this path.
    pub(super) path: Spanned<String>,
    /// What is asked, with names of fields of the request's body: `/orders/{client_order_id}`.
    pub(super) ask: Spanned<String>,
}

/// How a key is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialEntry {
    /// Default: `authorization`.
    pub(super) header: Option<Spanned<String>>,
    /// What stands before the key. Default: `Bearer ` in `authorization`, and nothing elsewhere.
    pub(super) prefix: Option<String>,
}

/// One service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceEntry {
    /// What its paths begin with.
    pub(super) path: Spanned<String>,
    /// The APIs that serve it.
    pub(super) pools: Vec<ApiPoolEntry>,
    /// How requests are spread over them. Default: to the one with most of its limit left.
    #[serde(default)]
    pub(super) strategy: ApiStrategy,
    /// From this share of its limit on an API is left for others. Default: 80 %.
    pub(super) headroom: Option<WrittenShare>,
    /// Where requests wait when no API has room. Default: 1000 of them, each for 5 s.
    pub(super) queue: Option<QueueEntry>,
    /// How often all of its APIs may be tried again. Default: 2.
    pub(super) retries: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) backoff: BackoffEntry,
    #[serde(default)]
    pub(super) cooldown: CooldownEntry,
    /// How long an API may stay silent. Default: 30 s.
    pub(super) timeout: Option<WrittenDuration>,
    /// The first rule that a request fits says which APIs may serve it. Default: all.
    #[serde(default)]
    pub(super) rules: Vec<RuleEntry>,
    /// Whether an API whose use grows towards its limit is left for others early. Default: true.
    pub(super) prediction: Option<bool>,
}

/// One of the APIs of a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiPoolEntry {
    pub(super) api: Spanned<String>,
    /// Its share of the traffic, relative to others of the same priority. Default: 1.
    pub(super) weight: Option<Spanned<u32>>,
    /// A lower one is asked first. Default: 0.
    pub(super) priority: Option<u32>,
}

/// Which APIs may serve certain requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    /// Default: any.
    pub(super) method: Option<Spanned<String>>,
    /// What the path begins with. Default: any.
    pub(super) path: Option<Spanned<String>>,
    pub(super) pools: Vec<Spanned<String>>,
}
