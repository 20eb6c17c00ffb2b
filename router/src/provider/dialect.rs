//! The wire format that a provider or a client speaks, as far as addresses and credentials go.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, Uri, header};
use serde::Deserialize;

use crate::secret::Secret;

/// A wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    /// Also spoken by models on one's own machine, below the path `/v1`.
    #[serde(alias = "vllm")]
    Openai,
    Anthropic,
    Gemini,
}

pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
pub(crate) const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The one version that the provider has; a client that names another one is passed on as it is.
pub(crate) const ANTHROPIC_VERSION_VALUE: HeaderValue = HeaderValue::from_static("2023-06-01");

impl Dialect {
    /// The variables that discovery starts from: the first that gives a key.
    pub(crate) fn key_variables(self) -> &'static [&'static str] {
        match self {
            Self::Openai => &["OPENAI_API_KEY"],
            Self::Anthropic => &["ANTHROPIC_API_KEY"],
            // In the order of Google's own client.
            Self::Gemini => &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        }
    }

    /// The path of a chat below a base address. Client libraries of Anthropic are given an address without the
    /// version, others with it; both are taken.
    pub(crate) fn chat_path(self, base: &Uri, model: &str, stream: bool) -> Cow<'static, str> {
        let base = base.path().trim_end_matches('/');
        match self {
            Self::Openai => Cow::Borrowed("/chat/completions"),
            Self::Anthropic if base.ends_with("/v1") => Cow::Borrowed("/messages"),
            Self::Anthropic => Cow::Borrowed("/v1/messages"),
            Self::Gemini => {
                let version = if has_gemini_version(base) { "" } else { "/v1beta" };
                let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                Cow::Owned(format!("{version}/models/{}:{action}", in_path(model)))
            }
        }
    }

    /// The path of the list of models below a base address.
    pub(super) fn models_path(self, base: &Uri) -> &'static str {
        let base = base.path().trim_end_matches('/');
        match self {
            Self::Anthropic if !base.ends_with("/v1") => "/v1/models",
            Self::Gemini if !has_gemini_version(base) => "/v1beta/models",
            _ => "/models",
        }
    }

    /// The header that carries a key. The secret must be well formed, which the settings check.
    pub(super) fn credential(self, secret: &Secret) -> (HeaderName, HeaderValue) {
        let (name, text) = match self {
            Self::Openai => (header::AUTHORIZATION, format!("Bearer {}", secret.reveal())),
            Self::Anthropic => (X_API_KEY, secret.reveal().to_owned()),
            Self::Gemini => (X_GOOG_API_KEY, secret.reveal().to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).expect("a well-formed secret holds only visible ASCII");
        value.set_sensitive(true);
        (name, value)
    }
}

fn has_gemini_version(base: &str) -> bool {
    ["/v1beta", "/v1alpha", "/v1"].iter().any(|version| base.ends_with(version))
}

/// A model's name as a part of a path.
fn in_path(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_the_path_once() {
        for (base, expected) in [
            ("http://h", "/v1/messages"),
            ("http://h/", "/v1/messages"),
            ("http://h/v1", "/messages"),
            ("http://h/proxy/v1/", "/messages"),
            ("http://h/proxy", "/v1/messages"),
        ] {
            let base = base.parse().unwrap();
            assert_eq!(Dialect::Anthropic.chat_path(&base, "m", true), expected, "{base}");
            let models = expected.replace("messages", "models");
            assert_eq!(Dialect::Anthropic.models_path(&base), models, "{base}");
        }
        let openai = "http://h/v1".parse().unwrap();
        assert_eq!(Dialect::Openai.chat_path(&openai, "m", false), "/chat/completions");
    }

    #[test]
    fn the_model_stands_in_the_path_of_gemini() {
        for (base, model, stream, expected) in [
            ("http://h", "g-1.5", false, "/v1beta/models/g-1.5:generateContent"),
            ("http://h/v1beta/", "a b/c", true, "/models/a%20b%2Fc:streamGenerateContent?alt=sse"),
            ("http://h/v1", "é?", false, "/models/%C3%A9%3F:generateContent"),
        ] {
            let base = base.parse().unwrap();
            assert_eq!(Dialect::Gemini.chat_path(&base, model, stream), expected);
        }
    }
}
