//! The life of one trial: upstreams and target are started, the traffic is sent, everything is stopped, the evidence is judged.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use record::{
    Cast, CastTraffic, Clock, Correlation, EVIDENCE_FORMAT, End, Entry, Fact, FactSender, NameTable,
    TargetEvent, TrialHeader, fact_channel,
};
use target::{Key, RunningTarget, StartError, StartOptions, Topology, UpstreamAddress};
use tokio::sync::watch;
use upstream::{DEFAULT_SAMPLES, TrafficSignal, Upstreams};

use crate::engine::RunSettings;
use crate::evidence::{Redactor, TrialFolder, write};
use crate::judging::{JudgedTrial, judge_folder};
use crate::lag::LagSampler;
use crate::plan::ScenarioPlan;
use crate::scratch::{Scratch, fresh_mark};
use crate::trial::traffic::{Road, send_traffic};

/// What a trial is given to run with.
pub(crate) struct Surroundings<'a> {
    pub(crate) settings: &'a Arc<RunSettings>,
    pub(crate) plan: &'a ScenarioPlan,
    /// Set to the reason why everything must end.
    pub(crate) stop: watch::Receiver<Option<String>>,
    /// How long the traffic may take.
    pub(crate) deadline: Duration,
    pub(crate) lag: &'a LagSampler,
}

/// What came of a trial that ran.
pub(crate) struct Conducted {
    pub(crate) judged: JudgedTrial,
    pub(crate) log_tail: Vec<String>,
    pub(crate) folder: String,
}

/// Why a trial could not run.
pub(crate) struct Failure {
    pub(crate) reason: String,
    pub(crate) log_tail: Vec<String>,
}

impl Failure {
    fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), log_tail: Vec::new() }
    }

    fn io(what: &str, error: &io::Error) -> Self {
        Self::of(format!("the harness cannot {what}: {error}"))
    }
}

/// Runs a trial and judges its evidence.
pub(crate) async fn conduct(surroundings: Surroundings<'_>) -> Result<Conducted, Failure> {
    let settings = surroundings.settings;
    let folder = settings.folder.trial(&surroundings.plan.name);
    folder.create().map_err(|error| Failure::io("make a folder for evidence", &error))?;
    let (facts, received) = fact_channel();
    let seen = Seen { clock: Clock::start(), names: NameTable::new(facts.clone()), facts };
    let scenario = &surroundings.plan.case(&settings.bench.suite).scenario;
    let mark = fresh_mark();
    seen.tell(Entry::Trial(header(&surroundings, mark)));
    let traffic = TrafficSignal::new(
        scenario.traffic.iter().filter_map(|entry| entry.name()).map(|name| name.value.as_str()),
    );
    let upstreams = Upstreams::start(
        &scenario.world,
        upstream::Surroundings {
            clock: seen.clock,
            correlation: Correlation::new(mark),
            facts: seen.facts.clone(),
            names: seen.names.clone(),
            seed: surroundings.plan.seed,
            traffic: traffic.clone(),
            samples: DEFAULT_SAMPLES,
        },
    )
    .await
    .map_err(|error| Failure::io("start an upstream", &error))?;
    let mut redactor = Redactor::default();
    for (name, _) in upstreams.addresses() {
        for key in upstreams.keys(name) {
            redactor.add(key.label(), key.secret());
        }
    }
    let writer = thread::Builder::new()
        .name("evidence".to_owned())
        .spawn({
            let (folder, watcher) =
                (folder.clone(), settings.watch.as_ref().map(|watch| watch(&surroundings.plan.name)));
            move || write(&folder, &received, &redactor, watcher)
        })
        .map_err(|error| Failure::io("start a thread", &error))?;
    seen.tell(Entry::Cast(cast(scenario, &upstreams)));
    let lag = surroundings.lag.watch(seen.clock, seen.facts.clone());
    let ran = run_target(&surroundings, &seen, &upstreams, &traffic, mark).await;
    upstreams.stop().await;
    drop(lag);
    let (cut_short, failure, log_tail) = match ran {
        Ok(ran) => (ran.cut_short, None, ran.log_tail),
        Err(failure) => (Some(failure.reason.clone()), Some(failure.reason), failure.log_tail),
    };
    seen.tell(Entry::End(End { at: seen.clock.now(), cut_short, exchanges: 0, attempts: 0 }));
    drop(seen);
    let written = tokio::task::spawn_blocking(move || writer.join()).await;
    match written {
        Ok(Ok(Ok(_))) => {}
        Ok(Ok(Err(error))) => return Err(Failure::io("write evidence", &error)),
        _ => return Err(Failure::of("the harness's evidence writer broke")),
    }
    if let Some(reason) = failure {
        return Err(Failure { reason, log_tail });
    }
    let judged = judged(settings, surroundings.plan, folder.clone()).await?;
    Ok(Conducted { judged, log_tail, folder: folder.name().to_owned() })
}

