//! One instance of a target: started, stopped, killed, frozen and started again, in a folder and on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::process::birth::{Birth, until_ready_abroad};
use crate::process::command::Invocation;
use crate::process::error::{Ending, StartError};
use crate::process::figures::is_stopped;
use crate::process::group::Group;
use crate::process::life::{Ask, Life};
use crate::process::log::{Log, LogBook, Readers};
use crate::process::preparation::{Preparation, Surroundings};
use crate::profile::{Observation, ProcessStart, SignalWord};
use crate::rendering::Rendering;
use crate::topology::Topology;

/// From one look to the next, where the kernel tells nothing by itself.
const PAUSE: Duration = Duration::from_millis(1);

/// One instance of a target.
pub(crate) struct Instance {
    /// Its number, from 1.
    pub(crate) number: u8,
    pub(crate) preparation: Preparation,
    surroundings: Arc<Surroundings>,
    /// Where it runs already, so that nothing is started or ended.
    abroad: Option<SocketAddr>,
    defect: Vec<String>,
    book: Arc<LogBook>,
    died: watch::Sender<Option<String>>,
    /// Held while something is done to it, so that one thing is done at a time.
    busy: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

struct State {
    /// Where it listens, or did when it was last alive.
    address: SocketAddr,
    life: Option<Life>,
    /// How it ended last.
    ended: Option<Ending>,
}

/// Why something cannot be done to an instance now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceError {
    #[error("it is not running")]
    NotRunning,
    #[error("it is running already")]
    Running,
    #[error("it is not the harness that runs it")]
    Abroad,
    #[error("it is frozen already")]
    Frozen,
    #[error("it is not frozen")]
    NotFrozen,
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Instance {
    /// Prepares an instance, which does not run yet.
    pub(super) fn new(
        number: u8,
        surroundings: &Arc<Surroundings>,
        folder: &Path,
        defect: &[String],
        book: &Arc<LogBook>,
        died: &watch::Sender<Option<String>>,
    ) -> Result<Self, StartError> {
        let preparation = Preparation::of(surroundings, number, folder)?;
        let abroad = surroundings.abroad;
        let address = abroad.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, preparation.port)));
        Ok(Self {
            number,
            preparation,
            surroundings: Arc::clone(surroundings),
            abroad,
            defect: defect.to_vec(),
            book: Arc::clone(book),
            died: died.clone(),
            busy: tokio::sync::Mutex::new(()),
            state: Mutex::new(State { address, life: None, ended: None }),
        })
    }

    /// Where it listens, or did when it was last alive.
    pub(crate) fn address(&self) -> SocketAddr {
        self.state().address
    }

    /// Whether it can be asked something. Nobody knows better of one that runs elsewhere.
    pub(crate) fn is_up(&self) -> bool {
        self.abroad.is_some() || self.pid().is_some()
    }

    /// The number of its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.state().running().map(Life::pid)
    }

    /// How it ended last.
    pub(crate) fn ending(&self) -> Option<Ending> {
        let state = self.state();
        state.life.as_ref().and_then(Life::end).map(|end| end.ending).or(state.ended)
    }

    /// Starts it and waits until it is ready. One that need not start goes on running when it is not ready in time.
    pub(crate) async fn start(&self) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        if let Some(address) = self.abroad {
            until_ready_abroad(&self.surroundings.profile.says.start.ready, address).await?;
            return Ok(());
        }
        if self.pid().is_some() {
            return Err(InstanceError::Running);
        }
        self.bear().await?;
        Ok(())
    }

    /// Stops it and starts it again.
    pub(crate) async fn restart(&self) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        self.end(Ask::Stop).await?;
        self.bear().await?;
        Ok(())
    }

    /// Asks it to end, and kills it if it does not.
    pub(crate) async fn stop(&self) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        self.end(Ask::Stop).await
    }

    /// Kills it.
    pub(crate) async fn kill(&self) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        self.end(Ask::Kill).await
    }

    /// Keeps it from running until it is thawed, and waits until it does not run.
    pub(crate) async fn freeze(&self) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        let pid = {
            let mut state = self.state();
            let life = state.running_mut().ok_or(InstanceError::NotRunning)?;
            if life.frozen {
                return Err(InstanceError::Frozen);
            }
            life.freeze();
            life.pid()
        };
        while self.pid().is_some() && !is_stopped(pid) {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Lets it run on.
    pub(crate) async fn thaw(&self) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        let mut state = self.state();
        let life = state.running_mut().ok_or(InstanceError::NotRunning)?;
        if !life.frozen {
            return Err(InstanceError::NotFrozen);
        }
        life.thaw();
        Ok(())
    }

    /// Renders its configuration files for other settings, and sends it a signal if that is how it is told of them.
    pub(crate) async fn reconfigure(
        &self,
        topology: &Topology,
        signal: Option<SignalWord>,
    ) -> Result<(), InstanceError> {
        let _busy = self.busy.lock().await;
        if self.abroad.is_some() {
            return Err(InstanceError::Abroad);
        }
        if self.pid().is_none() {
            return Err(InstanceError::NotRunning);
        }
        self.preparation.reconfigure(&self.surroundings, topology)?;
        if let Some(signal) = signal {
            self.state().running().ok_or(InstanceError::NotRunning)?.signal(signal);
        }
        Ok(())
    }

    /// Ends its process and waits until it is gone.
    async fn end(&self, ask: Ask) -> Result<(), InstanceError> {
        let mourner = self.state().running_mut().ok_or(InstanceError::NotRunning)?.ask(ask);
        let ending = mourner.gone().await;
        let mut state = self.state();
        (state.life, state.ended) = (None, Some(ending));
        Ok(())
    }

    /// Starts a process of it.
    async fn bear(&self) -> Result<(), StartError> {
        let (preparation, surroundings) = (&self.preparation, &*self.surroundings);
        preparation.write_files(surroundings)?;
        let start = &surroundings.profile.says.start;
        let process = start.process.as_ref().ok_or_else(|| std::io::Error::other("it runs elsewhere"))?;
        let rendering = preparation.rendering(surroundings);
        let mut command = rendering.command(&process.command)?;
        command.extend(self.defect.iter().cloned());
        let invocation = Invocation {
            command,
            env: self.environment(process, &rendering)?,
            folder: &preparation.folder,
            stormproof: &surroundings.stormproof,
        };
        let log = Log::new(&self.book);
        let awaited = match start.ready.observation() {
            Observation::Line(text) => Some(log.line_with(text)),
            Observation::Get(..) => None,
        };
        let group = Arc::new(invocation.start().await?);
        let mut birth = Birth { readers: log.read(group.output())?, log: &log, group: &group };
        let port = SocketAddr::from((Ipv4Addr::LOCALHOST, preparation.port));
        let ready = birth.until_ready(&start.ready, port, awaited).await;
        let readers = birth.readers;
        self.settle(ready, group, readers)
    }

    /// Keeps a process that is ready, and one that need not be and still runs.
    fn settle(
        &self,
        ready: Result<SocketAddr, StartError>,
        group: Arc<Group>,
        readers: Readers,
    ) -> Result<(), StartError> {
        let mut state = self.state();
        match &ready {
            Ok(address) => state.address = *address,
            Err(StartError::NotReady { .. }) if !self.surroundings.topology.router.must_start => {}
            Err(StartError::Ended { ending, .. }) => {
                (state.life, state.ended) = (None, Some(*ending));
                return ready.map(drop);
            }
            Err(_) => return ready.map(drop),
        }
        let stop = self.surroundings.profile.says.start.stop.clone();
        let life = Life::begin(group, readers, stop, self.mourning(ready.is_ok()));
        (state.life, state.ended) = (Some(life), None);
        ready.map(drop)
    }

    /// The variables of its environment: what the world asks for goes before what the profile says.
    fn environment(
        &self,
        process: &ProcessStart,
        rendering: &Rendering<'_>,
    ) -> Result<Vec<(String, String)>, StartError> {
        let mut environment = rendering.env(&process.env)?;
        let asked = self.surroundings.topology.environment();
        environment.extend(asked.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(environment)
    }

    /// Tells the end of its process; nobody mourns one that was never ready.
    fn mourning(&self, ready: bool) -> impl FnOnce(Ending) + Send + 'static {
        let died = self.died.clone();
        let who = match self.surroundings.topology.instances() {
            0..=1 => "its process".to_owned(),
            _ => format!("the process of instance {}", self.number),
        };
        move |ending| {
            died.send_if_modified(|told| {
                let first = ready && told.is_none();
                if first {
                    *told = Some(format!("{who} {ending}"));
                }
                first
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn running(&self) -> Option<&Life> {
        self.life.as_ref().filter(|life| life.end().is_none())
    }

    fn running_mut(&mut self) -> Option<&mut Life> {
        self.life.as_mut().filter(|life| life.end().is_none())
    }
}
