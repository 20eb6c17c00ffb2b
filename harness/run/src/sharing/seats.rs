//! Which scenarios share an instance, and in which lane each of them is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use scenario::Suite;
use sha2::{Digest, Sha256};
use target::{Demands, Lane, Profile};
use upstream::{Listening, Ports};

use crate::plan::ScenarioPlan;
use crate::scratch::fresh_mark;
use crate::sharing::fitness::needs_its_own;
use crate::sharing::instance::{LaneOf, SharedInstance};
use crate::trial::listening;

/// So many scenarios share an instance at most where the profile says nothing of it: its configuration is read as a whole, and what ends
/// it ends all of them.
const MOST_LANES: usize = 40;

/// The instances of a run that are shared.
#[derive(Debug, Default)]
pub struct SharedInstances {
    instances: Vec<Arc<SharedInstance>>,
    /// By the name of a trial, its instance and its lane there.
    seats: HashMap<String, (usize, usize)>,
}

/// Where upstreams are to be found by a target that somebody configures before anything is run.
#[derive(Clone, Debug)]
pub struct FixedPorts {
    /// The ports that they may take.
    pub ports: RangeInclusive<u16>,
    /// The name or number of this machine by which the target reaches them.
    pub advertise: String,
    /// Whether that is this machine itself, so that nobody else need reach them.
    pub loopback: bool,
}

/// Trials that can share an instance.
type Group<'p> = (Demands, Vec<&'p ScenarioPlan>);

impl SharedInstances {
    /// Those of the trials that are going to run, for a target that says that scenarios may share it.
    #[must_use]
    pub fn of(profile: &Profile, suite: &Suite, trials: &[ScenarioPlan]) -> Self {
        if !profile.is_shared() {
            return Self::default();
        }
        let mut shared = Self::default();
        let lanes = profile.says.start.lanes.as_ref().and_then(|lanes| usize::try_from(lanes.value).ok());
        for (_, plans) in groups(profile, suite, trials, lanes.unwrap_or(MOST_LANES)) {
            let lane = |(number, plan): (usize, &&ScenarioPlan)| LaneOf {
                scenario: plan.scenario,
                case: plan.case,
                seed: plan.seed,
                mark: fresh_mark(),
                lane: Lane::named(&format!("lane{}", number + 1)),
                listening: listening(profile, Ports::Free),
                fixed: false,
            };
            let lanes = plans.iter().enumerate().map(lane).collect();
            shared.add(&plans, lanes);
        }
        shared
    }

    /// The one instance that somebody else starts with what was rendered for it: that of as many trials as can share one. Told are
    /// also the trials that cannot be run against it, by name. Whoever asks twice for the same trials and ports is told the same.
    ///
    /// # Errors
    ///
    /// How many ports are needed, if there are too few.
    pub fn fixed(
        profile: &Profile,
        suite: &Suite,
        trials: &[ScenarioPlan],
        fixed: &FixedPorts,
    ) -> Result<(Self, BTreeSet<String>), usize> {
        let all = groups(profile, suite, trials, usize::MAX);
        // Of those that are equally large, the first.
        let largest = all.into_iter().rev().max_by_key(|(_, plans)| plans.len());
        let plans = largest.map(|(_, plans)| plans).unwrap_or_default();
        let mut ports = fixed.ports.clone();
        let (mut lanes, mut needed) = (Vec::new(), 0);
        for plan in &plans {
            let free = listening(profile, Ports::Free);
            let count = free.ports_of(&plan.case(suite).scenario.world);
            needed += count;
            let own: Vec<u16> = ports.by_ref().take(count).collect();
            let digest = lane_digest(plan, &own);
            let (head, rest) = digest.split_first_chunk::<8>().expect("a digest is longer than a number");
            let word: String = rest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            let ip = if fixed.loopback { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
            lanes.push(LaneOf {
                scenario: plan.scenario,
                case: plan.case,
                seed: plan.seed,
                mark: u64::from_le_bytes(*head) >> 16,
                // A target that was configured for other trials or ports does not know the name.
                lane: Lane::named(&format!("lane-{word}")),
                listening: Listening {
                    ip: IpAddr::V4(ip),
                    ports: Ports::Each(own),
                    advertised: Some(fixed.advertise.clone()),
                    ..free
                },
                fixed: true,
            });
        }
        if needed > fixed.ports.clone().count() {
            return Err(needed);
        }
        let seated: BTreeSet<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        let runs = trials.iter().filter(|plan| plan.ignored.is_none());
        let left_out = runs.map(|plan| &plan.name).filter(|name| !seated.contains(name.as_str()));
        let left_out = left_out.cloned().collect();
        let mut shared = Self::default();
        shared.add(&plans, lanes);
        Ok((shared, left_out))
    }

    fn add(&mut self, plans: &[&ScenarioPlan], lanes: Vec<LaneOf>) {
        let instance = self.instances.len();
        let seats = plans.iter().enumerate().map(|(lane, plan)| (plan.name.clone(), (instance, lane)));
        self.seats.extend(seats);
        self.instances.push(Arc::new(SharedInstance::of(lanes)));
    }

    /// How many there are, and how many trials share them.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.instances.len(), self.seats.len())
    }

