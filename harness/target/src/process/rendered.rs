//! The native configuration of a target that somebody else starts, as files in a folder.

use std::path::{Path, PathBuf};

use crate::process::StartError;
use crate::process::preparation::{Preparation, Surroundings};
use crate::profile::Profile;
use crate::topology::Topology;

/// What a target is to be started with.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Its native configuration files.
    pub files: Vec<PathBuf>,
    /// The program with its arguments, as the profile would start it; empty if the profile starts nothing.
    pub command: Vec<String>,
    /// The variables of its environment. Some hold secrets.
    pub environment: Vec<(String, String)>,
}

/// Writes a target's native configuration into a folder, which nobody else may read: it holds keys. The target is to listen on this
/// port of its own machine.
///
/// # Errors
///
/// A template cannot be rendered, or the folder cannot be written.
pub fn render(
    profile: &Profile,
    topology: &Topology,
    stormproof: &Path,
    (folder, port): (&Path, u16),
) -> Result<Rendered, StartError> {
    let surroundings = Surroundings::of(profile, topology, stormproof)?;
    let preparation = Preparation::at(&surroundings, 1, folder, port)?;
    preparation.write_files(&surroundings)?;
    let rendering = preparation.rendering(&surroundings);
    let files = profile.templates().iter().map(|template| preparation.folder.join(&template.renders));
    let files = files.collect();
    let Some(process) = &profile.says.start.process else {
        return Ok(Rendered { files, command: Vec::new(), environment: Vec::new() });
    };
    let mut environment = rendering.env(&process.env)?;
    environment.extend(topology.environment().map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(Rendered { files, command: rendering.command(&process.command)?, environment })
}
