//! A whole message by its meaning, and an answer as one.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::answer::{Answer, Finish, Said};
use super::super::request::object_of;
use super::{finish_of, stop_reason};
use crate::accounts::Tokens;
use crate::usage::{AnthropicUsage, Tally};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    model: String,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Option<AnthropicUsage>,
}

/// One block. Not a tagged enum, so that the input of a tool stays as it was written.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    thinking: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
}

/// Reads a message, and counts it; nothing if the body is none.
pub(in crate::translate) fn read_answer(body: &[u8], tally: &mut Tally) -> Option<Answer> {
    let message: Message<'_> = serde_json::from_slice(body).ok()?;
    if message.kind != "message" {
        return None;
    }
    let (mut parts, mut called_tools) = (Vec::new(), false);
    for block in message.content {
        match block.kind.as_str() {
            "text" => {
                tally.passes(&block.text);
                parts.push(Said::Text(block.text));
            }
            "tool_use" => {
                let arguments = block.input.map_or("{}", RawValue::get).to_owned();
                tally.passes(&arguments);
                called_tools = true;
                parts.push(Said::Call { id: block.id, name: block.name, arguments, signature: None });
            }
            "thinking" => tally.passes(&block.thinking),
            _ => {}
        }
    }
    if let Some(usage) = message.usage {
        tally.reports(usage);
    }
    let finish = finish_of(message.stop_reason.as_deref(), called_tools);
    Some(Answer { id: message.id, model: message.model, parts, finish })
}

#[derive(Serialize)]
struct WrittenMessage {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: String,
    content: Vec<WrittenBlock>,
    stop_reason: &'static str,
    stop_sequence: Option<String>,
    usage: AnthropicUsage,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WrittenBlock {
    Text { text: String },
    ToolUse { id: String, name: String, input: Box<RawValue> },
}

/// Nothing if a tool was called with what is no object.
pub(in crate::translate) fn write_answer(answer: Answer, tokens: Tokens) -> Option<Vec<u8>> {
    let finish = answer.finish;
    let mut content = Vec::new();
    for part in answer.parts {
        match part {
            Said::Text(text) => content.push(WrittenBlock::Text { text }),
            Said::Call { id, name, arguments, .. } => match object_of(&arguments) {
                Some(input) => content.push(WrittenBlock::ToolUse { id, name, input }),
                // Cut off in the middle of a call, which is no call.
                None if finish == Finish::Length => {}
                None => return None,
            },
        }
    }
    let message = WrittenMessage {
        id: answer.id,
        kind: "message",
        role: "assistant",
        model: answer.model,
        content,
        stop_reason: stop_reason(finish),
        stop_sequence: None,
        usage: tokens.into(),
    };
    serde_json::to_vec(&message).ok()
}