    /// How many of these trials have instances of their own, by the reason.
    #[must_use]
    pub fn own(&self, suite: &Suite, trials: &[ScenarioPlan]) -> BTreeMap<&'static str, usize> {
        let mut own = BTreeMap::new();
        for plan in trials.iter().filter(|plan| plan.ignored.is_none() && self.seat(&plan.name).is_none()) {
            let reason = match plan.alone {
                true => "it measures, and has the machine for itself",
                false => needs_its_own(&plan.case(suite).scenario).unwrap_or("the target is not shared"),
            };
            *own.entry(reason).or_default() += 1;
        }
        own
    }

    /// Whether they are started by somebody else, so that none can be had again.
    #[must_use]
    pub fn are_fixed(&self) -> bool {
        self.instances.iter().any(|instance| instance.is_fixed())
    }

    /// Puts trials that share an instance one behind the other, so that few instances live at a time.
    pub fn arrange(&self, trials: &mut [ScenarioPlan]) {
        trials.sort_by_key(|plan| self.seats.get(&plan.name).copied().unwrap_or((usize::MAX, 0)));
    }

    /// What the instances are configured with that somebody else starts.
    ///
    /// # Errors
    ///
    /// If the machine gives no ports.
    pub fn topologies(&self, suite: &Suite) -> Result<Vec<target::Topology>, String> {
        let laid_out = self.instances.iter().map(|instance| Ok(instance.lay_out(suite)?.topology));
        laid_out.collect()
    }

    /// The shared instance of a trial, with the number of its lane; `None` for one that has its own.
    pub(crate) fn seat(&self, trial: &str) -> Option<(&Arc<SharedInstance>, usize)> {
        let (instance, lane) = self.seats.get(trial)?;
        Some((&self.instances[*instance], *lane))
    }
}

/// The trials that can share instances, put together.
fn groups<'p>(profile: &Profile, suite: &Suite, trials: &'p [ScenarioPlan], most: usize) -> Vec<Group<'p>> {
    let mut groups: Vec<Group<'p>> = Vec::new();
    for plan in trials.iter().filter(|plan| plan.ignored.is_none() && !plan.alone) {
        let scenario = &plan.case(suite).scenario;
        if needs_its_own(scenario).is_some() {
            continue;
        }
        let demands = profile.demands(&scenario.world);
        match groups.iter_mut().find(|(own, plans)| plans.len() < most && *own == demands) {
            Some((_, plans)) => plans.push(plan),
            None => groups.push((demands, vec![plan])),
        }
    }
    groups
}

/// What is the same only for the same trial with the same seed at the same ports.
fn lane_digest(plan: &ScenarioPlan, ports: &[u16]) -> [u8; 32] {
    let mut digest = Sha256::new().chain_update(plan.seed.to_le_bytes()).chain_update(&plan.name);
    for port in ports {
        digest.update(port.to_le_bytes());
    }
    digest.finalize().into()
}
