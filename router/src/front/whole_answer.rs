//! Reads a provider's answer whole, with bounds on its size and on the provider's silence.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::time::timeout;

use super::answer::ApiError;
use crate::exchange::Refusal;
use crate::provider::{ProviderBody, Surface};
use crate::stream::GeminiContent;
use crate::usage::{AnthropicUsage, OpenaiUsage, ResponsesUsage, Tally};

/// Far above the longest answer that any model gives.
const MOST_BYTES: usize = 32 * 1024 * 1024;

pub(super) async fn read_answer(mut body: ProviderBody, silence: Duration) -> Result<Bytes, ApiError> {
    let mut read = BytesMut::new();
    loop {
        let frame = timeout(silence, body.frame()).await.map_err(|_| ApiError::refused(Refusal::TimedOut))?;
        let Some(frame) = frame else { return Ok(read.freeze()) };
        let Ok(data) = frame.map_err(|_| ApiError::unreadable_answer())?.into_data() else { continue };
        if read.len() + data.len() > MOST_BYTES {
            return Err(ApiError::unreadable_answer());
        }
        read.extend_from_slice(&data);
    }
}

/// Counts an answer that is passed on as it came. False when it is none at all.
pub(super) fn count_answer(body: &[u8], surface: Surface, tally: &mut Tally) -> bool {
    match surface {
        Surface::Chat => {
            let Ok(answer) = serde_json::from_slice::<Completion>(body) else { return false };
            if answer.choices.is_empty() {
                return false;
            }
            for choice in &answer.choices {
                let message = choice.message.as_ref();
                let content = message.and_then(|message| message.content.as_deref());
                tally.passes(content.unwrap_or_default());
            }
            if let Some(usage) = answer.usage {
                tally.reports(usage);
            }
        }
        Surface::Responses => {
            let Ok(answer) = serde_json::from_slice::<Response>(body) else { return false };
            let parts = answer.output.iter().flat_map(|item| &item.content);
            parts.for_each(|part| tally.passes(&part.text));
            if let Some(usage) = answer.usage {
                tally.reports(usage);
            }
        }
        Surface::Embeddings => {
            let Ok(answer) = serde_json::from_slice::<Embeddings>(body) else { return false };
            if let Some(usage) = answer.usage {
                tally.reports(usage);
            }
        }
        Surface::Generate => {
            let Ok(answer) = serde_json::from_slice::<GeminiContent>(body) else { return false };
            answer.count(tally);
        }
        Surface::Messages => {
            let Ok(answer) = serde_json::from_slice::<Message>(body) else { return false };
            answer.content.iter().for_each(|block| tally.passes(&block.text));
            if let Some(usage) = answer.usage {
                tally.reports(usage);
            }
        }
    }
    true
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<OpenaiUsage>,
}

#[derive(Deserialize)]
struct Response {
    output: Vec<Item>,
    #[serde(default)]
    usage: Option<ResponsesUsage>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Embeddings {
    #[serde(default)]
    usage: Option<OpenaiUsage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    message: Option<ChoiceMessage>,
}

#[derive(Deserialize)]
struct ChoiceMessage {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
    #[serde(default)]
    usage: Option<AnthropicUsage>,
}

#[derive(Deserialize)]
struct Block {
    #[serde(default)]
    text: String,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::accounts::{RowState, Tokens};
    use crate::usage::LatestReport;

    #[test]
    fn an_answer_is_counted_by_its_usage_or_else_by_its_text() {
        let settled =
            |input, output| (true, Tokens { input, output, ..Tokens::default() }, RowState::Settled);
        let cases = [
            (
                Surface::Chat,
                r#"{"choices":[{}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
                settled(3, 2),
            ),
            (
                Surface::Messages,
                r#"{"content":[],"usage":{"input_tokens":3,"output_tokens":2}}"#,
                settled(3, 2),
            ),
            (
                Surface::Chat,
                r#"{"choices":[{"message":{"content":"eight ch"}}]}"#,
                (true, Tokens { input: 10, output: 2, ..Tokens::default() }, RowState::Estimated),
            ),
            (Surface::Chat, r#"{"choices":[{"message":{}}]}"#, (true, Tokens::default(), RowState::Unknown)),
            (Surface::Chat, r#"{"choices":[]}"#, (false, Tokens::default(), RowState::Unknown)),
            (Surface::Chat, "<html>", (false, Tokens::default(), RowState::Unknown)),
            (Surface::Messages, "", (false, Tokens::default(), RowState::Unknown)),
        ];
        for (surface, body, expected) in cases {
            let mut tally = Tally::new(Arc::new(LatestReport), 40);
            let is_answer = count_answer(body.as_bytes(), surface, &mut tally);
            let counted = tally.completed();
            assert_eq!((is_answer, counted.tokens, counted.state), expected, "{body}");
        }
    }
}
