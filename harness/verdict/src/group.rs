//! Groups of rows: those that have the same values in the fields by which a claim groups.

use scenario::{Field, FieldValue};

use crate::row::Row;
use crate::scene::{Scene, View};
use crate::words;

/// The values that the rows of a group share.
pub(crate) type GroupKey = Vec<Part>;

/// A value by which rows are grouped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// The group of a row; none for a row that lacks one of the fields, such as an attempt that joins no exchange.
pub(crate) fn group_of(row: Row<'_>, per: &[Field], scene: &Scene<'_>) -> Option<GroupKey> {
    per.iter().map(|field| part_of(row.value(*field, scene, View::Seen))).collect()
}

/// A value as a part of a group's key.
pub(crate) fn part_of(value: FieldValue<'_>) -> Option<Part> {
    match value {
        FieldValue::Text(text) => Some(Part::Text(text.to_owned())),
        FieldValue::Number(number) => Some(Part::Number(number)),
        FieldValue::Flag(flag) => Some(Part::Flag(flag)),
        FieldValue::Missing
        | FieldValue::Measured(_)
        | FieldValue::Duration(_)
        | FieldValue::Share(_)
        | FieldValue::Size(_)
        | FieldValue::Money(_)
        | FieldValue::Null => None,
    }
}

/// Where a group is, in words.
pub(crate) fn place(per: &[Field], key: &GroupKey) -> String {
    let values = key.iter().map(|part| match part {
        Part::Text(text) => format!("`{text}`"),
        Part::Number(number) => number.to_string(),
        Part::Flag(flag) => flag.to_string(),
    });
    words::group(per.iter().copied().zip(values))
}
