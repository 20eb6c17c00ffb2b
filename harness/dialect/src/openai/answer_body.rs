//! The body of a plain chat completion, and the list of models.

use crate::answer::{Answer, Finish, Serving, ToolCall, Usage};
use crate::json::{write_number, write_text};
use crate::openai::Flavor;
use crate::openai::flavor::HARMLESS;

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
pub(crate) fn answer_body(flavor: Flavor, answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(640 + serving.id.len() + serving.model.len() + answer.text.len());
    write_opening(flavor, serving, "chat.completion", &mut body);
    if flavor == Flavor::Azure {
        write_prompt_filter(&mut body);
    }
    body.extend_from_slice(br#","choices":[{"index":0,"message":{"role":"assistant","content":"#);
    if answer.text.is_empty() && !answer.tools.is_empty() && flavor != Flavor::Ollama {
        body.extend_from_slice(b"null");
    } else {
        write_text(&answer.text, &mut body);
    }
    body.extend_from_slice(flavor.message_rest().as_bytes());
    write_tools(&answer.tools, &mut body);
    body.push(b'}');
    body.extend_from_slice(flavor.logprobs().as_bytes());
    body.extend_from_slice(br#","finish_reason":""#);
    body.extend_from_slice(finish_word(answer.finish).as_bytes());
    body.push(b'"');
    write_choice_rest(flavor, answer.finish, &mut body);
    body.extend_from_slice(br#"}],"usage":"#);
    write_usage(flavor, answer.usage, &mut body);
    body.push(b'}');
    body
}

/// What plain answers and the chunks of a stream begin with.
pub(super) fn write_opening(flavor: Flavor, serving: &Serving<'_>, object: &str, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(serving.id, to);
    to.extend_from_slice(br#","object":""#);
    to.extend_from_slice(object.as_bytes());
    to.extend_from_slice(br#"","created":"#);
    write_number(serving.created, to);
    to.extend_from_slice(br#","model":"#);
    write_text(serving.model, to);
    to.extend_from_slice(flavor.fingerprint().as_bytes());
}

/// What Azure's filter made of the prompt.
pub(super) fn write_prompt_filter(to: &mut Vec<u8>) {
    to.extend_from_slice(br#","prompt_filter_results":[{"prompt_index":0,"content_filter_results":"#);
    to.extend_from_slice(HARMLESS.as_bytes());
    to.extend_from_slice(b"}]");
}

/// What a choice that has ended holds behind the reason.
pub(super) fn write_choice_rest(flavor: Flavor, finish: Finish, to: &mut Vec<u8>) {
    match (flavor, finish) {
        (Flavor::Vllm, _) => to.extend_from_slice(br#","stop_reason":null"#),
        (Flavor::Azure, Finish::ContentFilter) => {
            to.extend_from_slice(br#","content_filter_results":"#);
            let severe = r#""violence":{"filtered":true,"severity":"high"}"#;
            let harmless = r#""violence":{"filtered":false,"severity":"safe"}"#;
            to.extend_from_slice(HARMLESS.replace(harmless, severe).as_bytes());
        }
        (Flavor::Azure, _) => {
            to.extend_from_slice(br#","content_filter_results":"#);
            to.extend_from_slice(HARMLESS.as_bytes());
        }
        (Flavor::Openai | Flavor::Ollama, _) => {}
    }
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

/// The usage by the convention of OpenAI: cached tokens are a part of the prompt's, and reasoning is a part of the
/// completion's. vLLM tells of the cache where there is something to tell, and of nothing else; Ollama tells no details.
pub(super) fn write_usage(flavor: Flavor, usage: Usage, to: &mut Vec<u8>) {
    let input = usage.whole_input();
    to.extend_from_slice(br#"{"prompt_tokens":"#);
    write_number(input, to);
    to.extend_from_slice(br#","completion_tokens":"#);
    write_number(usage.output, to);
    to.extend_from_slice(br#","total_tokens":"#);
    write_number(usage.told_total(), to);
    match flavor {
        Flavor::Openai | Flavor::Azure => write_details(usage, to),
        Flavor::Vllm if usage.cache_read > 0 => {
            to.extend_from_slice(br#","prompt_tokens_details":{"cached_tokens":"#);
            write_number(usage.cache_read, to);
            to.push(b'}');
        }
        Flavor::Vllm => to.extend_from_slice(br#","prompt_tokens_details":null"#),
        Flavor::Ollama => {}
    }
    to.push(b'}');
}

fn write_details(usage: Usage, to: &mut Vec<u8>) {
    to.extend_from_slice(br#","prompt_tokens_details":{"cached_tokens":"#);
    write_number(usage.cache_read, to);
    if usage.cache_write > 0 {
        to.extend_from_slice(br#","cache_write_tokens":"#);
        write_number(usage.cache_write, to);
    }
    to.extend_from_slice(br#","audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":"#);
    write_number(usage.reasoning, to);
    to.extend_from_slice(
        br#","audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}"#,
    );
}

/// The list of an upstream's models.
pub(crate) fn model_list<'a>(
    flavor: Flavor,
    models: impl IntoIterator<Item = &'a str>,
    created: u64,
) -> Vec<u8> {
    let mut body = br#"{"object":"list","data":["#.to_vec();
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(br#"{"id":"#);
        write_text(model, &mut body);
        body.extend_from_slice(br#","object":"model","created":"#);
        write_number(created, &mut body);
        body.extend_from_slice(br#","owned_by":""#);
        body.extend_from_slice(flavor.owner().as_bytes());
        body.extend_from_slice(b"\"}");
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
        assert_eq!(String::from_utf8(answer_body(Flavor::Openai, &answer, &SERVING)).unwrap(), expected);
    }

    #[test]
    fn a_call_of_a_tool_stands_in_place_of_the_text() {
        let call = ToolCall { id: "call_1".into(), name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let answer =
            Answer { finish: Finish::ToolUse, tools: vec![call.clone(), call].into(), ..Answer::default() };
        let body = String::from_utf8(answer_body(Flavor::Openai, &answer, &SERVING)).unwrap();
        let one = r#"{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}"#;
        let expected = format!(
            r#""content":null,"refusal":null,"annotations":[],"tool_calls":[{one},{one}]}},"logprobs":null,"finish_reason":"tool_calls"}}]"#
        );
        assert!(body.contains(&expected), "{body}");
    }

    #[test]
    fn cached_tokens_are_a_part_of_the_prompt_s() {
        let mut written = Vec::new();
        let usage =
            Usage { input: 10, cache_read: 300, cache_write: 5, output: 7, reasoning: 4, total: None };
        write_usage(Flavor::Openai, usage, &mut written);
        let expected = r#"{"prompt_tokens":315,"completion_tokens":7,"total_tokens":322,"prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":5,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }

    #[test]
    fn models_are_listed_in_their_order() {
        let expected = r#"{"object":"list","data":[{"id":"a","object":"model","created":7,"owned_by":"openai"},{"id":"b","object":"model","created":7,"owned_by":"openai"}]}"#;
        assert_eq!(String::from_utf8(model_list(Flavor::Openai, ["a", "b"], 7)).unwrap(), expected);
        assert_eq!(model_list(Flavor::Openai, [], 7), br#"{"object":"list","data":[]}"#);
    }

    #[test]
    fn others_leave_out_or_add_what_is_theirs() {
        let usage =
            Usage { input: 10, cache_read: 300, cache_write: 5, output: 7, reasoning: 4, total: None };
        let answer = Answer { text: "so".into(), usage, finish: Finish::ContentFilter, ..Answer::default() };
        let opening = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"chat""#;
        for (flavor, expected) in [
            (
                Flavor::Vllm,
                r#","choices":[{"index":0,"message":{"role":"assistant","content":"so","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning_content":null},"logprobs":null,"finish_reason":"content_filter","stop_reason":null}],"usage":{"prompt_tokens":315,"completion_tokens":7,"total_tokens":322,"prompt_tokens_details":{"cached_tokens":300}}}"#,
            ),
            (
                Flavor::Ollama,
                r#","system_fingerprint":"fp_ollama","choices":[{"index":0,"message":{"role":"assistant","content":"so"},"finish_reason":"content_filter"}],"usage":{"prompt_tokens":315,"completion_tokens":7,"total_tokens":322}}"#,
            ),
        ] {
            let body = String::from_utf8(answer_body(flavor, &answer, &SERVING)).unwrap();
            assert_eq!(body, format!("{opening}{expected}"), "{flavor:?}");
        }
    }

    #[test]
    fn azure_says_what_its_filter_made_of_prompt_and_answer() {
        for (finish, filtered) in [(Finish::Stop, false), (Finish::ContentFilter, true)] {
            let answer = Answer { text: "so".into(), finish, ..Answer::default() };
            let body = answer_body(Flavor::Azure, &answer, &SERVING);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let prompt = &body["prompt_filter_results"][0]["content_filter_results"];
            assert_eq!(prompt["violence"]["filtered"], false);
            assert_eq!(body["choices"][0]["content_filter_results"]["violence"]["filtered"], filtered);
        }
    }
}
