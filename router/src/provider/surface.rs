//! What a client can ask for, each in the words of one dialect.

use std::borrow::Cow;

use http::Uri;

use super::Dialect;
use super::dialect::has_gemini_version;

/// One way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's messages.
    Messages,
    /// Gemini's generateContent, whose address holds the model and whether it streams.
    Generate,
    /// OpenAI's Responses API, without its memory.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
}

impl Surface {
    /// The dialect of its requests, its answers and its errors.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Responses | Self::Embeddings => Dialect::Openai,
            Self::Messages => Dialect::Anthropic,
            Self::Generate => Dialect::Gemini,
        }
    }

    /// The surface at which a provider is asked for it: this one where the provider speaks the same, else its own for
    /// chats.
    pub(crate) fn at(self, provider: Dialect) -> Self {
        match provider {
            _ if self.dialect() == provider => self,
            Dialect::Openai => Self::Chat,
            Dialect::Anthropic => Self::Messages,
            Dialect::Gemini => Self::Generate,
        }
    }

    /// Its path below a base address. Client libraries of Anthropic and Gemini are given an address without the version,
    /// others with it; both are taken.
    pub(crate) fn path(self, base: &Uri, model: &str, stream: bool) -> Cow<'static, str> {
        let base = base.path().trim_end_matches('/');
        match self {
            Self::Chat => Cow::Borrowed("/chat/completions"),
            Self::Responses => Cow::Borrowed("/responses"),
            Self::Embeddings => Cow::Borrowed("/embeddings"),
            Self::Messages if base.ends_with("/v1") => Cow::Borrowed("/messages"),
            Self::Messages => Cow::Borrowed("/v1/messages"),
            Self::Generate => {
                let version = if has_gemini_version(base) { "" } else { "/v1beta" };
                let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                Cow::Owned(format!("{version}/models/{}:{action}", in_path(model)))
            }
        }
    }
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
            assert_eq!(Surface::Messages.path(&base, "m", true), expected, "{base}");
            let models = expected.replace("messages", "models");
            assert_eq!(Dialect::Anthropic.models_path(&base), models, "{base}");
        }
        let openai = "http://h/v1".parse().unwrap();
        assert_eq!(Surface::Chat.path(&openai, "m", false), "/chat/completions");
    }

    #[test]
    fn the_model_stands_in_the_path_of_gemini() {
        for (base, model, stream, expected) in [
            ("http://h", "g-1.5", false, "/v1beta/models/g-1.5:generateContent"),
            ("http://h/v1beta/", "a b/c", true, "/models/a%20b%2Fc:streamGenerateContent?alt=sse"),
            ("http://h/v1", "é?", false, "/models/%C3%A9%3F:generateContent"),
        ] {
            let base = base.parse().unwrap();
            assert_eq!(Surface::Generate.path(&base, model, stream), expected);
        }
    }
}
