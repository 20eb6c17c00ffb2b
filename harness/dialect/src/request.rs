//! A request to a model as a provider reads it: only what a reply depends on, without building a tree of the rest.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::embeddings::Inputs;
use crate::json::Text;

/// What a provider needs to know of a request to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRequest<'a> {
    /// The model.
    pub model: Cow<'a, str>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the stream is to tell the usage.
    pub include_usage: bool,
    /// Whether it is to tell the usage on every event.
    pub continuous_usage: bool,
    /// What the user said last; empty if nothing. The texts of several parts are joined by line feeds.
    pub prompt: Cow<'a, str>,
    /// How many words all messages hold together. A simulated provider counts each as one token.
    pub words: u64,
    /// The most tokens that the answer may have.
    pub max_tokens: Option<u32>,
    /// What is to be embedded; none for a request that asks for a text.
    pub inputs: Option<Inputs>,
}

/// Why a body is no request to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no JSON object with fields of the right types.
    NotJson,
    /// It names no model.
    NoModel,
    /// It has no messages.
    NoMessages,
    /// It has no input, which it has in place of messages.
    NoInput,
    /// It does not say how long the answer may be, where the dialect wants to know.
    NoMaxTokens,
}

/// How many words a text has: runs of characters between the white space of ASCII.
#[must_use]
pub fn count_words(text: &str) -> u64 {
    text.split_ascii_whitespace().count() as u64
}

/// All messages: how many words they hold, and what the user said last.
#[derive(Default)]
pub(crate) struct Messages<'a> {
    pub(crate) words: u64,
    pub(crate) prompt: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

/// What is said in one place: a text, or parts with texts.
#[derive(Default)]
pub(crate) struct Content<'a> {
    pub(crate) words: u64,
    pub(crate) text: Option<Cow<'a, str>>,
}

/// A part of a content. A result of a tool has a content of its own, which counts and is not what the user said.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

impl<'a> Messages<'a> {
    /// One message of the user.
    pub(crate) fn of_user(text: Cow<'a, str>) -> Self {
        Self { words: count_words(&text), prompt: text }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(MessagesVisitor)
    }
}

pub(crate) struct MessagesVisitor;

impl<'de> Visitor<'de> for MessagesVisitor {
    type Value = Messages<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Messages<'de>, A::Error> {
        let mut messages = Messages::default();
        while let Some(message) = items.next_element::<Message<'de>>()? {
            let Some(content) = message.content else { continue };
            messages.words = messages.words.saturating_add(content.words);
            let of_user = message.role.is_some_and(|role| role.0 == "user");
            if let Some(text) = content.text.filter(|_| of_user) {
                messages.prompt = text;
            }
        }
        Ok(messages)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a list of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
        Ok(Content::of(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
        Ok(Content::of(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Content<'de>, E> {
        Ok(Content::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content<'de>, A::Error> {
        let mut content = Content::default();
        while let Some(part) = items.next_element::<Part<'de>>()? {
            content.words = content.words.saturating_add(part.content.map_or(0, |inner| inner.words));
            if let Some(Text(text)) = part.text {
                content.add(text);
            }
        }
        Ok(content)
    }
}

impl<'a> Content<'a> {
    fn of(text: Cow<'a, str>) -> Self {
        Self { words: count_words(&text), text: Some(text) }
    }

    fn add(&mut self, text: Cow<'a, str>) {
        self.words = self.words.saturating_add(count_words(&text));
        match &mut self.text {
            None => self.text = Some(text),
            Some(said) => {
                let said = said.to_mut();
                said.push('\n');
                said.push_str(&text);
            }
        }
    }
}

/// A number of tokens as a request or a response states it. More than there can be is as many as there can be.
pub(crate) fn tokens(stated: u64) -> u32 {
    u32::try_from(stated).unwrap_or(u32::MAX)
}
