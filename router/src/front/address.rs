//! An address that holds what is asked for: the model, whether its answer streams, and how the parts of a stream stand.

use http::Uri;

use super::percent::decoded;
use crate::stream::GeminiFraming;

/// What an address of Gemini's says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Addressed {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) framing: GeminiFraming,
}

impl Addressed {
    /// `/v1beta/models/MODEL:generateContent`, or the same for a stream: of events if `alt=sse` asks for them.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let (model, action) = parts(uri.path())?;
        let stream = action == STREAM;
        let wants_events = query(uri, "alt").is_some_and(|alt| alt == "sse");
        let framing =
            if wants_events { GeminiFraming::Events } else { GeminiFraming::Array { has_begun: false } };
        Some(Self { model: decoded(model)?, stream, framing })
    }
}

const WHOLE: &str = "generateContent";
const STREAM: &str = "streamGenerateContent";

/// Whether a path is one that [`Addressed::of`] reads.
pub(super) fn is_addressed(path: &str) -> bool {
    parts(path).is_some_and(|(model, _)| !model.is_empty() && decoded(model).is_some())
}

fn parts(path: &str) -> Option<(&str, &str)> {
    let named = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"))?;
    named.rsplit_once(':').filter(|(_, action)| matches!(*action, WHOLE | STREAM))
}

/// A value of the query, as it is written there.
pub(super) fn query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(written, _)| *written == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_model_and_the_way_of_its_answer() {
        let array = GeminiFraming::Array { has_begun: false };
        let cases = [
            ("/v1beta/models/chat:generateContent", Some(("chat", false, array))),
            (
                "/v1beta/models/a%20b:c:streamGenerateContent?alt=sse",
                Some(("a b:c", true, GeminiFraming::Events)),
            ),
            ("/v1/models/chat:streamGenerateContent?key=k&alt=json", Some(("chat", true, array))),
            ("/v1beta/models/chat:countTokens", None),
            ("/v1beta/models/%zz:generateContent", None),
            ("/v1/models", None),
        ];
        for (text, expected) in cases {
            let read = Addressed::of(&text.parse().unwrap());
            let read = read.as_ref().map(|read| (read.model.as_str(), read.stream, read.framing));
            assert_eq!(read, expected, "{text}");
        }
        assert!(!is_addressed("/v1beta/models/:generateContent"));
    }
}
