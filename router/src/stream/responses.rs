//! A stream of OpenAI's Responses API, for a client that speaks the same: passed on as it came, and counted.

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;

use super::{Event, Passage, Step};
use crate::usage::{ResponsesUsage, Tally};

/// Carries a stream as it came.
#[derive(Debug)]
pub(crate) struct ResponsesPassage;

#[derive(Deserialize)]
struct ResponseEvent {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    delta: Value,
    #[serde(default)]
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    usage: Option<ResponsesUsage>,
}

impl Passage for ResponsesPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        out.extend_from_slice(&event.raw);
        let Ok(read) = serde_json::from_slice::<ResponseEvent>(&event.data) else {
            return if event.data.is_empty() { Step::Idle } else { Step::Onward };
        };
        tally.passes(read.delta.as_str().unwrap_or_default());
        if let Some(usage) = read.response.and_then(|response| response.usage) {
            tally.reports(usage);
        }
        match read.kind.as_str() {
            "response.completed" | "response.incomplete" => Step::Finished,
            "response.failed" | "error" => Step::Failed,
            _ => Step::Onward,
        }
    }
}

/// The error that an event of a response is.
pub(super) fn responses_error(event: &Value) -> Option<&Value> {
    match event["type"].as_str() {
        Some("response.failed") => Some(&event["response"]["error"]),
        Some("error") => Some(event),
        _ => None,
    }
}

/// Whether an event holds something that a client would miss.
pub(super) fn responses_has_content(event: &Value) -> bool {
    let bare = [
        "response.created",
        "response.in_progress",
        "response.queued",
        "response.output_item.added",
        "response.content_part.added",
    ];
    !event["type"].as_str().is_some_and(|kind| bare.contains(&kind))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Framer;
    use super::*;
    use crate::accounts::Tokens;
    use crate::usage::LatestReport;

    #[test]
    fn a_response_passes_as_it_came_and_is_counted_at_its_end() {
        let stream = concat!(
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":4}}}\n\n",
        );
        let (mut framer, mut out) = (Framer::default(), BytesMut::new());
        let mut tally = Tally::new(Arc::new(LatestReport), 0);
        framer.push(stream.as_bytes()).unwrap();
        let mut steps = Vec::new();
        while let Some(event) = framer.next() {
            steps.push(ResponsesPassage.take(&event, &mut tally, &mut out));
        }
        assert_eq!((out.as_ref(), steps.last()), (stream.as_bytes(), Some(&Step::Finished)));
        assert_eq!(tally.completed().tokens, Tokens { input: 9, output: 4, ..Tokens::default() });
    }
}
