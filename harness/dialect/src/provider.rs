//! What a provider says and understands in each dialect: nobody else asks which one it is.

use std::time::SystemTime;

use crate::answer::{Answer, Serving, Usage};
use crate::dialect::{Dialect, Format};
use crate::embeddings::Inputs;
use crate::hint::HintForm;
use crate::limit::Limit;
use crate::openai::Flavor;
use crate::refusal::{Refusal, RefusalReply};
use crate::stream::{EventWriter, StreamEvents, StreamShape};
use crate::surface::Surface;
use crate::{anthropic, azure, embeddings, gemini, ollama, openai, responses, vllm};

impl Dialect {
    /// The body of a plain answer. On the surface of embeddings it is an empty list: see [`Dialect::embeddings_body`].
    #[must_use]
    pub fn answer_body(self, surface: Surface, answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
        match self.format(surface) {
            Format::Openai(flavor) => openai::answer_body(flavor, answer, serving),
            Format::Responses(_) => responses::answer_body(answer, serving),
            Format::Embeddings(_) => embeddings::answer_body(&Inputs::default(), answer.usage, serving),
            Format::Anthropic => anthropic::answer_body(answer, serving),
            Format::Gemini => gemini::answer_body(answer, serving),
            Format::Ollama => ollama::answer_body(answer, serving),
        }
    }

    /// The body of an answer with a vector for each text.
    #[must_use]
    pub fn embeddings_body(self, inputs: &Inputs, usage: Usage, serving: &Serving<'_>) -> Vec<u8> {
        embeddings::answer_body(inputs, usage, serving)
    }

    /// A plain answer as a stream. Embeddings are never streamed; what comes of it is a stream of chat.
    #[must_use]
    pub fn stream_events(
        self,
        surface: Surface,
        answer: Answer,
        serving: &Serving<'_>,
        shape: StreamShape,
    ) -> StreamEvents {
        let writer = match self.format(surface) {
            Format::Openai(flavor) | Format::Embeddings(flavor) => {
                EventWriter::Openai(openai::EventWriter::new(flavor, serving))
            }
            Format::Responses(_) => EventWriter::Responses(Box::new(responses::EventWriter::new(serving))),
            Format::Anthropic => EventWriter::Anthropic(anthropic::EventWriter::new(serving)),
            Format::Gemini => {
                EventWriter::Gemini(gemini::EventWriter::new(serving, self.stream_format(surface)))
            }
            Format::Ollama => EventWriter::Ollama(ollama::EventWriter::new(serving)),
        };
        StreamEvents::new(writer, answer, shape)
    }

    /// A refusal before an answer has begun.
    #[must_use]
    pub fn refusal(self, refusal: &Refusal<'_>) -> RefusalReply {
        match self {
            Self::Openai => openai::refusal(refusal),
            Self::Anthropic => anthropic::refusal(refusal),
            Self::Azure => azure::refusal(refusal),
            Self::Vllm => vllm::refusal(refusal),
            Self::Gemini | Self::GeminiList => gemini::refusal(refusal),
            Self::Ollama => ollama::refusal(refusal),
            Self::OllamaV1 => ollama::refusal_below_v1(refusal),
        }
    }

    /// The headers that tell a limit; none where the provider tells none. `now` is the wall-clock time of the reply.
    #[must_use]
    pub fn limit_headers(self, limit: &Limit, now: SystemTime) -> Vec<(&'static str, String)> {
        match self {
            Self::Openai => openai::limit_headers(limit).into(),
            Self::Anthropic => anthropic::limit_headers(limit, now).into(),
            Self::Azure => azure::limit_headers(limit).into(),
            Self::Vllm | Self::Gemini | Self::GeminiList | Self::Ollama | Self::OllamaV1 => Vec::new(),
        }
    }

