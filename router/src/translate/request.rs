//! A chat completion request as a request for a message. What the provider has no word for is refused by name.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;

use super::messages::{Message, conversation};
use super::tools::{Tool, tool_choice, tools};

/// Why a request cannot be put into the provider's words.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{problem}")]
pub(crate) struct Untranslatable {
    /// The field that stands in the way.
    pub(crate) field: String,
    pub(crate) problem: String,
}

impl Untranslatable {
    pub(super) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }
}

/// The provider insists on a limit. This one leaves room for a long answer, and every model allows it.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = 4096;

/// What has no counterpart and changes nothing about the answer that a client could hold us to.
const WITHOUT_EFFECT: [&str; 8] = [
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "stream_options",
    "model",
];

#[derive(Serialize)]
struct MessageRequest<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_sequences: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<Tool<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

/// The request in the provider's words, for the provider's model.
pub(crate) fn translated_request(body: &[u8], model: &str) -> Result<Bytes, Untranslatable> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body)
        .map_err(|error| Untranslatable::new("", format!("the body cannot be read: {error}")))?;
    let mut fields = Fields(fields);
    let limits: [Option<u64>; 2] = [fields.take("max_completion_tokens")?, fields.take("max_tokens")?];
    let Some(messages) = fields.raw("messages") else {
        return Err(Untranslatable::new("messages", "the field `messages` is missing"));
    };
    let (system, messages) = conversation(messages)?;
    let choice: Option<Value> = fields.take("tool_choice")?;
    let choice = tool_choice(choice.as_ref(), fields.take("parallel_tool_calls")?)?;
    let request = MessageRequest {
        model,
        max_tokens: limits.into_iter().flatten().next().unwrap_or(DEFAULT_MAX_TOKENS),
        system,
        messages,
        temperature: fields.raw("temperature"),
        top_p: fields.raw("top_p"),
        stop_sequences: fields.take::<OneOrMany>("stop")?.map(OneOrMany::into_list),
        tools: fields.raw("tools").map(tools).transpose()?,
        tool_choice: choice,
        metadata: fields.take::<String>("user")?.map(|user| json!({ "user_id": user })),
        stream: fields.take("stream")?.unwrap_or(false),
    };
    fields.refuse_the_rest()?;
    let bytes = serde_json::to_vec(&request)
        .map_err(|error| Untranslatable::new("", format!("the request cannot be written: {error}")))?;
    Ok(Bytes::from(bytes))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// The fields that are not dealt with yet.
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// A field as it was written. `null` is as good as absent.
    fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name).filter(|raw| raw.get() != "null")
    }

    fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Untranslatable> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let value = serde_json::from_str(raw.get());
        value
            .map(Some)
            .map_err(|_| Untranslatable::new(name, format!("the field `{name}` has the wrong type")))
    }

    fn refuse_the_rest(self) -> Result<(), Untranslatable> {
        for (name, raw) in self.0 {
            let is_harmless = WITHOUT_EFFECT.contains(&name.as_str()) || says_nothing(&name, raw);
            if !is_harmless && raw.get() != "null" {
                let problem = format!("the provider of this model has nothing like `{name}`: leave it out");
                return Err(Untranslatable::new(&name, problem));
            }
        }
        Ok(())
    }
}

/// Whether a field asks for what happens without it anyway.
fn says_nothing(name: &str, raw: &RawValue) -> bool {
    let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
    match name {
        "n" => value == 1,
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "logprobs" => value == false,
        "logit_bias" => value == json!({}),
        "modalities" => value == json!(["text"]),
        "response_format" => value == json!({ "type": "text" }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(body: &Value) -> Value {
        let bytes = translated_request(body.to_string().as_bytes(), "claude").unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn what_has_a_counterpart_is_put_into_the_providers_words() {
        let got = translated(&json!({
            "model": "chat", "stream": true, "stream_options": { "include_usage": true }, "user": "u-1",
            "max_completion_tokens": 7, "temperature": 0.25, "top_p": 1, "stop": "END", "n": 1, "seed": 3,
            "presence_penalty": 0, "metadata": { "a": "b" }, "logit_bias": null,
            "messages": [{ "role": "system", "content": "be brief" }, { "role": "user", "content": "hi" }],
        }));
        let expected = json!({
            "model": "claude", "max_tokens": 7, "system": "be brief",
            "messages": [{ "role": "user", "content": "hi" }],
            "temperature": 0.25, "top_p": 1, "stop_sequences": ["END"],
            "metadata": { "user_id": "u-1" }, "stream": true,
        });
        assert_eq!(got, expected);
    }

    #[test]
    fn a_limit_is_given_and_a_plain_request_stays_plain() {
        let got = translated(&json!({ "model": "chat", "messages": [{ "role": "user", "content": "hi" }] }));
        let expected = json!({
            "model": "claude", "max_tokens": DEFAULT_MAX_TOKENS, "messages": [{ "role": "user", "content": "hi" }],
        });
        assert_eq!(got, expected);
    }

    #[test]
    fn what_has_no_counterpart_is_refused_by_name() {
        let cases = [
            ("n", json!(2)),
            ("logprobs", json!(true)),
            ("response_format", json!({ "type": "json_object" })),
            ("frequency_penalty", json!(0.5)),
            ("functions", json!([])),
            ("never_heard_of", json!(1)),
            ("max_tokens", json!("many")),
            ("stop", json!(1)),
            ("tool_choice", json!("sometimes")),
        ];
        for (field, value) in cases {
            let mut body = json!({ "model": "chat", "messages": [] });
            body[field] = value;
            let refused = translated_request(body.to_string().as_bytes(), "claude").unwrap_err();
            assert_eq!(refused.field, field, "{refused}");
        }
        assert_eq!(translated_request(br#"{"model":"chat"}"#, "claude").unwrap_err().field, "messages");
    }
}
