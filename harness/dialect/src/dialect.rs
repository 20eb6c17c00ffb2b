//! The dialects by name, and everything that can be said and understood in each: nobody else asks which one it is.

use std::time::SystemTime;

use crate::answer::{Answer, Finish, Serving};
use crate::chat::Chat;
use crate::hint::HintForm;
use crate::limit::Limit;
use crate::reading::{ReadAnswer, StreamEvent};
use crate::refusal::{Refusal, RefusalReply};
use crate::request::{ChatRequest, Unfit};
use crate::sse::SseEvent;
use crate::stream::{EventWriter, StreamEvents, StreamShape};
use crate::{anthropic, openai};

/// A provider's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Chat completions as OpenAI defines them.
    Openai,
    /// Messages as Anthropic defines them.
    Anthropic,
}

impl Dialect {
    /// Every dialect, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Openai, Self::Anthropic];

    /// The word that scenarios and profiles use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    /// The dialect of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dialect| dialect.name() == name)
    }

    /// Where a chat request is posted, unless a profile says otherwise.
    #[must_use]
    pub fn chat_path(self) -> &'static str {
        self.chat_paths()[0]
    }

    /// Where the models are listed, unless a profile says otherwise.
    #[must_use]
    pub fn models_path(self) -> &'static str {
        self.models_paths()[0]
    }

    /// Everywhere that an upstream takes a chat request: below a base address with the version in it, and below one without.
    #[must_use]
    pub fn chat_paths(self) -> [&'static str; 2] {
        match self {
            Self::Openai => ["/v1/chat/completions", "/chat/completions"],
            Self::Anthropic => ["/v1/messages", "/messages"],
        }
    }

    /// Everywhere that an upstream lists its models.
    #[must_use]
    pub fn models_paths(self) -> [&'static str; 2] {
        ["/v1/models", "/models"]
    }
}

