//! JSON that a scenario writes down in the notation of YAML.

use serde_json::{Value as Json, json};

use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, json_of};

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonData(pub Json);

impl Read for JsonData {
    fn read(node: &Node, _: &mut Vec<Problem>) -> Option<Self> {
        Some(Self(json_of(node)))
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "any JSON" })
    }
}
