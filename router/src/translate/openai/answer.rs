//! A chat completion by its meaning, and an answer as one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answer::{Answer, Said, unix_seconds};
use super::{finish_of, finish_reason, signed};
use crate::accounts::Tokens;
use crate::usage::{OpenaiUsage, Tally};

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<OpenaiUsage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    id: String,
    function: CalledFunction,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// Reads a completion, and counts it; nothing if it is none.
pub(in crate::translate) fn read_answer(body: &[u8], tally: &mut Tally) -> Option<Answer> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    let Choice { message, finish_reason } = completion.choices.into_iter().next()?;
    let mut parts = Vec::new();
    for text in [message.content, message.refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
        tally.passes(&text);
        parts.push(Said::Text(text));
    }
    let calls = message.tool_calls.unwrap_or_default();
    let finish = finish_of(finish_reason.as_deref()).with_calls(!calls.is_empty());
    for ToolCall { id, function: CalledFunction { name, arguments } } in calls {
        tally.passes(&arguments);
        parts.push(Said::Call { id, name, arguments, signature: None });
    }
    if let Some(usage) = completion.usage {
        tally.reports(usage);
    }
    let (id, model) = (completion.id.unwrap_or_default(), completion.model.unwrap_or_default());
    Some(Answer { id, model, parts, finish })
}

pub(in crate::translate) fn write_answer(answer: Answer, tokens: Tokens) -> Value {
    let mut text: Option<String> = None;
    let mut calls = Vec::new();
    for part in answer.parts {
        match part {
            Said::Text(more) => text.get_or_insert_default().push_str(&more),
            Said::Call { id, name, arguments, signature } => {
                let function = json!({ "name": name, "arguments": arguments });
                let mut call = json!({ "id": id, "type": "function", "function": function });
                if let Some(signature) = signature {
                    call["extra_content"] = signed(&signature);
                }
                calls.push(call);
            }
        }
    }
    let mut message = json!({ "role": "assistant", "content": text, "refusal": null });
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    let finish_reason = finish_reason(answer.finish);
    json!({
        "id": answer.id,
        "object": "chat.completion",
        "created": unix_seconds(),
        "model": answer.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason }],
        "usage": OpenaiUsage::from(tokens),
    })
}
