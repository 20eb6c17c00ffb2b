//! What the ledger keeps of one exchange.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::accounts::{MicroUsd, Tokens};

/// What one exchange cost, and whom.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The id that the client was told.
    pub(crate) id: String,
    pub(crate) kind: RowKind,
    /// When the exchange began.
    #[serde(serialize_with = "as_rfc3339")]
    pub(crate) at: SystemTime,
    pub(crate) tenant: Option<String>,
    /// The public name that was asked for.
    pub(crate) model: String,
    pub(crate) provider: String,
    /// The model that served, by its provider's name for it.
    pub(crate) provider_model: String,
    /// The name of the key of the last attempt.
    pub(crate) key: Option<String>,
    pub(crate) key_fingerprint: Option<String>,
    /// What the client was told; nothing when it left before, or was told of a later attempt.
    pub(crate) status: Option<u16>,
    pub(crate) stream: bool,
    pub(crate) attempts: u32,
    pub(crate) tokens: Tokens,
    /// In millionths of a dollar; nothing when the model has no price.
    pub(crate) cost: Option<MicroUsd>,
    pub(crate) state: RowState,
    /// What the caller sent to find the row again.
    pub(crate) caller_id: Option<String>,
    /// Whom the caller says that it asks for. It moves no cost.
    pub(crate) end_user: Option<String>,
    /// What the caller says that the request belongs to. They move no cost either.
    pub(crate) tags: Vec<String>,
    /// The end of the prompt, where the settings say that it is kept.
    pub(crate) prompt_end: Option<String>,
}

/// What a row is of. An exchange has one of the first kind, and as many of the second as failed attempts were billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowKind {
    Exchange,
    FailedAttempt,
}

/// How well the tokens of a row are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowState {
    /// By the provider's own count, or nothing was answered.
    Settled,
    /// By the text that came, since the provider gave no count or not its last one.
    Estimated,
    /// An answer came of which nothing could be counted.
    Unknown,
    /// The client left; at least what was delivered is counted.
    Left,
}

/// A row as it is listed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NumberedRow {
    /// Counted from 1, in the order in which rows were written.
    pub(crate) number: u64,
    /// When it was written.
    #[serde(serialize_with = "as_rfc3339")]
    pub(crate) booked: SystemTime,
    #[serde(flatten)]
    pub(crate) row: Row,
}

impl RowKind {
    const ALL: [Self; 2] = [Self::Exchange, Self::FailedAttempt];

    /// As it stands in the file.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::FailedAttempt => "failed_attempt",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl RowState {
    const ALL: [Self; 4] = [Self::Settled, Self::Estimated, Self::Unknown, Self::Left];

    /// As it stands in the file.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
            Self::Left => "left",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

fn as_rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*at))
}
