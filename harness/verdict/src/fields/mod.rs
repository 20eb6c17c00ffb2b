//! The values of the fields of every kind of row.

mod attempt;
mod code;
mod entry;
mod event;
mod exchange;
mod ledger;
mod named;
mod needs;
mod told;
mod unknown;

pub(crate) use attempt::of_attempt;
pub(crate) use code::of_code;
pub(crate) use entry::{moment_of, of_entry};
pub(crate) use event::of_event;
pub(crate) use exchange::of_exchange;
pub(crate) use ledger::{LedgerPart, of_ledger};
pub(crate) use named::{body, carried_in, carries, header_count, headers, json, labels, secrets_in, tags};
pub use needs::Needs;
pub(crate) use told::of_told;
pub(crate) use unknown::unknown;

use std::time::Duration;

use record::NOT_REACHED;
use scenario::FieldValue;

fn status(status: u16) -> FieldValue<'static> {
    if status == 0 { FieldValue::Missing } else { FieldValue::Number(i64::from(status)) }
}

fn hint(millis: u32) -> FieldValue<'static> {
    if millis == NOT_REACHED {
        return FieldValue::Missing;
    }
    FieldValue::Duration(Duration::from_millis(u64::from(millis)))
}

fn number(number: impl TryInto<i64>) -> FieldValue<'static> {
    FieldValue::Number(number.try_into().unwrap_or(i64::MAX))
}

/// A text that a row may have none of.
fn text(text: &str) -> FieldValue<'_> {
    if text.is_empty() { FieldValue::Missing } else { FieldValue::Text(text) }
}
