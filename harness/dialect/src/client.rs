//! What a client says and understands in each dialect.

use crate::answer::Finish;
use crate::chat::Chat;
use crate::dialect::{Dialect, Format};
use crate::framer::RawEvent;
use crate::reading::{ReadAnswer, StreamEvent};
use crate::surface::Surface;
use crate::{anthropic, embeddings, gemini, ollama, openai, responses};

impl Dialect {
    /// The body of a request.
    #[must_use]
    pub fn request_body(self, surface: Surface, chat: &Chat) -> Vec<u8> {
        match self.format(surface) {
            Format::Openai(_) => openai::request_body(chat),
            Format::Responses(_) => responses::request_body(chat),
            Format::Embeddings(_) => embeddings::request_body(chat),
            Format::Anthropic => anthropic::request_body(chat),
            Format::Gemini => gemini::request_body(chat),
            Format::Ollama => ollama::request_body(chat),
        }
    }

    /// The headers of a request, beside the one with the key.
    #[must_use]
    pub fn request_headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Anthropic => &[("content-type", "application/json"), ("anthropic-version", "2023-06-01")],
            _ => &[("content-type", "application/json")],
        }
    }

    /// Reads the body of a successful response; none if it is no answer in this dialect.
    #[must_use]
    pub fn read_answer(self, surface: Surface, body: &[u8]) -> Option<ReadAnswer<'_>> {
        match self.format(surface) {
            Format::Openai(_) => openai::read_answer(body),
            Format::Responses(_) => responses::read_answer(body),
            Format::Embeddings(_) => embeddings::read_answer(body),
            Format::Anthropic => anthropic::read_answer(body),
            Format::Gemini => gemini::read_answer(body),
            Format::Ollama => ollama::read_answer(body),
        }
    }

    /// Reads an event of a stream. Embeddings have none.
    #[must_use]
    pub fn read_event(self, surface: Surface, event: RawEvent<'_>) -> StreamEvent<'_> {
        match self.format(surface) {
            Format::Openai(_) => openai::read_event(event.data),
            Format::Responses(_) => responses::read_event(event),
            Format::Embeddings(_) => StreamEvent::Unreadable,
            Format::Anthropic => anthropic::read_event(event),
            Format::Gemini => gemini::read_event(event.data),
            Format::Ollama => ollama::read_event(event.data),
        }
    }

    /// The provider's word for a finish.
    #[must_use]
    pub fn finish_word(self, surface: Surface, finish: Finish) -> &'static str {
        match self.format(surface) {
            Format::Openai(_) | Format::Embeddings(_) => openai::finish_word(finish),
            Format::Responses(_) => responses::finish_word(finish),
            Format::Anthropic => anthropic::finish_word(finish),
            Format::Gemini => gemini::finish_word(finish),
            Format::Ollama => ollama::finish_word(finish),
        }
    }

    /// The finish that a provider's word means; none for a word that the dialect does not have. Some have one word for an
    /// answer that is complete and for one that calls a tool, so that it matters whether this one does.
    #[must_use]
    pub fn finish(self, surface: Surface, word: &str, calls_tools: bool) -> Option<Finish> {
        let mut finishes = Finish::ALL.iter().copied();
        let found = finishes.find(|finish| self.finish_word(surface, *finish) == word)?;
        let same = self.finish_word(surface, Finish::ToolUse) == word;
        Some(if same && calls_tools { Finish::ToolUse } else { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Serving, ToolCall, Usage};

    #[test]
    fn a_word_for_a_finish_is_understood() {
        for dialect in Dialect::ALL {
            for surface in dialect.surfaces() {
                for finish in Finish::ALL {
                    let word = dialect.finish_word(*surface, *finish);
                    let read = dialect.finish(*surface, word, *finish == Finish::ToolUse);
                    // Ollama has no filter, and so no word for what one would hold back.
                    let filter = (*dialect, *surface, *finish)
                        == (Dialect::Ollama, Surface::Chat, Finish::ContentFilter);
                    assert_eq!(
                        read,
                        Some(if filter { Finish::Stop } else { *finish }),
                        "{dialect:?} {surface:?}"
                    );
                }
                assert_eq!(dialect.finish(*surface, "whatever", false), None);
            }
        }
    }

    #[test]
    fn a_client_s_headers_are_what_an_upstream_looks_for() {
        for dialect in Dialect::ALL {
            let sent = |wanted: &str| {
                let mut headers = dialect.request_headers().iter();
                headers.find(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes())
            };
            assert_eq!(dialect.missing_header(sent), None);
            let demanded = dialect.missing_header(|_| None);
            assert_eq!(demanded.is_some(), *dialect == Dialect::Anthropic, "{dialect:?}");
        }
    }

    #[test]
    fn a_client_s_body_is_what_an_upstream_understands() {
        let chat = Chat {
            model: "m".into(),
            system: Some("be brief".into()),
            prompt: "two words".into(),
            stream: true,
            max_tokens: Some(5),
            tools: vec!["look".into()],
            ..Chat::default()
        };
        for dialect in Dialect::ALL {
            for surface in dialect.surfaces() {
                let body = dialect.request_body(*surface, &chat);
                let path = dialect.request_path(*surface, "m", true);
                let read = dialect.asked(&path).unwrap().request(&body).unwrap();
                let embeds = *surface == Surface::Embeddings;
                assert_eq!(
                    (read.model.as_ref(), read.prompt.as_ref()),
                    ("m", "two words"),
                    "{dialect:?} {surface:?}"
                );
                assert_eq!((read.stream, read.words), (!embeds, if embeds { 2 } else { 4 }));
                assert_eq!(read.max_tokens, Some(if embeds { 0 } else { 5 }), "{dialect:?} {surface:?}");
                assert_eq!(read.inputs.is_some(), embeds);
            }
        }
    }

    #[test]
    fn half_an_answer_is_none_and_harms_nobody() {
        let usage = Usage { input: 9, cache_read: 3, output: 4, reasoning: 1, ..Usage::default() };
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"a":"ü"}"#.into() };
        let answer =
            Answer { text: "grün 😀".into(), usage, tools: vec![call].into(), ..Answer::default() };
        let serving = Serving { id: "id-1", created: 7, model: "chat" };
        for dialect in Dialect::ALL {
            for surface in dialect.surfaces() {
                let body = dialect.answer_body(*surface, &answer, &serving);
                assert!(dialect.read_answer(*surface, &body).is_some(), "{dialect:?} {surface:?}");
                for length in 0..body.len() {
                    assert_eq!(
                        dialect.read_answer(*surface, &body[..length]),
                        None,
                        "{dialect:?} {surface:?}"
                    );
                    let event = RawEvent { name: b"", data: &body[..length] };
                    assert_eq!(dialect.read_event(*surface, event), StreamEvent::Unreadable);
                }
                let deep = "[".repeat(100_000);
                let path = dialect.request_path(*surface, "m", true);
                assert_eq!(dialect.read_answer(*surface, deep.as_bytes()), None);
                assert!(dialect.asked(&path).unwrap().request(deep.as_bytes()).is_err());
            }
        }
    }
}
