//! The `libtest` front: people and nextest list, filter and run trials through it. It is the face, not the engine.

use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use record::TrialRecord;

use crate::engine::Engine;
use crate::exit::is_ok;
use crate::plan::ScenarioPlan;

/// More scenarios than cores, since a scenario waits more than it computes.
pub const TEST_THREADS: usize = 16;

/// Tells why a trial did not pass, for the place where `libtest` prints failures.
pub type Story = Arc<dyn Fn(&TrialRecord) -> String + Send + Sync>;

/// Runs trials under `libtest` arguments, or lists them, and returns what became of each.
pub fn run_trials(
    engine: &Arc<Engine>,
    trials: Vec<ScenarioPlan>,
    mut arguments: Arguments,
    story: &Story,
) -> Vec<TrialRecord> {
    arguments.test_threads.get_or_insert(TEST_THREADS);
    let records = Arc::new(Mutex::new(Vec::new()));
    let trials: Vec<Trial> = trials.into_iter().map(|plan| trial(engine, plan, story, &records)).collect();
    // Its conclusion counts trials; what became of them stands in their records.
    let _: libtest_mimic::Conclusion = libtest_mimic::run(&arguments, trials);
    let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
    records.sort_by(|a: &TrialRecord, b| a.name.cmp(&b.name));
    std::mem::take(&mut *records)
}

fn trial(
    engine: &Arc<Engine>,
    plan: ScenarioPlan,
    story: &Story,
    records: &Arc<Mutex<Vec<TrialRecord>>>,
) -> Trial {
    let (engine, story, records) = (Arc::clone(engine), Arc::clone(story), Arc::clone(records));
    let (name, ignored) = (plan.name.clone(), plan.ignored.clone());
    if ignored.is_some() {
        let record = engine.ignored(&plan);
        records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
    let reason = ignored.as_ref().map(|ignored| ignored.reason.clone());
    Trial::ignorable_test(name, move || {
        if let Some(reason) = reason {
            return Ok(Completion::ignored_with(reason));
        }
        let record = engine.run(&plan);
        let failed = (!is_ok(record.verdict)).then(|| Failed::from(story(&record)));
        records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        failed.map_or(Ok(Completion::Completed), Err)
    })
    .with_ignored_flag(ignored.is_some())
}
