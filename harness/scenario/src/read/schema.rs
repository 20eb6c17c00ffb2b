//! The JSON Schema that grows beside the reading: definitions by name, so that a type is described once.

use serde_json::{Map, Value, json};

/// Collects the definitions of a schema.
#[derive(Debug, Default)]
pub struct SchemaBook {
    definitions: Map<String, Value>,
}

impl SchemaBook {
    /// The whole schema, with this as its root.
    #[must_use]
    pub fn finish(self, id: &str, title: &str, root: Value) -> Value {
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": id,
            "title": title,
        });
        if let (Some(object), Value::Object(root)) = (schema.as_object_mut(), root) {
            object.extend(root);
            object.insert("$defs".to_owned(), Value::Object(self.definitions));
        }
        schema
    }

    /// A reference to a named definition, which is made the first time it is asked for.
    pub fn define(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.definitions.contains_key(name) {
            // Holds the place, so that a type that contains itself ends.
            self.definitions.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.definitions.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// A new object's schema.
    pub fn object(&self, about: &str) -> ObjectSchema {
        ObjectSchema { about: about.trim().to_owned(), properties: Map::new(), required: Vec::new() }
    }

    /// A map with exactly one of some keys.
    pub fn one_of(about: &str, properties: Vec<(&'static str, &'static str, Value)>) -> Value {
        let properties: Map<String, Value> = properties
            .into_iter()
            .map(|(key, doc, schema)| (key.to_owned(), described(schema, doc)))
            .collect();
        json!({
            "description": about.trim(),
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }

    /// A value that may also be given as `{{ ... }}`.
    pub fn or_substituted(schema: &Value) -> Value {
        json!({ "anyOf": [schema, { "type": "string", "pattern": r"^\{\{.*\}\}$" }] })
    }
}

/// An object's schema in the making.
#[derive(Debug)]
pub struct ObjectSchema {
    about: String,
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl ObjectSchema {
    /// Adds a key.
    pub fn property(&mut self, key: &'static str, doc: &str, schema: Value, required: bool) {
        self.properties.insert(key.to_owned(), described(schema, doc));
        if required {
            self.required.push(key);
        }
    }

    /// The schema.
    pub fn finish(self) -> Value {
        json!({
            "description": self.about,
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}

fn described(schema: Value, doc: &str) -> Value {
    match schema {
        Value::Object(mut object) => {
            object.insert("description".to_owned(), json!(doc.trim()));
            Value::Object(object)
        }
        other => other,
    }
}
