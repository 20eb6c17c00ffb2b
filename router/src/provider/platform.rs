//! Whoever runs a provider, as far as keys go: several speak one wire format, and each is asked in a way of its own.

use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;

use super::Dialect;
use super::dialect::{API_KEY, X_API_KEY, X_GOOG_API_KEY};
use crate::secret::Secret;

/// A kind of provider, by the word that the settings have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Platform {
    Openai,
    /// OpenAI's models as Azure serves them: a deployment in each path, and a version behind it.
    Azure,
    /// An engine on one's own machine. It speaks OpenAI's dialect.
    Vllm,
    /// The same, asked by its surface for OpenAI's clients and not by its own.
    Ollama,
    Anthropic,
    Gemini,
}

impl Platform {
    /// The wire format that it speaks.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Openai | Self::Azure | Self::Vllm | Self::Ollama => Dialect::Openai,
            Self::Anthropic => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
        }
    }

    /// As the settings have it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Vllm => "vllm",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// The variables that discovery starts from: the first that gives a key. None for what usually has no key, which is asked
    /// without one unless the settings name some.
    pub(crate) fn key_variables(self) -> &'static [&'static str] {
        match self {
            Self::Openai => &["OPENAI_API_KEY"],
            Self::Azure => &["AZURE_OPENAI_API_KEY"],
            Self::Anthropic => &["ANTHROPIC_API_KEY"],
            // In the order of Google's own client.
            Self::Gemini => &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
            Self::Vllm | Self::Ollama => &[],
        }
    }

    /// The header that carries a key. The secret must be well formed, which the settings check.
    pub(super) fn credential(self, secret: &Secret) -> (HeaderName, HeaderValue) {
        let (name, text) = match self {
            Self::Openai | Self::Vllm | Self::Ollama => {
                (header::AUTHORIZATION, format!("Bearer {}", secret.reveal()))
            }
            Self::Azure => (API_KEY, secret.reveal().to_owned()),
            Self::Anthropic => (X_API_KEY, secret.reveal().to_owned()),
            Self::Gemini => (X_GOOG_API_KEY, secret.reveal().to_owned()),
        };
        // Taken over and not copied, so that no text is left behind.
        let mut value = HeaderValue::try_from(text).expect("a well-formed secret holds only visible ASCII");
        value.set_sensitive(true);
        (name, value)
    }
}
