//! The fields of code that stands in answers.

use scenario::{Field, FieldValue};

use crate::code::Block;
use crate::fields::{number, text};
use crate::names::TrafficKind;
use crate::scene::Scene;
use crate::tree::OpenTree;

pub(crate) fn of_code<'v>(
    tree: &OpenTree,
    block: &'v Block,
    field: Field,
    scene: &'v Scene<'v>,
) -> FieldValue<'v> {
    let exchange = tree.exchange.as_ref();
    match field {
        Field::Step => {
            exchange.map_or(FieldValue::Missing, |row| scene.traffic(row.traffic, TrafficKind::Step))
        }
        Field::Exchange => exchange.map_or(FieldValue::Missing, |row| number(row.id.0)),
        Field::Language => text(&block.language),
        Field::Complete => FieldValue::Flag(block.complete),
        Field::Balanced => FieldValue::Flag(block.is_balanced()),
        Field::Text => FieldValue::Text(&block.text),
        _ => FieldValue::Missing,
    }
}
