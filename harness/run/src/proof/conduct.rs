//! Runs the trials of a proof, those of many defects side by side, and those that measure at the end, one by one.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use record::TrialRecord;

use super::ProofRun;
use super::outcome::{broken, not_red};
use super::plan::rules_of;
use crate::engine::{Engine, Machine, RunSettings, Stopper};
use crate::plan::ScenarioPlan;

/// How a proof is run.
pub struct Conduct<'a> {
    /// How many trials run side by side.
    pub threads: usize,
    /// Ends it.
    pub stopper: Stopper,
    /// The settings of a run.
    pub settings: &'a (dyn Fn(&ProofRun) -> io::Result<RunSettings> + Sync),
    /// Is told of each run that is over, with its trials in the order of their names.
    pub ended: &'a (dyn Fn(&ProofRun, &Engine, Vec<TrialRecord>) + Sync),
}

/// The machine does not let a run be started.
#[derive(Debug, thiserror::Error)]
#[error("a run of the proof cannot be started: {0}")]
pub struct ProofError(io::Error);

/// A run while its trials are run.
struct Open<'r> {
    run: &'r ProofRun,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// From the first trial to the last.
    engine: Option<Arc<Engine>>,
    records: Vec<TrialRecord>,
    /// How many trials run for sure.
    planned: usize,
    /// Whether it has been decided which of the further trials run.
    decided: bool,
}

/// A trial of a run.
type Turn<'r> = (&'r Open<'r>, &'r ScenarioPlan);

/// What is still to be run. A trial that ends may add others.
#[derive(Default)]
struct Turns<'r> {
    waiting: Mutex<Waiting<'r>>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting<'r> {
    beside: VecDeque<Turn<'r>>,
    /// Those that measure: they have the machine for themselves when all others are over.
    alone: VecDeque<Turn<'r>>,
    under_way: usize,
}

/// Tells, when it is dropped, that a trial is over.
struct Over<'t, 'r>(&'t Turns<'r>);

impl Conduct<'_> {
    /// Runs them all.
    ///
    /// # Errors
    ///
    /// If a run cannot be started; those that are under way are finished.
    pub fn run(&self, runs: &[ProofRun]) -> Result<(), ProofError> {
        let machine = Machine::default();
        let open: Vec<Open<'_>> = runs.iter().map(Open::of).collect();
        let turns = Turns::default();
        for open in &open {
            turns.add(open.run.trials.iter().map(|trial| (open, trial)));
        }
        self.drain(&turns, self.threads, Turns::beside, &machine)?;
        self.drain(&turns, 1, Turns::alone, &machine)
    }

    fn drain<'r>(
        &self,
        turns: &Turns<'r>,
        threads: usize,
        next: impl Fn(&Turns<'r>) -> Option<Turn<'r>> + Sync,
        machine: &Machine,
    ) -> Result<(), ProofError> {
        let work = || -> io::Result<()> {
            while let Some((open, trial)) = next(turns) {
                // Whatever becomes of it, those who wait for it are told.
                let _over = Over(turns);
                let further = self.run_one(open, trial, machine)?;
                turns.add(further.into_iter().map(|trial| (open, trial)));
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let ended = workers.into_iter().map(|worker| match worker.join() {
                Ok(ended) => ended,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // All are waited for, whatever one of them says.
            let ended: Vec<io::Result<()>> = ended.collect();
            ended.into_iter().collect::<io::Result<()>>().map_err(ProofError)
        })
    }

    /// Runs a trial, and tells which others are to follow.
    fn run_one<'r>(
        &self,
        open: &Open<'r>,
        trial: &ScenarioPlan,
        machine: &Machine,
    ) -> io::Result<Vec<&'r ScenarioPlan>> {
        let engine = self.engine(open, machine)?;
        // A trial that comes to no conclusion is run again alone, once those are over that run beside it.
        let record = engine.run(trial, || {});
        let mut state = open.state();
        state.records.push(record);
        if state.records.len() < state.planned {
            return Ok(Vec::new());
        }
        if !state.decided && engine.interrupted().is_none() {
            state.decided = true;
            let further = further(open.run, &engine, &state.records);
            state.planned += further.len();
            if !further.is_empty() {
                return Ok(further);
            }
        }
        state.engine = None;
        let mut records = std::mem::take(&mut state.records);
        drop(state);
        records.sort_by(|a, b| a.name.cmp(&b.name));
        (self.ended)(open.run, &engine, records);
        Ok(Vec::new())
    }

    fn engine(&self, open: &Open<'_>, machine: &Machine) -> io::Result<Arc<Engine>> {
        let mut state = open.state();
        if let Some(engine) = &state.engine {
            return Ok(Arc::clone(engine));
        }
        let settings = (self.settings)(open.run)?;
        let engine = Arc::new(Engine::start_beside(settings, machine.clone(), self.stopper.clone())?);
        state.engine = Some(Arc::clone(&engine));
        Ok(engine)
    }
}

/// The trials of the rules that are not red yet, and the other controls if none passed.
fn further<'r>(run: &'r ProofRun, engine: &Engine, records: &[TrialRecord]) -> Vec<&'r ScenarioPlan> {
    let wanted = not_red(run, records);
    let breaks_all = broken(&run.controls, records).is_some();
    let suite = &engine.settings().bench.suite;
    let concerns = |trial: &&ScenarioPlan| {
        let is_control = breaks_all && run.controls.contains(&trial.name);
        is_control || rules_of(trial.case(suite)).any(|rule| wanted.contains(&rule))
    };
    run.further.iter().filter(concerns).collect()
}

impl<'r> Open<'r> {
    fn of(run: &'r ProofRun) -> Self {
        Self { run, state: Mutex::new(State { planned: run.trials.len(), ..State::default() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every step under the lock leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'r> Turns<'r> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<'r>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, turns: impl Iterator<Item = Turn<'r>>) {
        let mut waiting = self.waiting();
        for turn in turns {
            if turn.1.alone { waiting.alone.push_back(turn) } else { waiting.beside.push_back(turn) }
        }
    }

    /// The next that may run beside others; none once nothing can follow any more.
    fn beside(&self) -> Option<Turn<'r>> {
        let mut waiting = self.waiting();
        loop {
            if let Some(turn) = waiting.beside.pop_front() {
                waiting.under_way += 1;
                return Some(turn);
            }
            if waiting.under_way == 0 {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next for the only one that still works.
    fn alone(&self) -> Option<Turn<'r>> {
        let mut waiting = self.waiting();
        let turn = waiting.alone.pop_front().or_else(|| waiting.beside.pop_front())?;
        waiting.under_way += 1;
        Some(turn)
    }
}

impl Drop for Over<'_, '_> {
    fn drop(&mut self) {
        self.0.waiting().under_way -= 1;
        self.0.changed.notify_all();
    }
}
