//! A number that a target promises to keep.

use std::time::Duration;

use scenario::{Node, Problem, Read, SchemaBook, Value, wrong};
use serde_json::json;

/// The value of a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A time: `2s`.
    Duration(Duration),
    /// A plain number: `3`, `1.5`.
    Number(f64),
}

impl Read for Bound {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match node.value {
            // A bound is small; a number that a float cannot hold exactly is nobody's bound.
            #[expect(clippy::cast_precision_loss, reason = "bounds are small numbers")]
            Value::Int(number @ 0..) => Some(Self::Number(number as f64)),
            Value::Float(number) if number >= 0.0 => Some(Self::Number(number)),
            Value::Text(_) => Duration::read(node, problems).map(Self::Duration),
            _ => wrong(node, "a duration or a number", problems),
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "anyOf": [Duration::schema(book), { "type": "number", "minimum": 0 }] })
    }
}
