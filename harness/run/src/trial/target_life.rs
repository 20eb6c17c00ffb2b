//! The target's part of a trial: it is started, the traffic is sent while it is watched, it is read, and it is stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use record::{Correlation, Entry, TargetEvent};
use scenario::Protocol;
use target::{Key, KeysBy, Profile, RunningTarget, StartOptions, Started, Topology, UpstreamAddress};
use tokio::sync::mpsc;
use upstream::{Listening, Ports, TrafficSignal, Upstreams, Whereabouts};

use crate::engine::RunSettings;
use crate::scratch::Scratch;
use crate::sharing::Seat;
use crate::trial::conduct::{Failure, Seen, Surroundings};
use crate::trial::readings::{read, sample_process};
use crate::trial::requests::Called;
use crate::trial::secrets::Secrets;
use crate::trial::traffic::{Road, send_traffic};
use crate::trial::watch::Watch;

/// How long phases that were cut short may take to write down what they abandon.
const FAREWELL: Duration = Duration::from_secs(2);

/// What stands around the target in a trial.
pub(crate) struct Stage<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) upstreams: &'a Upstreams,
    pub(crate) secrets: &'a Secrets,
    pub(crate) watch: &'a Watch,
    pub(crate) traffic: &'a TrafficSignal,
    /// The trial's number in its marks.
    pub(crate) mark: u64,
    /// Its place in an instance that it shares with others.
    pub(crate) seat: Option<&'a Seat>,
}

/// Starts the target, sends the traffic, reads what is to be read, and stops the target. Tells what cut the traffic short.
pub(crate) async fn live(
    surroundings: &Surroundings<'_>,
    stage: &Stage<'_>,
) -> Result<Option<String>, Failure> {
    let scratch =
        Scratch::new(stage.mark).map_err(|error| Failure::io("make a folder for the target", &error))?;
    if let Some(seat) = stage.seat {
        stage.seen.target(TargetEvent::Started);
        seat.listen(stage.seen);
        stage.seen.target(TargetEvent::Ready);
        return Ok(watched_traffic(surroundings, stage, seat.target(), scratch.path()).await);
    }
    let running = start_target(surroundings, stage, scratch.path()).await?;
    let cut_short = watched_traffic(surroundings, stage, &running, scratch.path()).await;
    running.stop().await;
    stage.seen.target(TargetEvent::Stopped);
    Ok(cut_short)
}

/// Sends the traffic until it is over or something ends it, and tells what.
async fn watched_traffic(
    surroundings: &Surroundings<'_>,
    stage: &Stage<'_>,
    running: &RunningTarget,
    scratch: &Path,
) -> Option<String> {
    let settings = surroundings.settings;
    let (scenario, correlation) = (surroundings.scenario(), Correlation::new(stage.mark));
    let (phases, mut phases_over) = mpsc::channel(1);
    let simulated = stage.upstreams.addresses().map(|(name, address)| (name.to_owned(), address));
    let road = Road {
        scenario,
        profile: &settings.profile,
        target: running,
        // Where a real service is, it is met instead.
        upstreams: simulated.chain(surroundings.services.iter().cloned()).collect(),
        providers: stage.upstreams,
        base_urls: base_urls(scenario, stage.upstreams),
        folder: folder_of(&surroundings.plan.file(&settings.bench.suite).name),
        secrets: stage.secrets,
        seen: stage.seen,
        watch: stage.watch,
        bounds: &settings.bench.bounds,
        caps: settings.caps,
        allowance: surroundings.allowance,
        traffic: stage.traffic,
        correlation,
        seed: surroundings.plan.seed,
        called: called(settings, stage.seat),
        phases,
        scratch,
    };
    let whole = async {
        send_traffic(&road).await.map_err(|error| error.to_string())?;
        read(scenario, &settings.profile, running, correlation, stage.seen).await
    };
    let mut stop = surroundings.stop.clone();
    let stopped = async move {
        match stop.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    };
    let cut_short = tokio::select! {
        result = whole => result.err(),
        reason = running.died() => {
            stage.seen.target(TargetEvent::Died(reason.clone()));
            Some(format!("the target died: {reason}"))
        }
        reason = stopped => Some(reason),
        () = tokio::time::sleep(surroundings.deadline) => {
            let deadline = scenario::show_duration(surroundings.deadline);
            Some(format!("the traffic did not end within {deadline}"))
        }
        never = sample_process(scenario, running, stage.seen) => match never {},
    };
    drop(road);
    // What was cut short writes down what it abandons.
    drop(tokio::time::timeout(FAREWELL, phases_over.recv()).await);
    cut_short
}

