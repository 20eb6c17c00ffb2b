//! The body of a plain message, and the list of models.

use std::time::{Duration, UNIX_EPOCH};

use crate::answer::{Answer, Finish, Serving, ToolCall, Usage};
use crate::hint::rfc3339;
use crate::json::{write_number, write_object, write_text};

/// The word for a finish.
pub(crate) fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ToolUse => "tool_use",
        Finish::ContentFilter => "refusal",
    }
}

/// The body of a plain answer.
pub(crate) fn answer_body(answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(448 + serving.id.len() + serving.model.len() + answer.text.len());
    write_opening(serving, &mut body);
    body.extend_from_slice(br#","content":["#);
    if !answer.text.is_empty() {
        body.extend_from_slice(br#"{"type":"text","text":"#);
        write_text(&answer.text, &mut body);
        body.push(b'}');
    }
    for (index, tool) in answer.tools.iter().enumerate() {
        if index > 0 || !answer.text.is_empty() {
            body.push(b',');
        }
        write_tool(tool, &mut body);
    }
    body.extend_from_slice(br#"],"stop_reason":""#);
    body.extend_from_slice(finish_word(answer.finish).as_bytes());
    body.extend_from_slice(br#"","stop_sequence":null,"usage":"#);
    write_usage(answer.usage, answer.usage.output, &mut body);
    body.push(b'}');
    body
}

/// What plain answers and the first event of a stream begin with.
pub(super) fn write_opening(serving: &Serving<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(serving.id, to);
    to.extend_from_slice(br#","type":"message","role":"assistant","model":"#);
    write_text(serving.model, to);
}

fn write_tool(tool: &ToolCall, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"type":"tool_use","id":"#);
    write_text(&tool.id, to);
    to.extend_from_slice(br#","name":"#);
    write_text(&tool.name, to);
    to.extend_from_slice(br#","input":"#);
    write_object(&tool.arguments, to);
    to.push(b'}');
}

/// The usage by the convention of Anthropic: the tokens of the cache are counted beside those of the input, and what was spent on
/// thinking is a part of the output.
pub(super) fn write_usage(usage: Usage, output: u32, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"input_tokens":"#);
    write_number(usage.input, to);
    to.extend_from_slice(br#","cache_creation_input_tokens":"#);
    write_number(usage.cache_write, to);
    to.extend_from_slice(br#","cache_read_input_tokens":"#);
    write_number(usage.cache_read, to);
    to.extend_from_slice(br#","cache_creation":{"ephemeral_5m_input_tokens":"#);
    write_number(usage.cache_write, to);
    to.extend_from_slice(br#","ephemeral_1h_input_tokens":0},"#);
    write_output(output, usage.reasoning, to);
    to.extend_from_slice(br#","service_tier":"standard"}"#);
}

/// The members of a usage that tell the output. There are no details where there was no thinking.
pub(super) fn write_output(output: u32, thinking: u32, to: &mut Vec<u8>) {
    to.extend_from_slice(br#""output_tokens":"#);
    write_number(output, to);
    if thinking > 0 {
        to.extend_from_slice(br#","output_tokens_details":{"thinking_tokens":"#);
        write_number(thinking, to);
        to.push(b'}');
    }
}

/// The list of an upstream's models.
pub(crate) fn model_list<'a>(models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let created = rfc3339(UNIX_EPOCH.checked_add(Duration::from_secs(created)).unwrap_or(UNIX_EPOCH));
    let mut body = br#"{"data":["#.to_vec();
    let mut ends: Option<(&str, &str)> = None;
    for model in models {
        if ends.is_some() {
            body.push(b',');
        }
        ends = Some((ends.map_or(model, |(first, _)| first), model));
        body.extend_from_slice(br#"{"type":"model","id":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","display_name":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","created_at":"#);
        write_text(&created, &mut body);
        body.push(b'}');
    }
    body.extend_from_slice(br#"],"has_more":false,"first_id":"#);
    write_end(ends.map(|(first, _)| first), &mut body);
    body.extend_from_slice(br#","last_id":"#);
    write_end(ends.map(|(_, last)| last), &mut body);
    body.push(b'}');
    body
}

fn write_end(model: Option<&str>, to: &mut Vec<u8>) {
    match model {
        Some(model) => write_text(model, to),
        None => to.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVING: Serving<'static> = Serving { id: "msg_1", created: 1_700_000_000, model: "chat" };
    const OPENING: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"chat","content":"#;

    fn body(answer: &Answer) -> String {
        String::from_utf8(answer_body(answer, &SERVING)).unwrap()
    }

    #[test]
    fn a_plain_answer_is_written_to_the_letter() {
        let usage = Usage { input: 3, cache_read: 300, cache_write: 5, output: 7, reasoning: 4, total: None };
        let answer = Answer { text: "two\n\"words\"".into(), usage, ..Answer::default() };
        let rest = r#"[{"type":"text","text":"two\n\"words\""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":300,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":0},"output_tokens":7,"output_tokens_details":{"thinking_tokens":4},"service_tier":"standard"}}"#;
        assert_eq!(body(&answer), format!("{OPENING}{rest}"));
    }

    #[test]
    fn calls_of_tools_stand_behind_the_text() {
        let call = |arguments: &str| ToolCall {
            id: "toolu_1".into(),
            name: "look".into(),
            arguments: arguments.into(),
        };
        let tool = |input| format!(r#"{{"type":"tool_use","id":"toolu_1","name":"look","input":{input}}}"#);
        for (text, arguments, expected) in [
            ("", r#"{"at": 1}"#, tool(r#"{"at": 1}"#)),
            ("so", "{}", format!(r#"{{"type":"text","text":"so"}},{}"#, tool("{}"))),
            ("", "", tool("{}")),
            ("", r#"{"at":"#, tool(r#""{\"at\":""#)),
        ] {
            let tools = vec![call(arguments)].into();
            let answer = Answer { text: text.into(), finish: Finish::ToolUse, tools, ..Answer::default() };
            let expected = format!(r#"{OPENING}[{expected}],"stop_reason":"tool_use","#);
            assert!(body(&answer).starts_with(&expected), "{}", body(&answer));
        }
    }

    #[test]
    fn an_empty_answer_has_no_content() {
        assert!(body(&Answer::default()).starts_with(&format!("{OPENING}[],")));
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let model = |id| {
            format!(
                r#"{{"type":"model","id":"{id}","display_name":"{id}","created_at":"2023-11-14T22:13:20Z"}}"#
            )
        };
        let list =
            |models: &[&str]| String::from_utf8(model_list(models.iter().copied(), 1_700_000_000)).unwrap();
        let expected = format!(
            r#"{{"data":[{},{}],"has_more":false,"first_id":"a","last_id":"b"}}"#,
            model("a"),
            model("b")
        );
        assert_eq!(list(&["a", "b"]), expected);
        assert_eq!(list(&[]), r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#);
    }
}
