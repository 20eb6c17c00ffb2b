//! What the project says of itself: the workflow that checks it, the pages that people read first, and what its suite holds.

mod inventory;
mod pages;
mod workflow;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
