//! How the ledger stands, for whoever looks after the router.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Shared by those who hand rows over and the thread that writes them. Counting takes no lock.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Exchanges that will have a row.
    pub(super) under_way: AtomicU64,
    /// Rows that are in the file.
    pub(super) written: AtomicU64,
    /// Rows on their way to it.
    pub(super) waiting: AtomicU64,
    /// Rows that there was no room for while they could not be written.
    pub(super) lost: AtomicU64,
    /// Writes that failed.
    pub(super) failures: AtomicU64,
    /// Answers that were let go before their rows were in the file.
    pub(super) unconfirmed: AtomicU64,
    /// Rows take too long to get into the file, so nobody waits for them.
    pub(super) is_behind: AtomicBool,
    /// Nobody hands rows over any more.
    pub(super) is_ending: AtomicBool,
    /// Why the latest write failed; nothing when it did not.
    pub(super) problem: Mutex<Option<String>>,
}

/// How the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerStanding {
    pub(crate) written: u64,
    pub(crate) waiting: u64,
    pub(crate) lost: u64,
    pub(crate) failures: u64,
    pub(crate) unconfirmed: u64,
    pub(crate) is_behind: bool,
    /// Why rows cannot be written just now.
    pub(crate) problem: Option<String>,
}

impl LedgerStanding {
    /// The word for it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self { problem: Some(_), .. } => "failing",
            Self { is_behind: true, .. } => "behind",
            _ => "well",
        }
    }

    /// Whether rows get into the file as they should.
    pub(crate) fn is_well(&self) -> bool {
        self.problem.is_none() && !self.is_behind
    }
}

/// What one more batch holds is as good as written.
const A_BATCH: u64 = 1_000;

impl Counters {
    pub(super) fn standing(&self) -> LedgerStanding {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LedgerStanding {
            written: count(&self.written),
            waiting: count(&self.waiting),
            lost: count(&self.lost),
            failures: count(&self.failures),
            unconfirmed: count(&self.unconfirmed),
            is_behind: self.is_behind.load(Ordering::Relaxed),
            problem: self.problem().clone(),
        }
    }

    /// Takes in that a write failed, or that one did not.
    pub(super) fn wrote(&self, result: Result<u64, String>) {
        match result {
            Ok(rows) => {
                self.written.fetch_add(rows, Ordering::Relaxed);
                let waiting = self.waiting.fetch_sub(rows, Ordering::Relaxed).saturating_sub(rows);
                if waiting < A_BATCH {
                    self.is_behind.store(false, Ordering::Relaxed);
                }
                if let Some(problem) = self.problem().take() {
                    tracing::warn!(problem, waiting, "the ledger can be written again");
                }
            }
            Err(problem) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                self.is_behind.store(true, Ordering::Relaxed);
                if self.problem().replace(problem.clone()).is_none() {
                    tracing::error!(
                        problem,
                        "the ledger cannot be written: rows are kept in memory meanwhile"
                    );
                }
            }
        }
    }

    fn problem(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
