//! The hidden doorway through which every target process is started: it ties the process to the harness, then becomes it.
//!
//! A harness that is killed outright cannot stop its targets any more, so the kernel has to. It sends the death signal when
//! the thread that started a process ends, which is why [`super::spawner`] starts all of them from one that never does. The
//! signal survives becoming another program, but is not passed on to what that program starts.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use thiserror::Error;

/// Why the doorway did not become the program. A caller tells it and ends with status 127, as shells do.
#[derive(Debug, Error)]
pub enum GuardError {
    /// It was called by hand, or by another version of the harness.
    #[error("`guard` is for the harness itself, and wants `PARENT -- PROGRAM ARGUMENTS`")]
    Usage,
    /// The harness ended before the kernel could be told to look after it.
    #[error("the harness has ended")]
    Orphaned,
    /// The kernel refused to look after it.
    #[error("the program cannot be tied to the harness: {0}")]
    DeathSignal(#[source] io::Error),
    /// The program cannot be executed.
    #[error("`{}` cannot be executed: {source}", program.display())]
    Exec {
        /// The program.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },
}

/// The arguments behind `guard` that start a program on behalf of this process.
pub(super) fn guarded(program: &OsStr, arguments: &[String]) -> Vec<OsString> {
    let mut all = vec![std::process::id().to_string().into(), "--".into(), program.to_owned()];
    all.extend(arguments.iter().map(OsString::from));
    all
}

/// Becomes the program that the arguments behind `guard` name, which from then on dies with the harness. Returns only if
/// that failed. The `--` may be missing, since some readers of command lines take it away.
pub fn guard(arguments: impl IntoIterator<Item = OsString>) -> GuardError {
    let mut arguments = arguments.into_iter();
    let parent = arguments.next().and_then(|parent| parent.to_str()?.parse().ok()).and_then(Pid::from_raw);
    let program = match arguments.next() {
        Some(dashes) if dashes == "--" => arguments.next(),
        other => other,
    };
    let (Some(parent), Some(program)) = (parent, program) else { return GuardError::Usage };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return GuardError::DeathSignal(error.into());
    }
    // The harness may have ended before the signal was asked for, in which case it never comes.
    if getppid() != Some(parent) {
        return GuardError::Orphaned;
    }
    let source = Command::new(&program).args(arguments).exec();
    GuardError::Exec { program, source }
}
