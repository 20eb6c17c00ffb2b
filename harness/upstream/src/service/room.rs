//! How much a service keeps in memory: bounded, so that no caller fills the machine.

use crate::service::answer::Refusal;

/// What is left of the memory for one resource.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
}

/// One resource keeps no more than this in memory.
const MOST: usize = 128 * 1024 * 1024;

/// What something takes beside its own bytes.
const OVERHEAD: usize = 256;

impl Room {
    pub(crate) fn new() -> Self {
        Self { left: MOST }
    }

    /// Takes room for so many bytes.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.left = self.left.checked_sub(bytes.saturating_add(OVERHEAD)).ok_or_else(Refusal::no_room)?;
        Ok(())
    }

    /// Gives back what was taken for so many bytes.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes.saturating_add(OVERHEAD)).min(MOST);
    }
}
