//! The JSON Schemas that editors complete and check by.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::Scenario;
use crate::read::{Read, SchemaBook};
use crate::rules::Chapter;

/// The schema of a scenario's file: any value may be given as `{{ }}`, any map may lie over a piece that `use:` names, and `null`
/// takes away what that says.
#[must_use]
pub fn scenario_schema() -> Value {
    let mut schema = fillable(scenario_parts());
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.insert(
            "Filled".to_owned(),
            json!({
                "description": "A value of the case in `{{ }}`, or `null`, which takes away what an import says.",
                "anyOf": [{ "type": "string", "pattern": r"\{\{.*\}\}" }, { "type": "null" }],
            }),
        );
        definitions.insert(
            "Use".to_owned(),
            json!({
                "title": "an import",
                "description": "A file, or with `#a.b` a piece of one, that lies under this map. What the map says itself goes first.",
                "type": "string",
                "examples": ["worlds/pool.yaml", "worlds/pool.yaml#upstreams.openai"],
            }),
        );
        // A price table is a file of its own more often than not.
        if let Some(Value::Array(prices)) =
            definitions.get_mut("World").and_then(|world| world.pointer_mut("/properties/prices/anyOf"))
        {
            prices.push(json!({ "title": "the path of a file", "type": "string" }));
        }
        ask_for_nothing_below(definitions, "World");
    }
    schema
}

/// Takes from the parts of a part what they require: an import may lie under the whole, and no schema looks into it.
fn ask_for_nothing_below(definitions: &mut Map<String, Value>, whole: &str) {
    let mut below: BTreeSet<String> = BTreeSet::new();
    let mut open = vec![whole.to_owned()];
    while let Some(name) = open.pop() {
        let named = definitions.get(&name).map(references).unwrap_or_default();
        open.extend(named.into_iter().filter(|part| below.insert(part.clone())));
    }
    for name in below {
        if let Some(part) = definitions.get_mut(&name).and_then(Value::as_object_mut) {
            part.remove("if");
            part.remove("else");
        }
    }
}

/// The definitions that a schema names.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(object) => {
            let own = object.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|path| path.strip_prefix("#/$defs/")).map(str::to_owned);
            own.into_iter().chain(object.values().flat_map(references)).collect()
        }
        Value::Array(all) => all.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The schema of a chapter of rules.
#[must_use]
pub fn rules_schema() -> Value {
    let mut book = SchemaBook::default();
    let root = Chapter::schema(&mut book);
    book.finish("https://stormproof.dev/schema/rules.json", "Stormproof rules", root)
}

/// The schema of a scenario in which everything is substituted.
pub(crate) fn scenario_parts() -> Value {
    let mut book = SchemaBook::default();
    let root = Scenario::schema(&mut book);
    book.finish("https://stormproof.dev/schema/scenario.json", "Stormproof scenario", root)
}

/// The schema with `{{ }}` in the place of any value, and `use:` in any map.
fn fillable(schema: Value) -> Value {
    let Value::Object(object) = schema else { return schema };
    let mut made = Map::new();
    for (keyword, value) in object {
        let value = match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                let each = properties.into_iter().map(|(key, schema)| (key, or_filled(fillable(schema))));
                Value::Object(each.collect())
            }
            ("$defs", Value::Object(definitions)) => Value::Object(
                definitions.into_iter().map(|(name, schema)| (name, fillable(schema))).collect(),
            ),
            ("items" | "additionalProperties", value @ Value::Object(_)) => or_filled(fillable(value)),
            ("anyOf", Value::Array(schemas)) => schemas.into_iter().map(fillable).collect(),
            (_, value) => value,
        };
        made.insert(keyword, value);
    }
    with_use(made)
}

/// A value's schema, or `{{ }}` in its place. What describes the value stays outside.
fn or_filled(schema: Value) -> Value {
    let Value::Object(mut inner) = schema else { return schema };
    let mut outer = Map::new();
    for keyword in ["title", "description", "default", "examples"] {
        if let Some(value) = inner.remove(keyword) {
            outer.insert(keyword.to_owned(), value);
        }
    }
    let any_text = inner.get("type").is_some_and(|kind| kind == "string") && !inner.contains_key("pattern");
    if inner.is_empty() || any_text {
        outer.append(&mut inner);
    } else {
        let filled = json!({ "$ref": "#/$defs/Filled" });
        let any = match inner.remove("anyOf") {
            Some(Value::Array(mut any)) if inner.is_empty() => {
                any.push(filled);
                Value::Array(any)
            }
            _ => json!([inner, filled]),
        };
        outer.insert("anyOf".to_owned(), any);
    }
    Value::Object(outer)
}

/// A map's schema with `use:`, beside which nothing else is required. A map of exactly one key has no use for it.
fn with_use(mut object: Map<String, Value>) -> Value {
    let is_map = object.get("type").is_some_and(|kind| kind == "object");
    if is_map && !object.contains_key("maxProperties") {
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("use".to_owned(), json!({ "$ref": "#/$defs/Use" }));
        }
        match object.remove("required") {
            Some(Value::Array(required)) if !required.is_empty() => {
                object.insert("if".to_owned(), json!({ "required": ["use"] }));
                object.insert("else".to_owned(), json!({ "required": required }));
            }
            _ => {}
        }
    }
    Value::Object(object)
}
