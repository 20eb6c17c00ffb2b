//! The traffic of a scenario, in order: steps and pauses one after the other, phases with those that accompany them.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use load::{Client, PhaseError, PhaseJob, PhaseReport, Schedule, StopSignal, Stopping, drive};
use record::{Correlation, Entry};
use scenario::{At, Errand, Phase, Scenario, Step, Traffic};
use target::{Profile, RunningTarget};
use tokio::sync::oneshot;
use upstream::TrafficSignal;

use crate::trial::conduct::Seen;
use crate::trial::requests::{NoPath, requests};

/// How long a client waits for a response. Longer than any target's own patience should be.
const PATIENCE: Duration = Duration::from_secs(30);
/// More connections than this belong to no functional scenario; what waits for one is late, and told so.
const MOST_CONNECTIONS: usize = 2_000;

/// What the traffic of a trial runs on.
pub(crate) struct Road<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) profile: &'a Profile,
    pub(crate) target: &'a RunningTarget,
    pub(crate) seen: &'a Seen,
    pub(crate) traffic: &'a TrafficSignal,
    pub(crate) correlation: Correlation,
    pub(crate) seed: u64,
}

/// Why traffic could not be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrafficError {
    #[error(transparent)]
    Path(#[from] NoPath),
    #[error("the harness cannot send: {0}")]
    Client(#[from] load::ClientError),
    #[error("the harness cannot send: {0}")]
    Phase(#[from] PhaseError),
    #[error("the harness cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error(
        "the machine gives the harness too few sockets (see `ulimit -n`), so requests came late by no fault of the target's"
    )]
    Sockets,
    #[error("the harness's phase driver broke")]
    Broken,
}

/// Sends the traffic. Dropped midway, it ends its phases at once.
pub(crate) async fn send_traffic(road: &Road<'_>) -> Result<(), TrafficError> {
    let surroundings = load::Surroundings {
        clock: road.seen.clock,
        correlation: road.correlation,
        next_exchange: Arc::new(AtomicU32::new(0)),
        facts: road.seen.facts.clone(),
        names: road.seen.names.clone(),
    };
    let client =
        Client::new(road.target.address(), road.target.authorization(), PATIENCE, surroundings.clone())?;
    let travel = Travel { road, surroundings, client };
    road.traffic.traffic_began(road.seen.clock.now());
    for entry in &road.scenario.traffic {
        match entry {
            Traffic::Step(step) => travel.step(step).await?,
            Traffic::Phase(phase) if phase.beside.is_none() => travel.phase(phase).await?,
            // It began with the one that it accompanies.
            Traffic::Phase(_) => {}
            Traffic::Pause(pause) => tokio::time::sleep(pause.lasts).await,
        }
    }
    Ok(())
}

struct Travel<'a> {
    road: &'a Road<'a>,
    surroundings: load::Surroundings,
    client: Client,
}

impl Travel<'_> {
    async fn step(&self, step: &Step) -> Result<(), TrafficError> {
        let requests = self.requests(&step.errand)?;
        let name = self.begin(&step.name);
        for request in requests.iter().cycle().take(step.repeat as usize) {
            self.client.send(name, request).await;
        }
        self.end(&step.name);
        Ok(())
    }

    /// A phase with those that accompany it: they begin with it and end with it.
    async fn phase(&self, phase: &Phase) -> Result<(), TrafficError> {
        let beside = |entry: &&Traffic| {
            matches!(entry, Traffic::Phase(other)
                if other.beside.as_ref().is_some_and(|beside| beside.value == phase.name.value))
        };
        let mut companions = Vec::new();
        for entry in self.road.scenario.traffic.iter().filter(beside) {
            if let Traffic::Phase(companion) = entry {
                companions.push(self.start(companion)?);
            }
        }
        let leading = self.start(phase)?;
        self.finish(leading).await?;
        for companion in &companions {
            companion.stop.stop(Stopping::Drain);
        }
        for companion in companions {
            self.finish(companion).await?;
        }
        Ok(())
    }

    fn start<'p>(&self, phase: &'p Phase) -> Result<Driven<'p>, TrafficError> {
        let job = PhaseJob {
            traffic: self.surroundings.names.id(&phase.name.value),
            to: self.road.target.address(),
            authorization: self
                .road
                .target
                .authorization()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            schedule: schedule(&phase.schedule),
            requests: self.requests(&phase.errand)?,
            timeout: PATIENCE,
            seed: self.road.seed,
            most_connections: MOST_CONNECTIONS,
        };
        let (stop, (done, report)) = (StopSignal::default(), oneshot::channel());
        self.begin(&phase.name);
        std::thread::Builder::new().name("phase".to_owned()).spawn({
            let (stop, surroundings) = (stop.clone(), self.surroundings.clone());
            // Nobody waits any more if the trial was ended meanwhile.
            move || drop(done.send(drive(job, surroundings, &stop)))
        })?;
        Ok(Driven { name: &phase.name, stop: StopOnDrop(stop), report })
    }

    async fn finish(&self, driven: Driven<'_>) -> Result<(), TrafficError> {
        let report: PhaseReport = driven.report.await.map_err(|_| TrafficError::Broken)??;
        if report.short_of_sockets {
            return Err(TrafficError::Sockets);
        }
        self.road.seen.tell(Entry::Figures(report.figures));
        self.end(driven.name);
        Ok(())
    }

    fn requests(&self, errand: &Errand) -> Result<Vec<load::Request>, TrafficError> {
        Ok(requests(self.road.scenario, errand, self.road.profile, &self.surroundings.names)?)
    }

    fn begin(&self, name: &At<String>) -> record::NameId {
        let id = self.surroundings.names.id(&name.value);
        self.road.seen.tell(Entry::Began { traffic: id, at: self.road.seen.clock.now() });
        self.road.traffic.began(&name.value);
        id
    }

    fn end(&self, name: &At<String>) {
        self.road.traffic.ended(&name.value);
        let traffic = self.surroundings.names.id(&name.value);
        self.road.seen.tell(Entry::Ended { traffic, at: self.road.seen.clock.now() });
    }
}

/// A phase that runs.
struct Driven<'p> {
    name: &'p At<String>,
    stop: StopOnDrop,
    report: oneshot::Receiver<Result<PhaseReport, PhaseError>>,
}

/// Ends a phase that nobody waits for any more.
struct StopOnDrop(StopSignal);

impl StopOnDrop {
    fn stop(&self, how: Stopping) {
        self.0.stop(how);
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop(Stopping::Now);
    }
}

fn schedule(schedule: &scenario::Schedule) -> Schedule {
    match schedule {
        scenario::Schedule::Burst(count) => Schedule::Burst { count: u64::from(*count) },
        scenario::Schedule::Closed(closed) => Schedule::Closed {
            clients: closed.clients as usize,
            requests: closed.requests.map(u64::from),
            lasts: closed.lasts,
        },
        scenario::Schedule::Open(open) => Schedule::Open {
            interval: open.rate.interval(),
            arrivals: match open.arrivals {
                scenario::Arrivals::Constant => load::Arrivals::Constant,
                scenario::Arrivals::Poisson => load::Arrivals::Poisson,
            },
            lasts: open.lasts,
        },
    }
}
