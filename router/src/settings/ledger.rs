//! Where the ledger is, and what it keeps.

use std::path::Path;

use super::SettingsError;
use super::file::LedgerEntry;
use super::read::Misplaced;
use super::resolve::Place;
use crate::accounts::LedgerPlace;

/// What the settings say of the ledger.
#[derive(Debug)]
pub(crate) struct LedgerSettings {
    pub(crate) place: LedgerPlace,
    /// Whether each batch of rows is to survive the end of the machine as well.
    pub(crate) flushes: bool,
    /// So many characters of the end of each prompt are kept.
    pub(crate) prompt_end: usize,
    /// Where the file names its place, if it does.
    named_at: Option<Misplaced>,
}

impl LedgerSettings {
    /// The ledger that they name cannot be used.
    pub(crate) fn refused(&self, problem: String) -> SettingsError {
        match &self.named_at {
            Some(named_at) => named_at.saying(problem).into(),
            None => SettingsError::Ledger(problem),
        }
    }
}

impl Place<'_> {
    pub(super) fn ledger(&self, config: &Path, entry: LedgerEntry) -> LedgerSettings {
        let place = match &entry.path {
            None => LedgerPlace::beside(config),
            Some(path) if path.value.as_os_str() == LedgerPlace::MEMORY => LedgerPlace::Memory,
            Some(path) => LedgerPlace::File(path.value.clone()),
        };
        LedgerSettings {
            place,
            flushes: entry.flush,
            prompt_end: entry.prompt_end,
            named_at: entry.path.map(|path| self.misplaced(&path, String::new())),
        }
    }
}
