//! An Anthropic stream: its events as far as they are read, and the passage to a client that speaks the same.

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;

use super::{Event, Passage, Step};
use crate::usage::{AnthropicUsage, Tally};

/// One event, by the type in its data. New types may appear at any time.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum StreamEvent {
    MessageStart {
        message: StartedMessage,
    },
    ContentBlockStart {
        index: u64,
        content_block: StartedBlock,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: MessageChange,
        #[serde(default)]
        usage: Option<AnthropicUsage>,
    },
    MessageStop,
    Ping,
    Error {
        error: StreamError,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StartedMessage {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) usage: Option<AnthropicUsage>,
}

/// What a block begins with.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum StartedBlock {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Unknown,
}

/// What is added to a block.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MessageChange {
    #[serde(default)]
    pub(crate) stop_reason: Option<String>,
}

/// Why a stream failed.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamError {
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) message: String,
}

impl StreamEvent {
    /// Reads an event; nothing if it is none of this dialect.
    pub(crate) fn read(event: &Event) -> Option<Self> {
        serde_json::from_slice(&event.data).ok()
    }

    /// Counts what the event says and carries.
    pub(crate) fn count(&self, tally: &mut Tally) {
        match self {
            Self::MessageStart { message } => {
                if let Some(usage) = message.usage {
                    tally.opens_with(usage);
                }
            }
            Self::ContentBlockStart { content_block: StartedBlock::Text { text }, .. } => tally.passes(text),
            Self::ContentBlockDelta { delta, .. } => match delta {
                Delta::Text { text } => tally.passes(text),
                Delta::InputJson { partial_json } => tally.passes(partial_json),
                Delta::Thinking { thinking } => tally.passes(thinking),
                Delta::Unknown => {}
            },
            Self::MessageDelta { usage: Some(usage), .. } => tally.reports(*usage),
            _ => {}
        }
    }

    /// What the event is to a stream that is passed on.
    pub(crate) fn step(&self) -> Step {
        match self {
            Self::MessageStop => Step::Finished,
            Self::Ping => Step::Idle,
            Self::Error { .. } => Step::Failed,
            _ => Step::Onward,
        }
    }
}

/// Carries a stream as it came, and counts along.
#[derive(Debug)]
pub(crate) struct AnthropicPassage;

impl Passage for AnthropicPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        out.extend_from_slice(&event.raw);
        match StreamEvent::read(event) {
            Some(read) => {
                read.count(tally);
                read.step()
            }
            None if event.data.is_empty() => Step::Idle,
            None => Step::Onward,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Framer;
    use super::*;
    use crate::accounts::Tokens;
    use crate::usage::LatestReport;

    #[test]
    fn events_pass_as_they_came_and_are_counted_by_their_last_value() {
        let stream = concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: later\ndata: {\"type\":\"later\",\"x\":[1]}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},\"usage\":{\"output_tokens\":3}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        );
        let (mut framer, mut out) = (Framer::default(), BytesMut::new());
        let mut tally = Tally::new(Arc::new(LatestReport), 0);
        framer.push(stream.as_bytes()).unwrap();
        let mut steps = Vec::new();
        while let Some(event) = framer.next() {
            steps.push(AnthropicPassage.take(&event, &mut tally, &mut out));
        }
        assert_eq!(out, stream);
        use Step::{Finished, Idle, Onward};
        assert_eq!(steps, [Onward, Idle, Onward, Onward, Onward, Onward, Finished]);
        assert_eq!(
            tally.completed().tokens,
            Tokens { input: 10, cache_read: 4, output: 5, ..Tokens::default() }
        );
    }
}
