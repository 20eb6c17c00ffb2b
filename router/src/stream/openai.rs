//! An OpenAI stream for an OpenAI client: passed on as it came but for what providers do in their own ways: where they tell
//! their usage, and what they call their chunks.

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Event, Passage, Step};
use crate::edit::{Edit, edited, place_of, present};
use crate::usage::{OpenaiUsage, Tally};

/// Carries a stream whose usage was asked for, by the client or on its behalf.
#[derive(Debug)]
pub(crate) struct OpenaiPassage {
    /// Whether the client wants the chunk of usage as well.
    usage_wanted: bool,
    /// The id of a stream that has none.
    made_up_id: String,
    /// The id and the model of the first chunk that has them, and so of all.
    id: Option<String>,
    model: Option<String>,
    /// A chunk of the latest usage and nothing else, to be told at the end.
    usage: Option<Bytes>,
}

/// A chunk, as far as it is read. Each field is kept with its place.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    model: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    choices: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

/// An error as clients of this dialect read it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only whether it can be read is of interest")]
struct ShapedError {
    message: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    code: Option<String>,
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

impl OpenaiPassage {
    /// `request` is the id of the request, by which a stream is called that has no id.
    pub(crate) fn new(usage_wanted: bool, request: &str) -> Self {
        let made_up_id = format!("chatcmpl-{request}");
        Self { usage_wanted, made_up_id, id: None, model: None, usage: None }
    }

    /// The chunk as the client gets it: nothing if it does not get it. What is no chunk is the client's to judge.
    fn carried(&mut self, event: &Event, tally: &mut Tally) -> Option<Carried> {
        let as_it_came = Some(Carried::AsItCame);
        let Some(text) = json_object(&event.data) else { return as_it_came };
        let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(text) else { return as_it_came };
        let choices: Option<Vec<Choice>> = chunk.choices.and_then(read);
        let usage: Option<OpenaiUsage> = chunk.usage.and_then(read);
        count(choices.as_deref().unwrap_or_default(), usage, tally);
        if let Some(error) = chunk.error {
            let is_shaped = read::<ShapedError>(error).is_some();
            let shaped =
                || Carried::Edited(edited(&event.data, vec![set(text, "error", Some(error), shaped(error))]));
            return if is_shaped { as_it_came } else { Some(shaped()) };
        }
        if choices.is_none() && usage.is_none() {
            return as_it_came;
        }
        let has_choices = choices.is_some_and(|choices| !choices.is_empty());
        if !has_choices && usage.is_none() {
            // Azure tells so what its filters found in the prompt. Clients of OpenAI look for a choice in every such chunk.
            return None;
        }
        let mut edits = self.named(&chunk, text, has_choices);
        if usage.is_some() {
            let alone = edits.iter().cloned().chain([set(text, "choices", chunk.choices, "[]".to_owned())]);
            self.usage = Some(edited(&event.data, alone.collect()));
            if !has_choices {
                return None;
            }
            edits.push(set(text, "usage", chunk.usage, "null".to_owned()));
        }
        if edits.is_empty() { as_it_came } else { Some(Carried::Edited(edited(&event.data, edits))) }
    }

