//! The wire format that a provider or a client speaks, as far as addresses and credentials go.

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
}

pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The one version that the provider has; a client that names another one is passed on as it is.
pub(crate) const ANTHROPIC_VERSION_VALUE: HeaderValue = HeaderValue::from_static("2023-06-01");

impl Dialect {
    /// The variable that discovery starts from.
    pub(crate) fn key_variable(self) -> &'static str {
        match self {
            Self::Openai => "OPENAI_API_KEY",
            Self::Anthropic => "ANTHROPIC_API_KEY",
        }
    }

    /// The path of a chat below a base address. Client libraries of Anthropic are given an address without the
    /// version, others with it; both are taken.
    pub(crate) fn chat_path(self, base: &Uri) -> &'static str {
        let has_version = base.path().trim_end_matches('/').ends_with("/v1");
        match self {
            Self::Openai => "/chat/completions",
            Self::Anthropic if has_version => "/messages",
            Self::Anthropic => "/v1/messages",
        }
    }

    /// The path of the list of models below a base address.
    pub(super) fn models_path(self, base: &Uri) -> &'static str {
        match (self, self.chat_path(base)) {
            (Self::Anthropic, "/v1/messages") => "/v1/models",
            _ => "/models",
        }
    }

    /// The header that carries a key. The secret must be well formed, which the settings check.
    pub(super) fn credential(self, secret: &Secret) -> (HeaderName, HeaderValue) {
        let (name, text) = match self {
            Self::Openai => (header::AUTHORIZATION, format!("Bearer {}", secret.reveal())),
            Self::Anthropic => (X_API_KEY, secret.reveal().to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).expect("a well-formed secret holds only visible ASCII");
        value.set_sensitive(true);
        (name, value)
    }
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
            assert_eq!(Dialect::Anthropic.chat_path(&base), expected, "{base}");
            let models = expected.replace("messages", "models");
            assert_eq!(Dialect::Anthropic.models_path(&base), models, "{base}");
        }
        assert_eq!(Dialect::Openai.chat_path(&"http://h/v1".parse().unwrap()), "/chat/completions");
    }
}