/// What an upstream says and understands.
impl Dialect {
    /// Reads the body of a chat request.
    ///
    /// # Errors
    /// If it is no chat request, what is wrong with it.
    pub fn chat_request(self, body: &[u8]) -> Result<ChatRequest<'_>, Unfit> {
        match self {
            Self::Openai => openai::read_request(body),
            Self::Anthropic => anthropic::read_request(body),
        }
    }

    /// The body of a plain answer.
    #[must_use]
    pub fn answer_body(self, answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
        match self {
            Self::Openai => openai::answer_body(answer, serving),
            Self::Anthropic => anthropic::answer_body(answer, serving),
        }
    }

    /// The same as a stream.
    #[must_use]
    pub fn stream_events(self, answer: Answer, serving: &Serving<'_>, shape: StreamShape) -> StreamEvents {
        let writer = match self {
            Self::Openai => EventWriter::Openai(openai::EventWriter::new(serving)),
            Self::Anthropic => EventWriter::Anthropic(anthropic::EventWriter::new(serving)),
        };
        StreamEvents::new(writer, answer, shape)
    }

    /// The frame that ends every sound stream. Some providers send it even after an error.
    #[must_use]
    pub fn end_frame(self) -> &'static [u8] {
        match self {
            Self::Openai => openai::END_FRAME,
            Self::Anthropic => anthropic::END_FRAME,
        }
    }

    /// A refusal before an answer has begun.
    #[must_use]
    pub fn refusal(self, refusal: &Refusal<'_>) -> RefusalReply {
        match self {
            Self::Openai => openai::refusal(refusal),
            Self::Anthropic => anthropic::refusal(refusal),
        }
    }

    /// The frame of an error in the middle of a stream. What a refusal would tell in headers is not told.
    #[must_use]
    pub fn error_frame(self, refusal: &Refusal<'_>) -> Vec<u8> {
        let body = self.refusal(refusal).body;
        match self {
            Self::Openai => openai::error_frame(&body),
            Self::Anthropic => anthropic::error_frame(&body),
        }
    }

    /// The headers that tell a limit. `now` is the wall-clock time of the reply.
    #[must_use]
    pub fn limit_headers(self, limit: &Limit, now: SystemTime) -> [(&'static str, String); 3] {
        match self {
            Self::Openai => openai::limit_headers(limit),
            Self::Anthropic => anthropic::limit_headers(limit, now),
        }
    }

    /// The list of an upstream's models. `created` is in seconds of Unix time.
    #[must_use]
    pub fn model_list<'a>(self, models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
        match self {
            Self::Openai => openai::list_models(models, created),
            Self::Anthropic => anthropic::model_list(models, created),
        }
    }

    /// The header that holds a request's id on every reply.
    #[must_use]
    pub fn request_id_header(self) -> &'static str {
        match self {
            Self::Openai => "x-request-id",
            Self::Anthropic => "request-id",
        }
    }

    /// The header that tells on every reply how many milliseconds it took, if there is one.
    #[must_use]
    pub fn took_header(self) -> Option<&'static str> {
        match self {
            Self::Openai => Some("openai-processing-ms"),
            Self::Anthropic => None,
        }
    }

    /// What the id of an answer begins with.
    #[must_use]
    pub fn answer_id_prefix(self) -> &'static str {
        match self {
            Self::Openai => "chatcmpl-",
            Self::Anthropic => "msg_",
        }
    }

    /// What the id of a call of a tool begins with.
    #[must_use]
    pub fn tool_id_prefix(self) -> &'static str {
        match self {
            Self::Openai => "call_",
            Self::Anthropic => "toolu_",
        }
    }

    /// The forms in which the provider itself tells a wait.
    #[must_use]
    pub fn usual_hints(self) -> &'static [HintForm] {
        match self {
            Self::Openai => &[HintForm::Seconds, HintForm::Millis, HintForm::Prose],
            Self::Anthropic => &[HintForm::Seconds],
        }
    }

    /// The form in which the provider's own limit headers tell when a limit is whole again.
    #[must_use]
    pub fn reset_hint(self) -> HintForm {
        match self {
            Self::Openai => HintForm::ResetDuration,
            Self::Anthropic => HintForm::ResetTimestamp,
        }
    }

    /// The key that a request carries. `header` looks a header up by its name in small letters.
    pub fn credential<'h>(self, header: impl Fn(&str) -> Option<&'h [u8]>) -> Option<&'h [u8]> {
        let own = match self {
            Self::Openai => None,
            Self::Anthropic => header("x-api-key").map(<[u8]>::trim_ascii),
        };
        own.filter(|key| !key.is_empty()).or_else(|| bearer(header("authorization")?))
    }

    /// The header that the dialect demands of a chat request and that this one does not have.
    pub fn missing_header<'h>(self, header: impl Fn(&str) -> Option<&'h [u8]>) -> Option<&'static str> {
        match self {
            Self::Openai => None,
            Self::Anthropic => header("anthropic-version").is_none().then_some("anthropic-version"),
        }
    }
}

/// What a client says and understands.
impl Dialect {
    /// The body of a chat request.
    #[must_use]
    pub fn request_body(self, chat: &Chat) -> Vec<u8> {
        match self {
            Self::Openai => openai::request_body(chat),
            Self::Anthropic => anthropic::request_body(chat),
        }
    }

