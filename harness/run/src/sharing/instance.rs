//! The life of an instance that is shared: the first trial that comes starts it for all lanes, the last one that leaves stops it.

use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use record::Entry;
use scenario::Suite;
use target::{Lane, RunningTarget, StartOptions, Topology};
use tokio::sync::Mutex;
use upstream::{HeldPorts, Listening, Ports, Whereabouts};

use crate::engine::RunSettings;
use crate::scratch::{Scratch, fresh_mark};
use crate::trial::{Secrets, Seen, topology};

/// A trial that is going to have a lane.
#[derive(Clone, Debug)]
pub(crate) struct LaneOf {
    /// The number of its scenario in the suite.
    pub(crate) scenario: usize,
    /// The number of its case in the scenario.
    pub(crate) case: usize,
    pub(crate) seed: u64,
    /// The number in its secrets, which the target is told before it runs.
    pub(crate) mark: u64,
    pub(crate) lane: Lane,
    /// Where its upstreams listen.
    pub(crate) listening: Listening,
    /// Whether its ports are known already, and are not to be held.
    pub(crate) fixed: bool,
}

/// An instance that scenarios share.
pub(crate) struct SharedInstance {
    lanes: Vec<LaneOf>,
    state: Mutex<State>,
    audience: Arc<Audience>,
}

/// Where the lines of its log go: to each trial that is there at the time.
#[derive(Default)]
struct Audience(StdMutex<Vec<(usize, Seen)>>);

/// What has become of it, and how many trials have not left it.
struct State {
    life: Life,
    to_leave: usize,
}

enum Life {
    Unstarted,
    Running(Arc<Running>),
    /// It did not start.
    Failed(String),
    Over,
}

/// An instance that runs, with what is held for its lanes.
struct Running {
    target: RunningTarget,
    layout: Layout,
    _scratch: Scratch,
}

/// What an instance is configured with, and where the upstreams of its lanes are going to listen.
pub(super) struct Layout {
    pub(super) topology: Topology,
    admin: String,
    listening: Vec<Listening>,
    _held: Vec<HeldPorts>,
}

/// A trial's place in a shared instance.
pub(crate) struct Seat {
    instance: Arc<SharedInstance>,
    number: usize,
    running: Arc<Running>,
}

impl SharedInstance {
    pub(super) fn of(lanes: Vec<LaneOf>) -> Self {
        let state = State { life: Life::Unstarted, to_leave: lanes.len() };
        Self { lanes, state: Mutex::new(state), audience: Arc::default() }
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.lanes.iter().any(|lane| lane.fixed)
    }

    /// Takes a lane, which starts the instance where nobody has.
    ///
    /// # Errors
    ///
    /// Why it does not run.
    pub(crate) async fn take_seat(
        self: &Arc<Self>,
        number: usize,
        settings: &RunSettings,
    ) -> Result<Seat, String> {
        let mut state = self.state.lock().await;
        if matches!(state.life, Life::Unstarted) {
            state.life = match self.start(settings).await {
                Ok(running) => Life::Running(Arc::new(running)),
                Err(why) => Life::Failed(why),
            };
        }
        let taken = match &state.life {
            Life::Running(running) => Ok(Arc::clone(running)),
            Life::Failed(why) => Err(why.clone()),
            Life::Unstarted | Life::Over => Err("the instance that it shares with others is gone".to_owned()),
        };
        let taken = taken.map(|running| Seat { instance: Arc::clone(self), number, running });
        if taken.is_err() {
            state.to_leave = state.to_leave.saturating_sub(1);
        }
        taken
    }

