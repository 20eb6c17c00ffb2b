//! A target from its start to its end.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use rustix::process::Signal;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::process::address::address_in;
use crate::process::command::Invocation;
use crate::process::error::{Ending, StartError};
use crate::process::group::Group;
use crate::process::health::HealthCheck;
use crate::process::log::{Log, LogSink, Readers};
use crate::process::preparation::Preparation;
use crate::profile::{Observation, Profile, Ready, Stop, StopSignal};
use crate::topology::Topology;

/// What one start needs beside the profile and the world.
pub struct StartOptions {
    /// The command's own program: its `guard` starts the target, and templates see its path.
    pub stormproof: PathBuf,
    /// The defect to be switched on.
    pub defect: Option<String>,
    /// Is given each line of the target's log.
    pub log: LogSink,
    /// The target's folder, fresh and private. It will hold keys; the caller removes it.
    pub folder: PathBuf,
}

/// A target that was seen to be ready. Dropping it kills its process with all that it started.
pub struct RunningTarget {
    address: SocketAddr,
    authorization: Option<(String, String)>,
    log: Log,
    group: Arc<Group>,
    ask_to_stop: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<Option<End>>,
}

/// How a process ended, and whether anybody had asked for it.
#[derive(Clone, Copy)]
struct End {
    ending: Ending,
    by_itself: bool,
}

impl RunningTarget {
    /// Starts a target and waits until it is ready.
    ///
    /// # Errors
    ///
    /// Its program is missing, its configuration cannot be made, it ended, or it was not ready in time. Nothing of it is
    /// left then.
    pub async fn start(
        profile: &Profile,
        topology: &Topology,
        options: StartOptions,
    ) -> Result<Self, StartError> {
        let preparation = Preparation::of(profile, topology, &options.stormproof, &options.folder)?;
        preparation.write_files()?;
        let authorization = preparation.authorization()?;
        let start = &profile.says.start;
        let mut command = preparation.command(&start.process.command)?;
        if let Some(defect) = options.defect {
            let none = || StartError::NoDefects(profile.name().to_owned());
            command.extend([profile.defects().ok_or_else(none)?.flag.clone(), defect]);
        }
        let (env, folder, stormproof) = (preparation.env()?, &preparation.folder, &preparation.stormproof);
        let log = Log::new(preparation.secrets(), options.log);
        let awaited = match start.ready.observation() {
            Observation::Line(text) => Some(log.line_with(text)),
            Observation::Get(..) => None,
        };
        let invocation = Invocation { command, env, folder, stormproof };
        let group = Arc::new(invocation.start().await?);
        let mut birth = Birth { readers: log.read(group.output())?, log: &log, group: &group };
        let port = SocketAddr::from((Ipv4Addr::LOCALHOST, preparation.port));
        let address = birth.until_ready(&start.ready, port, awaited).await?;
        let readers = birth.readers;
        let (ask_to_stop, asked) = oneshot::channel();
        let (tell, ended) = watch::channel(None);
        tokio::spawn(supervise(Arc::clone(&group), readers, start.stop.clone(), asked, tell));
        Ok(Self { address, authorization, log, group, ask_to_stop: Some(ask_to_stop), ended })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL without a path.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The header that it wants of its clients, by name and value. The value may be a secret.
    #[must_use]
    pub fn authorization(&self) -> Option<(&str, &str)> {
        self.authorization.as_ref().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.group.id()
    }

    /// The last lines that it printed.
    #[must_use]
    pub fn log_tail(&self) -> Vec<String> {
        self.log.tail()
    }

    /// Resolves, with the reason, once the process has ended by itself; never if it was asked to.
    pub fn died(&self) -> impl Future<Output = String> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            match ended.wait_for(|end| end.is_some_and(|end| end.by_itself)).await.map(|end| *end) {
                Ok(Some(end)) => format!("its process {}", end.ending),
                // The supervisor is gone, and with it everything that could be told.
                _ => std::future::pending().await,
            }
        }
    }

    /// Asks it to end, kills it with all that it started if it does not, and waits until it is gone.
    pub async fn stop(mut self) -> Ending {
        if let Some(ask) = self.ask_to_stop.take() {
            // Nobody listens if it has ended already.
            let _ = ask.send(());
        }
        let end = self.ended.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        end.map_or(Ending { status: None, killed: true }, |end| end.ending)
    }
}

