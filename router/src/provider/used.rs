//! The tokens that a failed attempt has used, which its provider charges for all the same.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use super::Surface;
use crate::stream::{
    AnthropicPassage, Framer, GeminiFraming, GeminiPassage, OpenaiPassage, Passage, ResponsesPassage,
};
use crate::usage::{
    AnthropicUsage, GeminiUsage, LatestReport, OpenaiUsage, ResponsesUsage, Tally, UsageReport,
};

/// What an answer tells that is an error or none at all.
pub(super) fn used_by_whole(body: &[u8], surface: Surface) -> Option<UsageReport> {
    #[derive(Deserialize)]
    struct Usage<T> {
        #[serde(alias = "usageMetadata")]
        usage: T,
    }
    match surface {
        Surface::Chat | Surface::Embeddings => {
            serde_json::from_slice::<Usage<OpenaiUsage>>(body).ok().map(|told| told.usage.into())
        }
        Surface::Messages => {
            serde_json::from_slice::<Usage<AnthropicUsage>>(body).ok().map(|told| told.usage.into())
        }
        Surface::Responses => {
            serde_json::from_slice::<Usage<ResponsesUsage>>(body).ok().map(|told| told.usage.into())
        }
        Surface::Generate => {
            serde_json::from_slice::<Usage<GeminiUsage>>(body).ok().map(|told| told.usage.into())
        }
    }
}

/// What a stream told that failed before its first content.
pub(super) fn used_by_stream(held: &VecDeque<Bytes>, surface: Surface) -> Option<UsageReport> {
    let mut passage: Box<dyn Passage> = match surface {
        Surface::Chat | Surface::Embeddings => Box::new(OpenaiPassage::new(false, "")),
        Surface::Responses => Box::new(ResponsesPassage),
        Surface::Messages => Box::new(AnthropicPassage),
        Surface::Generate => Box::new(GeminiPassage::new(GeminiFraming::Events)),
    };
    let (mut framer, mut unread) = (Framer::default(), BytesMut::new());
    let mut tally = Tally::new(Arc::new(LatestReport), 0);
    for bytes in held {
        framer.push(bytes).ok()?;
        while let Some(event) = framer.next() {
            passage.take(&event, &mut tally, &mut unread);
            unread.clear();
        }
    }
    tally.report()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Tokens;

    #[test]
    fn a_failure_tells_its_tokens_whole_or_at_the_beginning_of_a_stream() {
        let (openai, anthropic) = (Surface::Chat, Surface::Messages);
        let whole = [
            (openai, r#"{"error":{},"usage":{"prompt_tokens":5,"completion_tokens":2}}"#, Some((5, 2))),
            (anthropic, r#"{"error":{},"usage":{"input_tokens":5,"output_tokens":2}}"#, Some((5, 2))),
            (openai, r#"{"error":{}}"#, None),
            (openai, "<html>", None),
        ];
        let begun =
            r#"data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#;
        let streams = [
            (anthropic, begun, Some((9, 1))),
            (
                openai,
                r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":0}}"#,
                Some((5, 0)),
            ),
            (openai, "data: {\"error\":{}}", None),
            (anthropic, ": no event", None),
        ];
        let tokens =
            |of: Option<(u64, u64)>| of.map(|(input, output)| Tokens { input, output, ..Tokens::default() });
        for (surface, body, expected) in whole {
            let used = used_by_whole(body.as_bytes(), surface);
            assert_eq!(used.map(|used| used.tokens()), tokens(expected), "{body}");
        }
        for (surface, event, expected) in streams {
            let (one, other) = event.split_at(event.len() / 2);
            let held = VecDeque::from([Bytes::from(one), Bytes::from(other), Bytes::from("\n\n")]);
            let used = used_by_stream(&held, surface);
            assert_eq!(used.map(|used| used.tokens()), tokens(expected), "{event}");
        }
    }
}
