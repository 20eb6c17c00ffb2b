//! Typed reading of node trees: strict, with positions, and going on after a mistake so that all of them are told at once.

mod basic;
mod doc;
mod fields;
mod part;
mod schema;
mod units;

pub use basic::{At, Named, wrong};
pub(crate) use basic::{one_or_several, one_or_several_schema};
pub(crate) use doc::{json_of, taken_apart};
pub use fields::Fields;
pub(crate) use part::{choice, part, words};
pub use schema::{ObjectSchema, Property, SchemaBook};
pub use units::{Money, Rate, Share, Size, read_duration, read_money, show_duration};
pub(crate) use units::{read_range, wrong_range};

use crate::node::Node;
use crate::problem::Problem;

/// A piece of the language: how it is read, and the JSON Schema that editors check it by. One definition gives both.
pub trait Read: Sized {
    /// Reads a value. `None` means that a problem was told.
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self>;

    /// The value of a key that is not there; `None` if it must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// The JSON Schema of every text that [`Read::read`] accepts.
    fn schema(book: &mut SchemaBook) -> serde_json::Value;

    /// The value as the language writes it, by which a default is told; `None` if it says nothing.
    fn show(&self) -> Option<serde_json::Value> {
        None
    }
}
