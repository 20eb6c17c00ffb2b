//! A small reader of JSON Schema: as much of it as ours use. Any other keyword panics, so that no part of a schema is left out
//! in silence.

use regex_lite::Regex;
use serde_json::{Map, Value as Json};

/// What is wrong with a value, the places first at which it is; nothing if it is valid.
pub(crate) fn mistakes(schema: &Json, value: &Json) -> Vec<String> {
    let mut found = Vec::new();
    Validator { root: schema }.check(schema, value, "", &mut found);
    found
}

struct Validator<'s> {
    root: &'s Json,
}

impl Validator<'_> {
    fn check(&self, schema: &Json, value: &Json, place: &str, found: &mut Vec<String>) {
        let schema = match schema {
            Json::Bool(true) => return,
            Json::Object(schema) => schema,
            other => panic!("{place}: no schema that is understood here: {other}"),
        };
        for (keyword, wanted) in schema {
            let holds = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "examples" | "format" => {
                    true
                }
                // They belong to `if` and `properties`.
                "else" | "then" => true,
                "$ref" => {
                    self.check(self.definition(wanted), value, place, found);
                    true
                }
                "type" => has_type(wanted, value),
                "const" => value == wanted,
                "anyOf" => self.fitting(wanted, value, place) > 0,
                "oneOf" => self.fitting(wanted, value, place) == 1,
                "if" => {
                    let branch = if self.fits(wanted, value, place) { "then" } else { "else" };
                    schema.get(branch).is_none_or(|branch| self.fits(branch, value, place))
                }
                "properties" | "additionalProperties" | "required" | "minProperties" | "maxProperties" => {
                    value.as_object().is_none_or(|map| self.map_holds(keyword, schema, map, place, found))
                }
                "items" | "minItems" | "uniqueItems" => {
                    value.as_array().is_none_or(|list| self.list_holds(keyword, wanted, list, place, found))
                }
                "pattern" | "minLength" | "maxLength" => {
                    value.as_str().is_none_or(|text| text_holds(keyword, wanted, text))
                }
                "minimum" => value.as_f64().is_none_or(|number| Some(number) >= wanted.as_f64()),
                "maximum" => value.as_f64().is_none_or(|number| Some(number) <= wanted.as_f64()),
                other => panic!("{place}: `{other}` is not understood here"),
            };
            if !holds {
                found.push(format!("{place}: {value} is not as `{keyword}` wants it"));
            }
        }
    }

    fn fits(&self, schema: &Json, value: &Json, place: &str) -> bool {
        let mut found = Vec::new();
        self.check(schema, value, place, &mut found);
        found.is_empty()
    }

    fn fitting(&self, schemas: &Json, value: &Json, place: &str) -> usize {
        let schemas = schemas.as_array().expect("a list of schemas");
        schemas.iter().filter(|schema| self.fits(schema, value, place)).count()
    }

    fn definition(&self, reference: &Json) -> &Json {
        let name = reference.as_str().and_then(|reference| reference.strip_prefix('#')).expect("an own part");
        self.root.pointer(name).unwrap_or_else(|| panic!("nothing is defined as {name}"))
    }

    fn map_holds(
        &self,
        keyword: &str,
        schema: &Map<String, Json>,
        map: &Map<String, Json>,
        place: &str,
        found: &mut Vec<String>,
    ) -> bool {
        let wanted = &schema[keyword];
        let known = schema.get("properties").and_then(Json::as_object);
        let inside = |key: &str| format!("{place}.{key}");
        match keyword {
            "required" => wanted
                .as_array()
                .expect("keys")
                .iter()
                .all(|key| map.contains_key(key.as_str().expect("a key"))),
            "minProperties" => Some(map.len() as u64) >= wanted.as_u64(),
            "maxProperties" => Some(map.len() as u64) <= wanted.as_u64(),
            "properties" => {
                for (key, value) in map {
                    if let Some(schema) = wanted.get(key) {
                        self.check(schema, value, &inside(key), found);
                    }
                }
                true
            }
            _ => {
                let others =
                    map.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
                for (key, value) in others {
                    match wanted {
                        Json::Bool(false) => found.push(format!("{}: no such key", inside(key))),
                        schema => self.check(schema, value, &inside(key), found),
                    }
                }
                true
            }
        }
    }

    fn list_holds(
        &self,
        keyword: &str,
        wanted: &Json,
        list: &[Json],
        place: &str,
        found: &mut Vec<String>,
    ) -> bool {
        match keyword {
            "minItems" => Some(list.len() as u64) >= wanted.as_u64(),
            "uniqueItems" => list.iter().enumerate().all(|(index, item)| !list[..index].contains(item)),
            _ => {
                for (index, item) in list.iter().enumerate() {
                    self.check(wanted, item, &format!("{place}[{index}]"), found);
                }
                true
            }
        }
    }
}

fn text_holds(keyword: &str, wanted: &Json, text: &str) -> bool {
    let length = Some(text.chars().count() as u64);
    match keyword {
        "pattern" => Regex::new(wanted.as_str().expect("a pattern")).expect("a pattern").is_match(text),
        "minLength" => length >= wanted.as_u64(),
        _ => length <= wanted.as_u64(),
    }
}

fn has_type(wanted: &Json, value: &Json) -> bool {
    let is = |name: &Json| match name.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type is called `{other}`"),
    };
    match wanted {
        Json::Array(any) => any.iter().any(is),
        one => is(one),
    }
}
