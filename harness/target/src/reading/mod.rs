//! What can be read from a target: its ledger and its counters, repeated until they have settled.

mod counters;
mod ledger;
mod prometheus;
mod read;
mod value;

pub use read::{Reading, ReadingError};
