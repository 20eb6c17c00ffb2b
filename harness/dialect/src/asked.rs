//! What a request's path asks for: a surface, in the dialect that is spoken there, and the model where the path names it.

use std::borrow::Cow;

use crate::dialect::{Dialect, Format};
use crate::request::{ChatRequest, Unfit};
use crate::surface::Surface;
use crate::{anthropic, embeddings, gemini, ollama, openai, responses};

/// What a request's path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The surface.
    pub surface: Surface,
    /// The dialect that is spoken there.
    pub dialect: Dialect,
    /// The model, where the path names it.
    pub model: Option<Cow<'a, str>>,
    /// Whether a stream is asked for, where the path says it.
    pub stream: Option<bool>,
}

/// The version of Azure's API that a client asks for.
const AZURE_VERSION: &str = "api-version=2024-10-21";

impl Dialect {
    /// What is asked for with a POST to a path and its query; none if nothing is there. Below a base address with the version
    /// in it and below one without, the same is offered.
    #[must_use]
    pub fn asked(self, path_and_query: &str) -> Option<Asked<'_>> {
        let (path, query) = split(path_and_query);
        let at = |surface, dialect| Some(Asked { surface, dialect, model: None, stream: None });
        match self {
            Self::Anthropic if below_version(path) == "/messages" => at(Surface::Chat, self),
            Self::Anthropic => None,
            Self::Gemini | Self::GeminiList => gemini_asked(path, query),
            Self::Azure => azure_asked(path, query),
            Self::Ollama if path == "/api/chat" => at(Surface::Chat, self),
            Self::Ollama | Self::OllamaV1 => at(openai_surface(below_version(path))?, Self::OllamaV1),
            Self::Openai | Self::Vllm => at(openai_surface(below_version(path))?, self),
        }
    }

    /// The dialect in which the models are listed at a path that is asked with a GET; none if no models are listed there.
    #[must_use]
    pub fn lists_models(self, path_and_query: &str) -> Option<Self> {
        let (path, query) = split(path_and_query);
        let (listed, dialect) = match self {
            Self::Azure => {
                (path == "/openai/models" && has_version(query) || path == "/openai/v1/models", self)
            }
            Self::Gemini | Self::GeminiList => (below_gemini_version(path) == "/models", self),
            Self::Ollama if path == "/api/tags" => (true, self),
            Self::Ollama => (below_version(path) == "/models", Self::OllamaV1),
            Self::Openai | Self::Anthropic | Self::Vllm | Self::OllamaV1 => {
                (below_version(path) == "/models", self)
            }
        };
        listed.then_some(dialect)
    }

    /// Where a client posts a request, unless a profile says otherwise.
    #[must_use]
    pub fn request_path(self, surface: Surface, model: &str, stream: bool) -> String {
        match (self, surface) {
            (Self::Anthropic, _) => "/v1/messages".to_owned(),
            (Self::Gemini | Self::GeminiList, _) => {
                let method = match (stream, self) {
                    (true, Self::GeminiList) => "streamGenerateContent",
                    (true, _) => "streamGenerateContent?alt=sse",
                    (false, _) => "generateContent",
                };
                format!("/v1beta/models/{}:{method}", encoded(model))
            }
            (Self::Ollama, Surface::Chat) => "/api/chat".to_owned(),
            (Self::Azure, Surface::Responses) => "/openai/v1/responses".to_owned(),
            (Self::Azure, _) => {
                let deployment = encoded(model);
                format!("/openai/deployments/{deployment}{}?{AZURE_VERSION}", openai_path(surface))
            }
            (Self::Openai | Self::Vllm | Self::Ollama | Self::OllamaV1, _) => {
                format!("/v1{}", openai_path(surface))
            }
        }
    }

    /// What the address under which users know the provider ends with: its version, where it has one there.
    #[must_use]
    pub fn base_path(self) -> &'static str {
        match self {
            Self::Openai | Self::Anthropic | Self::Vllm | Self::OllamaV1 => "/v1",
            Self::Gemini | Self::GeminiList => "/v1beta",
            Self::Azure | Self::Ollama => "",
        }
    }

    /// Where the models are listed, unless a profile says otherwise.
    #[must_use]
    pub fn models_path(self) -> &'static str {
        match self {
            Self::Azure => "/openai/v1/models",
            Self::Gemini | Self::GeminiList => "/v1beta/models",
            Self::Ollama => "/api/tags",
            Self::Openai | Self::Anthropic | Self::Vllm | Self::OllamaV1 => "/v1/models",
        }
    }
}

