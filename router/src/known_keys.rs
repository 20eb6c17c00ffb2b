//! The keys of all providers, and how they are taken out of what a provider says before a client is told it.

use aho_corasick::{AhoCorasick, MatchKind};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};

use crate::provider::ErrorReply;
use crate::secret::Secret;

/// Finds any of the keys in one pass, however many there are.
pub(crate) struct KnownKeys(Option<AhoCorasick>);

/// What stands for a key that was taken out.
const TAKEN_OUT: &str = "***";
/// What is shorter stands for a key where none is needed, and would be found in ordinary words.
const SHORTEST: usize = 8;

impl KnownKeys {
    pub(crate) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let texts: Vec<&str> = secrets.map(Secret::reveal).filter(|text| text.len() >= SHORTEST).collect();
        if texts.is_empty() {
            return Self(None);
        }
        // Of two keys that begin alike the longer one is meant.
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts);
        if let Err(error) = &built {
            tracing::error!(%error, "keys that a provider repeats cannot be looked for: give it fewer or shorter ones");
        }
        Self(built.ok())
    }

    /// The text without keys.
    pub(crate) fn without(&self, text: Bytes) -> Bytes {
        self.cleaned(&text).map_or(text, Bytes::from)
    }

    /// Takes keys out of what was written from a place on.
    pub(crate) fn take_out_behind(&self, place: usize, out: &mut BytesMut) {
        if let Some(cleaned) = out.get(place..).and_then(|written| self.cleaned(written)) {
            out.truncate(place);
            out.extend_from_slice(&cleaned);
        }
    }

    /// Takes keys out of the values of headers.
    pub(crate) fn take_out_of_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if let Some(cleaned) = self.cleaned(value.as_bytes()) {
                *value = HeaderValue::from_bytes(&cleaned).unwrap_or(HeaderValue::from_static(TAKEN_OUT));
            }
        }
    }

    /// Takes keys out of a provider's error.
    pub(crate) fn take_out_of_error(&self, error: &mut ErrorReply) {
        self.take_out_of_headers(&mut error.headers);
        error.body = self.without(std::mem::take(&mut error.body));
    }

    /// Nothing when there is no key in it.
    fn cleaned(&self, text: &[u8]) -> Option<Vec<u8>> {
        let keys = self.0.as_ref().filter(|keys| keys.is_match(text))?;
        let mut cleaned = Vec::with_capacity(text.len());
        keys.replace_all_with_bytes(text, &mut cleaned, |_, _, cleaned| {
            cleaned.extend_from_slice(TAKEN_OUT.as_bytes());
            true
        });
        Some(cleaned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_wherever_they_stand_and_nothing_else_is() {
        let secrets = ["sk-first-key", "sk-first-key-too", "none"].map(|text| Secret::trimmed(text).unwrap());
        let known = KnownKeys::new(secrets.iter());
        for (text, expected) in [
            ("Bearer sk-first-key.", "Bearer ***."),
            ("sk-first-key-toosk-first-key", "******"),
            ("sk-first, none", "sk-first, none"),
            ("", ""),
        ] {
            assert_eq!(known.without(Bytes::from_static(text.as_bytes())), expected);
            let mut out = BytesMut::from(&b"sk-first-key "[..]);
            out.extend_from_slice(text.as_bytes());
            known.take_out_behind(13, &mut out);
            assert_eq!(out, format!("sk-first-key {expected}"));
        }
        assert_eq!(
            KnownKeys::new([].into_iter()).without(Bytes::from_static(b"sk-first-key")),
            "sk-first-key"
        );
    }
}
