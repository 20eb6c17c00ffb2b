//! From a suite to verdicts: the plan, the trials with their evidence, the judging, and the `libtest` front.
//!
//! This crate knows every part of the harness but the report writers: what it leaves behind is a [`record::RunRecord`] and a
//! folder of evidence, and reports are made from those with nothing running.

mod abroad;
mod bench;
mod caps;
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
mod outside;
mod plan;
mod proof;
mod readiness;
mod scratch;
mod select;
mod sharing;
mod trial;
mod turns;

pub use abroad::{Abroad, Foreign};
pub use bench::{Bench, BenchError};
pub use caps::{BeyondCaps, Caps};
pub use confession::{Confession, remarks};
pub use engine::{Ended, Engine, Machine, RunSettings, Stopper, WatcherMaker};
pub use estimate::Estimate;
pub use evidence::{EvidenceError, Reader, Redactor, RunFolder, TrialFolder, Watcher, write_evidence};
pub use exit::{Exit, is_ok};
pub use front::{Story, TEST_THREADS, run_trials};
pub use gate::{FlagError, Gates};
pub use judging::{JudgingError, judge_trial};
pub use narrator::{Narrator, Told};
pub use outside::{Outside, OutsideError, RealService};
pub use plan::{Ignored, Planning, ScenarioPlan, plan, trial_name};
pub use proof::{
    Conduct, ProofError, ProofPlan, ProofRun, ProofScope, defect_record, healthy_record, plan_proof,
};
pub use select::Selection;
pub use sharing::{FixedPorts, SharedInstances};
