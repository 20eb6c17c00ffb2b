//! Numbers that nobody else has, and folders by them.

use std::fs::{DirBuilder, remove_dir_all};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A number for a trial's marks that no other trial has, in this run or any other.
pub(crate) fn fresh_mark() -> u64 {
    RandomState::new().hash_one(SystemTime::now()) & 0xffff_ffff_ffff
}

/// A private folder for a target, removed when it is dropped: its configuration holds keys.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn new(mark: u64) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("stormproof-{}-{mark:012x}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays in the machine's own folder for such things.
        drop(remove_dir_all(&self.path));
    }
}
