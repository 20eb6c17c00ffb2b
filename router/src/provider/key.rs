//! One key of a provider: its name, its secret and the header that carries it.

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::Platform;
use crate::metrics::ByStatus;
use crate::secret::Secret;

/// A key as the settings gave it. Its standing (limited, invalid, ...) is the pool's business.
#[derive(Clone)]
pub(crate) struct ProviderKey {
    name: String,
    /// Absent where the provider wants none: then this stands in its pool for the provider itself.
    secret: Option<Secret>,
    credential: Option<(HeaderName, HeaderValue)>,
    disabled: bool,
    weight: u32,
    /// How attempts with it ended.
    attempts: Arc<ByStatus>,
}

/// What stands for the key where there is none.
const KEYLESS: &str = "none";

impl ProviderKey {
    /// The secret must be well formed, which the settings check with a message for the user.
    pub(crate) fn new(name: String, secret: Secret, disabled: bool, weight: u32, platform: Platform) -> Self {
        let credential = platform.credential(&secret);
        Self::in_header(name, secret, disabled, weight, credential)
    }

    /// One that is sent in a header of its provider's own.
    pub(crate) fn in_header(
        name: String,
        secret: Secret,
        disabled: bool,
        weight: u32,
        credential: (HeaderName, HeaderValue),
    ) -> Self {
        let credential = Some(credential);
        Self { name, secret: Some(secret), credential, disabled, weight, attempts: Arc::default() }
    }

    /// What a provider is asked with that wants no key.
    pub(crate) fn keyless() -> Self {
        let name = KEYLESS.to_owned();
        Self { name, secret: None, credential: None, disabled: false, weight: 1, attempts: Arc::default() }
    }

    /// The same, going on with what was counted of one of its name.
    pub(super) fn counting_on(self, attempts: &Arc<ByStatus>) -> Self {
        Self { attempts: Arc::clone(attempts), ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The header that carries it, built once.
    pub(crate) fn credential(&self) -> Option<(HeaderName, HeaderValue)> {
        self.credential.clone()
    }

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// What may be shown of its secret.
    pub(crate) fn fingerprint(&self) -> String {
        self.secret.as_ref().map_or_else(|| KEYLESS.to_owned(), Secret::fingerprint)
    }

    /// How attempts with it ended.
    pub(crate) fn attempts(&self) -> &ByStatus {
        &self.attempts
    }

    /// The same with its name.
    pub(super) fn named_attempts(&self) -> (String, Arc<ByStatus>) {
        (self.name.clone(), Arc::clone(&self.attempts))
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Its share of the traffic, relative to the other keys of its provider.
    pub(crate) fn weight(&self) -> u32 {
        self.weight
    }

    /// Whether both are one key to the provider, whatever they are called here.
    pub(crate) fn has_same_secret(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.fingerprint())
    }
}
