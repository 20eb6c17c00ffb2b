//! Which scenarios share an instance, and in which lane each of them is.

use std::collections::HashMap;
use std::sync::Arc;

use scenario::Suite;
use target::{Demands, Lane, Profile};

use crate::plan::ScenarioPlan;
use crate::scratch::fresh_mark;
use crate::sharing::fitness::may_share;
use crate::sharing::instance::{LaneOf, SharedInstance};

/// So many scenarios share an instance at most: its configuration is read as a whole, and what ends it ends all of them.
const MOST_LANES: usize = 40;

/// The instances of a run that are shared.
#[derive(Debug, Default)]
pub struct SharedInstances {
    instances: Vec<Arc<SharedInstance>>,
    /// By the name of a trial, its instance and its lane there.
    seats: HashMap<String, (usize, usize)>,
}

impl SharedInstances {
    /// Those of the trials that are going to run, for a target that says that scenarios may share it.
    #[must_use]
    pub fn of(profile: &Profile, suite: &Suite, trials: &[ScenarioPlan]) -> Self {
        if !profile.is_shared() {
            return Self::default();
        }
        let mut groups: Vec<(Demands, Vec<LaneOf>)> = Vec::new();
        let mut seats = HashMap::new();
        for plan in trials.iter().filter(|plan| plan.ignored.is_none() && !plan.alone) {
            let scenario = &plan.case(suite).scenario;
            if !may_share(scenario) {
                continue;
            }
            let demands = profile.demands(&scenario.world);
            let fits = |(own, lanes): &mut (Demands, Vec<LaneOf>)| {
                lanes.len() < MOST_LANES && own.join(&demands).is_ok()
            };
            let group = groups.iter_mut().position(fits).unwrap_or_else(|| {
                groups.push((demands, Vec::new()));
                groups.len() - 1
            });
            let lanes = &mut groups[group].1;
            seats.insert(plan.name.clone(), (group, lanes.len()));
            lanes.push(LaneOf {
                scenario: plan.scenario,
                case: plan.case,
                seed: plan.seed,
                mark: fresh_mark(),
                lane: Lane::numbered(lanes.len() + 1),
            });
        }
        let instances = groups.into_iter().map(|(_, lanes)| Arc::new(SharedInstance::of(lanes)));
        Self { instances: instances.collect(), seats }
    }

    /// How many there are, and how many trials share them.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.instances.len(), self.seats.len())
    }

    /// Puts trials that share an instance one behind the other, so that few instances live at a time.
    pub fn arrange(&self, trials: &mut [ScenarioPlan]) {
        trials.sort_by_key(|plan| self.seats.get(&plan.name).copied().unwrap_or((usize::MAX, 0)));
    }

    /// The shared instance of a trial, with the number of its lane; `None` for one that has its own.
    pub(crate) fn seat(&self, trial: &str) -> Option<(&Arc<SharedInstance>, usize)> {
        let (instance, lane) = self.seats.get(trial)?;
        Some((&self.instances[*instance], *lane))
    }
}
