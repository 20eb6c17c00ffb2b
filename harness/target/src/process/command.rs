//! A command as it is executed: through the guard, in an environment of its own, as the leader of a process group.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::StartError;
use crate::process::group::Group;
use crate::process::guard::guarded;
use crate::process::spawner::spawn;
use crate::profile::Profile;

/// A program with everything that it gets.
#[derive(Debug)]
pub(super) struct Invocation<'a> {
    /// The program by name or path, and its arguments.
    pub(super) command: Vec<String>,
    /// The variables that its profile and the world name; of two with one name the later one counts.
    pub(super) env: Vec<(String, String)>,
    /// Where it runs; also its home.
    pub(super) folder: &'a Path,
    /// The program whose `guard` starts it.
    pub(super) stormproof: &'a Path,
}

impl Invocation<'_> {
    /// Starts it. Its environment holds `PATH` as the harness has it, `HOME` (its folder), `LANG` (`C.UTF-8`, the same on
    /// every machine), and what its profile and the world name, which goes before these. Nothing else reaches it: a real key in the
    /// harness' environment is none of its business.
    pub(super) async fn start(&self) -> Result<Group, StartError> {
        let (name, arguments) =
            self.command.split_first().ok_or_else(|| io::Error::other("an empty command"))?;
        let path = self.path();
        let program = find(name, &path).ok_or_else(|| StartError::ProgramMissing(name.clone()))?;
        let mut command = Command::new(self.stormproof);
        command
            .arg("guard")
            .args(guarded(program.as_os_str(), arguments))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder)
            .env("LANG", "C.UTF-8")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        Ok(spawn(command).await?)
    }

    fn path(&self) -> OsString {
        let named = self.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.into());
        named.or_else(|| env::var_os("PATH")).unwrap_or_default()
    }
}

/// The program that a profile starts, if it is named there as it is and is not on this machine. Then no trial against the
/// target can run, which is known before any of them is started.
#[must_use]
pub fn missing_program(profile: &Profile) -> Option<&str> {
    let name = profile.says.start.process.as_ref()?.command.0.first()?.text.as_str();
    let rendered = name.contains("{{");
    (!rendered && !find_on_path(name)).then_some(name)
}

/// Whether a program is on the harness' own `PATH`.
pub(super) fn find_on_path(name: &str) -> bool {
    find(name, &env::var_os("PATH").unwrap_or_default()).is_some()
}

/// The file of a program: a path as it is, a name below one of the folders of a `PATH`.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let executable = |file: &PathBuf| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(executable);
    }
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_path_or_a_name_on_the_path() {
        let path = OsStr::new("/nowhere:relative:/bin:/usr/bin");
        assert_eq!(find("sh", path), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("/bin/sh", OsStr::new("")), Some(PathBuf::from("/bin/sh")));
        for missing in ["no-such-program", "/bin/no-such-program", "/bin", "/etc/passwd", ""] {
            assert_eq!(find(missing, path), None, "{missing}");
        }
    }
}
