//! The engine: runs trials on one runtime, several at once where they bear it, and ends them when it is told to stop.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use load::Allowance;
use record::{EarlierTry, TrialRecord, Verdict, may_conclude};
use scenario::{ClientKind, ServiceDefect, Traffic};
use target::{Profile, StartError};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{RwLock, watch};

use crate::abroad::Abroad;
use crate::bench::Bench;
use crate::caps::Caps;
use crate::estimate::Estimate;
use crate::evidence::{RunFolder, Watcher};
use crate::judging::{blocked, ignored, judge_trial, unseen};
use crate::lag::LagSampler;
use crate::plan::ScenarioPlan;
use crate::readiness::Readiness;
use crate::scratch::{Scratch, fresh_mark};
use crate::sharing::{Seat, SharedInstances};
use crate::trial::{Failure, PATIENCE, Surroundings, conduct, waits};

/// What a trial may take beyond what its traffic asks for: the target's start and stop, and a slow machine.
const SLACK: Duration = Duration::from_secs(60);

/// What a client may take that tries again by itself: two waits of two minutes are the longest that any library obeys.
const RETRIES: Duration = Duration::from_secs(300);

/// What a run is made of, resolved.
pub struct RunSettings {
    /// What is run, and what it is judged by.
    pub bench: Arc<Bench>,
    /// The target.
    pub profile: Arc<Profile>,
    /// The version of the command, and the SHA-256 of its source.
    pub tool: (&'static str, &'static str),
    /// The defect that is switched on.
    pub defect: Option<String>,
    /// How long a real service may take to be ready.
    pub patience: Duration,
    /// Whether a trial is gated for which a real service is not ready, instead of blocked.
    pub skip_unavailable: bool,
    /// The most that it may do.
    pub caps: Caps,
    /// Where the evidence goes.
    pub folder: RunFolder,
    /// The command's own program, for `{{ stormproof }}`.
    pub stormproof: std::path::PathBuf,
    /// How often a trial is run at most that comes to no conclusion.
    pub most_tries: u32,
    /// Where the target runs already; it is started if missing.
    pub abroad: Option<Abroad>,
    /// The instances of the target that trials share.
    pub shared: SharedInstances,
    /// Makes what watches the facts of a trial as they come, by the trial's name.
    pub watch: Option<WatcherMaker>,
    /// Is told of each trial that is over.
    pub ended: Option<Ended>,
}

impl RunSettings {
    /// The defect that is switched on in the target itself, and not in a service behind it.
    pub(crate) fn defect_of_target(&self) -> Option<String> {
        self.defect.clone().filter(|defect| ServiceDefect::from_word(defect).is_none())
    }
}

/// Is told of a trial that is over.
pub type Ended = Box<dyn Fn(&TrialRecord) + Send + Sync>;

/// Makes what watches the facts of a trial, by the trial's name.
pub type WatcherMaker = Box<dyn Fn(&str) -> Watcher + Send + Sync>;

/// Runs trials.
pub struct Engine {
    settings: Arc<RunSettings>,
    runtime: Runtime,
    lag: LagSampler,
    machine: Machine,
    stopper: Stopper,
    allowance: Allowance,
    readiness: Readiness,
}

/// The machine that trials run on: a trial that measures has it alone, all others share it.
#[derive(Clone, Debug, Default)]
pub struct Machine(Arc<RwLock<()>>);

/// Tells engines from another thread to stop.
#[derive(Clone, Debug, Default)]
pub struct Stopper {
    stop: watch::Sender<Option<String>>,
    interrupted: Arc<OnceLock<String>>,
}

impl Stopper {
    /// Ends what runs and keeps what waits from starting, because somebody wants it so.
    pub fn stop(&self, reason: &str) {
        self.interrupted.get_or_init(|| reason.to_owned());
        self.stop.send_replace(Some(reason.to_owned()));
    }

    /// Why somebody stopped what it stops.
    #[must_use]
    pub fn interrupted(&self) -> Option<String> {
        self.interrupted.get().cloned()
    }
}

impl Engine {
    /// An engine for these settings.
    ///
    /// # Errors
    ///
    /// If threads cannot be started.
    pub fn start(settings: RunSettings) -> std::io::Result<Self> {
        Self::start_beside(settings, Machine::default(), Stopper::default())
    }

