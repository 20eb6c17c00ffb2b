//! One key of a provider: its name, its secret and the header that carries it.

use std::fmt;

use http::{HeaderName, HeaderValue};

use super::Dialect;
use crate::secret::Secret;

/// A key as the settings gave it. Its standing (limited, invalid, ...) is the pool's business.
#[derive(Clone)]
pub(crate) struct ProviderKey {
    name: String,
    secret: Secret,
    credential: (HeaderName, HeaderValue),
    disabled: bool,
    weight: u32,
}

impl ProviderKey {
    /// The secret must be well formed, which the settings check with a message for the user.
    pub(crate) fn new(name: String, secret: Secret, disabled: bool, weight: u32, dialect: Dialect) -> Self {
        let credential = dialect.credential(&secret);
        Self { name, secret, credential, disabled, weight }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The header that carries it, built once.
    pub(crate) fn credential(&self) -> (HeaderName, HeaderValue) {
        self.credential.clone()
    }

    /// What may be shown of its secret.
    pub(crate) fn fingerprint(&self) -> String {
        self.secret.fingerprint()
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
        write!(f, "{} ({})", self.name, self.secret)
    }
}
