//! Takes Gemini's signatures out of a conversation that goes on with a provider of OpenAI's dialect, where the router itself
//! may have told them: such providers may refuse a field that they do not know.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::edit::{Edit, place_of};

#[derive(Deserialize)]
struct Conversation<'a> {
    #[serde(default, borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default, borrow)]
    tool_calls: Option<Vec<&'a RawValue>>,
}

const SIGNATURE: &str = "thought_signature";

/// The edits that take them out. What cannot be read has none, and is for the provider to refuse.
pub(super) fn without_signatures(body: &Bytes) -> Vec<Edit> {
    if memchr::memmem::find(body, SIGNATURE.as_bytes()).is_none() {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let Ok(Conversation { messages }) = serde_json::from_str(text) else { return Vec::new() };
    let calls = messages.into_iter().filter_map(|message| message.tool_calls).flatten();
    calls.filter_map(|call| unsigned(call, text)).collect()
}

fn unsigned(call: &RawValue, text: &str) -> Option<Edit> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(call.get()).ok()?;
    fields.remove("extra_content").filter(|beside| beside.get().contains(SIGNATURE))?;
    Some(Edit { place: place_of(call, text), text: serde_json::to_string(&fields).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::edited;

    #[test]
    fn signatures_go_and_every_byte_that_stands_elsewhere_stays() {
        let signed = r#"{"id":"t1", "extra_content": {"google":{"thought_signature":"c2ln"}},"function":{"arguments":"{ }"}}"#;
        let body = |call: &str| {
            format!(
                r#"{{"model" : "m","messages":[{{"content":1.10}},{{"tool_calls":null}},{{"tool_calls":[{call}, {{ "id":"t2","extra_content":{{}} }}]}}]}}"#
            )
        };
        let text = Bytes::from(body(signed));
        let edits = without_signatures(&text);
        assert_eq!(edited(&text, edits), body(r#"{"function":{"arguments":"{ }"},"id":"t1"}"#));
    }

    #[test]
    fn what_has_none_or_cannot_be_read_stays_as_it_is() {
        for body in [
            r#"{"messages":[{"content":"what is a thought_signature?"}]}"#,
            r#"{"messages":"thought_signature"}"#,
            r#"{"messages":[{"tool_calls":["thought_signature"]}]}"#,
            "{}",
        ] {
            assert!(without_signatures(&Bytes::from_static(body.as_bytes())).is_empty(), "{body}");
        }
    }
}