    /// An engine that shares the machine with others, and is stopped with them.
    ///
    /// # Errors
    ///
    /// If threads cannot be started.
    pub fn start_beside(settings: RunSettings, machine: Machine, stopper: Stopper) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        if let Some(time) = settings.caps.time {
            let stop = stopper.stop.clone();
            runtime.spawn(async move {
                tokio::time::sleep(time).await;
                stop.send_replace(Some(Caps::time_is_over(time)));
            });
        }
        Ok(Self {
            allowance: settings.caps.allowance(),
            readiness: Readiness::default(),
            settings: Arc::new(settings),
            runtime,
            lag: LagSampler::start()?,
            machine,
            stopper,
        })
    }

    /// What is run.
    #[must_use]
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// A way to stop it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Why somebody stopped it.
    #[must_use]
    pub fn interrupted(&self) -> Option<String> {
        self.stopper.interrupted()
    }

    /// Why nothing is to be started any more.
    fn is_over(&self) -> Option<String> {
        let capped = || self.allowance.used_up().map(|cap| self.settings.caps.reached(cap));
        self.stopper.stop.borrow().clone().or_else(capped)
    }

    /// The runtime, for what runs beside the trials.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// The version that the target tells of itself.
    ///
    /// # Errors
    ///
    /// If the profile has a command for it that does not work.
    pub fn target_version(&self) -> Result<Option<String>, StartError> {
        let scratch = Scratch::new(fresh_mark())?;
        let settings = &self.settings;
        self.runtime.block_on(target::version(&settings.profile, &settings.stormproof, scratch.path()))
    }

    /// Runs one trial to its end, and again while it comes to no conclusion for a reason that may be gone the next time: alone, when
    /// `wait_for_the_others` returns, and not too often. A fail is never run again. Blocks; other threads may run others meanwhile.
    pub fn run(&self, plan: &ScenarioPlan, mut wait_for_the_others: impl FnMut()) -> TrialRecord {
        let mut record = self.run_first(plan);
        for _ in 1..self.settings.most_tries {
            if self.is_over().is_some() || !may_conclude(record.verdict, &record.judged) {
                break;
            }
            wait_for_the_others();
            record = self.run_again(plan, record);
        }
        if let Some(ended) = &self.settings.ended {
            ended(&record);
        }
        record
    }

    fn run_first(&self, plan: &ScenarioPlan) -> TrialRecord {
        self.runtime.block_on(async {
            let (_shared, _alone) = match plan.alone {
                true => (None, Some(self.machine.0.write().await)),
                false => (Some(self.machine.0.read().await), None),
            };
            self.run_now(plan, Vec::new()).await
        })
    }

    fn run_again(&self, plan: &ScenarioPlan, before: TrialRecord) -> TrialRecord {
        self.runtime.block_on(async {
            let _alone = self.machine.0.write().await;
            if self.is_over().is_some() {
                return before;
            }
            let mut earlier = before.earlier.clone();
            earlier.push(EarlierTry::from(before));
            self.run_now(plan, earlier).await
        })
    }

    /// The record of a trial that is not put to the test.
    #[must_use]
    pub fn ignored(&self, plan: &ScenarioPlan) -> TrialRecord {
        let (verdict, reason) = match &plan.ignored {
            Some(ignored) => (ignored.verdict, ignored.reason.as_str()),
            None => (Verdict::Pass, ""),
        };
        self.unseen(plan, verdict, reason)
    }

    async fn run_now(&self, plan: &ScenarioPlan, earlier: Vec<EarlierTry>) -> TrialRecord {
        if let Some(reason) = self.is_over() {
            // What was never tried fails as nobody confessed.
            return self.unseen(plan, Verdict::Blocked, &reason);
        }
        let services = match self.services(plan).await {
            Ok(services) => services,
            Err(down) => {
                // Where the run itself was ended, nothing was found out of any service.
                let is_excused = self.settings.skip_unavailable && self.is_over().is_none();
                let verdict = if is_excused { Verdict::Gated } else { Verdict::Blocked };
                return self.unseen(plan, verdict, &down);
            }
        };
        let seat = match self.seat(plan, &earlier).await {
            Ok(seat) => seat,
            Err(why) => return self.unseen(plan, Verdict::Blocked, &why),
        };
        let judged = self.conducted(plan, services, &earlier, seat.as_ref()).await;
        if let Some(seat) = seat {
            seat.leave().await;
        }
        judged.unwrap_or_else(|failure| {
            let suite = &self.settings.bench.suite;
            let of = (plan.file(suite), plan.case(suite));
            let judged = blocked(&self.settings.bench, of, &failure.reason);
            TrialRecord { earlier, ..unseen(&plan.name, plan.seed, of, judged) }
        })
    }

    /// A trial's place in an instance that it shares; `None` for one that has its own. One that is run again does: what its first try
    /// left in the instance is not to be met again.
    async fn seat(&self, plan: &ScenarioPlan, earlier: &[EarlierTry]) -> Result<Option<Seat>, String> {
        let Some((instance, lane)) = self.settings.shared.seat(&plan.name).filter(|_| earlier.is_empty())
        else {
            return Ok(None);
        };
        let mut stop = self.stopper.stop.subscribe();
        tokio::select! {
            seat = instance.take_seat(lane, &self.settings) => seat.map(Some),
            _ = stop.wait_for(Option::is_some) => Err("interrupted while the target started".to_owned()),
        }
    }

    async fn conducted(
        &self,
        plan: &ScenarioPlan,
        services: Vec<(String, SocketAddr)>,
        earlier: &[EarlierTry],
        seat: Option<&Seat>,
    ) -> Result<TrialRecord, Failure> {
        let scenario = &plan.case(&self.settings.bench.suite).scenario;
        let surroundings = Surroundings {
            settings: &self.settings,
            plan,
            services,
            number: u32::try_from(earlier.len() + 1).unwrap_or(u32::MAX),
            seat,
            stop: self.stopper.stop.subscribe(),
            deadline: planned_time(scenario) + self.settings.profile.says.settles_within + SLACK,
            lag: &self.lag,
            allowance: &self.allowance,
        };
        conduct(surroundings).await?;
        self.judged(plan).await
    }

    /// Where the real services are that a trial meets; or else why they cannot be met.
    async fn services(&self, plan: &ScenarioPlan) -> Result<Vec<(String, SocketAddr)>, String> {
        let mut stop = self.stopper.stop.subscribe();
        tokio::select! {
            found = self.readiness.of(&plan.services, self.settings.patience) => found,
            _ = stop.wait_for(Option::is_some) => Err("interrupted while a service was waited for".to_owned()),
        }
    }

    /// Judges a trial by reading back what was written, apart from the threads that serve other trials.
    async fn judged(&self, plan: &ScenarioPlan) -> Result<TrialRecord, Failure> {
        let (settings, name) = (Arc::clone(&self.settings), plan.name.clone());
        let judged =
            tokio::task::spawn_blocking(move || judge_trial(&settings.bench, &settings.folder.trial(&name)));
        match judged.await {
            Ok(Ok(Some(record))) => Ok(record),
            Ok(Ok(None)) => Err(Failure::of("the harness cannot find its evidence")),
            Ok(Err(error)) => Err(Failure::of(format!("the harness cannot read back its evidence: {error}"))),
            Err(_) => Err(Failure::of("the harness's judge broke")),
        }
    }

    fn unseen(&self, plan: &ScenarioPlan, verdict: Verdict, reason: &str) -> TrialRecord {
        let bench = &self.settings.bench;
        let (file, case) = (plan.file(&bench.suite), plan.case(&bench.suite));
        unseen(&plan.name, plan.seed, (file, case), ignored(bench, case, verdict, reason))
    }
}

/// How long a scenario's traffic takes by its own account. A step counts with a second for each request, and with the patience
/// of the most patient one.
fn planned_time(scenario: &scenario::Scenario) -> Duration {
    let steps = scenario.traffic.iter().map(|entry| match entry {
        // Nobody knows how long a request is that is written slowly.
        Traffic::Step(step) if step.manner.write.is_some() => {
            step.manner.patience.unwrap_or(PATIENCE) * step.repeat
        }
        Traffic::Step(step) => Duration::from_secs(1) * step.repeat,
        _ => Duration::ZERO,
    });
    let asked = scenario.traffic.iter().flat_map(|entry| entry.requests(&scenario.requests));
    let manners = scenario.traffic.iter().filter_map(Traffic::manner);
    let patience = asked
        .filter_map(|request| request.patience)
        .chain(manners.filter_map(|manner| manner.patience))
        .max();
    let patience = patience.unwrap_or_default();
    let retries = scenario
        .traffic
        .iter()
        .any(|entry| entry.manner().is_some_and(|manner| manner.client != ClientKind::Plain));
    let retries = if retries { RETRIES } else { Duration::ZERO };
    Estimate::of(scenario).lasts + waits(scenario) + steps.sum::<Duration>() + patience + retries
}
