//! Requests of messages: as a client writes their bodies, and as a provider reads them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::Chat;
use crate::json::Text;
use crate::request::{ChatRequest, Content, Messages, Unfit, tokens};

/// What a client asks for that names no limit, since the dialect demands one.
const MAX_TOKENS: u32 = 1024;

/// The body of a request. The fields stand in a fixed order, so that equal requests are equal bytes.
pub(crate) fn request_body(chat: &Chat) -> Vec<u8> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(chat.model));
    set("max_tokens", json!(chat.max_tokens.unwrap_or(MAX_TOKENS)));
    if let Some(system) = &chat.system {
        set("system", json!(system));
    }
    let message = |(role, content)| json!({ "role": role, "content": content });
    set("messages", chat.turns("assistant").map(message).collect());
    if chat.stream {
        set("stream", json!(true));
    }
    if !chat.tools.is_empty() {
        let tool = |name| json!({ "name": name, "input_schema": { "type": "object" } });
        set("tools", chat.tools.iter().map(tool).collect());
    }
    if let Some(user) = &chat.user {
        set("metadata", json!({ "user_id": user }));
    }
    chat.body(body)
}

/// Reads a request's body. The usage is told whether it is asked for or not.
pub(crate) fn read_request(body: &[u8]) -> Result<ChatRequest<'_>, Unfit> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
    let model = body.model.ok_or(Unfit::NoModel)?.0;
    let messages = body.messages.ok_or(Unfit::NoMessages)?;
    let max_tokens = body.max_tokens.ok_or(Unfit::NoMaxTokens)?;
    Ok(ChatRequest {
        model,
        stream: body.stream.unwrap_or(false),
        include_usage: true,
        continuous_usage: false,
        prompt: messages.prompt,
        words: messages.words.saturating_add(body.system.map_or(0, |system| system.words)),
        max_tokens: Some(tokens(max_tokens)),
        inputs: None,
    })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    system: Option<Content<'a>>,
    #[serde(borrow)]
    messages: Option<Messages<'a>>,
    stream: Option<bool>,
    max_tokens: Option<u64>,
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::chat::Said;

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat = Chat {
            model: "chat".into(),
            prompt: "say \"hi\"".into(),
            include_usage: true,
            ..Chat::default()
        };
        let body = |chat: &Chat| String::from_utf8(request_body(chat)).unwrap();
        let plain =
            r#"{"model":"chat","max_tokens":1024,"messages":[{"role":"user","content":"say \"hi\""}]}"#;
        assert_eq!(body(&chat), plain);
        chat.stream = true;
        chat.system = Some("be brief".into());
        chat.said = vec![Said { by_assistant: true, text: "two".into() }];
        chat.max_tokens = Some(5);
        chat.tools = vec!["look".into()];
        chat.user = Some("me".into());
        chat.extra.insert("model".into(), json!("other"));
        let streamed = r#"{"model":"other","max_tokens":5,"system":"be brief","messages":[{"role":"assistant","content":"two"},{"role":"user","content":"say \"hi\""}],"stream":true,"tools":[{"name":"look","input_schema":{"type":"object"}}],"metadata":{"user_id":"me"}}"#;
        assert_eq!(body(&chat), streamed);
    }

    #[test]
    fn a_request_is_read_whatever_else_stands_in_it() {
        let body = br#"{"model":"chat","max_tokens":9,"stream":true,"system":[{"type":"text","text":"be very brief"}],
            "messages":[{"role":"user","content":[{"type":"text","text":"say this"},{"type":"image","source":{"a":1}}]},
            {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n","input":{"text":"no word"}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"five words of a tool"}]}]}"#;
        let expected = ChatRequest {
            model: Cow::Borrowed("chat"),
            stream: true,
            include_usage: true,
            continuous_usage: false,
            prompt: "say this".into(),
            words: 10,
            max_tokens: Some(9),
            inputs: None,
        };
        assert_eq!(read_request(body), Ok(expected));
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (body, expected) in [
            ("", Unfit::NotJson),
            (r#"{"model":"m","messages":7,"max_tokens":1}"#, Unfit::NotJson),
            (r#"{"model":"m","messages":[],"max_tokens":"1"}"#, Unfit::NotJson),
            (r#"{"model":"m","messages":[],"max_tokens":-1}"#, Unfit::NotJson),
            (r#"{"messages":[],"max_tokens":1}"#, Unfit::NoModel),
            (r#"{"model":"m","max_tokens":1}"#, Unfit::NoMessages),
            (r#"{"model":"m","messages":[]}"#, Unfit::NoMaxTokens),
        ] {
            assert_eq!(read_request(body.as_bytes()), Err(expected), "{body}");
        }
    }
}
