//! The configuration file exactly as it is written: strict shapes, nothing looked up.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::duration::WrittenDuration;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouterFile {
    /// Where to listen; port 0 asks for any free port. Default: `127.0.0.1:0`.
    pub(super) listen: Option<SocketAddr>,
    pub(super) providers: BTreeMap<String, ProviderEntry>,
    pub(super) models: BTreeMap<String, ModelEntry>,
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

/// The wire format a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dialect {
    Openai,
}

impl Dialect {
    /// The variable that discovery starts from.
    pub(super) fn key_variable(self) -> &'static str {
        match self {
            Self::Openai => "OPENAI_API_KEY",
        }
    }
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
}
