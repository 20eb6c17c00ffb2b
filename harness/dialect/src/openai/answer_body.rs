//! The body of a plain chat completion, and the list of models.

use crate::answer::{Answer, Finish, Serving, ToolCall, Usage};
use crate::json::{write_number, write_text};

/// The word for a finish.
pub(crate) fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolUse => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}

/// The body of a plain answer.
pub(crate) fn answer_body(answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(640 + serving.id.len() + serving.model.len() + answer.text.len());
    write_opening(serving, "chat.completion", &mut body);
    body.extend_from_slice(br#","choices":[{"index":0,"message":{"role":"assistant","content":"#);
    if answer.text.is_empty() && !answer.tools.is_empty() {
        body.extend_from_slice(b"null");
    } else {
        write_text(&answer.text, &mut body);
    }
    body.extend_from_slice(br#","refusal":null,"annotations":[]"#);
    write_tools(&answer.tools, &mut body);
    body.extend_from_slice(br#"},"logprobs":null,"finish_reason":""#);
    body.extend_from_slice(finish_word(answer.finish).as_bytes());
    body.extend_from_slice(br#""}],"usage":"#);
    write_usage(answer.usage, &mut body);
    body.push(b'}');
    body
}

/// What plain answers and the chunks of a stream begin with.
pub(super) fn write_opening(serving: &Serving<'_>, object: &str, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(serving.id, to);
    to.extend_from_slice(br#","object":""#);
    to.extend_from_slice(object.as_bytes());
    to.extend_from_slice(br#"","created":"#);
    write_number(serving.created, to);
    to.extend_from_slice(br#","model":"#);
    write_text(serving.model, to);
    to.extend_from_slice(br#","service_tier":"default","system_fingerprint":"fp_simulated""#);
}

fn write_tools(tools: &[ToolCall], to: &mut Vec<u8>) {
    for (index, tool) in tools.iter().enumerate() {
        to.extend_from_slice(if index == 0 { br#","tool_calls":["# } else { b"," });
        to.extend_from_slice(br#"{"id":"#);
        write_text(&tool.id, to);
        to.extend_from_slice(br#","type":"function","function":{"name":"#);
        write_text(&tool.name, to);
        to.extend_from_slice(br#","arguments":"#);
        write_text(&tool.arguments, to);
        to.extend_from_slice(b"}}");
    }
    if !tools.is_empty() {
        to.push(b']');
    }
}

/// The usage by the convention of OpenAI: cached tokens are a part of the prompt's, and reasoning is a part of the completion's.
pub(super) fn write_usage(usage: Usage, to: &mut Vec<u8>) {
    let input = usage.whole_input();
    to.extend_from_slice(br#"{"prompt_tokens":"#);
    write_number(input, to);
    to.extend_from_slice(br#","completion_tokens":"#);
    write_number(usage.output, to);
    to.extend_from_slice(br#","total_tokens":"#);
    write_number(input + u64::from(usage.output), to);
    to.extend_from_slice(br#","prompt_tokens_details":{"cached_tokens":"#);
    write_number(usage.cache_read, to);
    if usage.cache_write > 0 {
        to.extend_from_slice(br#","cache_write_tokens":"#);
        write_number(usage.cache_write, to);
    }
    to.extend_from_slice(br#","audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":"#);
    write_number(usage.reasoning, to);
    to.extend_from_slice(
        br#","audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
    );
}

/// The list of an upstream's models.
pub(crate) fn model_list<'a>(models: impl IntoIterator<Item = &'a str>, created: u64) -> Vec<u8> {
    let mut body = br#"{"object":"list","data":["#.to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"id":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","object":"model","created":"#);
        write_number(created, &mut body);
        body.extend_from_slice(br#","owned_by":"openai"}"#);
    }
    body.extend_from_slice(b"]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVING: Serving<'static> = Serving { id: "chatcmpl-1", created: 1_700_000_000, model: "chat" };

    #[test]
    fn a_plain_answer_is_written_to_the_letter() {
        let usage = Usage { input: 3, output: 2, ..Usage::default() };
        let answer = Answer { text: "two\n\"words\"".into(), usage, ..Answer::default() };
        let expected = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"chat","service_tier":"default","system_fingerprint":"fp_simulated","choices":[{"index":0,"message":{"role":"assistant","content":"two\n\"words\"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#;
        assert_eq!(String::from_utf8(answer_body(&answer, &SERVING)).unwrap(), expected);
    }

    #[test]
    fn a_call_of_a_tool_stands_in_place_of_the_text() {
        let call = ToolCall { id: "call_1".into(), name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let answer =
            Answer { finish: Finish::ToolUse, tools: vec![call.clone(), call].into(), ..Answer::default() };
        let body = String::from_utf8(answer_body(&answer, &SERVING)).unwrap();
        let one = r#"{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}"#;
        let expected = format!(
            r#""content":null,"refusal":null,"annotations":[],"tool_calls":[{one},{one}]}},"logprobs":null,"finish_reason":"tool_calls"}}]"#
        );
        assert!(body.contains(&expected), "{body}");
    }

    #[test]
    fn cached_tokens_are_a_part_of_the_prompt_s() {
        let mut written = Vec::new();
        let usage = Usage { input: 10, cache_read: 300, cache_write: 5, output: 7, reasoning: 4 };
        write_usage(usage, &mut written);
        let expected = r#"{"prompt_tokens":315,"completion_tokens":7,"total_tokens":322,"prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":5,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let expected = r#"{"object":"list","data":[{"id":"a","object":"model","created":7,"owned_by":"openai"},{"id":"b","object":"model","created":7,"owned_by":"openai"}]}"#;
        assert_eq!(String::from_utf8(model_list(["a", "b"], 7)).unwrap(), expected);
        assert_eq!(model_list([], 7), br#"{"object":"list","data":[]}"#);
    }
}
