//! What a server of one's own tells of itself to whoever asks, beside the models that it serves: that it is there, which one
//! it is, and what it has to do.

use crate::dialect::Dialect;
use crate::vllm;

/// What is asked of a server with a GET. It takes no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Whether it is there.
    Health,
    /// Which version it is.
    Version,
    /// What it has to do, in the text format of Prometheus.
    Load,
}

/// What a server has to do and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests to models that it works on.
    pub running: u64,
    /// Requests to models that it has answered.
    pub answered: u64,
    /// Tokens of the requests that it has answered.
    pub input_tokens: u64,
    /// Tokens of its answers.
    pub output_tokens: u64,
}

/// What a server tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is; none where there is no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

impl Dialect {
    /// What is asked of a server with a GET to a path and its query; none where it tells nothing.
    #[must_use]
    pub fn asked_about(self, path_and_query: &str) -> Option<About> {
        let path = path_and_query.split('?').next().unwrap_or_default();
        match (self, path) {
            (Self::Vllm, "/health" | "/ping") | (Self::Ollama | Self::OllamaV1, "/") => Some(About::Health),
            (Self::Vllm, "/version") | (Self::Ollama | Self::OllamaV1, "/api/version") => {
                Some(About::Version)
            }
            (Self::Vllm, "/metrics") => Some(About::Load),
            _ => None,
        }
    }

    /// What a server that serves this model tells of itself.
    #[must_use]
    pub fn tell_about(self, about: About, model: &str, load: &Load) -> Told {
        let json = |body: &str| Told { content_type: Some("application/json"), body: body.into() };
        match (about, self) {
            (About::Health, Self::Ollama | Self::OllamaV1) => {
                Told { content_type: Some("text/plain; charset=utf-8"), body: b"Ollama is running".to_vec() }
            }
            (About::Health, _) => Told { content_type: None, body: Vec::new() },
            (About::Version, Self::Ollama | Self::OllamaV1) => json(r#"{"version":"0.12.6"}"#),
            (About::Version, _) => json(r#"{"version":"0.11.0"}"#),
            (About::Load, _) => Told {
                content_type: Some("text/plain; version=0.0.4; charset=utf-8"),
                body: vllm::metrics(model, load).into_bytes(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_of_one_s_own_tell_of_themselves() {
        for (dialect, path, expected) in [
            (Dialect::Vllm, "/health", Some(About::Health)),
            (Dialect::Vllm, "/ping?x=1", Some(About::Health)),
            (Dialect::Vllm, "/version", Some(About::Version)),
            (Dialect::Vllm, "/metrics", Some(About::Load)),
            (Dialect::Vllm, "/", None),
            (Dialect::Vllm, "/v1/health", None),
            (Dialect::Ollama, "/", Some(About::Health)),
            (Dialect::Ollama, "/api/version", Some(About::Version)),
            (Dialect::Ollama, "/metrics", None),
            (Dialect::Openai, "/health", None),
            (Dialect::Gemini, "/metrics", None),
        ] {
            assert_eq!(dialect.asked_about(path), expected, "{dialect:?} {path}");
        }
    }

    #[test]
    fn each_tells_it_in_its_own_way() {
        let told = |dialect: Dialect, about| {
            let told = dialect.tell_about(about, "chat", &Load::default());
            (told.content_type.is_some(), String::from_utf8(told.body).unwrap())
        };
        assert_eq!(told(Dialect::Vllm, About::Health), (false, String::new()));
        assert_eq!(told(Dialect::Ollama, About::Health), (true, "Ollama is running".to_owned()));
        assert_eq!(told(Dialect::Ollama, About::Version), (true, r#"{"version":"0.12.6"}"#.to_owned()));
        assert!(told(Dialect::Vllm, About::Load).1.contains("vllm:num_requests_running"));
    }
}