    /// The list of an upstream's models. `created` is in seconds of Unix time.
    #[must_use]
    pub fn model_list<'a>(self, models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
        match self {
            Self::Openai => openai::model_list(Flavor::Openai, models, created),
            Self::Vllm => openai::model_list(Flavor::Vllm, models, created),
            Self::OllamaV1 => openai::model_list(Flavor::Ollama, models, created),
            Self::Anthropic => anthropic::model_list(models, created),
            Self::Azure => azure::model_list(models, created),
            Self::Gemini | Self::GeminiList => gemini::model_list(models),
            Self::Ollama => ollama::model_list(models, created),
        }
    }

    /// The header that holds a request's id on every reply, if there is one.
    #[must_use]
    pub fn request_id_header(self) -> Option<&'static str> {
        match self {
            Self::Openai => Some("x-request-id"),
            Self::Anthropic => Some("request-id"),
            Self::Azure => Some("apim-request-id"),
            Self::Vllm | Self::Gemini | Self::GeminiList | Self::Ollama | Self::OllamaV1 => None,
        }
    }

    /// The header that tells on every reply how many milliseconds it took, if there is one.
    #[must_use]
    pub fn took_header(self) -> Option<&'static str> {
        match self {
            Self::Openai => Some("openai-processing-ms"),
            Self::Azure => Some("x-envoy-upstream-service-time"),
            Self::Anthropic
            | Self::Vllm
            | Self::Gemini
            | Self::GeminiList
            | Self::Ollama
            | Self::OllamaV1 => None,
        }
    }

    /// What the id of an answer begins with. Gemini's begins with anything, and Ollama's chat has none.
    #[must_use]
    pub fn answer_id_prefix(self, surface: Surface) -> &'static str {
        match self.format(surface) {
            Format::Openai(_) | Format::Embeddings(_) => "chatcmpl-",
            Format::Responses(_) => "resp_",
            Format::Anthropic => "msg_",
            Format::Gemini | Format::Ollama => "",
        }
    }

    /// What the id of a call of a tool begins with.
    #[must_use]
    pub fn tool_id_prefix(self) -> &'static str {
        match self {
            Self::Openai | Self::Azure | Self::Ollama | Self::OllamaV1 => "call_",
            Self::Anthropic => "toolu_",
            Self::Vllm => "chatcmpl-tool-",
            Self::Gemini | Self::GeminiList => "",
        }
    }

    /// Whether every call of a tool has an id by which its result is told.
    #[must_use]
    pub fn needs_tool_ids(self, surface: Surface) -> bool {
        !matches!((self, surface), (Self::Gemini | Self::GeminiList, _) | (Self::Ollama, Surface::Chat))
    }

    /// The forms in which the provider itself tells a wait; none where it tells none.
    #[must_use]
    pub fn usual_hints(self) -> &'static [HintForm] {
        match self {
            Self::Openai | Self::Azure => &[HintForm::Seconds, HintForm::Millis, HintForm::Prose],
            Self::Anthropic => &[HintForm::Seconds],
            Self::Gemini | Self::GeminiList => &[HintForm::RetryInfo, HintForm::Prose],
            Self::Vllm | Self::Ollama | Self::OllamaV1 => &[],
        }
    }

    /// The form in which limit headers tell when a limit is whole again; where the provider has none, that of most others.
    #[must_use]
    pub fn reset_hint(self) -> HintForm {
        match self {
            Self::Anthropic => HintForm::ResetTimestamp,
            Self::Azure => HintForm::ResetSeconds,
            Self::Openai | Self::Vllm | Self::Gemini | Self::GeminiList | Self::Ollama | Self::OllamaV1 => {
                HintForm::ResetDuration
            }
        }
    }

    /// The header that the dialect demands of a request and that this one does not have.
    pub fn missing_header<'h>(self, header: impl Fn(&str) -> Option<&'h [u8]>) -> Option<&'static str> {
        let demanded = (self == Self::Anthropic).then_some("anthropic-version")?;
        header(demanded).is_none().then_some(demanded)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::{Cause, Counted, ErrorBody, ErrorName, Hint, Shape, Unfit, wait_hint_of};

    const NOW: SystemTime = UNIX_EPOCH;

    fn all() -> impl Iterator<Item = Dialect> {
        Dialect::ALL.iter().copied().chain([Dialect::GeminiList, Dialect::OllamaV1])
    }

    fn refused(dialect: Dialect, cause: Cause<'_>, hints: &[Hint]) -> RefusalReply {
        dialect.refusal(&Refusal { cause, status: None, hints, now: NOW, request_id: "req_1" })
    }

    /// The statuses of all errors, in their order, where a dialect does not have another.
    const STATUSES: [u16; 23] = [
        429, 429, 429, 429, 429, 429, 429, 402, 401, 403, 400, 400, 400, 404, 408, 409, 413, 422, 500, 502,
        503, 503, 504,
    ];

    #[test]
    fn every_error_has_the_status_of_its_dialect() {
        use ErrorName::{InsufficientQuota, InvalidKey, Overloaded, SpendCap};
        let others = [
            (Dialect::Anthropic, InsufficientQuota, 400),
            (Dialect::Anthropic, Overloaded, 529),
            (Dialect::Azure, SpendCap, 403),
            (Dialect::Gemini, InvalidKey, 400),
            (Dialect::GeminiList, InvalidKey, 400),
        ];
        for dialect in all() {
            for (error, usual) in ErrorName::ALL.iter().zip(STATUSES) {
                let own = others.iter().find(|(other, name, _)| (*other, *name) == (dialect, *error));
                let expected = own.map_or(usual, |(_, _, status)| *status);
                assert_eq!(
                    refused(dialect, Cause::Named(*error), &[]).status,
                    expected,
                    "{dialect:?} {error:?}"
                );
            }
        }
    }

    #[test]
    fn every_refusal_has_a_shape_of_its_dialect() {
        let named = ErrorName::ALL.iter().map(|error| Cause::Named(*error));
        let unfit = [Unfit::NotJson, Unfit::NoModel, Unfit::NoMessages, Unfit::NoInput, Unfit::NoMaxTokens];
        let others = [
            Cause::ModelNotFound("m"),
            Cause::NoKey,
            Cause::NoHeader("h"),
            Cause::UnknownPath { method: "GET", path: "/" },
        ];
        let causes: Vec<Cause<'_>> = named.chain(unfit.map(Cause::Unfit)).chain(others).collect();
        for dialect in all() {
            let shapes: &[Shape] = match dialect {
                Dialect::Openai | Dialect::OllamaV1 => &[Shape::Openai],
                Dialect::Anthropic => &[Shape::Anthropic],
                // What the model itself says comes in the words of OpenAI.
                Dialect::Azure => &[Shape::Azure, Shape::Openai],
                // A key is refused before the usual words are known.
                Dialect::Vllm => &[Shape::Vllm, Shape::Ollama],
                Dialect::Gemini | Dialect::GeminiList => &[Shape::Gemini],
                Dialect::Ollama => &[Shape::Ollama],
            };
            for cause in &causes {
                let reply = refused(dialect, *cause, &[]);
                let read = ErrorBody::read(Some("application/json"), &reply.body);
                assert!(shapes.contains(&read.shape), "{dialect:?} {cause:?}: {read:?}");
                assert!(read.message.is_some_and(|message| !message.is_empty()), "{dialect:?} {cause:?}");
                if read.shape == Shape::Vllm {
                    assert_eq!(read.code, Some(reply.status.to_string()));
                }
            }
        }
    }

    #[test]
    fn a_refusal_s_wait_is_read_back_whatever_its_form() {
        let errors = [ErrorName::RateLimit, ErrorName::SpendCap];
        for (dialect, error) in all().flat_map(|dialect| errors.map(|error| (dialect, error))) {
            let bare = refused(dialect, Cause::Named(error), &[]);
            let code = |reply: &RefusalReply| ErrorBody::read(None, &reply.body).code;
            for form in HintForm::ALL {
                let wait = Duration::from_secs(90);
                let reply = refused(dialect, Cause::Named(error), &[Hint { form: *form, wait }]);
                let headers = reply.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
                let read = wait_hint_of(reply.status, headers, &reply.body, NOW).map(|hint| hint.wait);
                let expected = match form {
                    HintForm::Past => Some(Duration::ZERO),
                    HintForm::Negative | HintForm::Nonsense | HintForm::ResetUnknown => None,
                    _ => Some(wait),
                };
                assert_eq!(read, expected, "{dialect:?} {error:?} {form:?}");
                assert_eq!(code(&reply), code(&bare), "{dialect:?} {error:?} {form:?}");
            }
        }
    }

    #[test]
    fn only_some_providers_tell_their_limits() {
        let limit =
            Limit { counted: Counted::Requests, limit: 20, remaining: 3, reset: Duration::from_secs(90) };
        for (dialect, reset) in [
            (Dialect::Openai, Some("1m30s")),
            (Dialect::Anthropic, Some("1970-01-01T00:01:30Z")),
            (Dialect::Azure, Some("90")),
            (Dialect::Vllm, None),
            (Dialect::Gemini, None),
            (Dialect::Ollama, None),
        ] {
            let told = dialect.limit_headers(&limit, NOW);
            assert_eq!(told.len(), if reset.is_some() { 3 } else { 0 }, "{dialect:?}");
            assert_eq!(told.last().map(|(_, value)| value.as_str()), reset, "{dialect:?}");
        }
    }

    #[test]
    fn a_long_text_is_not_repeated_whole() {
        let long = "é".repeat(10_000);
        for dialect in all() {
            for cause in [Cause::UnknownPath { method: "GET", path: &long }, Cause::ModelNotFound(&long)] {
                assert!(refused(dialect, cause, &[]).body.len() < 1_000, "{dialect:?} {cause:?}");
            }
        }
    }
}
