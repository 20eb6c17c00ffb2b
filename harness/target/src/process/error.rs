//! Why a target did not start, and how it ended.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use scenario::show_duration;
use thiserror::Error;

use crate::template::TemplateError;

/// So many of the last lines are told with an error.
const LINES_TOLD: usize = 10;

/// Why a target did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The program is not on this machine, which says nothing of the target.
    #[error("the program `{0}` is not on this machine: install it, or put its folder on the PATH")]
    ProgramMissing(String),
    /// A template of the profile cannot be rendered for this world.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A defect was asked of a target that has none.
    #[error("the profile of `{0}` says nothing of defects: `defects: {{ flag: --defect }}` would")]
    NoDefects(String),
    /// More instances were asked for than the profile allows.
    #[error("{asked} instances of `{target}` were asked for: its profile allows {max}")]
    TooManyInstances {
        /// The target.
        target: String,
        /// How many the world asks for.
        asked: u32,
        /// How many can run.
        max: u32,
    },
    /// The instances are to share what they know, and the profile says nothing of how.
    #[error(
        "the profile of `{0}` says nothing of what its instances share: `instances: {{ store: redis }}` would"
    )]
    NoStore(String),
    /// The target's folder cannot be filled.
    #[error("`{}` cannot be written: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The harness cannot get what it needs of the system.
    #[error("the target cannot be started: {0}")]
    System(#[from] io::Error),
    /// The process ended before it was ready.
    #[error("the process {ending} before it was ready{}", Lines(log))]
    Ended {
        /// How it ended.
        ending: Ending,
        /// The last lines that it printed.
        log: Vec<String>,
    },
    /// The target took too long.
    #[error("{wanted} was not seen within {}{seen}{}", show_duration(*within), Lines(log))]
    NotReady {
        /// What would have shown that it is ready.
        wanted: String,
        /// How long was waited.
        within: Duration,
        /// What was seen instead.
        seen: String,
        /// The last lines that it printed.
        log: Vec<String>,
    },
    /// A target that runs already is not ready, or is not there.
    #[error("{wanted} was not seen within {} at {address}, where it is said to run{seen}", show_duration(*within))]
    NotThere {
        /// Where it is said to run.
        address: SocketAddr,
        /// What would have shown that it is ready.
        wanted: String,
        /// How long was waited.
        within: Duration,
        /// What was seen instead.
        seen: String,
    },
    /// The process listens where others could reach it.
    #[error("the target listens on {0}, which is not on loopback: let it listen on 127.0.0.1")]
    NotLoopback(SocketAddr),
}

impl StartError {
    /// The last lines that the process printed.
    #[must_use]
    pub fn log(&self) -> &[String] {
        match self {
            Self::Ended { log, .. } | Self::NotReady { log, .. } => log,
            _ => &[],
        }
    }
}

/// How a target's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its status; unknown if the system would not tell.
    pub status: Option<ExitStatus>,
    /// Whether it was killed because it did not end when it was asked to.
    pub killed: bool,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.killed {
            return f.write_str("had to be killed");
        }
        match self.status {
            None => f.write_str("ended"),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "ended with status {code}"),
                (None, Some(signal)) => write!(f, "was ended by signal {signal}"),
                (None, None) => write!(f, "ended: {status}"),
            },
        }
    }
}

/// The last lines of a log, below the message.
struct Lines<'a>(&'a [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; it printed nothing");
        }
        f.write_str("; its last lines:")?;
        for line in &self.0[self.0.len().saturating_sub(LINES_TOLD)..] {
            write!(f, "\n    {}", line.escape_debug())?;
        }
        Ok(())
    }
}
