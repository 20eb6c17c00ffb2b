//! Calculations with durations in `{{ }}`: `{{ wait - way }}` is a duration, `{{ long / short }}` a number.
//!
//! An expression knows no units. So it is evaluated twice, with every duration counted in a small unit and again with each one
//! doubled: what doubles with them is a duration, and what stays is a number or a flag.

use std::time::Duration;

use cel::{Context, Program};

use crate::node::{Node, Value};
use crate::read::{read_duration, show_duration};

/// Parts of a nanosecond in which durations are counted: every number up to 16 divides it, so that such divisions leave no rest
/// that could be taken for a number.
const PARTS: i64 = 720_720;

/// The value of an expression in which texts are durations; none if they are not, or if it is no calculation.
///
/// # Errors
/// It is one whose result nothing can be made of, in words for the user.
pub(crate) fn calculated(
    program: &Program,
    values: &[(&str, &Node)],
    to_cel: impl Fn(&Node) -> cel::Value,
) -> Result<Option<Value>, String> {
    let mut counted = Vec::with_capacity(values.len());
    for (name, node) in values {
        let nanos = match &node.value {
            Value::Text(text) => match read_duration(text).and_then(|it| i64::try_from(it.as_nanos()).ok()) {
                Some(nanos) => Some(nanos),
                None => return Ok(None),
            },
            _ => None,
        };
        counted.push((*name, *node, nanos));
    }
    if counted.iter().all(|(.., nanos)| nanos.is_none()) {
        return Ok(None);
    }
    let evaluated = |times: i64| {
        let mut context = Context::default();
        for (name, node, nanos) in &counted {
            let value = match nanos {
                Some(nanos) => cel::Value::Int(nanos.checked_mul(PARTS)?.checked_mul(times)?),
                None => to_cel(node),
            };
            context.add_variable_from_value(*name, value);
        }
        program.execute(&context).ok()
    };
    match (evaluated(1), evaluated(2)) {
        (Some(cel::Value::Bool(once)), Some(cel::Value::Bool(twice))) if once == twice => {
            Ok(Some(Value::Flag(once)))
        }
        (Some(cel::Value::Int(once)), Some(cel::Value::Int(twice))) => measured(once, twice).map(Some),
        _ => Ok(None),
    }
}

fn measured(once: i64, twice: i64) -> Result<Value, String> {
    if once == twice && once != 0 {
        return Ok(Value::Int(once));
    }
    if once.checked_mul(2) != Some(twice) {
        return Err("a duration and a number do not go together".to_owned());
    }
    let nanos = u64::try_from(once / PARTS).map_err(|_| "a duration below nothing".to_owned())?;
    Ok(Value::Text(show_duration(Duration::from_nanos(nanos))))
}
