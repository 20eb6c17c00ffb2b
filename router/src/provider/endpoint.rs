//! Where a provider is asked: its base address, and what each surface adds to it.

use std::borrow::Cow;

use http::Uri;

use super::{Dialect, Platform, Surface, Trust};

/// The address of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) platform: Platform,
    pub(crate) base: Uri,
    /// Whose certificates are believed, where it is asked over TLS.
    pub(crate) trust: Option<Trust>,
    /// The version that each of Azure's addresses names.
    pub(crate) api_version: String,
}

/// The latest version of Azure's API that is no preview.
pub(crate) const AZURE_VERSION: &str = "2024-10-21";

impl Endpoint {
    /// The wire format that is spoken there.
    pub(crate) fn dialect(&self) -> Dialect {
        self.platform.dialect()
    }

    /// The path of a surface below the base address. Client libraries of some providers are given an address without the version,
    /// others with it; both are taken.
    pub(crate) fn path(&self, surface: Surface, model: &str, stream: bool) -> Cow<'static, str> {
        let base = self.base_path();
        match (surface, self.platform) {
            (Surface::Messages, _) if base.ends_with("/v1") => Cow::Borrowed("/messages"),
            (Surface::Messages, _) => Cow::Borrowed("/v1/messages"),
            (Surface::Generate, _) => {
                let version = if has_gemini_version(base) { "" } else { "/v1beta" };
                let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                Cow::Owned(format!("{version}/models/{}:{action}", in_path(model)))
            }
            (_, Platform::Azure) => self.path_of_azure(surface, model),
            (_, Platform::Vllm | Platform::Ollama) if !base.ends_with("/v1") => {
                Cow::Borrowed(match surface {
                    Surface::Responses => "/v1/responses",
                    Surface::Embeddings => "/v1/embeddings",
                    _ => "/v1/chat/completions",
                })
            }
            _ => Cow::Borrowed(path_of_openai(surface)),
        }
    }

    /// Responses have no deployment, and below `/openai/v1` nothing has: there Azure is asked as OpenAI.
    fn path_of_azure(&self, surface: Surface, model: &str) -> Cow<'static, str> {
        let (path, version) = (path_of_openai(surface), &self.api_version);
        match (self.below_azure(), surface) {
            (None, _) => Cow::Borrowed(path),
            (Some(openai), Surface::Responses) => Cow::Owned(format!("{openai}/v1{path}")),
            (Some(openai), _) => {
                Cow::Owned(format!("{openai}/deployments/{}{path}?api-version={version}", in_path(model)))
            }
        }
    }

    /// What leads from the base address to all of Azure's paths; nothing where those of OpenAI follow.
    fn below_azure(&self) -> Option<&'static str> {
        let base = self.base_path();
        if base.ends_with("/openai/v1") {
            return None;
        }
        Some(if base.ends_with("/openai") { "" } else { "/openai" })
    }

    /// The path of the list of models below the base address.
    pub(super) fn models_path(&self) -> Cow<'static, str> {
        let base = self.base_path();
        match (self.platform, self.below_azure()) {
            (Platform::Azure, Some(openai)) => {
                Cow::Owned(format!("{openai}/models?api-version={}", self.api_version))
            }
            (Platform::Anthropic | Platform::Vllm | Platform::Ollama, _) if !base.ends_with("/v1") => {
                Cow::Borrowed("/v1/models")
            }
            (Platform::Gemini, _) if !has_gemini_version(base) => Cow::Borrowed("/v1beta/models"),
            _ => Cow::Borrowed("/models"),
        }
    }

    /// The address of a path below the base.
    pub(super) fn address(&self, path: &str) -> Uri {
        let path = format!("{}{path}", self.base_path());
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = path.parse().ok();
        Uri::from_parts(parts).expect("a checked base address and a path make an address")
    }

    /// The base address for people, without what may stand in front of its host.
    pub(crate) fn shown(&self) -> String {
        shown_address(&self.base)
    }

    fn base_path(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }
}

/// An address for people. One may hold a password in front of its host.
pub(crate) fn shown_address(address: &Uri) -> String {
    let host = address.host().unwrap_or_default();
    let port = address.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}{}", address.scheme_str().unwrap_or("http"), address.path())
}