    /// The headers of a chat request, beside the one with the key.
    #[must_use]
    pub fn request_headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Openai => &[("content-type", "application/json")],
            Self::Anthropic => &[("content-type", "application/json"), ("anthropic-version", "2023-06-01")],
        }
    }

    /// The header with the key.
    #[must_use]
    pub fn credential_header(self, key: &str) -> (&'static str, String) {
        match self {
            Self::Openai => ("authorization", format!("Bearer {key}")),
            Self::Anthropic => ("x-api-key", key.to_owned()),
        }
    }

    /// Reads the body of a successful response; none if it is no answer in this dialect.
    #[must_use]
    pub fn read_answer(self, body: &[u8]) -> Option<ReadAnswer<'_>> {
        match self {
            Self::Openai => openai::read_answer(body),
            Self::Anthropic => anthropic::read_answer(body),
        }
    }

    /// Reads an event of a stream.
    #[must_use]
    pub fn read_event(self, event: SseEvent<'_>) -> StreamEvent<'_> {
        match self {
            Self::Openai => openai::read_event(event.data),
            Self::Anthropic => anthropic::read_event(event),
        }
    }

    /// The provider's word for a finish.
    #[must_use]
    pub fn finish_word(self, finish: Finish) -> &'static str {
        match self {
            Self::Openai => openai::finish_word(finish),
            Self::Anthropic => anthropic::finish_word(finish),
        }
    }

    /// The finish that a provider's word means; none for a word that the dialect does not have.
    #[must_use]
    pub fn finish(self, word: &str) -> Option<Finish> {
        Finish::ALL.iter().copied().find(|finish| self.finish_word(*finish) == word)
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
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
    fn every_finish_has_a_word_of_its_own() {
        for dialect in Dialect::ALL {
            for finish in Finish::ALL {
                assert_eq!(dialect.finish(dialect.finish_word(*finish)), Some(*finish));
            }
            assert_eq!(dialect.finish("whatever"), None);
        }
    }

    #[test]
    fn a_key_is_found_where_the_dialect_has_it() {
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>, Option<&'static str>);
        let cases: [Case; 10] = [
            (&[], None, None),
            (&[("authorization", "Bearer k")], Some("k"), Some("k")),
            (&[("authorization", "bearer  k ")], Some("k"), Some("k")),
            (&[("authorization", "Bearer ")], None, None),
            (&[("authorization", "Basic k")], None, None),
            (&[("authorization", "k")], None, None),
            (&[("x-api-key", "k")], None, Some("k")),
            (&[("x-api-key", "k"), ("authorization", "Bearer b")], Some("b"), Some("k")),
            (&[("x-api-key", " "), ("authorization", "Bearer b")], Some("b"), Some("b")),
            (&[("api-key", "k")], None, None),
        ];
        for (headers, openai, anthropic) in cases {
            let find = |name: &str| {
                headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
            };
            for (dialect, expected) in [(Dialect::Openai, openai), (Dialect::Anthropic, anthropic)] {
                let key = dialect.credential(find).map(|key| str::from_utf8(key).unwrap());
                assert_eq!(key, expected, "{dialect:?} {headers:?}");
            }
        }
    }

    #[test]
    fn a_client_s_headers_are_what_an_upstream_looks_for() {
        for dialect in Dialect::ALL {
            let (name, value) = dialect.credential_header("k-1");
            let find = |wanted: &str| (wanted == name).then_some(value.as_bytes());
            assert_eq!(dialect.credential(find), Some(&b"k-1"[..]));
            let sent = |wanted: &str| {
                let mut headers = dialect.request_headers().iter();
                headers.find(|(name, _)| *name == wanted).map(|(_, value)| value.as_bytes())
            };
            assert_eq!(dialect.missing_header(sent), None);
        }
        assert_eq!(Dialect::Anthropic.missing_header(|_| None), Some("anthropic-version"));
        assert_eq!(Dialect::Openai.missing_header(|_| None), None);
    }

    #[test]
    fn a_client_s_request_is_what_an_upstream_reads() {
        let chat = Chat {
            model: "chat".into(),
            system: Some("be brief".into()),
            prompt: "say hi".into(),
            stream: true,
            include_usage: true,
            max_tokens: Some(7),
            ..Chat::default()
        };
        for dialect in Dialect::ALL {
            let body = dialect.request_body(&chat);
            let expected = ChatRequest {
                model: "chat".into(),
                stream: true,
                include_usage: true,
                prompt: "say hi".into(),
                words: 4,
                max_tokens: Some(7),
            };
            assert_eq!(dialect.chat_request(&body), Ok(expected), "{dialect:?}");
        }
    }
}
