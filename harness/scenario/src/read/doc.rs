//! The documentation of a key, as it stands in the code: what it means, and examples that may end it.
//!
//! A last sentence such as "For example `keys: 4`." holds the examples, one between each pair of backticks.

use serde_json::Value as Json;

use crate::node::{Node, SourceId, Value};
use crate::read::Read;
use crate::yaml;

const OPENING: &str = "For example `";

/// What the documentation says, and the texts of its examples.
pub(crate) fn taken_apart(doc: &str) -> (&str, Vec<&str>) {
    match doc.rfind(OPENING) {
        Some(at) => (doc[..at].trim(), doc[at..].split('`').skip(1).step_by(2).collect()),
        None => (doc.trim(), Vec::new()),
    }
}

/// The values of the examples of a key. There are none if one of them is not of the form `key: value`, or is refused.
pub(crate) fn examples(key: &str, texts: &[&str], accepts: impl Fn(&Node) -> bool) -> Vec<Json> {
    let values: Option<Vec<Json>> = texts
        .iter()
        .map(|text| {
            let tree = yaml::parse(SourceId::default(), text).ok()?;
            match tree.entries()? {
                [entry] if entry.key == key && accepts(&entry.node) => Some(json_of(&entry.node)),
                _ => None,
            }
        })
        .collect();
    values.unwrap_or_default()
}

/// Whether a value is read as a type without a problem.
pub(crate) fn accepts<T: Read>(node: &Node) -> bool {
    let mut problems = Vec::new();
    T::read(node, &mut problems).is_some() && problems.is_empty()
}

/// A tree as JSON.
pub(crate) fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.node))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sentence_of_a_documentation_may_hold_examples() {
        let doc = " How many, or `which`. For example `keys: 4` or `keys: [a, b]`.";
        assert_eq!(taken_apart(doc), ("How many, or `which`.", vec!["keys: 4", "keys: [a, b]"]));
        assert_eq!(taken_apart(" No example: `keys`."), ("No example: `keys`.", vec![]));
    }

    #[test]
    fn an_example_that_the_reader_refuses_takes_all_of_them_away() {
        let read = |texts: &[&str]| examples("times", texts, accepts::<u32>);
        assert_eq!(read(&["times: 4", "times: 5"]), [4, 5]);
        assert!(read(&["times: 4", "times: many"]).is_empty());
        assert!(read(&["tims: 4"]).is_empty());
        assert!(read(&["4"]).is_empty());
    }
}
