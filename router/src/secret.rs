//! An API key that cannot be printed, whatever formats it shows a fingerprint, and that leaves no text behind in the memory.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The text of an API key, overwritten when it is dropped. Two secrets are equal when their texts are.
#[derive(Clone)]
pub(crate) struct Secret(SecretString);

impl Secret {
    /// Takes the text with surrounding white space removed, or nothing when only white space is left.
    pub(crate) fn trimmed(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The text itself, for the one header that carries it to the provider.
    pub(crate) fn reveal(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether the text can stand in a header as one credential: no blanks, line ends or other bytes that a
    /// provider would read as two keys or none.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.reveal().bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// A few hexadecimal digits that tell keys apart and give nothing away.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.reveal().as_bytes());
        digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.reveal().as_bytes().ct_eq(other.reveal().as_bytes()).into()
    }
}

impl Eq for Secret {}

/// A digest of a key, to compare keys by. What a comparison takes tells nothing about the key that was known.
#[derive(Clone, Copy)]
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether both are of one key. Every byte is looked at, wherever the first difference is.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key:{}", self.fingerprint())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_a_secret_shows_only_its_fingerprint() {
        let secret = Secret::trimmed("sk-very-secret-1").unwrap();
        for shown in [format!("{secret}"), format!("{secret:?}"), format!("{:?}", Some(&secret))] {
            assert!(!shown.contains("secret"), "{shown}");
            assert!(shown.contains("key:"), "{shown}");
        }
        assert_ne!(format!("{secret}"), Secret::trimmed("sk-very-secret-2").unwrap().to_string());
    }

    #[test]
    fn digests_are_the_same_only_for_one_text() {
        assert!(KeyDigest::of("sk-1").is_same(&KeyDigest::of("sk-1")));
        for other in ["sk-2", "sk-1 ", "", "SK-1"] {
            assert!(!KeyDigest::of("sk-1").is_same(&KeyDigest::of(other)), "{other}");
        }
    }

    #[test]
    fn a_secret_is_trimmed_and_never_blank() {
        assert_eq!(Secret::trimmed(" sk-1\n").unwrap().reveal(), "sk-1");
        assert!(Secret::trimmed(" \t\n").is_none());
        assert!(!Secret::trimmed("sk-1\nsk-2").unwrap().is_well_formed());
    }
}