/// What the target calls the models of the scenario.
fn called<'a>(settings: &'a RunSettings, seat: Option<&'a Seat>) -> Called<'a> {
    let foreign = settings.abroad.as_ref().and_then(|abroad| abroad.foreign.as_ref());
    match (seat, foreign.and_then(|foreign| foreign.model.as_deref())) {
        (Some(seat), _) => Called::InLane(seat.lane()),
        (None, Some(model)) => Called::Always(model),
        (None, None) => Called::AsTheyAre,
    }
}

/// Starts an instance that is the trial's alone.
async fn start_target(
    surroundings: &Surroundings<'_>,
    stage: &Stage<'_>,
    scratch: &Path,
) -> Result<RunningTarget, Failure> {
    let settings = surroundings.settings;
    let folder = scratch.join("target");
    std::fs::create_dir(&folder).map_err(|error| Failure::io("make a folder for the target", &error))?;
    let log = {
        let seen = stage.seen.clone();
        Arc::new(move |line: &str| seen.tell(Entry::Log { at: seen.clock.now(), line: line.to_owned() }))
    };
    let options = StartOptions {
        stormproof: settings.stormproof.clone(),
        abroad: settings.abroad.as_ref().map(|abroad| abroad.address),
        defect: settings.defect_of_target(),
        log,
        folder,
    };
    stage.seen.target(TargetEvent::Started);
    let mut stop = surroundings.stop.clone();
    let topology = topology(surroundings.scenario(), stage.upstreams.whereabouts(), stage.secrets);
    let started = tokio::select! {
        started = RunningTarget::try_to_start(&settings.profile, &topology, options) => started,
        _ = stop.wait_for(Option::is_some) => return Err(Failure::of("interrupted while the target started")),
    };
    let Started { target, unready } =
        started.map_err(|error| Failure::of(format!("the target did not start: {error}")))?;
    // What one that need not start does instead stands in its log, and in what its clients see.
    if unready.is_none() {
        stage.seen.target(TargetEvent::Ready);
    }
    Ok(target)
}

/// What the target is put in front of.
pub(crate) fn topology(
    scenario: &scenario::Scenario,
    upstreams: Vec<Whereabouts>,
    secrets: &Secrets,
) -> Topology {
    let key = |key: &upstream::Key| Key {
        label: key.label().to_owned(),
        secret: key.secret().to_owned(),
        fingerprint: key.fingerprint(),
    };
    let addresses = upstreams.into_iter().filter_map(|upstream| {
        let protocol = scenario.world.upstreams.get(&upstream.name)?.dialect;
        let url = |address: &str| format!("{address}{}", base_path(protocol));
        Some(UpstreamAddress {
            protocol,
            keys: upstream.keys.iter().map(key).collect(),
            base_url: url(&upstream.base_url),
            key_urls: upstream.key_urls.iter().map(|address| url(address)).collect(),
            name: upstream.name,
        })
    });
    Topology::of(&scenario.world, addresses.collect(), secrets.tenant_keys(), secrets.admin())
}

/// How upstreams listen that are put behind a target.
pub(crate) fn listening(profile: &Profile, ports: Ports) -> Listening {
    Listening { each_key: profile.says.keys_by == KeysBy::Address, ..Listening::on_loopback(ports) }
}

/// Where the target is told to reach each upstream, in the order of the world.
fn base_urls(scenario: &scenario::Scenario, upstreams: &Upstreams) -> Vec<(String, String)> {
    let url = |(name, address): (&str, &str)| {
        let protocol = scenario.world.upstreams.get(name)?.dialect;
        Some((name.to_owned(), format!("{address}{}", base_path(protocol))))
    };
    upstreams.base_urls().filter_map(url).collect()
}

/// What stands behind the address in the setting of a client library: the version, where it is the same in all paths.
fn base_path(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Llm(dialect) => dialect.base_path(),
        Protocol::Http | Protocol::Rest => "",
    }
}

/// The folder of a scenario's file, absolute.
fn folder_of(file: &str) -> PathBuf {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    // The folder in which the command was called has no name there.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
