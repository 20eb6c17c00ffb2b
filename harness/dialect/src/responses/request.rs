//! Requests of the Responses API: as a client writes their bodies, and as a provider reads them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::chat::Chat;
use crate::json::Text;
use crate::request::{ChatRequest, Content, Messages, MessagesVisitor, Unfit, tokens};

/// The body of a request. The fields stand in a fixed order, so that equal requests are equal bytes. Nothing is to be stored.
pub(crate) fn request_body(chat: &Chat) -> Vec<u8> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(chat.model));
    if let Some(system) = &chat.system {
        set("instructions", json!(system));
    }
    let message = |(role, content)| json!({ "role": role, "content": content });
    set("input", chat.turns("assistant").map(message).collect());
    set("store", json!(false));
    if chat.stream {
        set("stream", json!(true));
    }
    if let Some(most) = chat.max_tokens {
        set("max_output_tokens", json!(most));
    }
    if !chat.tools.is_empty() {
        let tool = |name| json!({ "type": "function", "name": name, "parameters": { "type": "object" } });
        set("tools", chat.tools.iter().map(tool).collect());
    }
    if let Some(user) = &chat.user {
        set("user", json!(user));
    }
    chat.body(body)
}

/// Reads a request's body. The usage is told whether it is asked for or not.
pub(crate) fn read_request(body: &[u8]) -> Result<ChatRequest<'_>, Unfit> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
    let model = body.model.ok_or(Unfit::NoModel)?.0;
    let Input(messages) = body.input.ok_or(Unfit::NoInput)?;
    let instructions = body.instructions.map_or(0, |instructions| instructions.words);
    Ok(ChatRequest {
        model,
        stream: body.stream.unwrap_or(false),
        include_usage: true,
        continuous_usage: false,
        prompt: messages.prompt,
        words: messages.words.saturating_add(instructions),
        max_tokens: body.max_output_tokens.map(tokens),
        inputs: None,
    })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    instructions: Option<Content<'a>>,
    #[serde(borrow)]
    input: Option<Input<'a>>,
    stream: Option<bool>,
    max_output_tokens: Option<u64>,
}

/// The input: a text that the user says, or items, among them messages.
struct Input<'a>(Messages<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Input<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor).map(Self)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Messages<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of items")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Messages<'de>, E> {
        Ok(Messages::of_user(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Messages<'de>, E> {
        Ok(Messages::of_user(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Messages<'de>, A::Error> {
        MessagesVisitor.visit_seq(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat =
            Chat { model: "chat".into(), prompt: "hi".into(), include_usage: true, ..Chat::default() };
        let body = |chat: &Chat| String::from_utf8(request_body(chat)).unwrap();
        let plain = r#"{"model":"chat","input":[{"role":"user","content":"hi"}],"store":false}"#;
        assert_eq!(body(&chat), plain);
        chat.stream = true;
        chat.system = Some("be brief".into());
        chat.max_tokens = Some(5);
        chat.tools = vec!["look".into()];
        chat.user = Some("me".into());
        let streamed = r#"{"model":"chat","instructions":"be brief","input":[{"role":"user","content":"hi"}],"store":false,"stream":true,"max_output_tokens":5,"tools":[{"type":"function","name":"look","parameters":{"type":"object"}}],"user":"me"}"#;
        assert_eq!(body(&chat), streamed);
    }

    #[test]
    fn a_request_is_read_whatever_form_its_input_has() {
        for (input, prompt, words) in [
            (r#""say this""#, "say this", 4),
            (r#""say\nthis""#, "say\nthis", 4),
            (r#"[{"role":"user","content":"say this"}]"#, "say this", 4),
            (
                r#"[{"role":"user","content":[{"type":"input_text","text":"say this"}]},
                {"type":"function_call","call_id":"c","name":"n","arguments":"{}"},
                {"type":"function_call_output","call_id":"c","output":"no word"},
                {"role":"assistant","content":[{"type":"output_text","text":"one"}]}]"#,
                "say this",
                5,
            ),
        ] {
            let body = format!(
                r#"{{"model":"chat","instructions":"be brief","input":{input},"stream":true,"max_output_tokens":9}}"#
            );
            let read = read_request(body.as_bytes()).unwrap();
            assert_eq!(
                (read.prompt.as_ref(), read.words, read.max_tokens),
                (prompt, words, Some(9)),
                "{input}"
            );
            assert!(read.stream);
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (body, expected) in [
            ("", Unfit::NotJson),
            (r#"{"model":"m","input":7}"#, Unfit::NotJson),
            (r#"{"model":"m","input":[7]}"#, Unfit::NotJson),
            (r#"{"input":"x"}"#, Unfit::NoModel),
            (r#"{"model":"m"}"#, Unfit::NoInput),
        ] {
            assert_eq!(read_request(body.as_bytes()), Err(expected), "{body}");
        }
    }
}
