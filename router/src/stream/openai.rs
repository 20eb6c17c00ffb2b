//! An OpenAI stream for an OpenAI client: passed on as it came, counted, and cleared of usage nobody asked for.

use bytes::BytesMut;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Event, Passage, Step};
use crate::usage::{OpenaiUsage, Tally};

/// Carries a stream whose usage was asked for, by the client or on its behalf.
#[derive(Debug)]
pub(crate) struct OpenaiPassage {
    /// Whether the client wants the chunk of usage as well.
    pub(crate) usage_wanted: bool,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<OpenaiUsage>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    arguments: Option<String>,
}

impl Passage for OpenaiPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        if event.data.trim_ascii() == b"[DONE]" {
            out.extend_from_slice(&event.raw);
            return Step::Finished;
        }
        if event.data.is_empty() {
            out.extend_from_slice(&event.raw);
            return Step::Idle;
        }
        // What cannot be read is the client's to judge.
        if let Ok(chunk) = serde_json::from_slice::<Chunk>(&event.data) {
            let is_usage_alone = chunk.choices.is_empty() && chunk.usage.is_some() && chunk.error.is_none();
            count(&chunk, tally);
            if is_usage_alone && !self.usage_wanted {
                return Step::Onward;
            }
        }
        out.extend_from_slice(&event.raw);
        Step::Onward
    }
}

fn count(chunk: &Chunk, tally: &mut Tally) {
    for delta in chunk.choices.iter().filter_map(|choice| choice.delta.as_ref()) {
        let arguments =
            delta.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref()?.arguments.as_ref());
        let texts = [&delta.content, &delta.refusal, &delta.reasoning_content].into_iter().flatten();
        texts.chain(arguments).for_each(|text| tally.passes(text));
    }
    if let Some(usage) = chunk.usage {
        tally.reports(usage);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Framer;
    use super::*;
    use crate::accounts::{RowState, Tokens};
    use crate::usage::LatestReport;

    const TEXT: &str = r#"data: {"choices":[{"delta":{"content":"hello there"}}],"usage":null}"#;
    const USAGE: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;

    fn pass(usage_wanted: bool, events: &[&str]) -> (String, Tally, Vec<Step>) {
        let (mut passage, mut framer) = (OpenaiPassage { usage_wanted }, Framer::default());
        let (mut tally, mut out) = (Tally::new(Arc::new(LatestReport), 8), BytesMut::new());
        framer.push(format!("{}\n\n", events.join("\n\n")).as_bytes()).unwrap();
        let mut steps = Vec::new();
        while let Some(event) = framer.next() {
            steps.push(passage.take(&event, &mut tally, &mut out));
        }
        (String::from_utf8(out.to_vec()).unwrap(), tally, steps)
    }

    #[test]
    fn a_chunk_of_usage_alone_is_counted_and_passed_on_only_when_wanted() {
        let end = "data: [DONE]";
        let (got, tally, steps) = pass(false, &[TEXT, USAGE, end]);
        assert_eq!(got, format!("{TEXT}\n\n{end}\n\n"));
        assert_eq!(tally.completed().tokens, Tokens { input: 9, output: 4, ..Tokens::default() });
        assert_eq!(steps, [Step::Onward, Step::Onward, Step::Finished]);
        assert_eq!(pass(true, &[TEXT, USAGE, end]).0, format!("{TEXT}\n\n{USAGE}\n\n{end}\n\n"));
    }

    #[test]
    fn usage_on_a_chunk_with_content_is_passed_on_and_taken_as_last_value() {
        let with = |tokens| {
            format!(
                r#"data: {{"choices":[{{"delta":{{"content":"x"}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{tokens}}}}}"#
            )
        };
        let (one, two) = (with(1), with(2));
        let (got, tally, _) = pass(false, &[&one, &two]);
        assert_eq!(got, format!("{one}\n\n{two}\n\n"));
        assert_eq!(tally.tokens().output, 2);
    }

    #[test]
    fn comments_errors_and_what_cannot_be_read_pass_as_they_are() {
        let events = [": keep-alive", r#"data: {"error":{"message":"m"}}"#, "data: {oops", "data: 7"];
        let (got, tally, steps) = pass(false, &events);
        assert_eq!(got, format!("{}\n\n", events.join("\n\n")));
        assert_eq!(tally.completed().state, RowState::Unknown);
        assert_eq!(steps, [Step::Idle, Step::Onward, Step::Onward, Step::Onward]);
    }
}
