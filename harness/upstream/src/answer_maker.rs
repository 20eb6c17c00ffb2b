//! Answers of a dialect, made from what the scenario says of them.

use std::sync::Arc;

use dialect::{Answer, Finish, Framing, LineEnd, TextHash, ToolCall, Usage, UsagePlace, count_words};
use record::{NameId, Tokens};
use scenario::{FramingWords, Reply, StreamShape, Values};

use crate::draw::Draws;
use crate::material::Material;
use crate::preparation::Preparation;
use crate::speech::Chat;

/// Makes the answers of one reply.
#[derive(Debug)]
pub(crate) struct AnswerMaker {
    /// The number of the answer's name.
    pub(crate) name: NameId,
    pub(crate) shape: StreamShape,
    text: Material,
    /// What is known of a text that is always the same.
    fixed: Option<FixedText>,
    /// The usage, where the scenario sets it.
    usage: Option<Usage>,
    finish: Finish,
    /// Names and arguments of the tools that it calls.
    tools: Vec<(String, String)>,
    no_tools: Arc<[ToolCall]>,
}

#[derive(Debug)]
struct FixedText {
    text: Arc<str>,
    words: u32,
    hash: u32,
}

/// An answer to one request.
#[derive(Debug)]
pub(crate) struct MadeAnswer {
    pub(crate) answer: Answer,
    /// The hash of its text; 0 for an answer without any.
    pub(crate) hash: u32,
}

/// What an upstream says that was not told what to say.
pub(crate) const DEFAULT_TEXT: &str =
    "This is the answer of a simulated provider, and it is always the same.";

impl AnswerMaker {
    pub(crate) fn new(reply: &Reply, place: &str, preparation: &mut Preparation<'_>) -> Self {
        let data = reply.text.as_ref();
        let text = data.map_or_else(
            || Material::text(DEFAULT_TEXT),
            |data| Material::new(data, preparation.seed_of(place)),
        );
        let fixed = match &text {
            Material::Fixed(bytes) => Some(FixedText::new(&String::from_utf8_lossy(bytes))),
            Material::Filled(_) | Material::Sequence(..) => None,
        };
        let usage = reply.usage.as_ref().map(|usage| Usage {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
            total: usage.total,
        });
        let tokens = usage.map(|usage| Tokens {
            input: usage.input.into(),
            cache_read: usage.cache_read.into(),
            cache_write: usage.cache_write.into(),
            output: usage.output.into(),
            reasoning: Some(usage.reasoning.into()),
        });
        let tools: Vec<(String, String)> =
            reply.tools.iter().map(|tool| (tool.name.clone(), tool.arguments.clone())).collect();
        let told = fixed.as_ref().map(|fixed| (&*fixed.text, fixed.hash));
        Self {
            name: preparation.tell_answer(place, told, tokens, &tools),
            shape: reply.shape(),
            text,
            fixed,
            usage,
            finish: finish(reply),
            tools,
            no_tools: Arc::from([]),
        }
    }

    pub(crate) fn text(&self) -> &Material {
        &self.text
    }

    /// The answer to a request of so many words.
    ///
    /// # Errors
    /// An expression of the text has no value, in words for the user.
    pub(crate) fn make(
        &self,
        words: u64,
        values: &Values,
        (draws, tool_id): (Draws, &str),
    ) -> Result<MadeAnswer, String> {
        let (text, output, hash) = match &self.fixed {
            Some(fixed) => (Arc::clone(&fixed.text), fixed.words, fixed.hash),
            None => {
                let made = FixedText::new(&String::from_utf8_lossy(&self.text.bytes(values)?));
                (made.text, made.words, made.hash)
            }
        };
        let usage = self.usage_of(words, output);
        let tools =
            if self.tools.is_empty() { Arc::clone(&self.no_tools) } else { self.calls(draws, tool_id) };
        Ok(MadeAnswer { answer: Answer { text, usage, finish: self.finish, tools }, hash })
    }

    /// Whether its stream may tell a key in pieces, which nothing would recognise in the evidence.
    pub(crate) fn cuts_secrets(&self) -> bool {
        self.shape.contents.is_some() && self.text.names().iter().any(|name| name == "secret")
    }

    /// What an answer reports: what the scenario says, or as many tokens as there are words.
    pub(crate) fn usage_of(&self, words: u64, output: u32) -> Usage {
        let counted =
            || Usage { input: u32::try_from(words).unwrap_or(u32::MAX), output, ..Usage::default() };
        self.usage.unwrap_or_else(counted)
    }

    /// How many tokens the answer will have, as far as that is known before it is made.
    pub(crate) fn output(&self) -> u64 {
        let words = self.fixed.as_ref().map_or(0, |fixed| fixed.words);
        self.usage.map_or(words, |usage| usage.output).into()
    }

    fn calls(&self, draws: Draws, tool_id: &str) -> Arc<[ToolCall]> {
        let call = |(index, (name, arguments)): (u64, &(String, String))| ToolCall {
            id: draws.tool_id(tool_id, index),
            name: name.clone(),
            arguments: arguments.clone(),
        };
        (0..).zip(&self.tools).map(call).collect()
    }

    /// The shape of the answer's stream, as the dialect writes it.
    pub(crate) fn dialect_shape(&self, chat: &Chat) -> dialect::StreamShape {
        dialect::StreamShape {
            include_usage: chat.include_usage,
            continuous_usage: chat.continuous_usage,
            contents: self.shape.contents.and_then(std::num::NonZeroU32::new),
            usage: match self.shape.usage {
                scenario::UsagePlace::Usual => UsagePlace::Usual,
                scenario::UsagePlace::EveryEvent => UsagePlace::EveryEvent,
                scenario::UsagePlace::LastContent => UsagePlace::LastContent,
                scenario::UsagePlace::Finish => UsagePlace::Finish,
                scenario::UsagePlace::Nowhere => UsagePlace::Nowhere,
            },
            pings: self.shape.pings,
            framing: framing(&self.shape.framing),
        }
    }
}

impl FixedText {
    fn new(text: &str) -> Self {
        let words = u32::try_from(count_words(text)).unwrap_or(u32::MAX);
        let hash = if text.is_empty() { 0 } else { TextHash::of(text) };
        Self { text: text.into(), words, hash }
    }
}

/// All words together. What is split is split by whoever sends it.
fn framing(words: &FramingWords) -> Framing {
    let mut framing = Framing::default();
    for word in &words.0 {
        match word {
            scenario::Framing::Crlf => framing.line_end = LineEnd::Crlf,
            scenario::Framing::Cr => framing.line_end = LineEnd::Cr,
            scenario::Framing::Tight => framing.tight = true,
            scenario::Framing::Comments => framing.comments = true,
            scenario::Framing::MultiLine => framing.multi_line = true,
            scenario::Framing::Strangers => framing.strangers = true,
            scenario::Framing::Split => framing.split = true,
        }
    }
    framing
}

fn finish(reply: &Reply) -> Finish {
    match reply.finish {
        Some(scenario::Finish::Stop) => Finish::Stop,
        Some(scenario::Finish::Length) => Finish::Length,
        Some(scenario::Finish::Tool) => Finish::ToolUse,
        Some(scenario::Finish::Filtered) => Finish::ContentFilter,
        None if reply.tools.is_empty() => Finish::Stop,
        None => Finish::ToolUse,
    }
}
