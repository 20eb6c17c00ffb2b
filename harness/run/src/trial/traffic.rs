//! The traffic of a scenario, in order: steps, pauses and what is done to the target one after the other, phases with those
//! that accompany them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use load::{Allowance, Cap, Client, EndedEarly, PhaseError, Recorded, StopSignal, Stopping};
use record::{Correlation, Entry};
use scenario::{Against, At, Manner, Phase, Scenario, Traffic, Values};
use target::{Profile, RunningTarget};
use tokio::sync::{mpsc, watch};
use upstream::{TrafficSignal, Upstreams};
use verdict::Needs;

use crate::caps::Caps;
use crate::trial::captures::NotThere;
use crate::trial::conduct::Seen;
use crate::trial::exec::{CannotRun, exec};
use crate::trial::operations::all;
use crate::trial::phases::{Driven, start};
use crate::trial::requests::{Addressee, Called, CannotMake, Maker};
use crate::trial::secrets::Secrets;
use crate::trial::watch::{NotSeen, Watch};

/// How long a client waits for a response. Longer than any target's own patience should be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A phase whose target nobody has reached for so long ends: what it would go on to send tells nothing new.
pub(crate) const GIVES_UP_AFTER: Duration = Duration::from_secs(10);

/// What the traffic of a trial runs on.
pub(crate) struct Road<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) profile: &'a Profile,
    pub(crate) target: &'a RunningTarget,
    pub(crate) upstreams: BTreeMap<String, SocketAddr>,
    /// The upstreams themselves: what holds from a phase on holds before its first request.
    pub(crate) providers: &'a Upstreams,
    /// Where the target is told to reach each upstream.
    pub(crate) base_urls: Vec<(String, String)>,
    /// The folder of the scenario's file, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) secrets: &'a Secrets,
    pub(crate) seen: &'a Seen,
    /// The evidence so far, for what waits until something is seen.
    pub(crate) watch: &'a Watch,
    /// The bounds that the target's profile declares.
    pub(crate) bounds: &'a BTreeMap<String, f64>,
    /// The most that the run may do, and what is left of it.
    pub(crate) caps: Caps,
    pub(crate) allowance: &'a Allowance,
    pub(crate) traffic: &'a TrafficSignal,
    pub(crate) correlation: Correlation,
    pub(crate) seed: u64,
    /// What the target calls the scenario's models.
    pub(crate) called: Called<'a>,
    /// Held by every phase that runs, so that its end can be waited for.
    pub(crate) phases: mpsc::Sender<Infallible>,
    /// Where programs get folders of their own.
    pub(crate) scratch: &'a Path,
}

/// Why traffic could not be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrafficError {
    #[error(transparent)]
    Request(#[from] CannotMake),
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
    #[error("{0}")]
    Capped(String),
    #[error(
        "nobody listened at the target any more: {refused} requests of phase `{phase}` in a row were refused, for {}",
        scenario::show_duration(GIVES_UP_AFTER)
    )]
    Down { phase: String, refused: u32 },
    #[error("step `{step}`: {why}")]
    Capture { step: String, why: NotThere },
    #[error("the target cannot be operated: {0}")]
    Operate(String),
    #[error("program `{name}`: {why}")]
    Exec { name: String, why: CannotRun },
    #[error("the trace cannot be replayed: {0}")]
    Trace(String),
    #[error(transparent)]
    NotSeen(#[from] NotSeen),
}

/// Sends the traffic. Dropped midway, it ends its phases at once.
pub(crate) async fn send_traffic(road: &Road<'_>) -> Result<(), TrafficError> {
    let surroundings = load::Surroundings {
        clock: road.seen.clock,
        correlation: road.correlation,
        next_exchange: Arc::new(AtomicU32::new(0)),
        facts: road.seen.facts.clone(),
        names: road.seen.names.clone(),
        recorded: recorded(road.scenario),
        allowance: road.allowance.clone(),
    };
    let values = values(road);
    let client = Client::new(PATIENCE, surroundings.clone())?;
    let mut travel = Travel { road, surroundings, client, values };
    road.traffic.traffic_began(road.seen.clock.now());
    road.providers.turned().await;
    for entry in &road.scenario.traffic {
        travel.go(entry).await?;
    }
    Ok(())
}

