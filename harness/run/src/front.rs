//! The `libtest` front: people and nextest list, filter and run trials through it. It is the face, not the engine.

use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use record::{TrialRecord, Verdict};

use crate::engine::Engine;
use crate::exit::is_ok;
use crate::plan::ScenarioPlan;
use crate::turns::Turns;

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
    let threads = *arguments.test_threads.get_or_insert(TEST_THREADS);
    let runs = |plan: &&ScenarioPlan| plan.ignored.is_none() && !arguments.ignored;
    let front = Arc::new(Front {
        engine: Arc::clone(engine),
        story: Arc::clone(story),
        turns: Turns::of(trials.iter().filter(runs).count(), threads),
        records: Mutex::default(),
    });
    let trials: Vec<Trial> = trials.into_iter().map(|plan| trial(&front, plan)).collect();
    // Its conclusion counts trials; what became of them stands in their records.
    let _: libtest_mimic::Conclusion = libtest_mimic::run(&arguments, trials);
    let mut records = front.records.lock().unwrap_or_else(PoisonError::into_inner);
    records.sort_by(|a: &TrialRecord, b| a.name.cmp(&b.name));
    std::mem::take(&mut *records)
}

/// What the bodies of all trials share.
struct Front {
    engine: Arc<Engine>,
    story: Story,
    turns: Turns,
    records: Mutex<Vec<TrialRecord>>,
}

impl Front {
    fn keep(&self, record: TrialRecord) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

fn trial(front: &Arc<Front>, plan: ScenarioPlan) -> Trial {
    let (front, name, ignored) = (Arc::clone(front), plan.name.clone(), plan.ignored.clone());
    if ignored.is_some() {
        front.keep(front.engine.ignored(&plan));
    }
    let reason = ignored.as_ref().map(|ignored| ignored.reason.clone());
    Trial::ignorable_test(name, move || {
        if let Some(reason) = reason {
            return Ok(Completion::ignored_with(reason));
        }
        let mut turn = front.turns.begin();
        let record = front.engine.run(&plan, || turn.wait_for_the_others());
        drop(turn);
        // What it needs was found to be missing only when it was its turn.
        let gated = record.judged.first().filter(|_| record.verdict == Verdict::Gated);
        let gated = gated.map(|judged| Completion::ignored_with(judged.observed.clone()));
        let failed = (!is_ok(record.verdict)).then(|| Failed::from((front.story)(&record)));
        front.keep(record);
        failed.map_or(Ok(gated.unwrap_or(Completion::Completed)), Err)
    })
    .with_ignored_flag(ignored.is_some())
}
