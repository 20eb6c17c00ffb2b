//! Which rows are asked for, and what comes back.

use std::time::SystemTime;

use serde::Serialize;
use thiserror::Error;

use super::row::NumberedRow;

/// Which rows are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) tenant: Option<String>,
    /// The public name.
    pub(crate) model: Option<String>,
    pub(crate) provider: Option<String>,
    /// The id that the client was told.
    pub(crate) request_id: Option<String>,
    /// Only rows that were booked then or later.
    pub(crate) since: Option<SystemTime>,
    /// Only rows that were booked before.
    pub(crate) until: Option<SystemTime>,
    /// Only rows with a higher number.
    pub(crate) after: u64,
    pub(crate) limit: usize,
}

/// Rows with their numbers, the oldest first.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) rows: Vec<NumberedRow>,
    /// What to ask for next as `after`, when there is more.
    pub(crate) next: Option<u64>,
    /// How many rows are on their way to the file, and so in no page yet.
    pub(crate) waiting: u64,
}

/// Why rows cannot be listed.
#[derive(Debug, Error)]
pub(crate) enum Unlisted {
    #[error("the listing took too long: ask for less, by `since` and `until` for example")]
    TooLong,
    #[error("the ledger cannot be read")]
    Failed(#[source] rusqlite::Error),
}