/// Judges by reading back what was written, apart from the threads that serve other trials.
async fn judged(
    settings: &Arc<RunSettings>,
    plan: &ScenarioPlan,
    folder: TrialFolder,
) -> Result<JudgedTrial, Failure> {
    let (settings, plan) = (Arc::clone(settings), plan.clone());
    let judged = tokio::task::spawn_blocking(move || {
        judge_folder(&settings.bench, plan.case(&settings.bench.suite), folder)
    });
    match judged.await {
        Ok(Ok(judged)) => Ok(judged),
        Ok(Err(error)) => Err(Failure::of(format!("the harness cannot read back its evidence: {error}"))),
        Err(_) => Err(Failure::of("the harness's judge broke")),
    }
}

/// Where facts go and what names and times they have.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) clock: Clock,
    pub(crate) names: NameTable,
    pub(crate) facts: FactSender,
}

impl Seen {
    pub(crate) fn tell(&self, entry: Entry) {
        self.facts.send(Fact::Entry(Box::new(entry)));
    }

    fn target(&self, event: TargetEvent) {
        self.tell(Entry::Target { event, at: self.clock.now() });
    }
}

/// What came of the traffic.
struct Ran {
    cut_short: Option<String>,
    log_tail: Vec<String>,
}

async fn run_target(
    surroundings: &Surroundings<'_>,
    seen: &Seen,
    upstreams: &Upstreams,
    traffic: &TrafficSignal,
    mark: u64,
) -> Result<Ran, Failure> {
    let scratch = Scratch::new(mark).map_err(|error| Failure::io("make a folder for the target", &error))?;
    let running = start_target(surroundings, seen, upstreams, &scratch).await?;
    let scenario = &surroundings.plan.case(&surroundings.settings.bench.suite).scenario;
    let road = Road {
        scenario,
        profile: &surroundings.settings.profile,
        target: &running,
        seen,
        traffic,
        correlation: Correlation::new(mark),
        seed: surroundings.plan.seed,
    };
    let mut stop = surroundings.stop.clone();
    let stopped = async move {
        match stop.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    };
    let cut_short = tokio::select! {
        result = send_traffic(&road) => result.err().map(|error| error.to_string()),
        reason = running.died() => {
            seen.target(TargetEvent::Died(reason.clone()));
            Some(format!("the target died: {reason}"))
        }
        reason = stopped => Some(reason),
        () = tokio::time::sleep(surroundings.deadline) => {
            Some(format!("the traffic did not end within {}", scenario::show_duration(surroundings.deadline)))
        }
    };
    let log_tail = running.log_tail();
    running.stop().await;
    seen.target(TargetEvent::Stopped);
    Ok(Ran { cut_short, log_tail })
}

async fn start_target(
    surroundings: &Surroundings<'_>,
    seen: &Seen,
    upstreams: &Upstreams,
    scratch: &Scratch,
) -> Result<RunningTarget, Failure> {
    let settings = surroundings.settings;
    let scenario = &surroundings.plan.case(&settings.bench.suite).scenario;
    let log = {
        let seen = seen.clone();
        Arc::new(move |line: &str| seen.tell(Entry::Log { at: seen.clock.now(), line: line.to_owned() }))
    };
    let options = StartOptions {
        stormproof: settings.stormproof.clone(),
        defect: settings.defect.clone(),
        log,
        folder: scratch.path().to_owned(),
    };
    seen.target(TargetEvent::Started);
    let mut stop = surroundings.stop.clone();
    let topology = topology(scenario, upstreams);
    let started = tokio::select! {
        started = RunningTarget::start(&settings.profile, &topology, options) => started,
        _ = stop.wait_for(Option::is_some) => return Err(Failure::of("interrupted while the target started")),
    };
    let running = started.map_err(|error: StartError| Failure {
        reason: format!("the target did not start: {error}"),
        log_tail: error.log().to_vec(),
    })?;
    seen.target(TargetEvent::Ready);
    Ok(running)
}

fn topology(scenario: &scenario::Scenario, upstreams: &Upstreams) -> Topology {
    let addresses = upstreams
        .addresses()
        .map(|(name, address)| UpstreamAddress {
            name: name.to_owned(),
            dialect: scenario
                .world
                .upstreams
                .get(name)
                .map_or(scenario::Dialect::Openai, |upstream| upstream.dialect),
            base_url: format!("http://{address}/v1"),
            keys: upstreams
                .keys(name)
                .iter()
                .map(|key| Key { label: key.label().to_owned(), secret: key.secret().to_owned() })
                .collect(),
        })
        .collect();
    Topology::of(&scenario.world, addresses)
}

fn header(surroundings: &Surroundings<'_>, mark: u64) -> TrialHeader {
    let suite = &surroundings.settings.bench.suite;
    let (file, case) = (surroundings.plan.file(suite), surroundings.plan.case(suite));
    TrialHeader {
        format: EVIDENCE_FORMAT,
        name: surroundings.plan.name.clone(),
        file: file.name.clone(),
        case: case.name.clone(),
        scenario_sha256: file.sha256.clone(),
        seed: surroundings.plan.seed,
        target: surroundings.settings.profile.name().to_owned(),
        mark,
    }
}

fn cast(scenario: &scenario::Scenario, upstreams: &Upstreams) -> Cast {
    let traffic = scenario
        .traffic
        .iter()
        .filter_map(|entry| {
            let phase = matches!(entry, scenario::Traffic::Phase(_));
            Some(CastTraffic { name: entry.name()?.value.clone(), phase })
        })
        .collect();
    Cast { traffic, upstreams: upstreams.cast() }
}
