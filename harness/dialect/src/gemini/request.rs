//! Requests of `generateContent`: as a client writes their bodies, and as a provider reads them. The path names the model
//! and says whether a stream is asked for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::Chat;
use crate::json::Text;
use crate::request::{ChatRequest, Content, Unfit, tokens};

/// The body of a request. The fields stand in a fixed order, so that equal requests are equal bytes. The dialect has no place
/// for the end user.
pub(crate) fn request_body(chat: &Chat) -> Vec<u8> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    if let Some(system) = &chat.system {
        set("systemInstruction", json!({ "parts": [{ "text": system }] }));
    }
    let content = |(role, text)| json!({ "role": role, "parts": [{ "text": text }] });
    set("contents", chat.turns("model").map(content).collect());
    if let Some(most) = chat.max_tokens {
        set("generationConfig", json!({ "maxOutputTokens": most }));
    }
    if !chat.tools.is_empty() {
        let tool = |name| json!({ "name": name, "parameters": { "type": "object" } });
        let tools: Value = chat.tools.iter().map(tool).collect();
        set("tools", json!([{ "functionDeclarations": tools }]));
    }
    chat.body(body)
}

/// Reads a request's body. The usage is told whether it is asked for or not.
pub(crate) fn read_request<'a>(
    path_model: Option<Cow<'a, str>>,
    stream: bool,
    body: &'a [u8],
) -> Result<ChatRequest<'a>, Unfit> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
    let contents = body.contents.filter(|contents| !contents.is_empty()).ok_or(Unfit::NoMessages)?;
    let mut words = body.system.and_then(|system| system.parts).map_or(0, |parts| parts.words);
    let mut prompt = Cow::Borrowed("");
    for message in contents {
        let Some(parts) = message.parts else { continue };
        words = words.saturating_add(parts.words);
        let of_user = message.role.is_none_or(|role| role.0 == "user");
        if let Some(text) = parts.text.filter(|_| of_user) {
            prompt = text;
        }
    }
    Ok(ChatRequest {
        model: path_model.ok_or(Unfit::NoModel)?,
        stream,
        include_usage: true,
        continuous_usage: false,
        prompt,
        words,
        max_tokens: body.generation.and_then(|generation| generation.most).map(tokens),
        inputs: None,
    })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "systemInstruction", alias = "system_instruction")]
    system: Option<Message<'a>>,
    #[serde(borrow)]
    contents: Option<Vec<Message<'a>>>,
    #[serde(rename = "generationConfig", alias = "generation_config")]
    generation: Option<Generation>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    parts: Option<Content<'a>>,
}

#[derive(Deserialize)]
struct Generation {
    #[serde(rename = "maxOutputTokens", alias = "max_output_tokens")]
    most: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Said;

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat = Chat { model: "chat".into(), prompt: "say \"hi\"".into(), ..Chat::default() };
        let body = |chat: &Chat| String::from_utf8(request_body(chat)).unwrap();
        let prompt = r#"{"role":"user","parts":[{"text":"say \"hi\""}]}"#;
        assert_eq!(body(&chat), format!(r#"{{"contents":[{prompt}]}}"#));
        chat.system = Some("be brief".into());
        chat.said = vec![Said { by_assistant: true, text: "two".into() }];
        chat.max_tokens = Some(5);
        chat.tools = vec!["look".into()];
        chat.extra.insert("safetySettings".into(), json!([]));
        let expected = format!(
            r#"{{"systemInstruction":{{"parts":[{{"text":"be brief"}}]}},"contents":[{{"role":"model","parts":[{{"text":"two"}}]}},{prompt}],"generationConfig":{{"maxOutputTokens":5}},"tools":[{{"functionDeclarations":[{{"name":"look","parameters":{{"type":"object"}}}}]}}],"safetySettings":[]}}"#
        );
        assert_eq!(body(&chat), expected);
    }

    #[test]
    fn a_request_is_read_whatever_else_stands_in_it() {
        let body = br#"{"system_instruction":{"parts":[{"text":"be very brief"}]},"contents":[
            {"role":"user","parts":[{"text":"say this"},{"inlineData":{"mimeType":"a/b","data":""}}]},
            {"role":"model","parts":[{"functionCall":{"name":"n","args":{"text":"no word"}}}]},
            {"role":"function","parts":[{"functionResponse":{"name":"n","response":{}}}]}],
            "generationConfig":{"temperature":0,"maxOutputTokens":9},"safetySettings":[{"a":1}]}"#;
        let expected = ChatRequest {
            model: Cow::Borrowed("chat"),
            stream: true,
            include_usage: true,
            continuous_usage: false,
            prompt: "say this".into(),
            words: 5,
            max_tokens: Some(9),
            inputs: None,
        };
        assert_eq!(read_request(Some("chat".into()), true, body), Ok(expected));
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let model = || Some(Cow::Borrowed("m"));
        for (model, body, expected) in [
            (model(), "", Unfit::NotJson),
            (model(), r#"{"contents":7}"#, Unfit::NotJson),
            (model(), r#"{"contents":[{"parts":7}]}"#, Unfit::NotJson),
            (model(), "{}", Unfit::NoMessages),
            (model(), r#"{"contents":[]}"#, Unfit::NoMessages),
            (None, r#"{"contents":[{"parts":[{"text":"x"}]}]}"#, Unfit::NoModel),
        ] {
            assert_eq!(read_request(model, false, body.as_bytes()), Err(expected), "{body}");
        }
    }
}
