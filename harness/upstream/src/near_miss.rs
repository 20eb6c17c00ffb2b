//! Requests that no entry of the script took, with the entry that came nearest and why it did not take them.

use record::NameId;
use scenario::{FieldTest, FieldValue};

use crate::asked::Asked;
use crate::questions::Questions;
use crate::script_rule::ScriptRule;

/// The entry that came nearest to taking a request, and why it did not.
#[derive(Debug)]
pub(crate) struct NearMiss {
    pub(crate) entry: NameId,
    pub(crate) why: String,
}

/// So much of a value is told.
const TOLD: usize = 80;

/// The entry that came nearest: the one with the fewest tests that the request does not pass, the first of several.
pub(crate) fn nearest(script: &[ScriptRule], asked: &Asked<'_>, questions: &Questions) -> Option<NearMiss> {
    let missed = |rule: &ScriptRule| questions.missed(rule.when.as_ref(), asked).count();
    let rule = script.iter().min_by_key(|rule| missed(rule))?;
    let why: Vec<String> =
        questions.missed(rule.when.as_ref(), asked).map(|test| difference(test, asked)).collect();
    let why = if why.is_empty() { rule.room().to_owned() } else { why.join("; ") };
    Some(NearMiss { entry: rule.name, why })
}

/// What a request has where a test asks for something else.
fn difference(test: &FieldTest, asked: &Asked<'_>) -> String {
    let found = asked.tested(test);
    let found: Vec<String> = found.into_iter().map(told).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(" and ") };
    format!("{test} in the entry, and {found} in the request")
}

fn told(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::Text(text) | FieldValue::Header(text) => {
            let end = text.floor_char_boundary(TOLD);
            format!("`{}{}`", text[..end].escape_debug(), if end < text.len() { "..." } else { "" })
        }
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Measured(number) => number.to_string(),
        FieldValue::Null => "null".to_owned(),
        // Requests have no other fields.
        _ => "nothing".to_owned(),
    }
}
