//! What conditions and templates see of a request.

use std::cell::OnceCell;

use dialect::ChatRequest;
use http::{HeaderValue, request};
use scenario::{Field, FieldTest, FieldValue, Values};
use serde_json::Value;
use serde_json_path::JsonPath;

use crate::draw::Draws;
use crate::keyring::{KeyRing, KeySeat, KeyUse};

/// A request with everything that decides its reply.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) keys: &'a KeyRing,
    pub(crate) seat: &'a KeySeat,
    pub(crate) key: KeyUse,
    /// Which request of the upstream it is, from 1.
    pub(crate) nth: u32,
    /// Which attempt of its exchange it is at this upstream, from 1.
    pub(crate) ordinal: u32,
    /// None for a request that is no chat request.
    pub(crate) chat: Option<&'a ChatRequest<'a>>,
    pub(crate) head: &'a request::Parts,
    pub(crate) body: &'a [u8],
    /// The body as a tree, once somebody has asked for it; none if it is no JSON.
    pub(crate) tree: OnceCell<Option<Value>>,
}

impl Asked<'_> {
    /// The draws of the request.
    pub(crate) fn draws(&self) -> Draws {
        self.seat.draws(self.key.number)
    }

    /// A field of the request that has one value. The language lets no other fields stand in `when`.
    pub(crate) fn field(&self, field: Field, name: Option<&str>) -> FieldValue<'_> {
        match field {
            Field::Key => self.seat.label.as_deref().map_or(FieldValue::Missing, FieldValue::Text),
            Field::NthUsed => FieldValue::Number(self.key.nth_used.into()),
            Field::Nth => FieldValue::Number(self.nth.into()),
            Field::Ordinal => FieldValue::Number(self.ordinal.into()),
            Field::Model => self.chat.map_or(FieldValue::Missing, |chat| FieldValue::Text(&chat.model)),
            Field::Stream => self.chat.map_or(FieldValue::Missing, |chat| FieldValue::Flag(chat.stream)),
            Field::Method => FieldValue::Text(self.head.method.as_str()),
            Field::Path => FieldValue::Text(self.head.uri.path()),
            Field::HeaderCount => {
                let count = name.map(|name| self.head.headers.get_all(name).iter().count());
                let count = count.and_then(|count| i64::try_from(count).ok());
                count.map_or(FieldValue::Missing, FieldValue::Number)
            }
            _ => FieldValue::Missing,
        }
    }

    /// What the request has of a field that a test looks at.
    pub(crate) fn tested(&self, test: &FieldTest) -> Vec<FieldValue<'_>> {
        match (test.field, &test.name) {
            (Field::Header, Some(name)) => self.headers(name),
            (Field::Json, Some(name)) => {
                JsonPath::parse(name).map_or_else(|_| Vec::new(), |path| self.values_at(&path))
            }
            (field, name) => vec![self.field(field, name.as_deref())],
        }
    }

    /// Every header of a name, as far as they are texts.
    pub(crate) fn headers(&self, name: &str) -> Vec<FieldValue<'_>> {
        let values = self.head.headers.get_all(name).iter();
        values.filter_map(|value| value.to_str().ok()).map(FieldValue::Header).collect()
    }

    /// The values at a path into the body.
    pub(crate) fn values_at(&self, path: &JsonPath) -> Vec<FieldValue<'_>> {
        self.tree().map_or_else(Vec::new, |tree| path.query(tree).into_iter().map(json_value).collect())
    }

    /// What templates can fill in, by the names that they use. What the request does not have is an empty text.
    pub(crate) fn values(&self, names: &[String]) -> Values {
        let mut values = Values::default();
        for name in names {
            match name.as_str() {
                "nth" => values.set_number("request", name, self.nth.into()),
                _ => values.set("request", name, self.named(name)),
            }
        }
        values
    }

    fn named(&self, name: &str) -> String {
        match name {
            "prompt" => self.chat.map(|chat| chat.prompt.to_string()).unwrap_or_default(),
            "model" => self.chat.map(|chat| chat.model.to_string()).unwrap_or_default(),
            "key" => self.seat.label.clone().unwrap_or_default(),
            "secret" => {
                let secret = self.keys.secret_in(self.head).unwrap_or_default();
                String::from_utf8_lossy(&secret).into_owned()
            }
            "path" => self.head.uri.path().to_owned(),
            _ => {
                let header = || self.header(&name.strip_prefix("header_")?.replace('_', "-"));
                let body = || at_path(self.tree()?, name.strip_prefix("body_")?).map(written);
                header().map(str::to_owned).or_else(body).unwrap_or_default()
            }
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(HeaderValue::to_str)?.ok()
    }

    fn tree(&self) -> Option<&Value> {
        self.tree.get_or_init(|| serde_json::from_slice(self.body).ok()).as_ref()
    }
}

fn json_value(value: &Value) -> FieldValue<'_> {
    match value {
        Value::Null => FieldValue::Null,
        Value::Bool(flag) => FieldValue::Flag(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => FieldValue::Number(number),
            (None, Some(number)) => FieldValue::Measured(number),
            (None, None) => FieldValue::Missing,
        },
        Value::String(text) => FieldValue::Text(text),
        Value::Array(_) | Value::Object(_) => FieldValue::Missing,
    }
}

/// The value at a path whose parts are joined by `_`. A key may itself hold a `_`: the longest that fits is taken.
fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    let mut ends = (0..=path.len()).rev().filter(|end| *end == path.len() || path.as_bytes()[*end] == b'_');
    ends.find_map(|end| {
        let (name, rest) = path.split_at_checked(end)?;
        let inner = match value {
            Value::Object(map) => map.get(name),
            Value::Array(list) => list.get(name.parse::<usize>().ok()?),
            _ => None,
        };
        at_path(inner?, rest.strip_prefix('_').unwrap_or(rest))
    })
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_with_underscores_finds_keys_that_hold_some() {
        let body =
            json!({ "max_tokens": 5, "metadata": { "user_id": "u", "list": [{ "a": true }] }, "text": "t" });
        for (path, expected) in [
            ("max_tokens", Some("5")),
            ("metadata_user_id", Some("u")),
            ("metadata_list_0_a", Some("true")),
            ("metadata_list_1_a", None),
            ("max", None),
            ("text", Some("t")),
            ("text_more", None),
        ] {
            assert_eq!(at_path(&body, path).map(written).as_deref(), expected, "{path}");
        }
    }
}
