//! Where a ledger is: in a file that one router at a time may write to, or in memory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::LedgerError;

/// Another program may look at the file, and hold it up for a moment.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LedgerPlace {
    File(PathBuf),
    /// Gone when the router ends, and with room for so many rows only.
    Memory,
}

/// A ledger's place, taken for one router.
#[derive(Debug)]
pub(super) struct TakenPlace {
    pub(super) address: Address,
    /// Locked for as long as this lives, by the system, so that it is free again however the router ends.
    lock: Option<File>,
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        // Closing would do, were there no child of this process that is just being started and has the file open, too.
        if let Some(Err(error)) = self.lock.as_ref().map(File::unlock) {
            tracing::debug!(%error, "the ledger stays locked until the router has ended");
        }
    }
}

/// What SQLite opens.
#[derive(Debug, Clone)]
pub(super) struct Address {
    name: String,
    /// Tells the file from another one of its name.
    inode: Option<u64>,
    /// Of a ledger in memory: there SQLite lets nobody read while somebody writes, and it is fairer to wait here.
    gate: Option<Arc<Mutex<()>>>,
}

impl LedgerPlace {
    /// What is written in the settings for a ledger that is gone when the router ends.
    pub(crate) const MEMORY: &'static str = ":memory:";

    /// Where a ledger is of which the settings say nothing: beside them, under their name.
    pub(crate) fn beside(config: &Path) -> Self {
        Self::File(config.with_extension("ledger.db"))
    }

    /// As it is shown to people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Memory => Self::MEMORY.to_owned(),
        }
    }

    /// Takes the place. A file is made if there is none, for nobody else to read.
    pub(super) fn take(&self) -> Result<TakenPlace, LedgerError> {
        let Self::File(path) = self else {
            let gate = Some(Arc::default());
            return Ok(TakenPlace { address: Address { name: in_memory(), inode: None, gate }, lock: None });
        };
        let unusable = |source| LedgerError::Unusable { path: path.clone(), source };
        let lock = private().open(beside(path, "-lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse { path: path.clone() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // What SQLite keeps beside it gets the same rights.
        let inode = private().open(path).and_then(|file| file.metadata()).map_err(unusable)?.ino();
        let name = path.to_str().ok_or_else(|| {
            unusable(io::Error::new(io::ErrorKind::InvalidFilename, "the name of the file is no text"))
        })?;
        let address = Address { name: name.to_owned(), inode: Some(inode), gate: None };
        Ok(TakenPlace { address, lock: Some(lock) })
    }
}

impl Address {
    pub(super) fn is_file(&self) -> bool {
        self.gate.is_none()
    }

    /// Whether the file is where it was. What is written to one that was moved or deleted would be lost.
    pub(super) fn is_in_place(&self) -> bool {
        let is_same = |inode| fs::metadata(&self.name).is_ok_and(|found| found.ino() == inode);
        self.inode.is_none_or(is_same)
    }

    /// Keeps others from reading or writing where they cannot do so at once.
    pub(super) fn pass(&self) -> Option<MutexGuard<'_, ()>> {
        self.gate.as_ref().map(|gate| gate.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A connection that writes.
    pub(super) fn writing(&self) -> rusqlite::Result<Connection> {
        self.open(OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// A connection that only reads. What is in memory knows no such thing.
    pub(super) fn reading(&self) -> rusqlite::Result<Connection> {
        self.open(if self.is_file() {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        })
    }

    fn open(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        // Each connection is used by one thread at a time.
        let mut flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if !self.is_file() {
            flags |= OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags(&self.name, flags)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    }
}

/// The name of a new ledger in memory, which only the connections of this process that know it share.
fn in_memory() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("file:/ledger-{}?vfs=memdb", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
