//! A chat request as a provider reads it: only what a reply depends on, without building a tree of the rest.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a provider needs to know of a chat request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRequest<'a> {
    /// The model.
    pub model: Cow<'a, str>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the stream is to end with an event that tells the usage.
    pub include_usage: bool,
    /// How many words all messages hold together. A simulated provider counts each as one token.
    pub words: u64,
}

/// Why a body is no chat request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no JSON object with fields of the right types.
    NotJson,
    /// It names no model.
    NoModel,
    /// It has no messages.
    NoMessages,
}

impl<'a> ChatRequest<'a> {
    /// Reads a request's body.
    ///
    /// # Errors
    /// If it is no chat request, what is wrong with it.
    pub fn read(body: &'a [u8]) -> Result<Self, Unfit> {
        let body: Body<'a> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
        let model = body.model.ok_or(Unfit::NoModel)?.0;
        let words = body.messages.ok_or(Unfit::NoMessages)?.0;
        Ok(Self {
            model,
            stream: body.stream.unwrap_or(false),
            include_usage: body.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
            words,
        })
    }
}

/// How many words a text has: runs of characters between the white space of ASCII.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    u64::try_from(text.split_ascii_whitespace().count()).unwrap_or(u64::MAX)
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    messages: Option<Words>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// A text that borrows from the input unless it holds escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The number of words in the messages, their contents or the parts of those, whichever is read.
struct Words(u64);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor).map(Self)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("messages")
    }

    fn visit_str<E>(self, text: &str) -> Result<u64, E> {
        Ok(count_words(text))
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut words = 0_u64;
        while let Some(item) = items.next_element::<Words>()? {
            words = words.saturating_add(item.0);
        }
        Ok(words)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<u64, A::Error> {
        let mut words = 0_u64;
        while let Some(name) = entries.next_key::<Text<'de>>()? {
            // A message says something in `content`, a part of a content in `text`. All else is no speech.
            if matches!(name.0.as_ref(), "content" | "text") {
                words = words.saturating_add(entries.next_value::<Words>()?.0);
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_whatever_else_stands_in_it() {
        let body = br#"{"model":"chat","temperature":0.5,"stream":true,"stream_options":{"include_usage":true},
            "messages":[{"role":"system","content":"be brief"},{"role":"user","name":"x y",
            "content":[{"type":"text","text":"say\nthis aloud"},{"type":"image_url","image_url":{"url":"a b"}}]},
            {"role":"assistant","content":null}],"tools":[{"a":[1,2]}]}"#;
        let expected =
            ChatRequest { model: Cow::Borrowed("chat"), stream: true, include_usage: true, words: 5 };
        assert_eq!(ChatRequest::read(body), Ok(expected));
    }

    #[test]
    fn a_bare_request_asks_for_no_stream() {
        let read = ChatRequest::read(br#"{"model":"m","messages":[]}"#).unwrap();
        assert_eq!((read.stream, read.include_usage, read.words), (false, false, 0));
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (body, expected) in [
            ("", Unfit::NotJson),
            ("[]", Unfit::NotJson),
            ("{\"model\":", Unfit::NotJson),
            (r#"{"model":7,"messages":[]}"#, Unfit::NotJson),
            (r#"{"model":"m","messages":7}"#, Unfit::NotJson),
            (r#"{"messages":[]}"#, Unfit::NoModel),
            (r#"{"model":"m"}"#, Unfit::NoMessages),
            (r#"{"model":"m","messages":null}"#, Unfit::NoMessages),
        ] {
            assert_eq!(ChatRequest::read(body.as_bytes()), Err(expected), "{body}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_harms_nobody() {
        let deep = format!(r#"{{"model":"m","messages":{}"#, "[".repeat(100_000));
        assert_eq!(ChatRequest::read(deep.as_bytes()), Err(Unfit::NotJson));
    }
}
