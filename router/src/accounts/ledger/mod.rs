//! The ledger: one row for each exchange, kept in a file that outlives the router.
//!
//! Rows are handed over without waiting (`handle`), and a thread of the ledger's own writes them in batches (`writer`,
//! `batch`, `tidier`). Listings are read beside that (`reader`).

mod batch;
mod error;
mod file;
mod handle;
mod place;
mod query;
mod reader;
mod receipt;
mod row;
mod standing;
mod tidier;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use error::LedgerError;
pub(crate) use handle::{Ledger, UnderWay};
pub(crate) use place::LedgerPlace;
pub(crate) use query::{Page, Query, Unlisted};
pub(crate) use receipt::Receipt;
pub(crate) use row::{Row, RowKind, RowState};
pub(crate) use standing::LedgerStanding;
