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
    /// The row has no such value.
    Nothing,
}

/// The group of a row. Rows that lack a value, such as a known key, are a group of their own. What belongs to no exchange, such as a
/// health check, is in no group that it lacks a value for, and neither is an exchange of a phase where steps are asked for.
pub(crate) fn group_of(row: Row<'_>, per: &[Field], scene: &Scene<'_>) -> Option<GroupKey> {
    let loose = row.attempt().is_some_and(|held| !held.is_joined());
    let parts = per.iter().map(|field| match part_of(row.value(*field, scene, View::Seen)) {
        None if loose || matches!(field, Field::Exchange | Field::Step | Field::Phase) => None,
        part => Some(part.unwrap_or(Part::Nothing)),
    });
    parts.collect()
}

/// A value as a part of a group's key.
pub(crate) fn part_of(value: FieldValue<'_>) -> Option<Part> {
    match value {
        FieldValue::Text(text) | FieldValue::Header(text) => Some(Part::Text(text.to_owned())),
        FieldValue::Number(number) => Some(Part::Number(number)),
        FieldValue::Flag(flag) => Some(Part::Flag(flag)),
        FieldValue::Missing
        | FieldValue::Large(_)
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
        Part::Nothing => "nothing".to_owned(),
    });
    words::group(per.iter().copied().zip(values))
}