fn path_of_openai(surface: Surface) -> &'static str {
    match surface {
        Surface::Responses => "/responses",
        Surface::Embeddings => "/embeddings",
        // The other two are another dialect's, and have paths of their own.
        Surface::Chat | Surface::Messages | Surface::Generate => "/chat/completions",
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

    fn endpoint(platform: Platform, base: &str) -> Endpoint {
        Endpoint { platform, base: base.parse().unwrap(), trust: None, api_version: AZURE_VERSION.to_owned() }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let address = endpoint(Platform::Openai, "http://ann:tops3cret@host:81/v1");
        assert_eq!(address.shown(), "http://host:81/v1");
    }

    #[test]
    fn the_version_stands_in_the_path_once() {
        for (base, expected) in [
            ("http://h", "/v1/messages"),
            ("http://h/", "/v1/messages"),
            ("http://h/v1", "/messages"),
            ("http://h/proxy/v1/", "/messages"),
            ("http://h/proxy", "/v1/messages"),
        ] {
            let anthropic = endpoint(Platform::Anthropic, base);
            assert_eq!(anthropic.path(Surface::Messages, "m", true), expected, "{base}");
            assert_eq!(anthropic.models_path(), expected.replace("messages", "models"), "{base}");
        }
        let openai = endpoint(Platform::Openai, "http://h/v1");
        assert_eq!(openai.path(Surface::Chat, "m", false), "/chat/completions");
    }

    #[test]
    fn the_model_stands_in_the_path_of_gemini() {
        for (base, model, stream, expected) in [
            ("http://h", "g-1.5", false, "/v1beta/models/g-1.5:generateContent"),
            ("http://h/v1beta/", "a b/c", true, "/models/a%20b%2Fc:streamGenerateContent?alt=sse"),
            ("http://h/v1", "é?", false, "/models/%C3%A9%3F:generateContent"),
        ] {
            let gemini = endpoint(Platform::Gemini, base);
            assert_eq!(gemini.path(Surface::Generate, model, stream), expected);
        }
    }

    #[test]
    fn the_deployment_stands_in_the_path_of_azure_and_the_version_behind_it() {
        let version = "?api-version=2024-10-21";
        let cases = [
            ("http://h", Surface::Chat, format!("/openai/deployments/g%2F4/chat/completions{version}")),
            ("http://h/openai", Surface::Chat, format!("/deployments/g%2F4/chat/completions{version}")),
            ("http://h", Surface::Embeddings, format!("/openai/deployments/g%2F4/embeddings{version}")),
            ("http://h", Surface::Responses, "/openai/v1/responses".to_owned()),
            ("http://h/openai/v1", Surface::Chat, "/chat/completions".to_owned()),
            ("http://h/openai/v1/", Surface::Responses, "/responses".to_owned()),
        ];
        for (base, surface, expected) in cases {
            assert_eq!(endpoint(Platform::Azure, base).path(surface, "g/4", true), expected, "{base}");
        }
        let listed = |base| endpoint(Platform::Azure, base).models_path().into_owned();
        assert_eq!(listed("http://h"), format!("/openai/models{version}"));
        assert_eq!(listed("http://h/openai/v1"), "/models");
        let address = endpoint(Platform::Azure, "http://h/proxy/").address("/openai/models?api-version=1");
        assert_eq!(address, "http://h/proxy/openai/models?api-version=1");
    }

    #[test]
    fn an_engine_of_ones_own_is_known_with_and_without_its_version() {
        for platform in [Platform::Vllm, Platform::Ollama] {
            for (base, version) in [("http://h:1", "/v1"), ("http://h:1/v1", ""), ("http://h/llama/", "/v1")]
            {
                let engine = endpoint(platform, base);
                for (surface, path) in [
                    (Surface::Chat, "/chat/completions"),
                    (Surface::Responses, "/responses"),
                    (Surface::Embeddings, "/embeddings"),
                ] {
                    assert_eq!(engine.path(surface, "m", false), format!("{version}{path}"), "{base}");
                }
                assert_eq!(engine.models_path(), format!("{version}/models"), "{base}");
            }
        }
    }
}
