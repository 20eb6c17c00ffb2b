//! What several routers with the same keys tell each other: which key is closed, and until when.
//!
//! Each closed key has one small file for each model that it is closed for, in a folder that all of them can reach; what is in it only ever gets later. The
//! end is a moment of the wall clock, so that a key opens everywhere at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::pool::{KeyIndex, Standing};
use crate::provider::Provider;
use crate::splitmix::Splitmix;

/// The folder, and the two tasks that write to it and read from it for as long as this lives.
#[derive(Debug)]
pub(crate) struct Shared {
    folder: PathBuf,
    teller: Teller,
    watched: Arc<WatchedFiles>,
    _tasks: JoinSet<()>,
}

/// The files of all keys, exchanged as a whole when the settings change.
type WatchedFiles = Mutex<Arc<Vec<Watched>>>;

/// Where another router would say that a key is closed.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    provider: Arc<Provider>,
    key: KeyIndex,
    model: Option<String>,
}

/// Which key is closed, and for which model; for all of them if none is named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedKey<'a> {
    pub(crate) provider: &'a str,
    pub(crate) fingerprint: &'a str,
    pub(crate) model: Option<&'a str>,
}

/// Takes what one router has learned, to tell it to the others.
#[derive(Debug, Clone)]
pub(crate) struct Teller(mpsc::Sender<Closed>);

/// A key that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Closed {
    /// The name of its file.
    file: String,
    standing: Standing,
    until: SystemTime,
}

/// Half of the longest time in which nothing is heard of a key that another router has closed; the rest is writing.
const PAUSE: Duration = Duration::from_millis(25);
/// More than this is closed at once only in a storm, in which most of it is told again soon.
const MOST_UNTOLD: usize = 1_024;

impl Teller {
    /// Tells that a key is closed. It never waits: this is called in the middle of a request.
    pub(crate) fn tell(&self, key: ClosedKey<'_>, standing: Standing, until: Instant) {
        let until = SystemTime::now() + until.saturating_duration_since(Instant::now());
        let closed = Closed { file: key.file(), standing, until };
        if self.0.try_send(closed).is_err() {
            tracing::warn!(
                provider = key.provider,
                "too much is closed at once to tell it all to other routers"
            );
        }
    }
}

impl Shared {
    /// Begins to tell and to listen, as yet of nothing.
    pub(crate) fn start(folder: PathBuf) -> Self {
        let (sender, untold) = mpsc::channel(MOST_UNTOLD);
        let watched = Arc::new(WatchedFiles::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(write_all(folder.clone(), untold));
        tasks.spawn(listen(Arc::clone(&watched)));
        Self { folder, teller: Teller(sender), watched, _tasks: tasks }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells and hears from now on of the keys of these providers.
    pub(crate) fn follow<'a>(&self, providers: impl Iterator<Item = &'a Arc<Provider>>) {
        let mut files = Vec::new();
        for provider in providers {
            provider.tell_by(Some(self.teller.clone()));
            let models: Vec<_> = provider.models().into_iter().map(Some).chain([None]).collect();
            for (key, fingerprint) in provider.fingerprints() {
                files.extend(models.iter().map(|model| {
                    let closed = ClosedKey {
                        provider: provider.name(),
                        fingerprint: &fingerprint,
                        model: model.as_deref(),
                    };
                    let path = self.folder.join(closed.file());
                    Watched { path, provider: Arc::clone(provider), key, model: model.clone() }
                }));
            }
        }
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(files);
    }
}

async fn write_all(folder: PathBuf, mut untold: mpsc::Receiver<Closed>) {
    // Two routers may be one process, so its number does not tell them apart.
    let writer = Splitmix::from_system().next();
    while let Some(closed) = untold.recv().await {
        let path = folder.join(&closed.file);
        let shown = path.display().to_string();
        let written = spawn_blocking(move || write(&path, writer, &closed)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, path = shown, "cannot tell other routers of a closed key");
        }
    }
}

fn write(path: &Path, writer: u64, closed: &Closed) -> io::Result<()> {
    if read(path).is_some_and(|(_, until)| until >= closed.until) {
        return Ok(());
    }
    // Written beside and then moved, so that nobody reads half of it.
    let beside = path.with_extension(format!("{writer:016x}"));
    let millis = closed.until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    fs::write(&beside, format!("{} {millis}\n", closed.standing.word()))?;
    fs::rename(&beside, path)
}

fn read(path: &Path) -> Option<(Standing, SystemTime)> {
    let text = fs::read_to_string(path).ok()?;
    let (word, millis) = text.trim_end().split_once(' ')?;
    let until = UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))?;
    Standing::of_word(word).map(|standing| (standing, until))
}

impl ClosedKey<'_> {
    /// The names may hold anything and be of any length, so they stand in the file's name as a digest.
    fn file(&self) -> String {
        let digits = |name: &str| -> String {
            let digest = Sha256::digest(name.as_bytes());
            digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
        };
        let model = self.model.map_or_else(String::new, |model| format!("-{}", digits(model)));
        format!("closed-{}-{}{model}", digits(self.provider), self.fingerprint)
    }
}

async fn listen(watched: Arc<WatchedFiles>) {
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let files = Arc::clone(&watched.lock().unwrap_or_else(PoisonError::into_inner));
        let heard = spawn_blocking(move || {
            for Watched { path, provider, key, model } in files.iter() {
                let Some((standing, until)) = read(path) else { continue };
                if let Ok(left) = until.duration_since(SystemTime::now()) {
                    provider.hear(*key, model.as_deref(), standing, Instant::now() + left);
                }
            }
        });
        if heard.await.is_err() {
            return;
        }
    }
}
