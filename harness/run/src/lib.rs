//! From a suite to verdicts: the plan, the trials with their evidence, the judging, and the `libtest` front.
//!
//! This crate knows every part of the harness but the report writers: what it leaves behind is a [`record::RunRecord`] and a
//! folder of evidence, and reports are made from those with nothing running.

mod bench;
mod confession;
mod engine;
mod estimate;
mod evidence;
#[cfg(test)]
mod example;
mod exit;
mod front;
mod gate;
mod inability;
mod judging;
mod lag;
mod narrator;
mod plan;
mod scratch;
mod select;
mod trial;

pub use bench::{Bench, BenchError};
pub use confession::Confession;
pub use engine::{Engine, RunSettings, Stopper, WatcherMaker};
pub use estimate::Estimate;
pub use evidence::{EvidenceError, Reader, RunFolder, TrialFolder, Watcher};
pub use exit::{Exit, is_ok};
pub use front::{Story, TEST_THREADS, run_trials};
pub use gate::{FlagError, Gates};
pub use judging::{JudgedTrial, judge_folder};
pub use narrator::{Narrator, Told};
pub use plan::{Ignored, Planning, ScenarioPlan, plan, trial_name};
pub use select::Selection;
