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
}

impl Surface {
    /// The dialect of its requests, its answers and its errors.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Chat => Dialect::Openai,
            Self::Messages => Dialect::Anthropic,
            Self::Generate => Dialect::Gemini,
        }
    }
}
