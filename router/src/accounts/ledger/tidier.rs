//! The thread that moves what is in the log of a ledger's file into the file itself, while rows are written. It takes as long
//! as the disk does, and nobody waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::place::Address;

/// The thread, which ends when this is dropped.
pub(super) struct Tidier {
    nudge: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// From the first row that is new in the log to its being moved. More rows come along.
const PAUSE: Duration = Duration::from_secs(1);

impl Tidier {
    /// A ledger in memory has no log.
    pub(super) fn start(address: &Address) -> Result<Option<Self>, String> {
        if !address.is_file() {
            return Ok(None);
        }
        let connection = address.writing().map_err(|error| error.to_string())?;
        let (nudge, nudges) = sync_channel(1);
        let run = move || tidy_again_and_again(&connection, &nudges);
        let thread = thread::Builder::new().name("ledger-tidier".to_owned()).spawn(run);
        let thread = Some(thread.map_err(|error| error.to_string())?);
        Ok(Some(Self { nudge: Some(nudge), thread }))
    }

    /// Says that there is something to move.
    pub(super) fn nudge(&self) {
        if let Some(Err(TrySendError::Disconnected(()))) = self.nudge.as_ref().map(|nudge| nudge.try_send(()))
        {
            tracing::warn!("the log of the ledger is moved by the writer alone from now on");
        }
    }
}

impl Drop for Tidier {
    fn drop(&mut self) {
        drop(self.nudge.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _panicked = thread.join();
        }
    }
}

fn tidy_again_and_again(connection: &Connection, nudges: &Receiver<()>) {
    while nudges.recv().is_ok() {
        let until = Instant::now() + PAUSE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match nudges.recv_timeout(left) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        // What somebody reads just now stays in the log, and so does all of it when this fails.
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
        if let Err(error) = moved {
            tracing::debug!(%error, "the log of the ledger could not be moved");
        }
    }
}
