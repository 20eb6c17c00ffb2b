//! The engine: runs trials on one runtime, several at once where they bear it, and ends them when it is told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use record::{Judged, TrialRecord, Verdict, worst_of};
use scenario::{ClientKind, Traffic};
use target::{Profile, StartError};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{RwLock, watch};

use crate::bench::Bench;
use crate::estimate::Estimate;
use crate::evidence::{RunFolder, Watcher};
use crate::judging::{blocked, ignored};
use crate::lag::LagSampler;
use crate::plan::ScenarioPlan;
use crate::scratch::{Scratch, fresh_mark};
use crate::trial::{Conducted, PATIENCE, Surroundings, conduct, waits};

/// What a trial may take beyond what its traffic asks for: the target's start and stop, and a slow machine.
const SLACK: Duration = Duration::from_secs(60);

/// What a client may take that tries again by itself: two waits of two minutes are the longest that any library obeys.
const RETRIES: Duration = Duration::from_secs(300);

/// What a run is made of, resolved.
pub struct RunSettings {
    /// What is run, and what it is judged by.
    pub bench: Bench,
    /// The target.
    pub profile: Profile,
    /// The defect that is switched on.
    pub defect: Option<String>,
    /// Where the evidence goes.
    pub folder: RunFolder,
    /// The command's own program, for `{{ stormproof }}`.
    pub stormproof: std::path::PathBuf,
    /// Makes what watches the facts of a trial as they come, by the trial's name.
    pub watch: Option<WatcherMaker>,
}

/// Makes what watches the facts of a trial, by the trial's name.
pub type WatcherMaker = Box<dyn Fn(&str) -> Watcher + Send + Sync>;

/// Runs trials.
pub struct Engine {
    settings: Arc<RunSettings>,
    runtime: Runtime,
    lag: LagSampler,
    /// Held alone by a trial that measures, shared by the others.
    machine: RwLock<()>,
    stop: watch::Sender<Option<String>>,
}

/// Tells an engine from another thread to stop.
#[derive(Clone, Debug)]
pub struct Stopper {
    stop: watch::Sender<Option<String>>,
}

impl Stopper {
    /// Ends what runs and keeps what waits from starting.
    pub fn stop(&self, reason: &str) {
        self.stop.send_replace(Some(reason.to_owned()));
    }
}

impl Engine {
    /// An engine for these settings.
    ///
    /// # Errors
    ///
    /// If threads cannot be started.
    pub fn start(settings: RunSettings) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (stop, _) = watch::channel(None);
        Ok(Self {
            settings: Arc::new(settings),
            runtime,
            lag: LagSampler::start()?,
            machine: RwLock::new(()),
            stop,
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
        Stopper { stop: self.stop.clone() }
    }

    /// Why it was stopped.
    #[must_use]
    pub fn stopped(&self) -> Option<String> {
        self.stop.borrow().clone()
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

    /// Runs one trial to its end. Blocks; other threads may run others meanwhile.
    #[must_use]
    pub fn run(&self, plan: &ScenarioPlan) -> TrialRecord {
        self.runtime.block_on(async {
            let (_shared, _alone) = match plan.alone {
                true => (None, Some(self.machine.write().await)),
                false => (Some(self.machine.read().await), None),
            };
            self.run_now(plan).await
        })
    }

    /// The record of a trial that is not put to the test.
    #[must_use]
    pub fn ignored(&self, plan: &ScenarioPlan) -> TrialRecord {
        let (verdict, reason) = match &plan.ignored {
            Some(ignored) => (ignored.verdict, ignored.reason.as_str()),
            None => (Verdict::Pass, ""),
        };
        let bench = &self.settings.bench;
        self.record(plan, ignored(bench, plan.case(&bench.suite), verdict, reason))
    }

    async fn run_now(&self, plan: &ScenarioPlan) -> TrialRecord {
        let started = (SystemTime::now(), Instant::now());
        let bench = &self.settings.bench;
        let (file, case) = (plan.file(&bench.suite), plan.case(&bench.suite));
        if let Some(reason) = self.stopped() {
            // What was never tried fails as nobody confessed.
            return self.record(plan, ignored(bench, case, Verdict::Blocked, &reason));
        }
        let surroundings = Surroundings {
            settings: &self.settings,
            plan,
            stop: self.stop.subscribe(),
            deadline: planned_time(&case.scenario) + self.settings.profile.says.settles_within + SLACK,
            lag: &self.lag,
        };
        let mut record = match conduct(surroundings).await {
            Ok(Conducted { judged, log_tail, folder }) => TrialRecord {
                exchanges: judged.exchanges,
                attempts: judged.attempts,
                phases: judged.phases,
                log_tail,
                folder: Some(folder),
                ..self.record(plan, judged.judged)
            },
            Err(failure) => TrialRecord {
                log_tail: failure.log_tail,
                ..self.record(plan, blocked(bench, file, case, &failure.reason))
            },
        };
        record.started = Some(humantime::format_rfc3339_seconds(started.0).to_string());
        record.took_ms = u64::try_from(started.1.elapsed().as_millis()).unwrap_or(u64::MAX);
        record
    }

    fn record(&self, plan: &ScenarioPlan, judged: Vec<Judged>) -> TrialRecord {
        let suite = &self.settings.bench.suite;
        let (file, case) = (plan.file(suite), plan.case(suite));
        TrialRecord {
            name: plan.name.clone(),
            file: file.name.clone(),
            title: case.scenario.title.value.clone(),
            about: case.scenario.about.clone(),
            case: case.name.clone(),
            stage: case.scenario.stage.word().to_owned(),
            verdict: worst_of(judged.iter().map(|judged| judged.verdict)).unwrap_or(Verdict::NotExercised),
            judged,
            seed: plan.seed,
            started: None,
            took_ms: 0,
            exchanges: 0,
            attempts: 0,
            phases: Vec::new(),
            log_tail: Vec::new(),
            folder: None,
        }
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
