//! The version that a target tells of itself.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::process::StartError;
use crate::process::command::Invocation;
use crate::process::error::Ending;
use crate::process::log::{Log, LogBook, LogSink};
use crate::process::preparation::{Preparation, Surroundings};
use crate::profile::Profile;
use crate::topology::Topology;

/// Large programs take this long to say hello.
const WITHIN: Duration = Duration::from_secs(60);
/// More characters are no version.
const MOST_CHARACTERS: usize = 200;

/// The first line that the profile's version command prints; `None` if the profile has no such command. The folder is for
/// the command alone.
///
/// # Errors
///
/// The command cannot be started, takes too long, ends with another status than 0, or prints nothing.
pub async fn version(
    profile: &Profile,
    stormproof: &Path,
    folder: &Path,
) -> Result<Option<String>, StartError> {
    let Some(version) = &profile.says.version else { return Ok(None) };
    let surroundings = Surroundings::of(profile, &Topology::default(), stormproof)?;
    let preparation = Preparation::of(&surroundings, 1, folder)?;
    let invocation = Invocation {
        command: preparation.rendering(&surroundings).command(&version.command)?,
        env: Vec::new(),
        folder: &preparation.folder,
        stormproof: &surroundings.stormproof,
    };
    let group = invocation.start().await?;
    let first = Arc::new(Mutex::new(None));
    let log = Log::new(&LogBook::new(Arc::clone(&surroundings.secrets), first_line(&first)));
    let mut readers = log.read(group.output())?;
    let Ok(status) = tokio::time::timeout(WITHIN, group.ended()).await else {
        let (wanted, seen) = ("the version".to_owned(), String::new());
        return Err(StartError::NotReady { wanted, within: WITHIN, seen, log: log.tail() });
    };
    readers.drain().await;
    let line = first.lock().unwrap_or_else(PoisonError::into_inner).take();
    match line {
        Some(line) if status.is_some_and(|status| status.success()) => Ok(Some(line)),
        _ => {
            let ending = Ending { status, killed: false };
            Err(StartError::Ended { ending, log: log.tail() })
        }
    }
}

fn first_line(first: &Arc<Mutex<Option<String>>>) -> LogSink {
    let first = Arc::clone(first);
    Arc::new(move |line: &str| {
        let line = line.trim();
        if !line.is_empty() {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| line.chars().take(MOST_CHARACTERS).collect());
        }
    })
}
