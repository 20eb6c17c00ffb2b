//! The body of a plain answer, and the list of models.

use std::time::{Duration, UNIX_EPOCH};

use crate::answer::{Answer, Finish, Serving, ToolCall, Usage};
use crate::hint::rfc3339;
use crate::json::{write_number, write_object, write_text};

/// The word for a finish. An answer that calls a tool ends like any other, and there is no filter.
pub(crate) fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::ToolUse | Finish::ContentFilter => "stop",
        Finish::Length => "length",
    }
}

/// The body of a plain answer.
pub(crate) fn answer_body(answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(384 + serving.model.len() + answer.text.len());
    write_opening(serving, &mut body);
    write_text(&answer.text, &mut body);
    for (index, tool) in answer.tools.iter().enumerate() {
        body.extend_from_slice(if index == 0 { br#","tool_calls":["# } else { b"," });
        write_call(tool, index, &mut body);
    }
    body.extend_from_slice(if answer.tools.is_empty() { b"}" } else { b"]}" });
    write_done(answer.finish, Some(answer.usage), &mut body);
    body
}

/// What answers and the lines of a stream begin with, up to the content of the message.
pub(super) fn write_opening(serving: &Serving<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"model":"#);
    write_text(serving.model, to);
    to.extend_from_slice(br#","created_at":"#);
    write_text(&time(serving.created), to);
    to.extend_from_slice(br#","message":{"role":"assistant","content":"#);
}

/// A call of a tool.
pub(super) fn write_call(tool: &ToolCall, index: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(&tool.id, to);
    to.extend_from_slice(br#","function":{"index":"#);
    write_number(index as u64, to);
    to.extend_from_slice(br#","name":"#);
    write_text(&tool.name, to);
    to.extend_from_slice(br#","arguments":"#);
    write_object(&tool.arguments, to);
    to.extend_from_slice(b"}}");
}

/// What an answer that is complete ends with, and with it a stream.
pub(super) fn write_done(finish: Finish, usage: Option<Usage>, to: &mut Vec<u8>) {
    to.extend_from_slice(br#","done_reason":""#);
    to.extend_from_slice(finish_word(finish).as_bytes());
    to.extend_from_slice(br#"","done":true"#);
    if let Some(usage) = usage {
        to.extend_from_slice(br#","total_duration":2000000,"load_duration":1000000"#);
        write_counts(usage, to);
    }
    to.push(b'}');
}

/// The usage by the convention of Ollama: tokens of the prompt and of the answer, and nothing else.
pub(super) fn write_counts(usage: Usage, to: &mut Vec<u8>) {
    to.extend_from_slice(br#","prompt_eval_count":"#);
    write_number(usage.whole_input(), to);
    to.extend_from_slice(br#","prompt_eval_duration":1000000,"eval_count":"#);
    write_number(usage.output, to);
    to.extend_from_slice(br#","eval_duration":1000000"#);
}

fn time(created: u64) -> String {
    rfc3339(UNIX_EPOCH.checked_add(Duration::from_secs(created)).unwrap_or(UNIX_EPOCH))
}

/// The list of an upstream's models.
pub(crate) fn model_list<'a>(models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let modified = time(created);
    let mut body = br#"{"models":["#.to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"name":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","model":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","modified_at":"#);
        write_text(&modified, &mut body);
        body.extend_from_slice(
            br#","size":1000000,"digest":"0000","details":{"format":"gguf","family":"simulated"}}"#,
        );
    }
    body.extend_from_slice(b"]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVING: Serving<'static> = Serving { id: "unused", created: 1_700_000_000, model: "chat" };

    #[test]
    fn a_plain_answer_is_written_to_the_letter() {
        let usage =
            Usage { input: 10, cache_read: 300, cache_write: 5, output: 7, reasoning: 4, total: None };
        let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"at": 1}"#.into() };
        let tools = vec![call.clone(), call].into();
        let answer = Answer { text: "so".into(), usage, finish: Finish::ToolUse, tools };
        let expected = r#"{"model":"chat","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"so","tool_calls":[{"id":"c","function":{"index":0,"name":"look","arguments":{"at": 1}}},{"id":"c","function":{"index":1,"name":"look","arguments":{"at": 1}}}]},"done_reason":"stop","done":true,"total_duration":2000000,"load_duration":1000000,"prompt_eval_count":315,"prompt_eval_duration":1000000,"eval_count":7,"eval_duration":1000000}"#;
        assert_eq!(String::from_utf8(answer_body(&answer, &SERVING)).unwrap(), expected);
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let body: serde_json::Value = serde_json::from_slice(&model_list(["a", "b"], 1_700_000_000)).unwrap();
        let names: Vec<_> =
            body["models"].as_array().unwrap().iter().map(|model| model["name"].as_str()).collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert_eq!(body["models"][0]["modified_at"], "2023-11-14T22:13:20Z");
    }
}
