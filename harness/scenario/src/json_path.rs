//! JSONPath (RFC 9535): whether a text is one.

use serde_json_path::JsonPath;

use crate::node::Span;
use crate::problem::Problem;

/// A longer path, or one with more brackets, leads nowhere that a provider's answer goes.
const MOST_BYTES: usize = 500;
const MOST_BRACKETS: usize = 32;

/// Tells a text that is no JSONPath.
pub(crate) fn check(text: &str, span: Span, problems: &mut Vec<Problem>) {
    let help = "write for example `$.choices[0].message.content` or `$.usage.total_tokens`";
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'(')).count();
    if text.len() > MOST_BYTES || brackets > MOST_BRACKETS {
        let message = format!("a JSONPath of more than {MOST_BYTES} characters or {MOST_BRACKETS} brackets");
        problems.push(Problem::new(span, message).help(help));
    } else if let Err(error) = JsonPath::parse(text) {
        problems.push(Problem::new(span, format!("`{text}` is no JSONPath: {error}")).help(help));
    }
}