/// What templates of the traffic can use from the beginning.
fn values(road: &Road<'_>) -> Values {
    let mut values = Values::default();
    values.set("target", "url", road.target.base_url());
    // A target that asks nobody who it is has no key to be told.
    let wants_one = road.profile.authorization_for(None, road.secrets.admin()).is_some();
    values.set("target", "key", if wants_one { road.secrets.admin() } else { "" });
    for (name, secret) in road.secrets.tenants() {
        values.set("target", &format!("key_of_{name}"), secret);
    }
    for (name, url) in &road.base_urls {
        values.set("upstream", name, url);
    }
    values.set("scenario", "folder", road.folder.to_string_lossy());
    values
}

/// What is recorded of exchanges beside their rows: what the scenario asks about.
fn recorded(scenario: &Scenario) -> Recorded {
    let Needs { messages, events, texts, tools } = Needs::of(scenario);
    Recorded { messages, events, texts, tools, nothing: false }
}

/// The way through the traffic, with what was captured on it.
pub(crate) struct Travel<'a> {
    pub(crate) road: &'a Road<'a>,
    pub(crate) surroundings: load::Surroundings,
    pub(crate) client: Client,
    pub(crate) values: Values,
}

impl Travel<'_> {
    async fn go(&mut self, entry: &Traffic) -> Result<(), TrafficError> {
        match entry {
            Traffic::Step(step) => self.step(step).await,
            Traffic::Phase(phase) if phase.beside.is_none() => {
                self.phase(entry, phase).await?;
                self.find_target();
                Ok(())
            }
            Traffic::Operate(operate) if operate.beside.is_none() => {
                self.operate(operate).await?;
                self.find_target();
                Ok(())
            }
            // They began with the phase that they accompany.
            Traffic::Phase(_) | Traffic::Operate(_) => Ok(()),
            Traffic::Pause(pause) => {
                tokio::time::sleep(pause.lasts).await;
                Ok(())
            }
            Traffic::Exec(program) => self.exec(program).await,
            Traffic::WaitUntil(wait) => {
                self.road.watch.wait(wait, self).await?;
                Ok(())
            }
        }
    }

    /// After a restart the target may listen elsewhere.
    fn find_target(&mut self) {
        self.values.set("target", "url", self.road.target.base_url());
    }

    /// A phase with those that accompany it, which begin with it and end with it, and with what is done to the target meanwhile.
    async fn phase(&self, entry: &Traffic, phase: &Phase) -> Result<(), TrafficError> {
        let beside = |entry: &&Traffic| {
            matches!(entry, Traffic::Phase(other)
                if other.beside.as_ref().is_some_and(|beside| beside.value == phase.name.value))
        };
        let mut companions = Vec::new();
        for entry in self.road.scenario.traffic.iter().filter(beside) {
            if let Traffic::Phase(companion) = entry {
                companions.push(start(self, entry, companion).await?);
            }
        }
        let leading = start(self, entry, phase).await?;
        let (over, phase_over) = watch::channel(false);
        let mut sides = self.operations_beside(&phase.name.value, &phase_over);
        sides.push(Box::pin(async move {
            let finished = self.finish(leading).await;
            over.send_replace(true);
            finished
        }));
        all(sides).await?;
        for companion in &companions {
            companion.stop.stop(Stopping::Drain);
        }
        for companion in companions {
            self.finish(companion).await?;
        }
        Ok(())
    }

    async fn finish(&self, driven: Driven<'_>) -> Result<(), TrafficError> {
        let name = driven.name;
        let report = driven.report().await?;
        self.road.seen.tell(Entry::Figures(report.figures));
        match report.ended_early {
            None => {}
            Some(EndedEarly::Capped(cap)) => return Err(self.capped(cap)),
            Some(EndedEarly::Down { refused }) => {
                return Err(TrafficError::Down { phase: name.value.clone(), refused });
            }
        }
        self.end(name).await;
        Ok(())
    }

    /// That no more may be sent.
    pub(crate) fn capped(&self, cap: Cap) -> TrafficError {
        TrafficError::Capped(self.road.caps.reached(cap))
    }

    async fn exec(&self, program: &scenario::Exec) -> Result<(), TrafficError> {
        let failed = |why| TrafficError::Exec { name: program.name.value.clone(), why };
        let folder =
            self.road.scratch.join(format!("exec-{}", self.surroundings.names.id(&program.name.value).0));
        std::fs::create_dir_all(&folder)
            .map_err(|error| failed(CannotRun::Folder { name: program.name.value.clone(), error }))?;
        let name = self.begin(&program.name).await;
        exec(program, name, &folder, &self.values, self.road.seen).await.map_err(failed)?;
        self.end(&program.name).await;
        Ok(())
    }

    /// Makes the requests of this trial.
    pub(crate) fn maker(&self) -> Maker<'_> {
        Maker {
            scenario: self.road.scenario,
            profile: self.road.profile,
            secrets: self.road.secrets,
            names: &self.surroundings.names,
            seed: self.road.seed,
            called: self.road.called,
        }
    }

    /// To whom something is sent in a manner.
    pub(crate) fn addressee<'m>(manner: &'m Manner) -> Addressee<'m> {
        match (&manner.at, manner.against) {
            (Some(service), _) => Addressee::Service(&service.value),
            (None, Some(Against::Direct)) => Addressee::Upstream,
            (None, Some(Against::Paired) | None) => Addressee::Target,
        }
    }

    /// Where something for a model is sent in a manner.
    pub(crate) fn address(&self, manner: &Manner, model: Option<&str>) -> Result<SocketAddr, TrafficError> {
        let road = self.road;
        let of_upstream = |name: &str| {
            let found = road.upstreams.get(name).copied();
            found.ok_or_else(|| TrafficError::Request(CannotMake::Upstream(name.to_owned())))
        };
        match Self::addressee(manner) {
            Addressee::Target => {
                let instance = manner.via.as_ref().map_or(1, |via| via.value);
                Ok(road.target.address_of(instance).unwrap_or_else(|| road.target.address()))
            }
            Addressee::Service(name) => of_upstream(name),
            Addressee::Upstream => {
                let model = model.unwrap_or_default();
                let settings = road.scenario.world.router.models.get(model);
                let name = settings.and_then(|settings| settings.upstreams().next());
                of_upstream(name.map_or(model, |name| &name.value))
            }
        }
    }

    /// The instance of the target that something is sent to in a manner, as rows tell it.
    pub(crate) fn instance(manner: &Manner) -> u8 {
        let via = manner.via.as_ref().map_or(1, |via| via.value);
        if Self::addressee(manner) == Addressee::Target { u8::try_from(via).unwrap_or(0) } else { 0 }
    }

    pub(crate) async fn begin(&self, name: &At<String>) -> record::NameId {
        let id = self.surroundings.names.id(&name.value);
        self.road.seen.tell(Entry::Began { traffic: id, at: self.road.seen.clock.now() });
        self.road.traffic.began(&name.value);
        self.road.providers.turned().await;
        id
    }

    pub(crate) async fn end(&self, name: &At<String>) {
        self.road.traffic.ended(&name.value);
        let traffic = self.surroundings.names.id(&name.value);
        self.road.seen.tell(Entry::Ended { traffic, at: self.road.seen.clock.now() });
        self.road.providers.turned().await;
    }
}

/// Ends a phase that nobody waits for any more.
pub(crate) struct StopOnDrop(pub(crate) StopSignal);

impl StopOnDrop {
    pub(crate) fn stop(&self, how: Stopping) {
        self.0.stop(how);
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop(Stopping::Now);
    }
}
