//! The one judge: what was seen goes in, row by row, and the verdicts of a scenario's expectations come out.
//!
//! It is pure: no clock, no input or output, no thread. The live run and the `judge` command both read evidence back, bring it
//! into the order of time (`merge`) and hand it to `judge`, so that they cannot disagree. What is still open is held (`hold`);
//! whatever is over goes to the tallies of the expectations (`claim`, `measure`, `that`), and nothing else is kept.

mod arrivals;
mod chance;
mod claim;
mod classes;
mod code;
mod count;
mod delivered;
mod driver;
mod each;
mod exchange_group;
mod fields;
mod figures;
mod finding;
mod gathered;
mod group;
mod hints;
mod hold;
mod judge;
mod key_order;
mod lag;
mod measure;
mod merge;
mod names;
mod now;
mod numbers;
mod offence;
mod paired;
mod question;
mod row;
mod ruling;
mod scene;
mod sequence;
mod several;
mod shown;
mod spread;
mod statistics;
mod that;
mod timetable;
mod tree;
mod words;

#[cfg(test)]
mod tests;

pub use fields::Needs;
pub use judge::{Judge, Judgement};
pub use merge::Merged;
pub use now::holds_now;
pub use question::{BASE_GRACE, Observable, Question, blocked, ignored};
