//! Files without a name: they are gone from the disk as soon as nobody holds them, also if the process is killed.

use std::fs::{File, OpenOptions, remove_file};
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

/// What all files of a resource take on the disk, and the most that they may.
#[derive(Clone, Debug)]
pub(crate) struct DiskRoom {
    used: Arc<AtomicU64>,
    most: u64,
}

/// A file, and the room that it takes.
#[derive(Debug)]
pub(crate) struct BlobFile {
    file: File,
    size: u64,
    room: DiskRoom,
}

/// A part of a file, to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) file: Arc<BlobFile>,
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// A part of a file on its way out, read a little at a time.
#[derive(Debug)]
pub(crate) struct Sending {
    piece: Piece,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

/// So much is read or written at once.
pub(crate) const AT_ONCE: usize = 256 * 1024;

impl DiskRoom {
    pub(crate) fn new(most: u64) -> Self {
        Self { used: Arc::default(), most }
    }

    fn take(&self, bytes: u64) -> bool {
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl BlobFile {
    /// An empty file. It has a name for a moment only.
    pub(crate) fn create(room: DiskRoom) -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let (made, process) = (MADE.fetch_add(1, Ordering::Relaxed), std::process::id());
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let path = std::env::temp_dir().join(format!("stormproof-blob-{process}-{made}-{now}"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        remove_file(&path)?;
        Ok(Self { file, size: 0, room })
    }

    /// Writes more to its end, and tells whether there was room for it.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let length = bytes.len() as u64;
        if !self.room.take(length) {
            return Ok(false);
        }
        self.size += length;
        self.file.write_all(bytes)?;
        Ok(true)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for BlobFile {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl Sending {
    pub(crate) fn new(piece: Piece) -> Self {
        Self { piece, reading: None }
    }

    /// How much is left to be sent.
    pub(crate) fn left(&self) -> u64 {
        self.piece.length
    }

    /// The next bytes; none at the end.
    pub(crate) fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.piece.length == 0 {
            return Poll::Ready(None);
        }
        let piece = &self.piece;
        let reading = self.reading.get_or_insert_with(|| {
            let piece = piece.clone();
            spawn_blocking(move || piece.read())
        });
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        let read = read.map_err(io::Error::other).flatten();
        if let Ok(bytes) = &read {
            let length = bytes.len() as u64;
            self.piece.start += length;
            self.piece.length = self.piece.length.saturating_sub(length);
        }
        Poll::Ready(Some(read))
    }
}

impl Piece {
    /// Its first bytes.
    fn read(&self) -> io::Result<Bytes> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX).min(AT_ONCE);
        let mut bytes = vec![0; length];
        self.file.file.read_exact_at(&mut bytes, self.start)?;
        Ok(Bytes::from(bytes))
    }
}