    async fn start(&self, settings: &RunSettings) -> Result<Running, String> {
        let cannot = |what: &str| {
            let what = what.to_owned();
            move |error: std::io::Error| format!("the harness cannot {what}: {error}")
        };
        let scratch = Scratch::new(fresh_mark()).map_err(cannot("make a folder for the target"))?;
        let folder = scratch.path().join("target");
        std::fs::create_dir(&folder).map_err(cannot("make a folder for the target"))?;
        let layout = self.lay_out(&settings.bench.suite)?;
        let options = StartOptions {
            stormproof: settings.stormproof.clone(),
            abroad: settings.abroad.as_ref().map(|abroad| abroad.address),
            defect: settings.defect_of_target(),
            log: Arc::new({
                let audience = Arc::clone(&self.audience);
                move |line: &str| audience.hear(line)
            }),
            folder,
        };
        let target = RunningTarget::start(&settings.profile, &layout.topology, options).await;
        let target = target.map_err(|error| format!("the target did not start: {error}"))?;
        Ok(Running { target, layout, _scratch: scratch })
    }

    /// Decides where the upstreams of its lanes are going to listen, and what it is configured with.
    pub(super) fn lay_out(&self, suite: &Suite) -> Result<Layout, String> {
        let cannot = |error: std::io::Error| format!("the harness cannot get a port: {error}");
        let (mut admin, mut all, mut held, mut worlds) = (None, Vec::new(), Vec::new(), Vec::new());
        for lane in &self.lanes {
            let scenario = &suite.scenarios[lane.scenario].cases[lane.case].scenario;
            let secrets = Secrets::new(&scenario.world, lane.mark);
            let admin = admin.get_or_insert_with(|| secrets.admin().to_owned());
            let mut listening = lane.listening.clone();
            if !lane.fixed {
                let ports = HeldPorts::take(listening.ports_of(&scenario.world)).map_err(cannot)?;
                listening.ports = Ports::Each(ports.numbers().map_err(cannot)?);
                held.push(ports);
            }
            let where_to = Whereabouts::foreseen(&scenario.world, lane.seed, &listening).map_err(cannot)?;
            let world = topology(scenario, where_to, &secrets.with_admin(admin));
            worlds.push(world.in_lane(&lane.lane));
            all.push(listening);
        }
        let admin = admin.unwrap_or_default();
        let topology = Topology::together(worlds, admin.clone());
        Ok(Layout { topology, admin, listening: all, _held: held })
    }

    fn lane(&self, number: usize) -> &LaneOf {
        &self.lanes[number]
    }
}

impl Seat {
    pub(crate) fn target(&self) -> &RunningTarget {
        &self.running.target
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.instance.lane(self.number).lane
    }

    /// The number in the trial's secrets.
    pub(crate) fn mark(&self) -> u64 {
        self.instance.lane(self.number).mark
    }

    /// The secret of the operator.
    pub(crate) fn admin(&self) -> &str {
        &self.running.layout.admin
    }

    /// Where its upstreams listen.
    pub(crate) fn listening(&self) -> Listening {
        self.running.layout.listening[self.number].clone()
    }

    /// Tells the trial what the instance logs from now on.
    pub(crate) fn listen(&self, seen: &Seen) {
        self.instance.audience.seats().push((self.number, seen.clone()));
    }

    /// Leaves the instance. The last one stops it.
    pub(crate) async fn leave(self) {
        let Self { instance, number, running } = self;
        // Who leaves last is then the only one who has it.
        drop(running);
        instance.audience.seats().retain(|(seated, _)| *seated != number);
        let mut state = instance.state.lock().await;
        state.to_leave = state.to_leave.saturating_sub(1);
        if state.to_leave > 0 {
            return;
        }
        if let Life::Running(running) = std::mem::replace(&mut state.life, Life::Over)
            && let Some(running) = Arc::into_inner(running)
        {
            running.target.stop().await;
        }
    }
}

impl Audience {
    fn hear(&self, line: &str) {
        for (_, seen) in self.seats().iter() {
            seen.tell(Entry::Log { at: seen.clock.now(), line: line.to_owned() });
        }
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Seen)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<an instance with {} lanes>", self.lanes.len())
    }
}
