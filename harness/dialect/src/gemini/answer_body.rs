//! The body of a plain answer, and the list of models.

use crate::answer::{Answer, Finish, Serving, ToolCall, Usage};
use crate::json::{write_number, write_object, write_text};

/// The word for a finish. An answer that calls a tool ends like any other.
pub(crate) fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::ToolUse => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "SAFETY",
    }
}

/// The body of a plain answer.
pub(crate) fn answer_body(answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(448 + serving.id.len() + serving.model.len() + answer.text.len());
    if is_blocked(answer) {
        body.extend_from_slice(BLOCKED);
    } else {
        write_candidate(Some(answer.finish), &mut body, |parts| write_parts(answer, parts));
    }
    write_usage(answer.usage, &mut body);
    write_closing(serving, &mut body);
    body
}

fn write_parts(answer: &Answer, to: &mut Vec<u8>) {
    if !answer.text.is_empty() || answer.tools.is_empty() {
        write_text_part(&answer.text, to);
    }
    for (index, tool) in answer.tools.iter().enumerate() {
        if index > 0 || !answer.text.is_empty() {
            to.push(b',');
        }
        write_call_part(tool, to);
    }
}

/// Whether the prompt itself was held back: then there is nothing that a filter could have let pass.
pub(super) fn is_blocked(answer: &Answer) -> bool {
    answer.finish == Finish::ContentFilter && answer.text.is_empty() && answer.tools.is_empty()
}

/// What stands in place of a candidate where the prompt was held back.
pub(super) const BLOCKED: &[u8] = br#"{"promptFeedback":{"blockReason":"SAFETY","safetyRatings":[{"category":"HARM_CATEGORY_DANGEROUS_CONTENT","probability":"HIGH"}]}"#;

/// What answers and the events of a stream begin with: a candidate with the parts of its content, and the reason if the answer
/// ends here.
pub(super) fn write_candidate(
    finish: Option<Finish>,
    to: &mut Vec<u8>,
    write_parts: impl FnOnce(&mut Vec<u8>),
) {
    to.extend_from_slice(br#"{"candidates":[{"content":{"parts":["#);
    write_parts(to);
    to.extend_from_slice(br#"],"role":"model"}"#);
    if let Some(finish) = finish {
        to.extend_from_slice(br#","finishReason":""#);
        to.extend_from_slice(finish_word(finish).as_bytes());
        to.push(b'"');
    }
    to.extend_from_slice(br#","index":0}]"#);
}

/// A part of the content that is text.
pub(super) fn write_text_part(text: &str, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"text":"#);
    write_text(text, to);
    to.push(b'}');
}

/// A part of the content that calls a tool.
pub(super) fn write_call_part(tool: &ToolCall, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"functionCall":{"id":"#);
    write_text(&tool.id, to);
    to.extend_from_slice(br#","name":"#);
    write_text(&tool.name, to);
    to.extend_from_slice(br#","args":"#);
    write_object(&tool.arguments, to);
    to.extend_from_slice(b"}}");
}

/// The usage by the convention of Gemini: tokens read from the cache are a part of the prompt's, those of thoughts are counted
/// beside the candidates'. Nothing is said of what was written to the cache.
pub(super) fn write_usage(usage: Usage, to: &mut Vec<u8>) {
    let input = usage.whole_input();
    to.extend_from_slice(br#","usageMetadata":{"promptTokenCount":"#);
    write_number(input, to);
    to.extend_from_slice(br#","candidatesTokenCount":"#);
    write_number(usage.output.saturating_sub(usage.reasoning), to);
    to.extend_from_slice(br#","totalTokenCount":"#);
    write_number(usage.told_total(), to);
    if usage.cache_read > 0 {
        to.extend_from_slice(br#","cachedContentTokenCount":"#);
        write_number(usage.cache_read, to);
    }
    if usage.reasoning > 0 {
        to.extend_from_slice(br#","thoughtsTokenCount":"#);
        write_number(usage.reasoning, to);
    }
    to.push(b'}');
}

/// What answers and the events of a stream end with.
pub(super) fn write_closing(serving: &Serving<'_>, to: &mut Vec<u8>) {
    to.extend_from_slice(br#","modelVersion":"#);
    write_text(serving.model, to);
    to.extend_from_slice(br#","responseId":"#);
    write_text(serving.id, to);
    to.push(b'}');
}

/// The list of an upstream's models.
pub(crate) fn model_list<'a>(models: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut body = br#"{"models":["#.to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"name":"#);
        write_text(&format!("models/{model}"), &mut body);
        body.extend_from_slice(br#","version":"001","displayName":"#);
        write_text(model, &mut body);
        body.extend_from_slice(
            br#","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":["generateContent","countTokens"]}"#,
        );
    }
    body.extend_from_slice(b"]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVING: Serving<'static> = Serving { id: "r1", created: 1_700_000_000, model: "chat" };

    fn body(answer: &Answer) -> String {
        String::from_utf8(answer_body(answer, &SERVING)).unwrap()
    }

    #[test]
    fn a_plain_answer_is_written_to_the_letter() {
        let usage =
            Usage { input: 10, cache_read: 300, cache_write: 5, output: 7, reasoning: 4, total: None };
        let answer = Answer { text: "two\n\"words\"".into(), usage, ..Answer::default() };
        let expected = r#"{"candidates":[{"content":{"parts":[{"text":"two\n\"words\""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":315,"candidatesTokenCount":3,"totalTokenCount":322,"cachedContentTokenCount":300,"thoughtsTokenCount":4},"modelVersion":"chat","responseId":"r1"}"#;
        assert_eq!(body(&answer), expected);
    }

    #[test]
    fn calls_of_tools_stand_behind_the_text_as_objects() {
        let call =
            |arguments: &str| ToolCall { id: "c".into(), name: "look".into(), arguments: arguments.into() };
        let part = |args| format!(r#"{{"functionCall":{{"id":"c","name":"look","args":{args}}}}}"#);
        for (text, arguments, expected) in [
            ("", r#"{"at": 1}"#, part(r#"{"at": 1}"#)),
            ("so", "", format!(r#"{{"text":"so"}},{}"#, part("{}"))),
            ("", r#"{"at":"#, part(r#""{\"at\":""#)),
        ] {
            let tools = vec![call(arguments)].into();
            let answer = Answer { text: text.into(), finish: Finish::ToolUse, tools, ..Answer::default() };
            let expected = format!(
                r#"{{"candidates":[{{"content":{{"parts":[{expected}],"role":"model"}},"finishReason":"STOP","index":0}}]"#
            );
            assert!(body(&answer).starts_with(&expected), "{}", body(&answer));
        }
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let body: serde_json::Value = serde_json::from_slice(&model_list(["a", "b"])).unwrap();
        let names: Vec<&str> =
            body["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["models/a", "models/b"]);
        assert_eq!(model_list([]), br#"{"models":[]}"#);
    }
}
