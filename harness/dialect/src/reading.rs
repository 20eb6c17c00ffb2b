//! Answers and streams as a client reads them, in whatever dialect they came.

use std::borrow::Cow;

use crate::answer::{ToolCall, Usage};
use crate::json::Text;

/// A plain answer that was read. Of several choices it is the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadAnswer<'a> {
    /// What was said; none for an answer without text, such as a call of a tool.
    pub text: Option<Cow<'a, str>>,
    /// Why it ended there, in the provider's word.
    pub finish: Option<Cow<'a, str>>,
    /// What it cost; none where the provider does not tell.
    pub usage: Option<ToldUsage>,
    /// The tools that it calls.
    pub tools: Vec<ToolCall>,
    /// The vectors of embeddings, in the order of their inputs.
    pub vectors: Vec<Vec<f32>>,
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent<'a> {
    /// A piece of the answer.
    Piece(Piece<'a>),
    /// An error in place of a piece: the event's data is an error body.
    Error,
    /// The marker that ends every sound stream of the dialect.
    End,
    /// Something that the dialect allows and that says nothing: a ping, or a kind of event that is not known yet.
    Silent,
    /// Something that no stream of the dialect holds.
    Unreadable,
}

/// A piece of a streamed answer. Of several choices it is the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text that it adds; none, or empty, for the pieces that tell the beginning, the finish or the usage.
    pub text: Option<Cow<'a, str>>,
    /// What it adds to calls of tools.
    pub tools: Vec<ToolPiece<'a>>,
    /// Why the answer ended, in the provider's word, on its last piece.
    pub finish: Option<Cow<'a, str>>,
    /// What the answer has cost so far, as far as the piece tells.
    pub usage: Option<ToldUsage>,
    /// Whether it also says that the stream is complete, in a dialect that has no marker of its own for that.
    pub ends: bool,
}

/// A piece of a call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolPiece<'a> {
    /// Which call it belongs to, in the provider's own numbering; none where calls have no numbers, and each piece is one.
    pub index: Option<u32>,
    /// The call's id, on its first piece.
    pub id: Option<Cow<'a, str>>,
    /// The tool, on its first piece.
    pub name: Option<Cow<'a, str>>,
    /// What it adds to the arguments.
    pub arguments: Option<Cow<'a, str>>,
}

/// A call that is told in one piece.
impl From<ToolCall> for ToolPiece<'_> {
    fn from(call: ToolCall) -> Self {
        let ToolCall { id, name, arguments } = call;
        Self { index: None, id: Some(id.into()), name: Some(name.into()), arguments: Some(arguments.into()) }
    }
}

/// The tokens that a response or one event tells of, each in one class. What it does not tell is none and not zero.
///
/// Providers count up and never add: what is told later replaces what was told before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToldUsage {
    /// Input tokens that were in no cache.
    pub input: Option<u32>,
    /// Input tokens that were read from the cache.
    pub cache_read: Option<u32>,
    /// Input tokens that were written to the cache.
    pub cache_write: Option<u32>,
    /// Output tokens, those of reasoning included.
    pub output: Option<u32>,
    /// Output tokens that were spent on reasoning.
    pub reasoning: Option<u32>,
}

impl ToldUsage {
    /// Takes in what was told later.
    pub fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.output = later.output.or(self.output);
        self.reasoning = later.reasoning.or(self.reasoning);
    }

    /// The tokens, where those that nobody told are zero.
    #[must_use]
    pub fn usage(self) -> Usage {
        Usage {
            input: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write: self.cache_write.unwrap_or(0),
            output: self.output.unwrap_or(0),
            reasoning: self.reasoning.unwrap_or(0),
            total: None,
        }
    }
}

impl From<Usage> for ToldUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input: Some(usage.input),
            cache_read: Some(usage.cache_read),
            cache_write: Some(usage.cache_write),
            output: Some(usage.output),
            reasoning: Some(usage.reasoning),
        }
    }
}

/// Takes in a further part of a text.
pub(crate) fn add_text<'a>(said: &mut Option<Cow<'a, str>>, text: Option<Text<'a>>) {
    let text = text.map(|text| text.0).unwrap_or_default();
    match said {
        None => *said = Some(text),
        Some(said) => said.to_mut().push_str(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_later_replaces_and_is_not_added() {
        let mut told = ToldUsage { input: Some(9), output: Some(1), ..ToldUsage::default() };
        told.update(ToldUsage { output: Some(4), ..ToldUsage::default() });
        told.update(ToldUsage { output: Some(7), reasoning: Some(2), ..ToldUsage::default() });
        let expected = Usage { input: 9, output: 7, reasoning: 2, ..Usage::default() };
        assert_eq!(told.usage(), expected);
    }
}
