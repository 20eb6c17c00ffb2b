//! Requests of chat completions: as a client writes their bodies, and as a provider reads them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::Chat;
use crate::json::Text;
use crate::openai::Flavor;
use crate::request::{ChatRequest, Messages, Unfit, tokens};

/// The body of a request. The fields stand in a fixed order, so that equal requests are equal bytes.
pub(crate) fn request_body(chat: &Chat) -> Vec<u8> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(chat.model));
    let system = chat.system.iter().map(|system| ("system", system.as_str()));
    let message = |(role, content)| json!({ "role": role, "content": content });
    set("messages", system.chain(chat.turns("assistant")).map(message).collect());
    if chat.stream {
        set("stream", json!(true));
        if chat.include_usage {
            set("stream_options", json!({ "include_usage": true }));
        }
    }
    if let Some(most) = chat.max_tokens {
        set("max_tokens", json!(most));
    }
    if !chat.tools.is_empty() {
        let tool = |name| json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } });
        set("tools", chat.tools.iter().map(tool).collect());
    }
    if let Some(user) = &chat.user {
        set("user", json!(user));
    }
    chat.body(body)
}

/// Reads a request's body. The model that the path names goes before that of the body.
pub(crate) fn read_request<'a>(
    flavor: Flavor,
    path_model: Option<Cow<'a, str>>,
    body: &'a [u8],
) -> Result<ChatRequest<'a>, Unfit> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
    let model = path_model.or(body.model.map(|model| model.0)).ok_or(Unfit::NoModel)?;
    let messages = body.messages.ok_or(Unfit::NoMessages)?;
    let stream = body.stream.unwrap_or(false);
    let options = body.stream_options;
    let by_default = flavor.includes_usage_by_default();
    Ok(ChatRequest {
        model,
        stream,
        include_usage: options.as_ref().is_some_and(|options| options.include_usage.unwrap_or(by_default)),
        continuous_usage: flavor == Flavor::Vllm
            && options.is_some_and(|options| options.continuous_usage_stats.unwrap_or(false)),
        prompt: messages.prompt,
        words: messages.words,
        max_tokens: body.max_completion_tokens.or(body.max_tokens).map(tokens),
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
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
    continuous_usage_stats: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Said;

    fn read_request(body: &[u8]) -> Result<ChatRequest<'_>, Unfit> {
        super::read_request(Flavor::Openai, None, body)
    }

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat = Chat {
            model: "chat".into(),
            prompt: "say \"hi\"".into(),
            include_usage: true,
            ..Chat::default()
        };
        let body = |chat: &Chat| String::from_utf8(request_body(chat)).unwrap();
        let plain = r#"{"model":"chat","messages":[{"role":"user","content":"say \"hi\""}]}"#;
        assert_eq!(body(&chat), plain);
        chat.stream = true;
        chat.system = Some("be brief".into());
        chat.said = vec![
            Said { by_assistant: false, text: "one".into() },
            Said { by_assistant: true, text: "two".into() },
        ];
        chat.max_tokens = Some(5);
        chat.tools = vec!["look".into()];
        chat.user = Some("me".into());
        chat.extra.insert("model".into(), json!("other"));
        let streamed = r#"{"model":"other","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"one"},{"role":"assistant","content":"two"},{"role":"user","content":"say \"hi\""}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}],"user":"me"}"#;
        assert_eq!(body(&chat), streamed);
    }

    #[test]
    fn a_request_is_read_whatever_else_stands_in_it() {
        let body = br#"{"model":"chat","temperature":0.5,"stream":true,"stream_options":{"include_usage":true},
            "messages":[{"role":"system","content":"be brief"},{"role":"user","name":"x y",
            "content":[{"type":"text","text":"say\nthis aloud"},{"type":"image_url","image_url":{"url":"a b"}}]},
            {"role":"assistant","content":null}],"tools":[{"a":[1,2]}],"max_tokens":9,"max_completion_tokens":8}"#;
        let expected = ChatRequest {
            model: Cow::Borrowed("chat"),
            stream: true,
            include_usage: true,
            continuous_usage: false,
            prompt: "say\nthis aloud".into(),
            words: 5,
            max_tokens: Some(8),
            inputs: None,
        };
        assert_eq!(read_request(body), Ok(expected));
    }

    #[test]
    fn the_last_prompt_of_the_user_is_read_without_a_copy() {
        let body =
            br#"{"model":"m","messages":[{"role":"user","content":"first"},{"content":"last","role":"user"},
            {"role":"assistant","content":"no"},{"role":"tool","content":"nor this"}]}"#;
        let read = read_request(body).unwrap();
        assert!(matches!(read.prompt, Cow::Borrowed("last")), "{:?}", read.prompt);
        assert_eq!(read.words, 5);
        let parts = br#"{"model":"m","messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]}]}"#;
        assert_eq!(read_request(parts).unwrap().prompt, "a\nb");
    }

    #[test]
    fn a_bare_request_asks_for_no_stream() {
        let read = read_request(br#"{"model":"m","messages":[]}"#).unwrap();
        assert_eq!((read.stream, read.include_usage, read.words, read.max_tokens), (false, false, 0, None));
        assert_eq!(read.prompt, "");
    }

    #[test]
    fn the_usage_is_asked_for_in_the_options_of_the_stream() {
        for (options, openai, vllm) in [
            ("", (false, false), (false, false)),
            (r#","stream_options":{}"#, (false, false), (true, false)),
            (r#","stream_options":{"include_usage":false}"#, (false, false), (false, false)),
            (r#","stream_options":{"include_usage":true}"#, (true, false), (true, false)),
            (r#","stream_options":{"continuous_usage_stats":true}"#, (false, false), (true, true)),
        ] {
            let body = format!(r#"{{"model":"m","messages":[],"stream":true{options}}}"#);
            for (flavor, expected) in [(Flavor::Openai, openai), (Flavor::Vllm, vllm)] {
                let read = super::read_request(flavor, None, body.as_bytes()).unwrap();
                assert_eq!((read.include_usage, read.continuous_usage), expected, "{flavor:?} {options}");
            }
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (body, expected) in [
            ("", Unfit::NotJson),
            ("[]", Unfit::NotJson),
            ("{\"model\":", Unfit::NotJson),
            (r#"{"model":7,"messages":[]}"#, Unfit::NotJson),
            (r#"{"model":"m","messages":7}"#, Unfit::NotJson),
            (r#"{"model":"m","messages":["hi"]}"#, Unfit::NotJson),
            (r#"{"model":"m","messages":[{"role":"user","content":7}]}"#, Unfit::NotJson),
            (r#"{"messages":[]}"#, Unfit::NoModel),
            (r#"{"model":"m"}"#, Unfit::NoMessages),
        ] {
            assert_eq!(read_request(body.as_bytes()), Err(expected), "{body}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_harms_nobody() {
        let nested = "[".repeat(100_000);
        let deep = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{nested}"#);
        assert_eq!(read_request(deep.as_bytes()), Err(Unfit::NotJson));
    }
}
