//! An upload on its way in: to a file and through a hash, a little at a time, however large it is.

use std::fmt::Write;
use std::io;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::request_body::{Cut, Received};
use crate::service::answer::Refusal;
use crate::service::blob_file::{AT_ONCE, BlobFile, DiskRoom};

/// How an upload is taken in.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    pub(crate) most: u64,
    pub(crate) room: DiskRoom,
    /// Whether it is taken for a text, which is a defect.
    pub(crate) as_text: bool,
}

/// What was taken in.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) file: BlobFile,
    pub(crate) sha256: String,
}

/// Why an upload is no file.
#[derive(Debug)]
pub(crate) enum Unkept {
    TooLarge,
    NoRoom,
    Disk(io::Error),
}

/// An upload, or why there is none.
pub(crate) type TakenIn = Result<Upload, Unkept>;

/// So much of its beginning is looked at for marks and secrets, and shown.
const LOOKED_AT: usize = 64 * 1024;

struct Writer {
    file: BlobFile,
    hash: Sha256,
    intake: Intake,
    unwritten: Vec<u8>,
}

impl Intake {
    /// Takes in a body: its beginning as any body is received, and all of it as a file.
    pub(crate) async fn take<B: Body<Data = Bytes> + Unpin>(self, mut body: B) -> (Received, TakenIn) {
        let most = self.most;
        let mut begin = Vec::new();
        let mut came = 0_u64;
        let mut writer = Writer::new(self).await;
        let cut = loop {
            let piece = match body.frame().await {
                None => break None,
                Some(Err(_)) => break Some(Cut::Broken),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let room = LOOKED_AT - begin.len();
            begin.extend_from_slice(&piece[..piece.len().min(room)]);
            came = came.saturating_add(piece.len() as u64);
            if came > most {
                // Whoever sends a little too much is heard to the end, so that the refusal is heard too.
                writer = Err(Unkept::TooLarge);
                if came > most.saturating_mul(2) {
                    break None;
                }
            } else if let Ok(open) = writer {
                writer = open.add(&piece).await;
            }
        };
        let taken = match writer {
            Ok(open) => open.finish().await,
            Err(why) => Err(why),
        };
        (Received { bytes: Bytes::from(begin), cut }, taken)
    }
}

impl Writer {
    async fn new(intake: Intake) -> Result<Self, Unkept> {
        let made = spawn_blocking(move || {
            let file = BlobFile::create(intake.room.clone())?;
            Ok(Self { file, hash: Sha256::new(), intake, unwritten: Vec::new() })
        });
        made.await.map_err(io::Error::other).flatten().map_err(Unkept::Disk)
    }

    async fn add(mut self, piece: &[u8]) -> Result<Self, Unkept> {
        self.unwritten.extend_from_slice(piece);
        if self.unwritten.len() < AT_ONCE { Ok(self) } else { self.written().await }
    }

    /// Hashes and writes what has come, where that holds up nobody else.
    async fn written(mut self) -> Result<Self, Unkept> {
        let written = spawn_blocking(move || {
            let mut bytes = std::mem::take(&mut self.unwritten);
            if self.intake.as_text {
                bytes = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").into_bytes();
            }
            self.hash.update(&bytes);
            match self.file.add(&bytes) {
                Ok(true) => Ok(self),
                Ok(false) => Err(Unkept::NoRoom),
                Err(error) => Err(Unkept::Disk(error)),
            }
        });
        written.await.map_err(|error| Unkept::Disk(io::Error::other(error))).flatten()
    }

    async fn finish(self) -> TakenIn {
        let done = self.written().await?;
        let mut sha256 = String::with_capacity(64);
        for byte in done.hash.finalize() {
            // Writing to a text cannot fail.
            let _: std::fmt::Result = write!(sha256, "{byte:02x}");
        }
        Ok(Upload { file: done.file, sha256 })
    }
}

impl From<Unkept> for Refusal {
    fn from(why: Unkept) -> Self {
        match why {
            Unkept::TooLarge => Self::new(413, "too_large", "the upload is larger than one may be"),
            Unkept::NoRoom => Self::no_room(),
            Unkept::Disk(error) => Self::new(507, "no_room", format!("the upload cannot be kept: {error}")),
        }
    }
}
