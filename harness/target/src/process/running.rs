//! A target from its start to its end: one or several instances of it, and what they share.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use record::{Clock, ProcessSeen};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::Admin;
use crate::process::error::{Ending, StartError};
use crate::process::figures::figures_of;
use crate::process::instance::{Instance, InstanceError};
use crate::process::log::{LogBook, LogSink};
use crate::process::preparation::Surroundings;
use crate::process::store::Store;
use crate::profile::Profile;
use crate::topology::Topology;

/// What one start needs beside the profile and the world.
pub struct StartOptions {
    /// The command's own program: its `guard` starts the target, and templates see its path.
    pub stormproof: PathBuf,
    /// Where the target runs already; it is started if missing.
    pub abroad: Option<SocketAddr>,
    /// The defect to be switched on.
    pub defect: Option<String>,
    /// Is given each line of the target's log.
    pub log: LogSink,
    /// The target's folder, fresh and private. It will hold keys; the caller removes it.
    pub folder: PathBuf,
}

/// A target that was started. Dropping it kills its processes with all that they started.
pub struct RunningTarget {
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) instances: Vec<Arc<Instance>>,
    pub(crate) admin: Admin,
    book: Arc<LogBook>,
    died: watch::Receiver<Option<String>>,
    /// Goes after the instances, which may need it to end well.
    _store: Option<Store>,
}

/// What came of a start that may fail.
pub struct Started {
    /// The target, with what of it runs. Its log is there in any case. Where an instance that ended never told its address, it
    /// is one at which nobody listens.
    pub target: RunningTarget,
    /// Why it is not ready: an instance [ended](StartError::Ended) early, or is [not ready](StartError::NotReady) in time and
    /// runs on. `None` if all of them are ready.
    pub unready: Option<StartError>,
}

