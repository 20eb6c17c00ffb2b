//! Why a ledger cannot be used, each with what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Found when the ledger is opened. Nothing of it was changed.
#[derive(Debug, Error)]
pub(crate) enum LedgerError {
    #[error(
        "the ledger `{path}` cannot be written: {source}; name another file under `ledger: {{ path: ... }}`, or write \
         `path: \":memory:\"` for a ledger that is gone when the router ends"
    )]
    Unusable { path: PathBuf, source: io::Error },

    #[error("another router writes to the ledger `{path}`: end it, or give each one a file of its own")]
    InUse { path: PathBuf },

    #[error("another program has locked the ledger `{place}`: end it, or wait until it is done")]
    Locked { place: String },

    #[error(
        "the ledger `{place}` is damaged: {problem}; bring back a copy of it, or move it out of the way to begin a new one"
    )]
    Damaged { place: String, problem: String },

    #[error("`{place}` is a database of another program, and no ledger: name another file")]
    Foreign { place: String },

    #[error("the ledger `{place}` is of a later version of the router: use that one, or name another file")]
    Later { place: String },

    #[error(
        "the ledger `{place}` cannot be used: {problem}; name another file under `ledger: {{ path: ... }}`, or write \
         `path: \":memory:\"` for a ledger that is gone when the router ends"
    )]
    Failed { place: String, problem: String },
}

impl LedgerError {
    /// What SQLite says of a ledger that is being opened.
    pub(super) fn of(place: String, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
        let problem = error.to_string();
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Locked { place },
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged { place, problem },
            _ => Self::Failed { place, problem },
        }
    }
}
