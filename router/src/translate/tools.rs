//! Tools that a request offers, and whether one must be called.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::request::Untranslatable;

/// A tool in the provider's words. Its schema stays as it was written.
#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    input_schema: Schema<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Written(&'a RawValue),
    Missing(Value),
}

#[derive(Deserialize)]
struct OfferedTool<'a> {
    #[serde(borrow)]
    function: OfferedFunction<'a>,
}

#[derive(Deserialize)]
struct OfferedFunction<'a> {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, borrow)]
    parameters: Option<&'a RawValue>,
}

pub(super) fn tools(raw: &RawValue) -> Result<Vec<Tool<'_>>, Untranslatable> {
    let offered: Vec<OfferedTool<'_>> = serde_json::from_str(raw.get()).map_err(|error| {
        Untranslatable::new("tools", format!("the field `tools` cannot be read: {error}"))
    })?;
    let tool = |OfferedTool { function: OfferedFunction { name, description, parameters } }| Tool {
        name,
        description,
        input_schema: match parameters {
            Some(written) => Schema::Written(written),
            None => Schema::Missing(json!({ "type": "object", "properties": {} })),
        },
    };
    Ok(offered.into_iter().map(tool).collect())
}

pub(super) fn tool_choice(
    choice: Option<&Value>,
    parallel: Option<bool>,
) -> Result<Option<Value>, Untranslatable> {
    let mut translated = match choice {
        None if parallel == Some(false) => json!({ "type": "auto" }),
        None => return Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => json!({ "type": "auto" }),
            "none" => return Ok(Some(json!({ "type": "none" }))),
            "required" => json!({ "type": "any" }),
            _ => return Err(unknown_choice()),
        },
        Some(named) => match named["function"]["name"].as_str() {
            Some(name) => json!({ "type": "tool", "name": name }),
            None => return Err(unknown_choice()),
        },
    };
    if parallel == Some(false) {
        translated["disable_parallel_tool_use"] = Value::Bool(true);
    }
    Ok(Some(translated))
}

fn unknown_choice() -> Untranslatable {
    let problem = "the field `tool_choice` must be `auto`, `none`, `required` or name a function";
    Untranslatable::new("tool_choice", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_schema_is_kept_as_it_was_written() {
        let raw = RawValue::from_string(
            r#"[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type": "object","maximum":12345678901234567890123}}},{"function":{"name":"g"}}]"#
                .to_owned(),
        )
        .unwrap();
        let expected = r#"[{"name":"f","description":"d","input_schema":{"type": "object","maximum":12345678901234567890123}},{"name":"g","input_schema":{"type":"object","properties":{}}}]"#;
        assert_eq!(serde_json::to_string(&tools(&raw).unwrap()).unwrap(), expected);
    }

    #[test]
    fn a_choice_of_tools_has_the_same_meaning() {
        let named = json!({ "type": "function", "function": { "name": "f" } });
        let cases = [
            (None, None, None),
            (None, Some(true), None),
            (None, Some(false), Some(json!({ "type": "auto", "disable_parallel_tool_use": true }))),
            (Some(json!("auto")), None, Some(json!({ "type": "auto" }))),
            (Some(json!("none")), Some(false), Some(json!({ "type": "none" }))),
            (Some(json!("required")), None, Some(json!({ "type": "any" }))),
            (Some(named), None, Some(json!({ "type": "tool", "name": "f" }))),
        ];
        for (choice, parallel, expected) in cases {
            assert_eq!(tool_choice(choice.as_ref(), parallel).unwrap(), expected, "{choice:?}");
        }
        assert!(tool_choice(Some(&json!({})), None).is_err());
    }
}