impl<'a> Asked<'a> {
    /// Reads the request's body. What the path says goes before what the body says.
    ///
    /// # Errors
    /// If it is no such request, what is wrong with it.
    pub fn request(&self, body: &'a [u8]) -> Result<ChatRequest<'a>, Unfit> {
        let model = self.model.clone();
        match self.dialect.format(self.surface) {
            Format::Openai(flavor) => openai::read_request(flavor, model, body),
            Format::Responses(_) => responses::read_request(body),
            Format::Embeddings(_) => embeddings::read_request(model, body),
            Format::Anthropic => anthropic::read_request(body),
            Format::Gemini => gemini::read_request(model, self.stream.unwrap_or(false), body),
            Format::Ollama => ollama::read_request(body),
        }
    }
}

fn split(path_and_query: &str) -> (&str, &str) {
    path_and_query.split_once('?').unwrap_or((path_and_query, ""))
}

fn below_version(path: &str) -> &str {
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn below_gemini_version(path: &str) -> &str {
    path.strip_prefix("/v1beta").filter(|rest| rest.starts_with('/')).unwrap_or_else(|| below_version(path))
}

fn openai_surface(path: &str) -> Option<Surface> {
    Surface::ALL.iter().copied().find(|surface| openai_path(*surface) == path)
}

fn openai_path(surface: Surface) -> &'static str {
    match surface {
        Surface::Chat => "/chat/completions",
        Surface::Responses => "/responses",
        Surface::Embeddings => "/embeddings",
    }
}

/// Azure has the model's deployment in the path and wants a version in the query; below `/openai/v1` it is as with OpenAI.
fn azure_asked<'a>(path: &'a str, query: &str) -> Option<Asked<'a>> {
    let dialect = Dialect::Azure;
    let asked = |surface, model| Some(Asked { surface, dialect, model, stream: None });
    let path = path.strip_prefix("/openai")?;
    if let Some(path) = path.strip_prefix("/v1") {
        return asked(openai_surface(path)?, None);
    }
    if !has_version(query) {
        return None;
    }
    let Some(path) = path.strip_prefix("/deployments/") else {
        return asked(openai_surface(path).filter(|surface| *surface == Surface::Responses)?, None);
    };
    let (deployment, path) = path.split_at(path.find('/')?);
    let surface = openai_surface(path).filter(|surface| *surface != Surface::Responses)?;
    asked(surface, Some(decoded(deployment)?))
}

fn has_version(query: &str) -> bool {
    parameter(query, "api-version").is_some_and(|version| !version.is_empty())
}

/// Gemini has the model and the method in the path. A stream is one long list unless the query asks for events.
fn gemini_asked<'a>(path: &'a str, query: &str) -> Option<Asked<'a>> {
    let (model, method) = below_gemini_version(path).strip_prefix("/models/")?.rsplit_once(':')?;
    let (stream, dialect) = match (method, parameter(query, "alt")) {
        ("generateContent", _) => (false, Dialect::Gemini),
        ("streamGenerateContent", Some("sse")) => (true, Dialect::Gemini),
        ("streamGenerateContent", None | Some("" | "json")) => (true, Dialect::GeminiList),
        _ => return None,
    };
    let model = Some(decoded(model).filter(|model| !model.is_empty())?);
    Some(Asked { surface: Surface::Chat, dialect, model, stream: Some(stream) })
}

