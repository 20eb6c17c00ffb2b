//! What a client can ask for, each in the words of one dialect.

use super::Dialect;

/// One way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's messages.
    Messages,
    /// Gemini's generateContent, whose address holds the model and whether it streams.
    Generate,
    /// OpenAI's Responses API, without its memory.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
}

impl Surface {
    /// The dialect of its requests, its answers and its errors.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Responses | Self::Embeddings => Dialect::Openai,
            Self::Messages => Dialect::Anthropic,
            Self::Generate => Dialect::Gemini,
        }
    }

    /// The surface at which a provider is asked for it: this one where the provider speaks the same, else its own for
    /// chats.
    pub(crate) fn at(self, provider: Dialect) -> Self {
        match provider {
            _ if self.dialect() == provider => self,
            Dialect::Openai => Self::Chat,
            Dialect::Anthropic => Self::Messages,
            Dialect::Gemini => Self::Generate,
        }
    }
}
