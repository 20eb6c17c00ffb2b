//! A file that a scenario names: its text is read with the scenario, so that a judgement later needs no file.

use std::sync::Arc;

use serde_json::json;

use crate::node::Node;
use crate::problem::Problem;
use crate::read::{At, Read, SchemaBook};

/// A file that a scenario names, with its text.
#[derive(Clone, Debug, PartialEq)]
pub struct FileText {
    /// The path, as it stands in the scenario.
    pub path: At<String>,
    /// The text, once it has been read.
    pub text: Arc<str>,
}

impl Read for FileText {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Some(Self { path: At::read(node, problems)?, text: Arc::from("") })
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "the path of a file", "type": "string" })
    }
}
