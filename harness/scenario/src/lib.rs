//! The scenario language: from YAML text to cases that can be run, with a position for everything that is wrong.
//!
//! A text is parsed into a node tree (`yaml`), constants and the values of a case are put in (`substitute`, `cases`), the
//! tree is read as typed parts (`read`, `model`), and what the parts refer to is looked up (`check`). `suite` does all of it
//! for every file below some paths.

mod cases;
mod check;
mod contract_version;
mod document;
mod durations;
mod expression;
mod find;
mod flow;
mod imports;
mod json_path;
mod model;
mod node;
mod partial;
mod problem;
mod read;
mod replay;
mod requirements;
mod rules;
mod schema;
mod substitute;
mod suite;
mod template;
mod words;
mod world_file;
mod yaml;

pub use cases::Case;
pub use contract_version::ContractVersion;
pub use dialect::Dialect;
pub use document::Document;
pub use flow::flow;
pub use model::*;
pub use node::{Entry, Node, SourceId, Span, Value};
pub use problem::{Position, Problem, Source, Sources, nearest};
pub use read::{
    At, Fields, Money, Named, ObjectSchema, Property, Rate, Read, SchemaBook, Share, Size, read_duration,
    read_money, show_duration, wrong,
};
pub use replay::offsets;
pub use requirements::{Later, Requirements, Showing, Shown};
pub use rules::{Chapter, KnownRule, Level, Rule, RuleSource, Rules, SourceKind};
pub use schema::{rules_schema, scenario_schema};
pub use suite::{ScenarioFile, Suite, SuiteError, SuiteTexts};
pub use template::{Template, Values};
pub use words::{KeyDoc, PartDoc, WordDoc, parts_of, rules_words, scenario_words, without_example};
pub use world_file::read_worlds;
