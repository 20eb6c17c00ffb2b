//! The JSON Schema that grows beside the reading: definitions by name, so that a type is described once.

use serde_json::{Map, Value, json};

use crate::read::Read;
use crate::read::doc::{accepts, examples, taken_apart};

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

    /// A map with exactly one of some keys. `title` is how a message calls it.
    #[must_use]
    pub fn one_of(title: &str, about: &str, properties: Vec<Property>) -> Value {
        let mut object = ObjectSchema::new(title, about);
        for property in properties {
            object.put(property);
        }
        let mut schema = object.finish();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("minProperties".to_owned(), json!(1));
            schema.insert("maxProperties".to_owned(), json!(1));
        }
        schema
    }

    /// One of some words, each with its documentation.
    #[must_use]
    pub fn words<'w>(title: &str, about: &str, words: impl Iterator<Item = (&'w str, &'w str)>) -> Value {
        let words: Vec<Value> =
            words.map(|(word, doc)| json!({ "const": word, "description": taken_apart(doc).0 })).collect();
        json!({ "title": title, "description": taken_apart(about).0, "oneOf": words })
    }
}

/// A map's schema in the making.
#[derive(Debug)]
pub struct ObjectSchema {
    title: String,
    about: String,
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl ObjectSchema {
    /// A map without keys. `title` is how a message calls it.
    #[must_use]
    pub fn new(title: &str, about: &str) -> Self {
        Self {
            title: title.to_owned(),
            about: about.trim().to_owned(),
            properties: Map::new(),
            required: Vec::new(),
        }
    }

    /// Adds a key.
    pub fn put(&mut self, property: Property) {
        self.properties.insert(property.key.to_owned(), property.schema);
        if property.required {
            self.required.push(property.key);
        }
    }

    /// The schema.
    #[must_use]
    pub fn finish(self) -> Value {
        json!({
            "title": self.title,
            "description": self.about,
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}

/// A key with what its values are and what it means.
#[derive(Debug)]
pub struct Property {
    key: &'static str,
    schema: Value,
    required: bool,
}

impl Property {
    /// A key whose values are read as a type. Examples that the type refuses are left out.
    pub fn of<T: Read>(book: &mut SchemaBook, key: &'static str, doc: &str) -> Self {
        let (about, texts) = taken_apart(doc);
        Self::made(key, about, T::schema(book), examples(key, &texts, accepts::<T>))
    }

    /// A key whose values are more than one type can read; its examples are taken as they are.
    #[must_use]
    pub fn plain(key: &'static str, doc: &str, schema: Value) -> Self {
        let (about, texts) = taken_apart(doc);
        Self::made(key, about, schema, examples(key, &texts, |_| true))
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    fn made(key: &'static str, about: &str, schema: Value, examples: Vec<Value>) -> Self {
        let mut object = match schema {
            Value::Object(object) => object,
            // `true`: whatever it is.
            _ => Map::new(),
        };
        object.insert("description".to_owned(), json!(about));
        object.remove("examples");
        if !examples.is_empty() {
            object.insert("examples".to_owned(), Value::Array(examples));
        }
        Self { key, schema: Value::Object(object), required: false }
    }

    /// The same key, which must be there or not.
    #[must_use]
    pub fn required(self, required: bool) -> Self {
        Self { required, ..self }
    }

    /// The same key with the value that it has where it is missing.
    #[must_use]
    pub fn default(mut self, default: Option<Value>) -> Self {
        if let (Some(default), Some(object)) = (default, self.schema.as_object_mut()) {
            object.insert("default".to_owned(), default);
        }
        self
    }
}