impl RunningTarget {
    /// Starts as many instances of a target as the world asks for, and waits until all of them are ready.
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
        let Started { target, unready } = Self::try_to_start(profile, topology, options).await?;
        unready.map_or(Ok(target), Err)
    }

    /// Starts a target like [`RunningTarget::start`]. Where the world says that it need not start, one that ends or is not ready
    /// in time is no error.
    ///
    /// # Errors
    ///
    /// Its program is missing or its configuration cannot be made; and, where it has to start, it ended or was not ready in
    /// time. Nothing of it is left then.
    pub async fn try_to_start(
        profile: &Profile,
        topology: &Topology,
        options: StartOptions,
    ) -> Result<Started, StartError> {
        let count = instances(profile, topology)?;
        let defect = defect(profile, options.defect)?;
        let mut surroundings = Surroundings::of(profile, topology, &options.stormproof)?;
        surroundings.abroad = options.abroad;
        let tenants = topology.tenants.iter().map(|(key, _)| key.secret.as_str());
        let sound = profile.check_headers(tenants, topology.admin());
        sound.map_err(|error| error.cleaned(&surroundings.secrets))?;
        let book = LogBook::new(Arc::clone(&surroundings.secrets), options.log);
        let (tell, died) = watch::channel(None);
        let mut store = None;
        if topology.router.shared {
            let kind = profile.says.instances.store.as_ref();
            let kind = kind.ok_or_else(|| StartError::NoStore(profile.name().to_owned()))?.value;
            let folder = options.folder.join("store");
            let started = Store::start(kind, &folder, &surroundings.stormproof, &book, &tell).await?;
            (store, surroundings.store) = (Some(started.0), Some(started.1));
        }
        let surroundings = Arc::new(surroundings);
        let mut instances = Vec::new();
        for number in 1..=count {
            let folder = match count {
                1 => options.folder.clone(),
                _ => options.folder.join(format!("instance-{number}")),
            };
            let instance = Instance::new(number, &surroundings, &folder, &defect, &book, &tell)?;
            instances.push(Arc::new(instance));
        }
        let admin = Admin::new().map_err(std::io::Error::other)?;
        let target = Self { surroundings, instances, admin, book, died, _store: store };
        let unready = target.start_all().await?;
        Ok(Started { target, unready })
    }

    /// Starts all instances, and tells why the first one that need not be ready is not.
    async fn start_all(&self) -> Result<Option<StartError>, StartError> {
        let mut starts = JoinSet::new();
        for instance in &self.instances {
            let instance = Arc::clone(instance);
            starts.spawn(async move { instance.start().await });
        }
        let mut unready = None;
        while let Some(started) = starts.join_next().await {
            let error = match started {
                Ok(Ok(())) => continue,
                Ok(Err(InstanceError::Start(error))) => error,
                Ok(Err(other)) => std::io::Error::other(other.to_string()).into(),
                Err(error) => std::io::Error::other(error).into(),
            };
            let may_be = matches!(error, StartError::Ended { .. } | StartError::NotReady { .. });
            if may_be && !self.surroundings.topology.router.must_start {
                unready.get_or_insert(error);
                continue;
            }
            // The others are not left behind half started.
            starts.shutdown().await;
            return Err(error);
        }
        Ok(unready)
    }

    /// How many instances there are.
    #[must_use]
    pub fn instances(&self) -> u8 {
        self.instances.last().map_or(0, |instance| instance.number)
    }

    /// Where its first instance listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.first().address()
    }

    /// Where an instance listens, counted from 1, or did before it was killed; `None` for one that there is not. A target
    /// that chooses its port listens elsewhere after a restart.
    #[must_use]
    pub fn address_of(&self, instance: u32) -> Option<SocketAddr> {
        self.instance(instance).map(|instance| instance.address())
    }

    /// Where its first instance listens, as a URL without a path.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The number of the first instance's process; `None` while it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.first().pid()
    }

    /// The last lines that it printed.
    #[must_use]
    pub fn log_tail(&self) -> Vec<String> {
        self.book.tail()
    }

    /// What each instance that runs uses now, with all that it started.
    #[must_use]
    pub fn process_figures(&self, clock: Clock) -> Vec<ProcessSeen> {
        let seen = |instance: &Arc<Instance>| {
            let figures = figures_of(instance.pid()?)?;
            Some(ProcessSeen {
                at: clock.now(),
                instance: instance.number,
                memory: figures.memory,
                cpu_us: figures.cpu_us,
                descriptors: figures.descriptors,
                sockets: figures.sockets,
                threads: figures.threads,
            })
        };
        self.instances.iter().filter_map(seen).collect()
    }

    /// Resolves, with the reason, once the process of an instance has ended by itself; never if somebody asked for it.
    pub fn died(&self) -> impl Future<Output = String> + Send + use<> {
        let mut died = self.died.clone();
        async move {
            match died.wait_for(Option::is_some).await.map(|told| told.clone()) {
                Ok(Some(reason)) => reason,
                // The target is gone, and with it everything that could be told.
                _ => std::future::pending().await,
            }
        }
    }

    /// Asks its instances to end, kills them with all that they started if they do not, and waits until they are gone. Told
    /// is how an instance ended that had to be killed, or else how the first one did.
    pub async fn stop(self) -> Ending {
        let mut stops = JoinSet::new();
        for instance in self.instances.iter().map(Arc::clone) {
            // One that does not run has ended already.
            stops.spawn(async move { drop(instance.stop().await) });
        }
        while stops.join_next().await.is_some() {}
        let endings = || self.instances.iter().filter_map(|instance| instance.ending());
        let worst = endings().find(|ending| ending.killed).or_else(|| endings().next());
        worst.unwrap_or(Ending { status: None, killed: true })
    }

    pub(crate) fn instance(&self, number: u32) -> Option<&Arc<Instance>> {
        self.instances.iter().find(|instance| u32::from(instance.number) == number)
    }

    fn first(&self) -> &Instance {
        &self.instances[0]
    }
}

/// How many instances the world asks for.
fn instances(profile: &Profile, topology: &Topology) -> Result<u8, StartError> {
    let (asked, max) = (topology.instances(), profile.says.instances.max);
    let too_many = || StartError::TooManyInstances { target: profile.name().to_owned(), asked, max };
    u8::try_from(asked).ok().filter(|asked| *asked > 0 && u32::from(*asked) <= max).ok_or_else(too_many)
}

/// The arguments that switch a defect on.
fn defect(profile: &Profile, defect: Option<String>) -> Result<Vec<String>, StartError> {
    let Some(defect) = defect else { return Ok(Vec::new()) };
    let none = || StartError::NoDefects(profile.name().to_owned());
    Ok(vec![profile.defects().ok_or_else(none)?.flag.clone(), defect])
}
