//! How a client tells a target that it wants no other model than the one that it asks for.

use scenario::{Node, Problem, Read, SchemaBook, Value, part, wrong};
use serde_json::{Map, json};

use crate::profile::HeaderName;

part! {
    /// How a client says that no other model may be asked: by a header, or by fields of the body.
    "the way without fallbacks" => FallbacksOff {
        /// The header's name. For example `header: x-no-fallbacks`.
        header: Option<HeaderName>,
        /// The header's value. For example `value: "true"`.
        value: Option<String>,
        /// Fields that are put into the body, over those that are there. For example `body: { disable_fallbacks: true }`.
        body: Option<BodyFields>,
    }
}

/// Fields of a JSON body with their values.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyFields(pub Map<String, serde_json::Value>);

/// How a client says that no other model may be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WithoutFallbacks<'a> {
    /// A header by name and value.
    Header(&'a str, &'a str),
    /// Fields that are put into the body, over those that are there.
    Body(&'a Map<String, serde_json::Value>),
}

impl FallbacksOff {
    /// The one way that it says.
    pub(crate) fn way(&self) -> Option<WithoutFallbacks<'_>> {
        match (&self.header, &self.value, &self.body) {
            (Some(header), Some(value), None) => Some(WithoutFallbacks::Header(&header.0, value)),
            (None, None, Some(body)) if !body.0.is_empty() => Some(WithoutFallbacks::Body(&body.0)),
            _ => None,
        }
    }

    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if self.way().is_none() {
            let problem = Problem::new(self.span, "no one way in which a client wants no fallbacks");
            problems.push(
                problem.help("write either `header: NAME` with `value: TEXT`, or `body: { FIELD: VALUE }`"),
            );
        }
        let sendable = |value: &str| value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
        if self.value.as_ref().is_some_and(|value| !sendable(value)) {
            let problem = Problem::new(self.span, "a value that no header can have");
            problems.push(problem.help("write letters, digits and signs of ASCII on one line"));
        }
    }
}

impl Read for BodyFields {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match json_of(node) {
            serde_json::Value::Object(fields) => Some(Self(fields)),
            _ => wrong(node, "a map of fields", problems),
        }
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "object", "minProperties": 1 })
    }
}

fn json_of(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.node))).collect()
        }
    }
}
