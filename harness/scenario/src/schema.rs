//! The JSON Schemas that editors complete and check by.

use crate::model::Scenario;
use crate::read::{Read, SchemaBook};
use crate::rules::Chapter;

/// The schema of a scenario's file.
#[must_use]
pub fn scenario_schema() -> serde_json::Value {
    let mut book = SchemaBook::default();
    let root = Scenario::schema(&mut book);
    book.finish("https://stormproof.dev/schema/scenario.json", "Stormproof scenario", root)
}

/// The schema of a chapter of rules.
#[must_use]
pub fn rules_schema() -> serde_json::Value {
    let mut book = SchemaBook::default();
    let root = Chapter::schema(&mut book);
    book.finish("https://stormproof.dev/schema/rules.json", "Stormproof rules", root)
}
