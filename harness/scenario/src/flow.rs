//! A value as the language writes it on one line.

use serde_json::Value;

/// A value on one line: `{ error: rate_limit, retry_after: 2s }`.
#[must_use]
pub fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted_where_needed(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted_where_needed(key), flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A text that would be read as something else stands in quotes.
fn quoted_where_needed(text: &str) -> String {
    let plain_start = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '$' | '.' | '_'));
    let plain = plain_start
        && text.chars().all(|c| c.is_alphanumeric() || " _-./$%+^()=<>?;~'".contains(c) || c == ':')
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
        && !matches!(text, "true" | "false" | "null")
        && text.parse::<f64>().is_err();
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::SourceId;
    use crate::read::json_of;

    #[test]
    fn what_is_written_is_read_as_the_same_value() {
        for (value, written) in [
            (json!("20s"), "20s"),
            (json!("5 per 2s"), "5 per 2s"),
            (json!("0.002 USD"), "0.002 USD"),
            (json!("99%"), "99%"),
            (json!("1..2"), "1..2"),
            (json!("true"), "\"true\""),
            (json!("12"), "\"12\""),
            (json!(""), "\"\""),
            (json!("{{ wait }}"), "\"{{ wait }}\""),
            (json!("a: b, c"), "\"a: b, c\""),
            (json!("# no"), "\"# no\""),
            (json!({ "error": "rate_limit", "hints": [] }), "{ error: rate_limit, hints: [] }"),
            (json!({ "$.a": [1, true, null] }), "{ $.a: [1, true, null] }"),
            (json!({}), "{}"),
        ] {
            assert_eq!(flow(&value), written);
            let node = crate::yaml::parse(SourceId(0), &format!("[{written}]")).unwrap();
            assert_eq!(json_of(&node), json!([value]), "{written}");
        }
    }
}
