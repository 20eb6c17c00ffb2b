//! The decisions about what counts as a key, of all that is written down.

use super::discovery::Environment;
use crate::secret::Secret;

/// Decides which texts are keys, and whose.
pub(crate) trait SourcePolicy: Send + Sync {
    /// The variables from which on keys are looked for, of which `own` are the provider's. None where its keys are listed.
    fn variables<'v>(&self, own: Vec<&'v str>, _is_listed: bool) -> Vec<&'v str> {
        own
    }

    /// Whether the variables that come behind one with keys are looked at, too.
    fn goes_on(&self) -> bool {
        false
    }

    /// The variables with a number behind a name, in the order in which their keys stand.
    fn in_order(&self, mut numbered: Vec<(u64, String)>) -> Vec<String> {
        numbered.sort();
        numbered.into_iter().map(|(_, name)| name).collect()
    }

    /// The key that a text holds, if it holds one.
    fn key(&self, text: &str) -> Option<Secret> {
        Secret::trimmed(text)
    }

    /// Whether a key counts once, however often it is written.
    fn counts_once(&self) -> bool {
        true
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EveryKeyOnce;

impl SourcePolicy for EveryKeyOnce {}

/// Where keys are looked for, and what counts as one.
#[derive(Clone, Copy)]
pub(super) struct KeySources<'s> {
    pub(super) environment: &'s dyn Environment,
    pub(super) policy: &'s dyn SourcePolicy,
}
