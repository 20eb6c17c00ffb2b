//! What a step keeps of its last answer, for later steps.

use scenario::{Capture, Named, Values};
use serde_json_path::JsonPath;

/// An answer that something can be captured from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) text: String,
}

/// Why nothing could be captured: the target's answer does not hold it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` cannot be captured: {reason}")]
pub(crate) struct NotThere {
    name: String,
    reason: String,
}

/// Keeps what a step captures.
pub(crate) fn capture(
    wanted: &Named<Capture>,
    answered: &Answered,
    values: &mut Values,
) -> Result<(), NotThere> {
    for (name, what) in &wanted.0 {
        let found = match what {
            Capture::Json(path) => in_json(&path.value, &answered.body),
            Capture::Header(header) => answered
                .headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(header))
                .map(|(_, value)| value.clone())
                .ok_or_else(|| format!("the answer has no header `{header}`")),
            Capture::Text(_) => Ok(answered.text.clone()),
            Capture::Status(_) => Ok(answered.status.to_string()),
        };
        let found = found.map_err(|reason| NotThere { name: name.value.clone(), reason })?;
        values.set("captured", &name.value, found);
    }
    Ok(())
}

fn in_json(path: &str, body: &[u8]) -> Result<String, String> {
    let json: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| "the answer is no JSON".to_owned())?;
    let path = JsonPath::parse(path).map_err(|error| error.to_string())?;
    let found = path.query(&json);
    match found.first() {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("`{path}` finds nothing in the answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenario::{Span, Template};

    fn wanted(path: &str) -> Named<Capture> {
        let at = |value: &str| scenario::At { value: value.to_owned(), span: Span::default() };
        Named(vec![(at("it"), Capture::Json(at(path)))])
    }

    #[test]
    fn what_a_path_finds_is_kept_and_what_it_does_not_is_told() {
        let answered =
            Answered { body: br#"{"id": "a-1", "usage": {"total": 7}}"#.to_vec(), ..Answered::default() };
        for (path, found) in [
            ("$.id", Ok("a-1")),
            ("$.usage.total", Ok("7")),
            ("$.usage", Ok(r#"{"total":7}"#)),
            ("$.nothing", Err("`$.nothing` finds nothing in the answer")),
        ] {
            let mut values = Values::default();
            let captured = capture(&wanted(path), &answered, &mut values);
            match found {
                Ok(found) => {
                    let filled = Template::parse("{{ captured.it }}").unwrap().fill(&values);
                    assert_eq!((captured, filled), (Ok(()), Ok(found.to_owned())));
                }
                Err(reason) => assert_eq!(captured.unwrap_err().reason, reason),
            }
        }
    }
}
