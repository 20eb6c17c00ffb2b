//! A chat completion as a client sees it: the request's body, the plain answer, the events of a stream.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

/// A chat request with one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The model.
    pub model: String,
    /// The text of the one message, which the user says.
    pub prompt: String,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the stream is to end with an event that tells the usage. Nothing is said of it in a request for a plain answer,
    /// where a provider would refuse it.
    pub include_usage: bool,
    /// Further fields. One that is named like a field above replaces it.
    pub extra: Map<String, Value>,
}

impl Chat {
    /// The request's body. The fields stand in a fixed order, so that equal requests are equal bytes.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(self.model));
        body.insert("messages".to_owned(), json!([{ "role": "user", "content": self.prompt }]));
        if self.stream {
            body.insert("stream".to_owned(), json!(true));
            if self.include_usage {
                body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
            }
        }
        body.extend(self.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(body).to_string().into_bytes()
    }
}

/// The tokens that a response reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Tokens of the input, cached ones included.
    #[serde(default, rename = "prompt_tokens")]
    pub input: u64,
    /// Tokens of the output, reasoning included.
    #[serde(default, rename = "completion_tokens")]
    pub output: u64,
}

/// A plain answer. Of several choices it is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What was said; none for an answer without text, such as a call of a tool.
    pub text: Option<Cow<'a, str>>,
    /// Why it ended there.
    pub finish_reason: Option<Cow<'a, str>>,
    /// What it cost; none where the provider does not tell.
    pub usage: Option<Usage>,
}

impl<'a> Answer<'a> {
    /// Reads the body of a successful response; none if it is no chat completion.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let body: Body<'a> = serde_json::from_slice(body).ok()?;
        let choice = body.choices?.0?;
        Some(Self {
            text: choice.message?.content.map(|text| text.0),
            finish_reason: choice.finish_reason.map(|text| text.0),
            usage: body.usage,
        })
    }
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent<'a> {
    /// A piece of the answer.
    Chunk(Chunk<'a>),
    /// An error in place of a piece: the event's data is an error body.
    Error,
    /// The marker that ends every sound stream: `[DONE]`.
    Done,
    /// Something that no stream of this dialect holds.
    Unreadable,
}

/// A piece of a streamed answer. Of several choices it is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The text that it adds; none, or empty, for the pieces that tell the role, the finish or the usage.
    pub text: Option<Cow<'a, str>>,
    /// Why the answer ended, on its last piece.
    pub finish_reason: Option<Cow<'a, str>>,
    /// What the answer cost, on the piece after the last one if it was asked for.
    pub usage: Option<Usage>,
}

impl<'a> ChatEvent<'a> {
    /// Reads an event's data.
    #[must_use]
    pub fn read(data: &'a [u8]) -> Self {
        if data == b"[DONE]" {
            return Self::Done;
        }
        let Ok(body) = serde_json::from_slice::<Body<'a>>(data) else {
            return Self::Unreadable;
        };
        match (body.error, body.choices) {
            (Some(_), _) => Self::Error,
            (None, None) => Self::Unreadable,
            (None, Some(First(choice))) => {
                let (delta, finish_reason) =
                    choice.map_or((None, None), |choice| (choice.delta, choice.finish_reason));
                Self::Chunk(Chunk {
                    text: delta.and_then(|delta| delta.content).map(|text| text.0),
                    finish_reason: finish_reason.map(|text| text.0),
                    usage: body.usage,
                })
            }
        }
    }
}

/// The body of an answer and of an event alike; each reader takes what it needs, and the rest is skipped over.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(borrow)]
    choices: Option<First<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Option<Said<'a>>,
    #[serde(borrow, default)]
    delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
}

/// A text that borrows from the input unless it holds escapes: a bare `Option<Cow>` would always be copied.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The first item of a list, read without building the list.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstVisitor(PhantomData))
    }
}

struct FirstVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstVisitor<T> {
    type Value = First<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<First<T>, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat = Chat {
            model: "chat".into(),
            prompt: "say \"hi\"".into(),
            include_usage: true,
            ..Chat::default()
        };
        let plain = r#"{"model":"chat","messages":[{"role":"user","content":"say \"hi\""}]}"#;
        assert_eq!(String::from_utf8(chat.body()).unwrap(), plain);
        chat.stream = true;
        chat.extra.insert("max_tokens".into(), json!(5));
        chat.extra.insert("model".into(), json!("other"));
        let streamed = r#"{"model":"other","messages":[{"role":"user","content":"say \"hi\""}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":5}"#;
        assert_eq!(String::from_utf8(chat.body()).unwrap(), streamed);
    }

    #[test]
    fn an_answer_is_read_whatever_else_stands_in_it() {
        let body = br#"{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",
            "content":"two\nlines","refusal":null},"logprobs":null,"finish_reason":"stop"},{"message":{"content":"no"}}],
            "usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8,"prompt_tokens_details":{"cached_tokens":0}}}"#;
        let answer = Answer::read(body).unwrap();
        assert_eq!(answer.text.as_deref(), Some("two\nlines"));
        assert_eq!(answer.finish_reason.as_deref(), Some("stop"));
        assert_eq!(answer.usage, Some(Usage { input: 3, output: 5 }));
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let answer = Answer::read(br#"{"choices":[{"message":{"content":"plain"}}]}"#).unwrap();
        assert!(matches!(answer.text, Some(Cow::Borrowed("plain"))));
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"choices":[]}"#,
            r#"{"choices":[{}]}"#,
            r#"{"error":{"message":"m"}}"#,
        ] {
            assert_eq!(Answer::read(body.as_bytes()), None, "{body}");
        }
        let tool_call = Answer::read(br#"{"choices":[{"message":{"content":null}}]}"#).unwrap();
        assert_eq!((tool_call.text, tool_call.usage), (None, None));
    }

    #[test]
    fn the_events_of_a_stream_are_told_apart() {
        let chunk = |text: Option<&'static str>, finish: Option<&'static str>, usage| {
            ChatEvent::Chunk(Chunk {
                text: text.map(Cow::Borrowed),
                finish_reason: finish.map(Cow::Borrowed),
                usage,
            })
        };
        let cases = [
            (r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, chunk(Some(""), None, None)),
            (r#"{"choices":[{"delta":{"content":"a b"}}],"usage":null}"#, chunk(Some("a b"), None, None)),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, chunk(None, Some("stop"), None)),
            (
                r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
                chunk(None, None, Some(Usage { input: 1, output: 2 })),
            ),
            ("[DONE]", ChatEvent::Done),
            (r#"{"error":{"message":"m","type":"server_error"}}"#, ChatEvent::Error),
            (r#"{"id":"x"}"#, ChatEvent::Unreadable),
            ("[done]", ChatEvent::Unreadable),
            ("{\"choices\":", ChatEvent::Unreadable),
        ];
        for (data, expected) in cases {
            assert_eq!(ChatEvent::read(data.as_bytes()), expected, "{data}");
        }
    }
}
