//! An answer as a response.

use serde_json::Value;

use super::super::answer::{Answer, Said, unix_seconds};
use super::{call_item, message_item, response, text_part};
use crate::accounts::Tokens;
use crate::usage::ResponsesUsage;

pub(in crate::translate) fn write_answer(answer: Answer, tokens: Tokens) -> Value {
    let mut output: Vec<Value> = Vec::with_capacity(answer.parts.len());
    for part in answer.parts {
        let place = output.len();
        output.push(match part {
            Said::Text(text) => {
                message_item(&format!("msg_{}_{place}", answer.id), "completed", &[text_part(&text)])
            }
            Said::Call { id, name, arguments, .. } => {
                call_item(&format!("fc_{}_{place}", answer.id), "completed", &id, &name, &arguments)
            }
        });
    }
    let end = Some((answer.finish, ResponsesUsage::from(tokens)));
    response(&answer.id, unix_seconds(), &answer.model, &output, end)
}
