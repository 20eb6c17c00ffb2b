//! What a target tells its client of an exchange in the head of its answer, in the way of its profile.

use record::{Counting, money_micros};
use scenario::{Field, FieldValue};

use crate::fields::{number, text};
use crate::scene::Scene;
use crate::tree::OpenTree;

/// A header that is not there, or cannot be read, tells nothing.
pub(crate) fn of_told<'v>(tree: &'v OpenTree, field: Field, scene: &Scene<'_>) -> FieldValue<'v> {
    let head = tree.more().and_then(|more| more.got.as_ref()).map_or(&[][..], |got| &got.head);
    let header = |name: &str| {
        let named = head.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map_or("", |(_, value)| value.trim())
    };
    let told = scene.told;
    match field {
        Field::ToldUpstream => {
            told.served_by.as_deref().map_or(FieldValue::Missing, |name| text(header(name)))
        }
        Field::ToldKey => told.key.as_deref().map_or(FieldValue::Missing, |name| text(header(name))),
        Field::ToldRequestId => {
            told.request_id.as_deref().map_or(FieldValue::Missing, |name| text(header(name)))
        }
        Field::ToldCost => {
            let cost = told.cost.as_ref().and_then(|(name, unit)| money_micros(header(name), *unit));
            cost.map_or(FieldValue::Missing, FieldValue::Money)
        }
        Field::ToldAttempts => {
            let counted = told.attempts.as_ref().and_then(|(name, counting)| {
                let counted: u32 = header(name).parse().ok()?;
                Some(match counting {
                    Counting::Attempts => counted,
                    Counting::Retries => counted.saturating_add(1),
                })
            });
            counted.map_or(FieldValue::Missing, number)
        }
        _ => FieldValue::Missing,
    }
}
