//! Whole content by its meaning, and an answer as content.

use serde_json::{Value, json};

use super::super::answer::{Answer, Finish, Said};
use super::super::request::object_of;
use super::{call_part, candidate, finish_of, text_part};
use crate::accounts::Tokens;
use crate::stream::{GeminiContent, GeminiPart};
use crate::usage::{GeminiUsage, Tally};

/// Reads content, and counts it; nothing if the body is none.
pub(in crate::translate) fn read_answer(body: &[u8], tally: &mut Tally) -> Option<Answer> {
    let content: GeminiContent = serde_json::from_slice(body).ok()?;
    content.count(tally);
    let (id, model) = (content.response_id.unwrap_or_default(), content.model_version.unwrap_or_default());
    let blocked = content.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    let Some(first) = content.candidates.into_iter().next() else {
        return blocked.then_some(Answer { id, model, parts: Vec::new(), finish: Finish::Filter });
    };
    let (mut parts, mut calls) = (Vec::new(), 0);
    for part in first.content.parts {
        match part.told() {
            GeminiPart::Text(text) => parts.push(Said::Text(text)),
            GeminiPart::Call { id, name, arguments, signature } => {
                let id = id.unwrap_or_else(|| format!("call_{calls}"));
                calls += 1;
                parts.push(Said::Call { id, name, arguments, signature });
            }
            GeminiPart::Nothing => {}
        }
    }
    let finish = finish_of(first.finish_reason.as_deref()).with_calls(calls > 0);
    Some(Answer { id, model, parts, finish })
}

/// Nothing if a tool was called with what is no object.
pub(in crate::translate) fn write_answer(answer: Answer, tokens: Tokens) -> Option<Value> {
    let mut parts = Vec::new();
    for part in answer.parts {
        match part {
            Said::Text(text) => parts.push(text_part(&text)),
            Said::Call { id, name, arguments, .. } => match object_of(&arguments) {
                Some(object) => {
                    let arguments: Value = serde_json::from_str(object.get()).ok()?;
                    parts.push(call_part(&id, &name, &arguments));
                }
                // Cut off in the middle of a call, which is no call.
                None if answer.finish == Finish::Length => {}
                None => return None,
            },
        }
    }
    Some(json!({
        "candidates": [candidate(&parts, Some(answer.finish))],
        "usageMetadata": GeminiUsage::from(tokens),
        "modelVersion": answer.model,
        "responseId": answer.id,
    }))
}
