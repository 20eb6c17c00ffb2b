//! A Gemini stream: its events as far as they are read, and the passage to a client that speaks the same.

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Event, Passage, Step};
use crate::usage::{GeminiUsage, Tally};

/// Content, whole or one event of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GeminiContent {
    #[serde(default)]
    pub(crate) candidates: Vec<Candidate>,
    #[serde(default)]
    pub(crate) prompt_feedback: Option<PromptFeedback>,
    #[serde(default)]
    pub(crate) usage_metadata: Option<GeminiUsage>,
    #[serde(default)]
    pub(crate) model_version: Option<String>,
    #[serde(default)]
    pub(crate) response_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    #[serde(default)]
    pub(crate) content: Parts,
    #[serde(default)]
    pub(crate) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Parts {
    #[serde(default)]
    pub(crate) parts: Vec<Part>,
}

/// Why a prompt has no answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromptFeedback {
    #[serde(default)]
    pub(crate) block_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    #[serde(default)]
    text: Option<String>,
    /// Whether it is a thought, which is no part of the answer.
    #[serde(default)]
    thought: bool,
    #[serde(default)]
    function_call: Option<FunctionCall>,
    #[serde(default)]
    thought_signature: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Option<Box<RawValue>>,
}

/// What a part tells.
#[derive(Debug)]
pub(crate) enum GeminiPart {
    Text(String),
    Call { id: Option<String>, name: String, arguments: String, signature: Option<String> },
    Nothing,
}

impl Part {
    pub(crate) fn told(self) -> GeminiPart {
        match (self.text, self.function_call) {
            (Some(text), None) if !self.thought && !text.is_empty() => GeminiPart::Text(text),
            (_, Some(FunctionCall { id, name, args })) => {
                let written = args.as_deref().map_or("{}", RawValue::get);
                let arguments = if written == "null" { "{}" } else { written }.to_owned();
                GeminiPart::Call { id, name, arguments, signature: self.thought_signature }
            }
            _ => GeminiPart::Nothing,
        }
    }
}

impl GeminiContent {
    /// Counts what it says and carries.
    pub(crate) fn count(&self, tally: &mut Tally) {
        for part in self.candidates.iter().flat_map(|candidate| &candidate.content.parts) {
            tally.passes(part.text.as_deref().unwrap_or_default());
            let call = part.function_call.as_ref().and_then(|call| call.args.as_deref());
            tally.passes(call.map_or("", RawValue::get));
        }
        if let Some(usage) = self.usage_metadata {
            tally.reports(usage);
        }
    }

    fn is_last(&self) -> bool {
        let is_blocked =
            || self.prompt_feedback.as_ref().is_some_and(|feedback| feedback.block_reason.is_some());
        self.candidates.iter().any(|candidate| candidate.finish_reason.is_some()) || is_blocked()
    }
}

/// The error that an event is, with or without the framing of one: it comes as JSON on lines of its own.
pub(crate) fn gemini_error(event: &Event) -> Option<Value> {
    let bare = || std::str::from_utf8(&event.raw).ok().map(str::trim).map(str::as_bytes);
    let text = if event.data.is_empty() { bare()? } else { &event.data };
    if !text.starts_with(b"{") && !text.starts_with(b"[") {
        return None;
    }
    let mut value: Value = serde_json::from_slice(text).ok()?;
    if let Value::Array(items) = &mut value {
        value = items.pop()?;
    }
    let error = value.get_mut("error")?.take();
    (error.is_object() || error.is_string()).then_some(error)
}

/// How a client wants the parts of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GeminiFraming {
    Events,
    /// One array that grows.
    Array {
        has_begun: bool,
    },
}

