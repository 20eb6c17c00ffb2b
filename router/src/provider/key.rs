//! One key of a provider: its name, its secret and the header that carries it.

use std::fmt;

use http::HeaderValue;

use crate::secret::Secret;

/// A key as the settings gave it. Its standing (limited, invalid, ...) is the pool's business.
#[derive(Clone)]
pub(crate) struct ProviderKey {
    name: String,
    secret: Secret,
    authorization: HeaderValue,
    disabled: bool,
}

impl ProviderKey {
    /// The secret must be well formed, which the settings check with a message for the user.
    pub(crate) fn new(name: String, secret: Secret, disabled: bool) -> Self {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", secret.reveal()))
            .expect("a well-formed secret holds only visible ASCII");
        authorization.set_sensitive(true);
        Self { name, secret, authorization, disabled }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The value of the `authorization` header, built once.
    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled
    }

    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.name == other.name || self.secret == other.secret
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.secret)
    }
}
