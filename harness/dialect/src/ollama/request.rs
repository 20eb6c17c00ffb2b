//! Requests of Ollama's chat: as a client writes their bodies, and as a provider reads them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::Chat;
use crate::json::Text;
use crate::request::{ChatRequest, Messages, Unfit, tokens};

/// The body of a request. The fields stand in a fixed order, so that equal requests are equal bytes. A stream is the default
/// here, so that it is always said whether one is asked for. The dialect has no place for the end user.
pub(crate) fn request_body(chat: &Chat) -> Vec<u8> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(chat.model));
    let system = chat.system.iter().map(|system| ("system", system.as_str()));
    let message = |(role, content)| json!({ "role": role, "content": content });
    set("messages", system.chain(chat.turns("assistant")).map(message).collect());
    set("stream", json!(chat.stream));
    if !chat.tools.is_empty() {
        let tool = |name| json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } });
        set("tools", chat.tools.iter().map(tool).collect());
    }
    if let Some(most) = chat.max_tokens {
        set("options", json!({ "num_predict": most }));
    }
    chat.body(body)
}

/// Reads a request's body. The usage is told whether it is asked for or not.
pub(crate) fn read_request(body: &[u8]) -> Result<ChatRequest<'_>, Unfit> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
    let model = body.model.ok_or(Unfit::NoModel)?.0;
    let messages = body.messages.ok_or(Unfit::NoMessages)?;
    let most = body.options.and_then(|options| options.num_predict);
    Ok(ChatRequest {
        model,
        stream: body.stream.unwrap_or(true),
        include_usage: true,
        continuous_usage: false,
        prompt: messages.prompt,
        words: messages.words,
        // A negative number asks for as many as there may be.
        max_tokens: most.and_then(|most| u64::try_from(most).ok()).map(tokens),
        inputs: None,
    })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Option<Messages<'a>>,
    stream: Option<bool>,
    options: Option<Options>,
}

#[derive(Deserialize)]
struct Options {
    num_predict: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat = Chat { model: "chat".into(), prompt: "hi".into(), ..Chat::default() };
        let body = |chat: &Chat| String::from_utf8(request_body(chat)).unwrap();
        let plain = r#"{"model":"chat","messages":[{"role":"user","content":"hi"}],"stream":false}"#;
        assert_eq!(body(&chat), plain);
        chat.stream = true;
        chat.system = Some("be brief".into());
        chat.max_tokens = Some(5);
        chat.tools = vec!["look".into()];
        let streamed = r#"{"model":"chat","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"stream":true,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}],"options":{"num_predict":5}}"#;
        assert_eq!(body(&chat), streamed);
    }

    #[test]
    fn a_stream_is_asked_for_unless_it_is_refused() {
        for (rest, stream, most) in [
            ("", true, None),
            (r#","stream":true,"options":{"temperature":0}"#, true, None),
            (r#","stream":false,"options":{"num_predict":9}"#, false, Some(9)),
            (r#","options":{"num_predict":-1}"#, true, None),
        ] {
            let body =
                format!(r#"{{"model":"m","messages":[{{"role":"user","content":"two words"}}]{rest}}}"#);
            let read = read_request(body.as_bytes()).unwrap();
            assert_eq!((read.stream, read.max_tokens, read.words), (stream, most, 2), "{rest}");
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (body, expected) in [
            ("", Unfit::NotJson),
            (r#"{"model":"m","messages":7}"#, Unfit::NotJson),
            (r#"{"messages":[]}"#, Unfit::NoModel),
            (r#"{"model":"m"}"#, Unfit::NoMessages),
        ] {
            assert_eq!(read_request(body.as_bytes()), Err(expected), "{body}");
        }
    }
}
