//! What an upstream says, in no dialect yet: the text, what it cost, why it ended, the tools that it calls.

use std::sync::Arc;

/// An answer. It is cheap to clone, so that one normal answer serves many requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: Arc<str>,
    /// What it cost.
    pub usage: Usage,
    /// Why it ended.
    pub finish: Finish,
    /// The tools that it calls.
    pub tools: Arc<[ToolCall]>,
}

/// Tokens, each in one class, whatever a provider counts into which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens that were in no cache.
    pub input: u32,
    /// Input tokens that were read from the cache.
    pub cache_read: u32,
    /// Input tokens that were written to the cache.
    pub cache_write: u32,
    /// Output tokens, those of reasoning included.
    pub output: u32,
    /// Output tokens that were spent on reasoning.
    pub reasoning: u32,
    /// What is told as their sum, where that is not what they sum up to.
    pub total: Option<u32>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Finish {
    /// It is complete.
    #[default]
    Stop,
    /// It reached its limit of tokens.
    Length,
    /// It calls a tool.
    ToolUse,
    /// A filter held it back.
    ContentFilter,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as a JSON text.
    pub arguments: String,
}

/// Who says an answer, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving<'a> {
    /// The answer's id.
    pub id: &'a str,
    /// When it was made, in seconds of Unix time.
    pub created: u64,
    /// The model that made it.
    pub model: &'a str,
}

impl Usage {
    /// All tokens of the input, those of the cache included.
    #[must_use]
    pub fn whole_input(self) -> u64 {
        u64::from(self.input) + u64::from(self.cache_read) + u64::from(self.cache_write)
    }

    /// What is told as the sum of all tokens.
    pub(crate) fn told_total(self) -> u64 {
        self.total.map_or_else(|| self.whole_input() + u64::from(self.output), u64::from)
    }
}

impl Finish {
    /// Every finish, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Stop, Self::Length, Self::ToolUse, Self::ContentFilter];
}
