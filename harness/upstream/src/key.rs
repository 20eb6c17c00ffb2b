//! Keys of upstreams: made from the seed, unique, recognisable, and never shown.

use std::borrow::Borrow;
use std::fmt;

use scenario::Keys;
use sha2::{Digest, Sha256};

/// A key of an upstream. Its secret goes to the target's configuration and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    label: String,
    secret: String,
}

/// The secret of a key where keys are looked up by it. No debug dump shows it.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Secret(Box<[u8]>);

/// What every secret begins with, so that one can be found in any text.
pub(crate) const SECRET_OPENING: &str = "sk-sp-";

/// How long a secret is.
pub(crate) const SECRET_LENGTH: usize = SECRET_OPENING.len() + 32;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Key {
    /// The key of that label at that upstream, for that seed.
    pub(crate) fn new(seed: u64, upstream: &str, label: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(seed.to_le_bytes())
            .chain_update(upstream.len().to_le_bytes())
            .chain_update(upstream)
            .chain_update(label)
            .finalize();
        let letters = digest.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        Self { label: label.to_owned(), secret: SECRET_OPENING.chars().chain(letters).collect() }
    }

    /// The keys of an upstream. One that is the same as another has its secret.
    pub(crate) fn all(seed: u64, upstream: &str, keys: &Keys) -> Vec<Self> {
        let first = |key: &scenario::Key| -> String {
            let mut label = &key.label.value;
            // As many steps as there are keys lead to the end of every chain that has one.
            for _ in &keys.0 {
                let named = keys.0.iter().find(|other| other.label.value == *label);
                match named.and_then(|other| other.settings.same_as.as_ref()) {
                    Some(same) => label = &same.value,
                    None => break,
                }
            }
            label.clone()
        };
        let made = |key: &scenario::Key| Self {
            label: key.label.value.clone(),
            secret: Self::new(seed, upstream, &first(key)).secret,
        };
        keys.0.iter().map(made).collect()
    }

    /// Its label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What may be shown of it: eight hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&self.secret).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What stands for the secret in evidence.
    pub(crate) fn placeholder(&self) -> String {
        format!("<key {}>", self.label)
    }
}

impl From<&Key> for Secret {
    fn from(key: &Key) -> Self {
        Self(key.secret.as_bytes().into())
    }
}

impl Borrow<[u8]> for Secret {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.placeholder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognisable_and_the_same_for_the_same_seed_only() {
        let key = Key::new(7, "main", "first");
        assert_eq!(key.secret().len(), SECRET_LENGTH);
        assert!(key.secret().starts_with("sk-sp-"));
        assert!(key.secret()[6..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(key, Key::new(7, "main", "first"));
        for other in
            [Key::new(8, "main", "first"), Key::new(7, "mai", "nfirst"), Key::new(7, "main", "second")]
        {
            assert_ne!(key.secret(), other.secret());
        }
    }

    #[test]
    fn nothing_that_is_shown_of_a_key_holds_its_secret() {
        let key = Key::new(7, "main", "first");
        assert_eq!(format!("{key:?}"), "<key first>");
        let fingerprint = key.fingerprint();
        assert_eq!(fingerprint.len(), 8);
        assert!(fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(!key.secret().contains(&fingerprint));
    }
}