/// The value of a parameter of a query, as it stands there.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// A part of a path or a query with its percent signs resolved; none if that is no text.
pub(crate) fn decoded(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('%') {
        return Some(Cow::Borrowed(part));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(part.len()), part.as_bytes());
    while let [first, others @ ..] = rest {
        let digit = |at: usize| others.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let byte = if *first == b'%' { digit(0).zip(digit(1)) } else { None };
        bytes.push(byte.map_or(*first, |(high, low)| (high * 16 + low) as u8));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// A text as it stands in a part of a path.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked, in one line: surface, dialect, model, stream.
    fn told(dialect: Dialect, path: &str) -> Option<String> {
        let asked = dialect.asked(path)?;
        let below = if asked.dialect == dialect { "" } else { " as another" };
        let model = asked.model.map(|model| format!(" of {model}")).unwrap_or_default();
        let stream = asked.stream.map(|stream| format!(" stream {stream}")).unwrap_or_default();
        Some(format!("{}{below}{model}{stream}", asked.surface.name()))
    }

    #[test]
    fn the_path_tells_what_is_asked() {
        use Dialect::{Anthropic, Azure, Gemini, Ollama, Openai, Vllm};
        for (dialect, path, expected) in [
            (Openai, "/v1/chat/completions", Some("chat")),
            (Openai, "/chat/completions?x=1", Some("chat")),
            (Openai, "/v1/responses", Some("responses")),
            (Openai, "/v1/embeddings", Some("embeddings")),
            (Openai, "/v1/messages", None),
            (Openai, "/v1chat/completions", None),
            (Openai, "/v1/chat/completions/", None),
            (Vllm, "/v1/chat/completions", Some("chat")),
            (Anthropic, "/v1/messages", Some("chat")),
            (Anthropic, "/messages?beta=true", Some("chat")),
            (Anthropic, "/v1/responses", None),
            (
                Azure,
                "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
                Some("chat of gpt-4o"),
            ),
            (Azure, "/openai/deployments/a%2Fb/embeddings?api-version=1", Some("embeddings of a/b")),
            (Azure, "/openai/deployments/gpt-4o/chat/completions", None),
            (Azure, "/openai/deployments/gpt-4o/chat/completions?api-version=", None),
            (Azure, "/openai/deployments/gpt-4o/responses?api-version=1", None),
            (Azure, "/openai/responses?api-version=1", Some("responses")),
            (Azure, "/openai/v1/chat/completions", Some("chat")),
            (Azure, "/openai/v1/responses", Some("responses")),
            (Azure, "/v1/chat/completions", None),
            (Azure, "/openai/deployments/", None),
            (Gemini, "/v1beta/models/g-2.5:generateContent", Some("chat of g-2.5 stream false")),
            (Gemini, "/v1/models/g:generateContent?key=k", Some("chat of g stream false")),
            (Gemini, "/models/g:generateContent", Some("chat of g stream false")),
            (Gemini, "/v1beta/models/g:streamGenerateContent?key=k&alt=sse", Some("chat of g stream true")),
            (Gemini, "/v1beta/models/a%2fb%zz:generateContent", Some("chat of a/b%zz stream false")),
            (Gemini, "/v1beta/models/%ff:generateContent", None),
            (Gemini, "/v1beta/models/g:streamGenerateContent", Some("chat as another of g stream true")),
            (
                Gemini,
                "/v1beta/models/g:streamGenerateContent?alt=json",
                Some("chat as another of g stream true"),
            ),
            (Gemini, "/v1beta/models/g:streamGenerateContent?alt=proto", None),
            (Gemini, "/v1beta/models/g:countTokens", None),
            (Gemini, "/v1beta/models/:generateContent", None),
            (Gemini, "/v1/chat/completions", None),
            (Ollama, "/api/chat", Some("chat")),
            (Ollama, "/v1/chat/completions", Some("chat as another")),
            (Ollama, "/v1/responses", Some("responses as another")),
            (Ollama, "/api/generate", None),
        ] {
            assert_eq!(told(dialect, path).as_deref(), expected, "{dialect:?} {path}");
        }
    }

    #[test]
    fn a_client_posts_where_an_upstream_looks() {
        for dialect in Dialect::ALL {
            for surface in dialect.surfaces() {
                for stream in [false, true] {
                    let path = dialect.request_path(*surface, "a/b c-1.5", stream);
                    let asked = dialect.asked(&path).unwrap();
                    assert_eq!((asked.surface, asked.dialect), (*surface, dialect.on(*surface)), "{path}");
                    assert!(asked.model.is_none_or(|model| model == "a/b c-1.5"), "{path}");
                    assert!(asked.stream.is_none_or(|asked| asked == stream), "{path}");
                }
            }
        }
    }

    #[test]
    fn every_path_of_a_client_lies_below_the_provider_s_address() {
        for dialect in Dialect::ALL {
            let surfaces = dialect.surfaces().iter().map(|surface| dialect.request_path(*surface, "m", true));
            for path in surfaces.chain([dialect.models_path().to_owned()]) {
                assert!(path.starts_with(dialect.base_path()), "{dialect:?} {path}");
            }
        }
    }

    #[test]
    fn the_models_are_listed_where_a_client_looks() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.lists_models(dialect.models_path()), Some(*dialect));
            assert_eq!(dialect.lists_models("/v2/models"), None);
        }
        for (dialect, path, expected) in [
            (Dialect::Openai, "/models?limit=2", Some(Dialect::Openai)),
            (Dialect::Azure, "/openai/models?api-version=1", Some(Dialect::Azure)),
            (Dialect::Azure, "/openai/models", None),
            (Dialect::Gemini, "/v1/models", Some(Dialect::Gemini)),
            (Dialect::Ollama, "/v1/models", Some(Dialect::OllamaV1)),
        ] {
            assert_eq!(dialect.lists_models(path), expected, "{path}");
        }
    }

    #[test]
    fn what_the_path_says_goes_before_what_the_body_says() {
        let path = "/openai/deployments/mine/chat/completions?api-version=1";
        for body in [&br#"{"model":"other","messages":[]}"#[..], br#"{"messages":[]}"#] {
            let asked = Dialect::Azure.asked(path).unwrap();
            assert_eq!(asked.request(body).unwrap().model, "mine");
        }
        let asked = Dialect::Azure.asked("/openai/v1/chat/completions").unwrap();
        assert_eq!(asked.request(br#"{"messages":[]}"#), Err(Unfit::NoModel));
    }
}
