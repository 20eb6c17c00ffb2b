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

pub(super) fn has_gemini_version(base: &str) -> bool {
    ["/v1beta", "/v1alpha", "/v1"].iter().any(|version| base.ends_with(version))
}
