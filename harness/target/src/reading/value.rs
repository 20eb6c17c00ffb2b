//! Values that a profile's JSONPaths find in what a target answers.

use serde_json::Value;

use crate::profile::{MoneyUnit, ValuePath};

/// A document of bytes.
pub(super) fn document(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("it is no JSON ({error})"))
}

/// The one value that a path finds; `None` if there is none, or `null`.
pub(super) fn one<'v>(of: &'v Value, path: Option<&ValuePath>) -> Result<Option<&'v Value>, String> {
    let Some(path) = path else { return Ok(None) };
    let mut found = path.path.query(of).all().into_iter();
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(format!("`{}` finds several values", path.text)),
        (found, _) => Ok(found.filter(|value| !value.is_null())),
    }
}

/// A text; that of a number as well, since ids are sometimes numbers. Empty where there is none.
pub(super) fn text(of: &Value, path: Option<&ValuePath>) -> Result<String, String> {
    match one(of, path)? {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(other) => Err(wrong(other, path, "a text")),
    }
}

/// Every text that a path finds, those of numbers too.
pub(super) fn texts(of: &Value, path: Option<&ValuePath>) -> Result<Vec<String>, String> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let found = path.path.query(of).all().into_iter().filter(|value| !value.is_null());
    let texts = found.map(|value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(wrong(other, Some(path), "a text")),
    });
    texts.collect()
}

/// A whole number; `None` where there is none.
pub(super) fn count(of: &Value, path: Option<&ValuePath>) -> Result<Option<u64>, String> {
    let Some(value) = one(of, path)? else { return Ok(None) };
    value.as_u64().map(Some).ok_or_else(|| wrong(value, path, "a whole number"))
}

/// Money in millionths of a dollar; `None` where it is unknown.
pub(super) fn money(of: &Value, path: Option<&ValuePath>, unit: MoneyUnit) -> Result<Option<i64>, String> {
    let Some(value) = one(of, path)? else { return Ok(None) };
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => return Err(wrong(other, path, "an amount of money")),
    };
    crate::money::micros(&text, unit).map(Some).ok_or_else(|| wrong(value, path, "an amount of money"))
}

/// A value that is not what is wanted.
fn wrong(value: &Value, path: Option<&ValuePath>, wanted: &str) -> String {
    let kind = match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => {
            format!("the text `{}`", text.chars().take(40).collect::<String>().escape_debug())
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    };
    format!("`{}` finds {kind} where {wanted} is wanted", path.map_or("", |path| &path.text))
}