    /// The edits that give a chunk the id and the model of its stream.
    fn named(&mut self, chunk: &Chunk<'_>, text: &str, has_choices: bool) -> Vec<Edit> {
        if self.id.is_none() {
            let made_up = has_choices.then(|| self.made_up_id.clone());
            self.id = chunk.id.and_then(filled_text).or(made_up);
        }
        if self.model.is_none() {
            self.model = chunk.model.and_then(filled_text);
        }
        let edit = |name, written: Option<&RawValue>, known: &Option<String>| {
            let known =
                known.as_ref().filter(|known| written.and_then(filled_text).as_ref() != Some(known))?;
            Some(set(text, name, written, Value::from(known.as_str()).to_string()))
        };
        [edit("id", chunk.id, &self.id), edit("model", chunk.model, &self.model)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// What becomes of an event.
enum Carried {
    AsItCame,
    Edited(Bytes),
}

impl Passage for OpenaiPassage {
    fn take(&mut self, event: &Event, tally: &mut Tally, out: &mut BytesMut) -> Step {
        if event.data.trim_ascii() == b"[DONE]" {
            if let Some(usage) = self.usage.take().filter(|_| self.usage_wanted) {
                write_data(&usage, out);
            }
            out.extend_from_slice(&event.raw);
            return Step::Finished;
        }
        if event.data.is_empty() {
            out.extend_from_slice(&event.raw);
            return Step::Idle;
        }
        match self.carried(event, tally) {
            Some(Carried::AsItCame) => out.extend_from_slice(&event.raw),
            Some(Carried::Edited(data)) => write_data(&data, out),
            None => {}
        }
        Step::Onward
    }
}

/// Writes an event on one line. Inside of a text a line cannot end, so a blank does for the end of a line.
fn write_data(data: &[u8], out: &mut BytesMut) {
    out.extend_from_slice(b"data: ");
    out.extend(data.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    out.extend_from_slice(b"\n\n");
}

/// The edit that gives a field another value, written at the front if it is not there.
fn set(text: &str, name: &str, written: Option<&RawValue>, value: String) -> Edit {
    match written {
        Some(written) => Edit { place: place_of(written, text), text: value },
        None => {
            let front = text.find('{').map_or(0, |brace| brace + 1);
            Edit { place: front..front, text: format!("\"{name}\":{value},") }
        }
    }
}

/// An error with what there is of it, such as a bare text or one whose code is a number.
fn shaped(error: &RawValue) -> String {
    let error: Value = read(error).unwrap_or_default();
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let message = text(&error["message"]).or_else(|| text(&error));
    let code = text(&error["code"]).or_else(|| error["code"].as_u64().map(|code| code.to_string()));
    json!({
        "message": message.unwrap_or_else(|| "the provider failed inside of its answer".to_owned()),
        "type": text(&error["type"]).unwrap_or_else(|| "server_error".to_owned()),
        "param": null,
        "code": code,
    })
    .to_string()
}

/// A list would be taken for the fields in their order.
fn json_object(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok().filter(|text| text.trim_start().starts_with('{'))
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn filled_text(raw: &RawValue) -> Option<String> {
    read(raw).filter(|text: &String| !text.is_empty())
}

fn count(choices: &[Choice], usage: Option<OpenaiUsage>, tally: &mut Tally) {
    for delta in choices.iter().filter_map(|choice| choice.delta.as_ref()) {
        let arguments =
            delta.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref()?.arguments.as_ref());
        let texts = [&delta.content, &delta.refusal, &delta.reasoning_content].into_iter().flatten();
        texts.chain(arguments).for_each(|text| tally.passes(text));
    }
    if let Some(usage) = usage {
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

    const TEXT: &str = r#"data: {"id":"c","choices":[{"delta":{"content":"hello there"}}],"usage":null}"#;
    const USAGE: &str = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#;

    fn pass(usage_wanted: bool, events: &[&str]) -> (String, Tally, Vec<Step>) {
        let (mut passage, mut framer) = (OpenaiPassage::new(usage_wanted, "req-1"), Framer::default());
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
    fn usage_that_stands_with_content_is_told_once_at_the_end_and_only_when_wanted() {
        let chunk = |choices: &str, usage: &str| {
            format!(r#"data: {{"id":"c","choices":[{choices}],"usage":{usage}}}"#)
        };
        let usage = |tokens| format!(r#"{{"prompt_tokens":9,"completion_tokens":{tokens}}}"#);
        let word = r#"{"delta":{"content":"x"}}"#;
        let end = r#"{"delta":{},"finish_reason":"stop"}"#;
        let passed = [chunk(word, "null"), chunk(end, "null"), "data: [DONE]\n\n".to_owned()].join("\n\n");
        let told =
            [chunk(word, "null"), chunk(end, "null"), chunk("", &usage(2)), "data: [DONE]\n\n".to_owned()];
        for events in [
            vec![chunk(word, &usage(1)), chunk(end, &usage(2))],
            vec![chunk(word, &usage(2)), chunk(end, "null")],
            vec![chunk("", &usage(1)), chunk(word, "null"), chunk(end, "null"), chunk("", &usage(2))],
        ] {
            let events: Vec<&str> = events.iter().map(String::as_str).chain(["data: [DONE]"]).collect();
            let (got, tally, _) = pass(false, &events);
            assert_eq!((got, tally.tokens().output), (passed.clone(), 2));
            assert_eq!(pass(true, &events).0, told.join("\n\n"));
        }
    }

    #[test]
    fn an_error_that_clients_could_not_read_is_put_into_their_shape() {
        let told = |error: &str| pass(true, &[&format!(r#"data: {{"error":{error}}}"#)]).0;
        for (error, message, kind, code) in [
            (r#"{"message":"m","type":"Internal","code":500}"#, "m", "Internal", json!("500")),
            (r#"{"message":"m"}"#, "m", "server_error", Value::Null),
            (r#""boom""#, "boom", "server_error", Value::Null),
            ("[7]", "the provider failed inside of its answer", "server_error", Value::Null),
        ] {
            let got: Value = serde_json::from_str(told(error).strip_prefix("data: ").unwrap()).unwrap();
            let expected = json!({ "message": message, "type": kind, "param": null, "code": code });
            assert_eq!(got["error"], expected, "{error}");
        }
    }

    #[test]
    fn all_chunks_have_the_id_and_the_model_of_the_first_one() {
        let chunk = |fields: &str| format!(r#"data: {{{fields}"choices":[{{"delta":{{"content":"x"}}}}]}}"#);
        let own = chunk(r#""id":"c-1","model":"m","#);
        for other in [r#""id":"c-2","model":"n","#, r#""id":null,"model":"","#, r#""id":7,"model":"m","#, ""]
        {
            let (got, _, _) = pass(false, &[&own, &chunk(other)]);
            let got: Vec<&str> = got.trim_end().split("\n\n").collect();
            assert_eq!(got, [own.as_str(), own.as_str()], "{other}");
        }
        let made_up = chunk(r#""id":"chatcmpl-req-1","#);
        assert_eq!(
            pass(false, &[&chunk(""), &own]).0,
            format!("{made_up}\n\n{}\n\n", own.replace("c-1", "chatcmpl-req-1"))
        );
        let of_azure = r#"data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}"#;
        assert_eq!(pass(false, &[of_azure, &own]).0, format!("{own}\n\n"), "no choice and no usage");
    }

    #[test]
    fn comments_errors_and_what_cannot_be_read_pass_as_they_are() {
        let events = [
            ": keep-alive",
            r#"data: {"error":{"message":"m","type":"t","code":null}}"#,
            "data: {oops",
            "data: 7",
        ];
        let (got, tally, steps) = pass(false, &events);
        assert_eq!(got, format!("{}\n\n", events.join("\n\n")));
        assert_eq!(tally.completed().state, RowState::Unknown);
        assert_eq!(steps, [Step::Idle, Step::Onward, Step::Onward, Step::Onward]);
    }
}
