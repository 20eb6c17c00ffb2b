//! What is made ready before a process starts: its folder with its native configuration, its command, its secrets.

use std::collections::hash_map::RandomState;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use minijinja::Value;

use crate::process::StartError;
use crate::process::port::free_port;
use crate::profile::{CommandLine, Place, Profile, Templated};
use crate::secrets::Secrets;
use crate::template::{self, TemplateError};
use crate::topology::{StartView, Topology};

/// Everything of one start that depends on the world.
pub(super) struct Preparation<'a> {
    profile: &'a Profile,
    topology: &'a Topology,
    view: Value,
    admin_key: String,
    /// The port that templates see.
    pub(super) port: u16,
    /// The target's folder, absolute.
    pub(super) folder: PathBuf,
    /// The command's own program, absolute.
    pub(super) stormproof: PathBuf,
}

impl<'a> Preparation<'a> {
    /// Prepares a start in a folder, which is made if it is not there.
    pub(super) fn of(
        profile: &'a Profile,
        topology: &'a Topology,
        stormproof: &Path,
        folder: &Path,
    ) -> Result<Self, StartError> {
        let cannot_write = |source| StartError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(cannot_write)?;
        let folder = std::path::absolute(folder).map_err(cannot_write)?;
        let stormproof = std::path::absolute(stormproof)?;
        let (port, admin_key) = (free_port()?, new_admin_key());
        let view = topology.view(&StartView {
            dir: &folder.to_string_lossy(),
            port,
            profile_dir: &profile.folder().to_string_lossy(),
            stormproof: &stormproof.to_string_lossy(),
            admin_key: &admin_key,
        });
        Ok(Self { profile, topology, view, admin_key, port, folder, stormproof })
    }

    /// A value of the profile, rendered.
    pub(super) fn value(&self, value: &Templated) -> Result<String, TemplateError> {
        template::render(self.profile, (&value.text, Place::Value(value.span)), &self.view)
    }

    /// A command of the profile, rendered.
    pub(super) fn command(&self, command: &CommandLine) -> Result<Vec<String>, TemplateError> {
        command.0.iter().map(|word| self.value(word)).collect()
    }

    /// The environment that the profile names, rendered.
    pub(super) fn env(&self) -> Result<Vec<(String, String)>, TemplateError> {
        let env = &self.profile.says.start.process.env;
        env.0.iter().map(|(name, value)| Ok((name.value.clone(), self.value(value)?))).collect()
    }

    /// The authorization header, rendered.
    pub(super) fn authorization(&self) -> Result<Option<(String, String)>, TemplateError> {
        let authorization = self.profile.says.authorization.as_ref();
        authorization.map(|header| Ok((header.header.clone(), self.value(&header.value)?))).transpose()
    }

    /// Renders the native configuration files into the folder. They hold keys, so nobody else may read them.
    pub(super) fn write_files(&self) -> Result<(), StartError> {
        for template in self.profile.templates() {
            let text = template::render(self.profile, self.profile.text(template), &self.view)?;
            let path = self.folder.join(&template.renders);
            write_private(&path, text.as_bytes()).map_err(|source| StartError::Folder { path, source })?;
        }
        Ok(())
    }

    /// Every secret that the target knows.
    pub(super) fn secrets(&self) -> Secrets {
        let keys = self.topology.keys().map(|key| (key.label.as_str(), key.secret.as_str()));
        Secrets::of(keys.chain([("admin", self.admin_key.as_str())]))
    }
}

fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text)
}

/// A secret for one start. It need only be new and recognisable: it guards a simulated world on loopback.
fn new_admin_key() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("sk-admin-{:016x}{:016x}", random(), random())
}
