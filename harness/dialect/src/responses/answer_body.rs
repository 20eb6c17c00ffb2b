//! A response: the body of a plain answer, and what the first and the last events of a stream hold.

use crate::answer::{Answer, Finish, Serving, ToolCall, Usage};
use crate::json::{write_number, write_text};

/// The word for a finish: the status of a response that is complete, or the reason why it is not.
pub(crate) fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::ToolUse => "completed",
        Finish::Length => "max_output_tokens",
        Finish::ContentFilter => "content_filter",
    }
}

/// The body of a plain answer.
pub(crate) fn answer_body(answer: &Answer, serving: &Serving<'_>) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024 + serving.model.len() + answer.text.len());
    write_response(serving, Standing::Over(answer.finish), &mut body, |output| {
        write_items(answer, serving, output);
    });
    body.truncate(body.len() - 1);
    body.extend_from_slice(br#","usage":"#);
    write_usage(answer.usage, &mut body);
    body.push(b'}');
    body
}

/// How far a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    InProgress,
    Over(Finish),
    /// With the error, as JSON.
    Failed(&'a str),
}

impl Standing<'_> {
    fn status(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Over(Finish::Stop | Finish::ToolUse) => "completed",
            Self::Over(Finish::Length | Finish::ContentFilter) => "incomplete",
            Self::Failed(_) => "failed",
        }
    }
}

/// A response without its usage.
pub(super) fn write_response(
    serving: &Serving<'_>,
    standing: Standing<'_>,
    to: &mut Vec<u8>,
    write_output: impl FnOnce(&mut Vec<u8>),
) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(serving.id, to);
    to.extend_from_slice(br#","object":"response","created_at":"#);
    write_number(serving.created, to);
    to.extend_from_slice(br#","status":""#);
    to.extend_from_slice(standing.status().as_bytes());
    to.extend_from_slice(br#"","error":"#);
    let error = if let Standing::Failed(error) = standing { error } else { "null" };
    to.extend_from_slice(error.as_bytes());
    to.extend_from_slice(br#","incomplete_details":"#);
    match standing {
        Standing::Over(finish @ (Finish::Length | Finish::ContentFilter)) => {
            to.extend_from_slice(br#"{"reason":""#);
            to.extend_from_slice(finish_word(finish).as_bytes());
            to.extend_from_slice(b"\"}");
        }
        _ => to.extend_from_slice(b"null"),
    }
    to.extend_from_slice(br#","instructions":null,"max_output_tokens":null,"model":"#);
    write_text(serving.model, to);
    to.extend_from_slice(br#","output":["#);
    write_output(to);
    to.extend_from_slice(br#"],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","metadata":{}}"#);
}

/// The items of the output: a message if there is a text, then the calls.
pub(super) fn write_items(answer: &Answer, serving: &Serving<'_>, to: &mut Vec<u8>) {
    if !answer.text.is_empty() {
        write_message(serving, Some(&answer.text), to);
    }
    for (index, tool) in answer.tools.iter().enumerate() {
        if index > 0 || !answer.text.is_empty() {
            to.push(b',');
        }
        write_call(serving, index, (tool, Some(&tool.arguments)), to);
    }
}

/// A message; one that has only begun has no text.
pub(super) fn write_message(serving: &Serving<'_>, text: Option<&str>, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(&message_id(serving), to);
    to.extend_from_slice(br#","type":"message","status":""#);
    to.extend_from_slice(if text.is_some() { b"completed" } else { b"in_progress" });
    to.extend_from_slice(br#"","role":"assistant","content":["#);
    text.inspect(|text| write_part(text, to));
    to.extend_from_slice(b"]}");
}

/// The part of a message that holds its text.
pub(super) fn write_part(text: &str, to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"type":"output_text","annotations":[],"logprobs":[],"text":"#);
    write_text(text, to);
    to.push(b'}');
}

/// A call of a tool, by its number among the calls; one that has only begun has no arguments.
pub(super) fn write_call(
    serving: &Serving<'_>,
    index: usize,
    (tool, arguments): (&ToolCall, Option<&str>),
    to: &mut Vec<u8>,
) {
    to.extend_from_slice(br#"{"id":"#);
    write_text(&call_item_id(serving, index), to);
    to.extend_from_slice(br#","type":"function_call","status":""#);
    to.extend_from_slice(if arguments.is_some() { b"completed" } else { b"in_progress" });
    to.extend_from_slice(br#"","arguments":"#);
    write_text(arguments.unwrap_or_default(), to);
    to.extend_from_slice(br#","call_id":"#);
    write_text(&tool.id, to);
    to.extend_from_slice(br#","name":"#);
    write_text(&tool.name, to);
    to.push(b'}');
}

/// The id of the message, made from that of the response.
pub(super) fn message_id(serving: &Serving<'_>) -> String {
    format!("msg_{}", bare_id(serving))
}

/// The id of the item of a call, which is not the call's own.
pub(super) fn call_item_id(serving: &Serving<'_>, index: usize) -> String {
    format!("fc_{}_{index}", bare_id(serving))
}

fn bare_id<'a>(serving: &Serving<'a>) -> &'a str {
    serving.id.strip_prefix("resp_").unwrap_or(serving.id)
}

/// The usage, by the same convention as that of chat completions.
pub(super) fn write_usage(usage: Usage, to: &mut Vec<u8>) {
    let input = usage.whole_input();
    to.extend_from_slice(br#"{"input_tokens":"#);
    write_number(input, to);
    to.extend_from_slice(br#","input_tokens_details":{"cached_tokens":"#);
    write_number(usage.cache_read, to);
    if usage.cache_write > 0 {
        to.extend_from_slice(br#","cache_write_tokens":"#);
        write_number(usage.cache_write, to);
    }
    to.extend_from_slice(br#"},"output_tokens":"#);
    write_number(usage.output, to);
    to.extend_from_slice(br#","output_tokens_details":{"reasoning_tokens":"#);
    write_number(usage.reasoning, to);
    to.extend_from_slice(br#"},"total_tokens":"#);
    write_number(usage.told_total(), to);
    to.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVING: Serving<'static> = Serving { id: "resp_1", created: 1_700_000_000, model: "chat" };

    fn written(finish: Finish) -> String {
        let usage =
            Usage { input: 10, cache_read: 300, cache_write: 5, output: 7, reasoning: 4, total: None };
        let call = ToolCall { id: "call_1".into(), name: "look".into(), arguments: r#"{"at":1}"#.into() };
        let answer = Answer { text: "a \"b\"".into(), usage, finish, tools: vec![call].into() };
        String::from_utf8(answer_body(&answer, &SERVING)).unwrap()
    }

    #[test]
    fn a_plain_answer_is_written_to_the_letter() {
        let expected = r#"{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"chat","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"a \"b\""}]},{"id":"fc_1_0","type":"function_call","status":"completed","arguments":"{\"at\":1}","call_id":"call_1","name":"look"}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":false,"temperature":1.0,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","metadata":{},"usage":{"input_tokens":315,"input_tokens_details":{"cached_tokens":300,"cache_write_tokens":5},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":322}}"#;
        assert_eq!(written(Finish::ToolUse), expected);
    }

    #[test]
    fn an_incomplete_response_says_why() {
        for (finish, reason) in
            [(Finish::Length, "max_output_tokens"), (Finish::ContentFilter, "content_filter")]
        {
            let body: serde_json::Value = serde_json::from_str(&written(finish)).unwrap();
            assert_eq!(body["status"], "incomplete");
            assert_eq!(body["incomplete_details"]["reason"], reason);
        }
    }
}