impl GeminiFraming {
    /// Writes content.
    pub(crate) fn write(&mut self, data: &[u8], out: &mut BytesMut) {
        match self {
            Self::Events => {
                out.extend_from_slice(b"data: ");
                out.extend(data.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
                out.extend_from_slice(b"\r\n\r\n");
            }
            Self::Array { has_begun } => {
                out.extend_from_slice(if *has_begun { b",\r\n" } else { b"[" });
                *has_begun = true;
                out.extend_from_slice(data);
            }
        }
    }

    /// Writes an error, which among events has no framing.
    pub(crate) fn write_error(&mut self, error: &str, out: &mut BytesMut) {
        match self {
            Self::Events => {
                out.extend_from_slice(error.as_bytes());
                out.extend_from_slice(b"\r\n\r\n");
            }
            Self::Array { .. } => {
                self.write(error.as_bytes(), out);
                self.end(out);
            }
        }
    }

    /// Behind the last one.
    pub(crate) fn end(&self, out: &mut BytesMut) {
        match self {
            Self::Events => {}
            Self::Array { has_begun: true } => out.extend_from_slice(b"]"),
            Self::Array { has_begun: false } => out.extend_from_slice(b"[]"),
        }
    }
}

/// Carries a stream as it came, or as an array, and counts along.
#[derive(Debug)]
pub(crate) struct GeminiPassage {
    framing: GeminiFraming,
    is_complete: bool,
}

impl GeminiPassage {
    pub(crate) fn new(framing: GeminiFraming) -> Self {
        Self { framing, is_complete: false }
    }
}

impl Passage for GeminiPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        let is_array = self.framing != GeminiFraming::Events;
        if let Some(error) = gemini_error(event) {
            if is_array {
                self.framing.write_error(&serde_json::json!({ "error": error }).to_string(), out);
            } else {
                out.extend_from_slice(&event.raw);
            }
            return Step::Failed;
        }
        if !is_array {
            out.extend_from_slice(&event.raw);
        } else if !event.data.is_empty() {
            self.framing.write(&event.data, out);
        }
        match serde_json::from_slice::<GeminiContent>(&event.data) {
            Ok(content) => {
                content.count(tally);
                self.is_complete |= content.is_last();
                Step::Onward
            }
            Err(_) if event.data.is_empty() => Step::Idle,
            Err(_) => Step::Onward,
        }
    }

    fn end(&mut self, _tally: &mut Tally, out: &mut BytesMut) -> Step {
        if !self.is_complete {
            return Step::Idle;
        }
        self.framing.end(out);
        Step::Finished
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Framer;
    use super::*;
    use crate::accounts::Tokens;
    use crate::usage::LatestReport;

    const STREAM: &str = concat!(
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"汉\"}],\"role\":\"model\"}}],\"usageMetadata\":{\"promptTokenCount\":9}}\r\n\r\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"🙂\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4}}\r\n\r\n",
    );

    fn carry(framing: GeminiFraming, text: &str, split: usize) -> (String, Tally, Vec<Step>, Step) {
        let (mut passage, mut framer) = (GeminiPassage::new(framing), Framer::default());
        let (mut tally, mut out) = (Tally::new(Arc::new(LatestReport), 0), BytesMut::new());
        let mut steps = Vec::new();
        for part in [&text.as_bytes()[..split], &text.as_bytes()[split..]] {
            framer.push(part).unwrap();
            while let Some(event) = framer.next() {
                steps.push(passage.take(&event, &mut tally, &mut out));
            }
        }
        if let Some(rest) = framer.rest() {
            steps.push(passage.take(&rest, &mut tally, &mut out));
        }
        let end = passage.end(&mut tally, &mut out);
        (String::from_utf8(out.to_vec()).unwrap(), tally, steps, end)
    }

    #[test]
    fn a_stream_passes_as_it_came_however_it_is_cut_and_ends_behind_its_reason() {
        for split in 0..STREAM.len() {
            let (out, tally, steps, end) = carry(GeminiFraming::Events, STREAM, split);
            assert_eq!((out.as_str(), end), (STREAM, Step::Finished));
            assert!(!steps.contains(&Step::Failed));
            assert_eq!(tally.completed().tokens, Tokens { input: 9, output: 4, ..Tokens::default() });
        }
        let half = &STREAM[..STREAM.find("\r\n\r\n").unwrap() + 4];
        assert_eq!(carry(GeminiFraming::Events, half, 0).3, Step::Idle);
    }

    #[test]
    fn an_array_holds_the_same_content() {
        let (out, _, _, end) = carry(GeminiFraming::Array { has_begun: false }, STREAM, 0);
        let items: Vec<Value> = serde_json::from_str(&out).unwrap();
        assert_eq!((items.len(), end), (2, Step::Finished));
        assert_eq!(items[1]["candidates"][0]["finishReason"], "STOP");
    }

    #[test]
    fn an_error_is_one_with_and_without_framing() {
        let error = "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n\n";
        let bare = error.trim_end();
        let framed = format!("data: {}\n\n", error.replace('\n', ""));
        for text in [error.to_owned(), bare.to_owned(), framed, format!("[{bare}]\n\n")] {
            let (out, _, steps, _) = carry(GeminiFraming::Events, &text, 0);
            assert_eq!((steps.last(), out.contains("UNAVAILABLE")), (Some(&Step::Failed), true), "{text}");
        }
    }
}
