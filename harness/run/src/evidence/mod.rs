//! Evidence on disk: written as it goes, read back to be judged.

mod folder;
mod pieces;
mod reader;
mod redactor;
mod writer;

pub use folder::{RunFolder, TrialFolder};
pub use reader::{EvidenceError, Reader};
pub use redactor::Redactor;
pub use writer::{Watcher, write_evidence};
