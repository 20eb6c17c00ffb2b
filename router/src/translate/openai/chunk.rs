//! Chunks of an OpenAI stream, as they are written.

use bytes::BytesMut;
use serde::Serialize;
use serde_json::Value;

use super::super::piece::write_event;
use crate::usage::OpenaiUsage;

/// What all chunks of a stream have in common.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
    /// Whether the client asked for usage, which is told last and is `null` until then.
    pub(super) usage_wanted: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<OpenaiUsage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

/// What a chunk adds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_calls: Option<[ToolCallDelta<'a>; 1]>,
}

/// What a chunk adds to a tool call. Name and id come once, with the first one.
#[derive(Debug, Serialize)]
pub(super) struct ToolCallDelta<'a> {
    pub(super) index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    pub(super) function: FunctionDelta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_content: Option<Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a str,
}

impl Chunks {
    pub(super) fn delta(&self, out: &mut BytesMut, delta: Delta<'_>) {
        self.choice(out, delta, None);
    }

    pub(super) fn finish(&self, out: &mut BytesMut, reason: &'static str) {
        self.choice(out, Delta::default(), Some(reason));
    }

    pub(super) fn usage(&self, out: &mut BytesMut, usage: OpenaiUsage) {
        self.chunk(out, &[], Some(Some(usage)));
    }

    fn choice(&self, out: &mut BytesMut, delta: Delta<'_>, finish_reason: Option<&'static str>) {
        let choice = Choice { index: 0, delta, finish_reason };
        self.chunk(out, &[choice], self.usage_wanted.then_some(None));
    }

    fn chunk(&self, out: &mut BytesMut, choices: &[Choice<'_>], usage: Option<Option<OpenaiUsage>>) {
        let Self { id, created, model, .. } = self;
        write_event(
            out,
            None,
            &Chunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage },
        );
    }
}