impl Drop for RunningTarget {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// A process that is not ready yet.
struct Birth<'a> {
    log: &'a Log,
    group: &'a Group,
    readers: Readers,
}

impl Birth<'_> {
    /// Waits until the process is seen to be ready, and tells where it listens.
    async fn until_ready(
        &mut self,
        ready: &Ready,
        port: SocketAddr,
        awaited: Option<oneshot::Receiver<String>>,
    ) -> Result<SocketAddr, StartError> {
        let mut seen = String::new();
        let observed = observe(ready.observation(), port, awaited, &mut seen);
        let observed = tokio::select! {
            observed = timeout(ready.within, observed) => observed,
            status = self.group.ended() => return Err(self.ended(status).await),
        };
        match observed {
            Ok(Ok(address)) if !address.ip().is_loopback() => Err(StartError::NotLoopback(address)),
            Ok(address) => address,
            Err(_) => Err(self.not_ready(ready, &seen)),
        }
    }

    async fn ended(&mut self, status: Option<ExitStatus>) -> StartError {
        self.readers.drain().await;
        StartError::Ended { ending: Ending { status, killed: false }, log: self.log.tail() }
    }

    fn not_ready(&self, ready: &Ready, seen: &str) -> StartError {
        let wanted = match ready.observation() {
            Observation::Get(path, status) => format!("status {status} at `{path}`"),
            Observation::Line(text) => format!("a line with `{text}`"),
        };
        let seen = if seen.is_empty() { String::new() } else { format!(" (seen last: {seen})") };
        StartError::NotReady { wanted, within: ready.within, seen, log: self.log.tail() }
    }
}

/// Resolves with the address once the observation is made.
async fn observe(
    observation: Observation<'_>,
    port: SocketAddr,
    awaited: Option<oneshot::Receiver<String>>,
    seen: &mut String,
) -> Result<SocketAddr, StartError> {
    match (observation, awaited) {
        (Observation::Get(path, status), _) => {
            let check = HealthCheck::new(port, path, status).map_err(std::io::Error::other)?;
            check.until_ready(seen).await;
            Ok(port)
        }
        (Observation::Line(text), Some(awaited)) => match awaited.await {
            Ok(line) => Ok(address_in(&line, text).unwrap_or(port)),
            // The output has ended, so the line cannot come any more: the process ends or time runs out.
            Err(_) => std::future::pending().await,
        },
        (Observation::Line(_), None) => std::future::pending().await,
    }
}

/// Watches a process until it has ended, and ends it when asked to.
async fn supervise(
    group: Arc<Group>,
    mut readers: Readers,
    stop: Stop,
    asked: oneshot::Receiver<()>,
    tell: watch::Sender<Option<End>>,
) {
    let (by_itself, killed) = tokio::select! {
        biased;
        _ = group.ended() => (true, false),
        asked = asked => match asked {
            Ok(()) => (false, !ends_when_asked(&group, &stop).await),
            // The target was dropped.
            Err(_) => (false, true),
        },
    };
    if killed {
        group.kill();
    }
    let status = group.ended().await;
    readers.drain().await;
    tell.send_replace(Some(End { ending: Ending { status, killed }, by_itself }));
}

async fn ends_when_asked(group: &Group, stop: &Stop) -> bool {
    group.ask(match stop.signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Int => Signal::INT,
        StopSignal::Quit => Signal::QUIT,
        StopSignal::Kill => Signal::KILL,
    });
    timeout(stop.within, group.ended()).await.is_ok()
}
