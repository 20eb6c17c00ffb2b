//! What is made ready before a process starts: its folder with its native configuration, its command, its secrets.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;

use crate::process::StartError;
use crate::process::port::free_port;
use crate::profile::{Header, Profile};
use crate::rendering::Rendering;
use crate::secrets::Secrets;
use crate::topology::Topology;
use crate::view::{StartView, StoreView, view};

/// Everything of one run of a target that is the same for each of its instances.
pub(crate) struct Surroundings {
    pub(crate) profile: Profile,
    pub(crate) topology: Topology,
    /// The command's own program, absolute.
    pub(crate) stormproof: PathBuf,
    /// Where the target runs already.
    pub(crate) abroad: Option<SocketAddr>,
    /// What the instances share.
    pub(crate) store: Option<StoreView>,
    /// Every secret that the target knows.
    pub(crate) secrets: Arc<Secrets>,
}

/// Everything of one instance that depends on the world.
pub(crate) struct Preparation {
    /// Its number, from 1.
    instance: u8,
    view: Mutex<Value>,
    /// The port that templates see.
    pub(crate) port: u16,
    /// The instance's folder, absolute.
    pub(crate) folder: PathBuf,
}

impl Surroundings {
    /// The surroundings of a target that shares no store with others of its kind.
    pub(crate) fn of(profile: &Profile, topology: &Topology, stormproof: &Path) -> io::Result<Self> {
        let keys = topology.keys().map(|key| (key.label.as_str(), key.secret.as_str()));
        let secrets = Secrets::of(keys.chain([("admin", topology.admin())]));
        Ok(Self {
            profile: profile.clone(),
            topology: topology.clone(),
            stormproof: std::path::absolute(stormproof)?,
            abroad: None,
            store: None,
            secrets: Arc::new(secrets),
        })
    }

    /// The header of the operator's requests.
    pub(crate) fn admin_header(&self) -> Option<Header> {
        self.profile.admin_authorization(self.topology.admin())
    }
}

impl Preparation {
    /// Prepares an instance in a folder, which is made if it is not there.
    pub(crate) fn of(surroundings: &Surroundings, instance: u8, folder: &Path) -> Result<Self, StartError> {
        Self::at(surroundings, instance, folder, free_port()?)
    }

    /// The same for an instance that is to listen on this port.
    pub(crate) fn at(
        surroundings: &Surroundings,
        instance: u8,
        folder: &Path,
        port: u16,
    ) -> Result<Self, StartError> {
        let cannot_write = |source| StartError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(cannot_write)?;
        let folder = std::path::absolute(folder).map_err(cannot_write)?;
        let prepared = Self { instance, view: Mutex::default(), port, folder };
        prepared.show(prepared.view_of(surroundings, &surroundings.topology));
        Ok(prepared)
    }

    /// Renders the native configuration files for other settings, which it keeps from now on.
    pub(crate) fn reconfigure(
        &self,
        surroundings: &Surroundings,
        topology: &Topology,
    ) -> Result<(), StartError> {
        let view = self.view_of(surroundings, topology);
        self.write(&Rendering { view: view.clone(), ..self.rendering(surroundings) })?;
        self.show(view);
        Ok(())
    }

    /// What templates see of a topology in this instance.
    fn view_of(&self, surroundings: &Surroundings, topology: &Topology) -> Value {
        let start = StartView {
            instance: self.instance,
            dir: &self.folder.to_string_lossy(),
            port: self.port,
            profile_dir: &surroundings.profile.folder().to_string_lossy(),
            stormproof: &surroundings.stormproof.to_string_lossy(),
            admin_key: topology.admin(),
            store: surroundings.store.as_ref(),
        };
        view(topology, &start).value()
    }

    fn show(&self, view: Value) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// The profile's templates as this instance is given them.
    pub(crate) fn rendering<'a>(&self, surroundings: &'a Surroundings) -> Rendering<'a> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Rendering { profile: &surroundings.profile, view, secrets: &surroundings.secrets }
    }

    /// Renders the native configuration files into the folder. They hold keys, so nobody else may read them.
    pub(crate) fn write_files(&self, surroundings: &Surroundings) -> Result<(), StartError> {
        self.write(&self.rendering(surroundings))
    }

    fn write(&self, rendering: &Rendering<'_>) -> Result<(), StartError> {
        for (name, text) in rendering.files()? {
            let path = self.folder.join(name);
            write_private(&path, text.as_bytes()).map_err(|source| StartError::Folder { path, source })?;
        }
        Ok(())
    }
}

fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text)
}
