//! The life of one trial: evidence and upstreams are started, the target lives its part, and everything is stopped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use load::Allowance;
use record::{
    Clock, Correlation, End, Entry, Fact, FactReceiver, FactSender, NameTable, TargetEvent, fact_channel,
};
use scenario::ServiceDefect;
use tokio::sync::watch;
use upstream::{DEFAULT_SAMPLES, Ports, TrafficSignal, Upstreams};
use verdict::Needs;

use crate::engine::RunSettings;
use crate::evidence::{TrialFolder, write_evidence};
use crate::lag::LagSampler;
use crate::plan::ScenarioPlan;
use crate::scratch::fresh_mark;
use crate::sharing::Seat;
use crate::trial::header::{cast, header};
use crate::trial::secrets::Secrets;
use crate::trial::target_life::{Stage, listening, live};
use crate::trial::watch::{Watch, watcher};

/// What a trial is given to run with.
pub(crate) struct Surroundings<'a> {
    pub(crate) settings: &'a Arc<RunSettings>,
    pub(crate) plan: &'a ScenarioPlan,
    /// Where the real services are that take the places of simulated ones, by their names.
    pub(crate) services: Vec<(String, SocketAddr)>,
    /// Which try of it this is, from 1.
    pub(crate) number: u32,
    /// Its place in an instance that it shares with others; it has its own without one.
    pub(crate) seat: Option<&'a Seat>,
    /// Set to the reason why everything must end.
    pub(crate) stop: watch::Receiver<Option<String>>,
    /// How long the traffic may take.
    pub(crate) deadline: Duration,
    pub(crate) lag: &'a LagSampler,
    /// What the run may still send.
    pub(crate) allowance: &'a Allowance,
}

impl Surroundings<'_> {
    /// What is run.
    pub(crate) fn scenario(&self) -> &scenario::Scenario {
        &self.plan.case(&self.settings.bench.suite).scenario
    }
}

/// Why there is no evidence of a trial: the harness or the machine is at fault.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: String,
}

impl Failure {
    pub(crate) fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::of(format!("the harness cannot {what}: {error}"))
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

    pub(crate) fn target(&self, event: TargetEvent) {
        self.tell(Entry::Target { event, at: self.clock.now() });
    }
}

/// Runs a trial once and leaves its evidence. What kept the target from being put to the test stands there too.
pub(crate) async fn conduct(surroundings: Surroundings<'_>) -> Result<(), Failure> {
    let trial = surroundings.settings.folder.trial(&surroundings.plan.name);
    let folder = trial.of_try(surroundings.number);
    folder.create().map_err(|error| Failure::io("make a folder for evidence", &error))?;
    let (facts, received) = fact_channel();
    let seen = Seen { clock: Clock::start(), names: NameTable::new(facts.clone()), facts };
    let scenario = surroundings.scenario();
    let seat = surroundings.seat;
    let mark = fresh_mark();
    seen.tell(Entry::Trial(header(&surroundings, mark, seen.clock)));
    let mut secrets = secrets(&surroundings, mark);
    let names = scenario.traffic.iter().filter_map(|entry| entry.name()).map(|name| name.value.as_str());
    let traffic = TrafficSignal::new(names);
    let upstreams = start_upstreams(&surroundings, &seen, &traffic, &secrets, mark).await?;
    secrets.add_upstreams(&upstreams);
    let watch = Watch::of(scenario);
    let writer = start_writer(&surroundings, &folder, received, &secrets, &watch)?;
    seen.tell(Entry::Cast(cast(scenario, &upstreams)));
    let lag = surroundings.lag.watch(seen.clock, seen.facts.clone());
    let stage = Stage {
        seen: &seen,
        upstreams: &upstreams,
        secrets: &secrets,
        watch: &watch,
        traffic: &traffic,
        mark,
        seat,
    };
    let ran = live(&surroundings, &stage).await;
    upstreams.mistakes().into_iter().for_each(|mistake| seen.tell(Entry::Mistake(mistake)));
    upstreams.stop().await;
    drop(lag);
    let cut_short = ran.unwrap_or_else(|failure| Some(failure.reason));
    seen.tell(Entry::End(End { at: seen.clock.now(), cut_short, exchanges: 0, attempts: 0 }));
    drop(seen);
    written(writer).await
}

/// The secrets of the trial: the target knows already what a shared instance was configured with, and one that somebody else runs
/// has a key of its own.
fn secrets(surroundings: &Surroundings<'_>, mark: u64) -> Secrets {
    let world = &surroundings.scenario().world;
    let foreign = surroundings.settings.abroad.as_ref().and_then(|abroad| abroad.foreign.as_ref());
    match (surroundings.seat, foreign.and_then(|foreign| foreign.key.as_deref())) {
        (Some(seat), _) => Secrets::new(world, seat.mark()).with_admin(seat.admin()),
        (None, Some(key)) => Secrets::new(world, mark).with_admin(key),
        (None, None) => Secrets::new(world, mark),
    }
}

async fn start_upstreams(
    surroundings: &Surroundings<'_>,
    seen: &Seen,
    traffic: &TrafficSignal,
    secrets: &Secrets,
    mark: u64,
) -> Result<Upstreams, Failure> {
    // Where an expectation looks into messages, all of them are evidence.
    let samples = if Needs::of(surroundings.scenario()).messages { u32::MAX } else { DEFAULT_SAMPLES };
    let given = upstream::Surroundings {
        clock: seen.clock,
        correlation: Correlation::new(mark),
        facts: seen.facts.clone(),
        names: seen.names.clone(),
        seed: surroundings.plan.seed,
        traffic: traffic.clone(),
        samples,
        canaries: secrets.canaries(),
        defect: surroundings.settings.defect.as_deref().and_then(ServiceDefect::from_word),
    };
    let usual = || listening(&surroundings.settings.profile, Ports::Free);
    let listening = surroundings.seat.map_or_else(usual, Seat::listening);
    let started = Upstreams::start_at(&surroundings.scenario().world, given, listening).await;
    started.map_err(|error| Failure::io("start an upstream", &error))
}

type Writer = JoinHandle<io::Result<Option<End>>>;

/// Starts the thread that alone writes the evidence. All secrets are known by then.
fn start_writer(
    surroundings: &Surroundings<'_>,
    folder: &TrialFolder,
    received: FactReceiver,
    secrets: &Secrets,
    watch: &Watch,
) -> Result<Writer, Failure> {
    let told = surroundings.settings.watch.as_ref().map(|watch| watch(&surroundings.plan.name));
    let (folder, redactor, watcher) = (folder.clone(), secrets.redactor(), watcher(watch, told));
    let started = thread::Builder::new()
        .name("evidence".to_owned())
        .spawn(move || write_evidence(&folder, &received, &redactor, watcher));
    started.map_err(|error| Failure::io("start a thread", &error))
}

async fn written(writer: Writer) -> Result<(), Failure> {
    match tokio::task::spawn_blocking(move || writer.join()).await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err(error))) => Err(Failure::io("write evidence", &error)),
        _ => Err(Failure::of("the harness's evidence writer broke")),
    }
}
