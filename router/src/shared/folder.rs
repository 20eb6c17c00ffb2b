//! Closed keys told through a folder: each has one small file for each model that it is closed for.
//!
//! What is in a file only ever gets later. The end is a moment of the wall clock, so that a key opens everywhere at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::closed::{Closed, PAUSE, WatchedKeys};
use crate::pool::Standing;
use crate::splitmix::Splitmix;

/// Begins to tell what comes, and to listen.
pub(super) fn start(
    folder: &Path,
    untold: mpsc::Receiver<Closed>,
    watched: &Arc<WatchedKeys>,
    tasks: &mut JoinSet<()>,
) {
    tasks.spawn(write_all(folder.to_owned(), untold));
    tasks.spawn(listen(folder.to_owned(), Arc::clone(watched)));
}

async fn write_all(folder: PathBuf, mut untold: mpsc::Receiver<Closed>) {
    // Two routers may be one process, so its number does not tell them apart.
    let writer = Splitmix::from_system().next();
    while let Some(closed) = untold.recv().await {
        let path = folder.join(&closed.name);
        let shown = path.display().to_string();
        let until = SystemTime::now() + closed.until.saturating_duration_since(Instant::now());
        let written = spawn_blocking(move || write(&path, writer, closed.standing, until)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, path = shown, "cannot tell other routers of a closed key");
        }
    }
}

fn write(path: &Path, writer: u64, standing: Standing, until: SystemTime) -> io::Result<()> {
    if read(path).is_some_and(|(_, known)| known >= until) {
        return Ok(());
    }
    // Written beside and then moved, so that nobody reads half of it.
    let beside = path.with_extension(format!("{writer:016x}"));
    let millis = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    fs::write(&beside, format!("{} {millis}\n", standing.word()))?;
    fs::rename(&beside, path)
}

fn read(path: &Path) -> Option<(Standing, SystemTime)> {
    let text = fs::read_to_string(path).ok()?;
    let (word, millis) = text.trim_end().split_once(' ')?;
    let until = UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))?;
    Standing::of_word(word).map(|standing| (standing, until))
}

async fn listen(folder: PathBuf, watched: Arc<WatchedKeys>) {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let folder = Arc::new(folder);
    loop {
        ticks.tick().await;
        let keys = Arc::clone(&watched.lock().unwrap_or_else(PoisonError::into_inner));
        let folder = Arc::clone(&folder);
        let heard = spawn_blocking(move || {
            for key in keys.iter() {
                let Some((standing, until)) = read(&folder.join(&key.name)) else { continue };
                if let Ok(left) = until.duration_since(SystemTime::now()) {
                    key.hear(standing, left);
                }
            }
        });
        if heard.await.is_err() {
            return;
        }
    }
}
