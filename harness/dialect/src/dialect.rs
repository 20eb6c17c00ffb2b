//! The dialects by name, and which wire format each has on which surface.

use crate::framer::StreamFormat;
use crate::openai::Flavor;
use crate::surface::Surface;

/// A provider's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As OpenAI defines it.
    Openai,
    /// Messages as Anthropic defines them.
    Anthropic,
    /// OpenAI's format with the paths, errors and headers of Azure.
    Azure,
    /// OpenAI's format with the errors of vLLM.
    Vllm,
    /// `generateContent` as Google defines it.
    Gemini,
    /// The same, with a stream that is one long list. No scenario names it: whoever asks a Gemini for a stream and not for
    /// events is answered in it.
    GeminiList,
    /// Chat as Ollama defines it, in lines of JSON.
    Ollama,
    /// OpenAI's format as Ollama speaks it below `/v1`. No scenario names it: whoever asks an Ollama there is answered in it.
    OllamaV1,
}

/// A wire format, whoever speaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Openai(Flavor),
    Responses(Flavor),
    Embeddings(Flavor),
    Anthropic,
    Gemini,
    Ollama,
}

impl Dialect {
    /// Every dialect that has a name, in the order of the documentation.
    pub const ALL: &'static [Self] =
        &[Self::Openai, Self::Anthropic, Self::Azure, Self::Vllm, Self::Gemini, Self::Ollama];

    /// The word that scenarios and profiles use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Azure => "azure",
            Self::Vllm => "vllm",
            Self::Gemini | Self::GeminiList => "gemini",
            Self::Ollama | Self::OllamaV1 => "ollama",
        }
    }

    /// The dialect of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dialect| dialect.name() == name)
    }

    /// The surfaces that its provider offers.
    #[must_use]
    pub fn surfaces(self) -> &'static [Surface] {
        match self {
            Self::Anthropic | Self::Gemini | Self::GeminiList => &[Surface::Chat],
            Self::Openai | Self::Azure | Self::Vllm | Self::Ollama | Self::OllamaV1 => Surface::ALL,
        }
    }

    /// The dialect that is spoken on a surface: Ollama has all but its own chat below `/v1`.
    #[must_use]
    pub fn on(self, surface: Surface) -> Self {
        if self == Self::Ollama && surface != Surface::Chat { Self::OllamaV1 } else { self }
    }

    /// How the answers of a stream are told apart on the wire.
    #[must_use]
    pub fn stream_format(self, surface: Surface) -> StreamFormat {
        match self.format(surface) {
            Format::Ollama => StreamFormat::Lines,
            Format::Gemini if self == Self::GeminiList => StreamFormat::List,
            Format::Gemini => StreamFormat::EventsAndJson,
            _ => StreamFormat::Events,
        }
    }

    /// How the events of a stream with such a content type are told apart; none for that of a plain body.
    #[must_use]
    pub fn stream_format_of(self, surface: Surface, content_type: &[u8]) -> Option<StreamFormat> {
        let told = StreamFormat::of_content_type(content_type)?;
        let own = self.stream_format(surface);
        Some(if told.content_type() == own.content_type() { own } else { told })
    }

    /// The wire format on a surface. A surface that the provider does not offer is chat.
    pub(crate) fn format(self, surface: Surface) -> Format {
        let flavor = match self.on(surface) {
            Self::Anthropic => return Format::Anthropic,
            Self::Gemini | Self::GeminiList => return Format::Gemini,
            Self::Ollama => return Format::Ollama,
            Self::Openai => Flavor::Openai,
            Self::Azure => Flavor::Azure,
            Self::Vllm => Flavor::Vllm,
            Self::OllamaV1 => Flavor::Ollama,
        };
        match surface {
            Surface::Chat => Format::Openai(flavor),
            Surface::Responses => Format::Responses(flavor),
            Surface::Embeddings => Format::Embeddings(flavor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_found_by_its_own_name_only() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::from_name(dialect.name()), Some(*dialect));
        }
        assert_eq!(Dialect::from_name("OpenAI"), None);
    }

    #[test]
    fn only_the_chat_of_ollama_is_told_in_lines_and_only_gemini_puts_json_between_its_events() {
        let (events, lines) = (&b"text/event-stream"[..], &b"application/x-ndjson"[..]);
        for dialect in Dialect::ALL {
            for surface in dialect.surfaces() {
                let of_events = if *dialect == Dialect::Gemini {
                    StreamFormat::EventsAndJson
                } else {
                    StreamFormat::Events
                };
                let told = |content_type| dialect.stream_format_of(*surface, content_type);
                assert_eq!(
                    (told(events), told(lines)),
                    (Some(of_events), Some(StreamFormat::Lines)),
                    "{dialect:?}"
                );
                assert_eq!(told(b"application/json"), None, "{dialect:?}");
                let in_lines = (*dialect, *surface) == (Dialect::Ollama, Surface::Chat);
                let expected = if in_lines { StreamFormat::Lines } else { of_events };
                assert_eq!(dialect.stream_format(*surface), expected, "{dialect:?} {surface:?}");
            }
        }
    }
}
