//! The ledger as the rest of the router has it: rows are handed over, and pages asked for.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::file::LedgerFile;
use super::reader::Reader;
use super::standing::Counters;
use super::writer::{Order, Writer};
use super::{LedgerError, LedgerPlace, LedgerStanding, Page, Query, Receipt, Row, Unlisted};
use crate::accounts::{KeptBalance, Spent};

/// An exchange that will have a row, until this is dropped. The next row is worth a short wait where there are some.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Counters>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A row, and what it took of a budget.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) row: Row,
    pub(crate) spent: Option<Spent>,
    /// Told when the row is in the file.
    pub(super) kept: oneshot::Sender<()>,
}

/// A ledger that is open for as long as this lives. Dropping it writes what is on its way.
#[derive(Debug)]
pub(crate) struct Ledger {
    place: LedgerPlace,
    flushes: bool,
    identity: u64,
    desk: Sender<Order>,
    counters: Arc<Counters>,
    reader: Arc<Mutex<Reader>>,
    writer: Option<std::thread::JoinHandle<()>>,
}

/// Some fifty megabytes. Beyond, what cannot be written is lost.
const MOST_WAITING: u64 = 100_000;
/// How long a listing waits for rows that were handed over before it was asked for.
const LISTED_BEHIND: Duration = Duration::from_secs(1);
/// How long a router that ends waits for its last rows.
const LAST_ROWS: Duration = Duration::from_secs(5);

impl Ledger {
    /// Opens the ledger at a place, and tells what was spent by its word. It blocks for as long as the disk does.
    pub(crate) fn open(place: LedgerPlace, flushes: bool) -> Result<(Self, Vec<KeptBalance>), LedgerError> {
        let LedgerFile { writing, balances, identity, taken } = LedgerFile::open(&place, flushes)?;
        let reader = Arc::new(Mutex::new(Reader::new(taken.address.clone())));
        let counters = Arc::new(Counters::default());
        let (desk, orders) = mpsc::channel();
        let writer = Writer { connection: writing, taken, counters: Arc::clone(&counters) };
        let writer =
            writer.start(orders).map_err(|problem| LedgerError::Failed { place: place.shown(), problem })?;
        Ok((Self { place, flushes, identity, desk, counters, reader, writer: Some(writer) }, balances))
    }

    /// Tells it from the ledgers of other routers.
    pub(crate) fn identity(&self) -> String {
        format!("{:016x}", self.identity)
    }

    pub(crate) fn place(&self) -> &LedgerPlace {
        &self.place
    }

    /// Whether it is where settings say that it is.
    pub(crate) fn is_at(&self, place: &LedgerPlace, flushes: bool) -> bool {
        self.place == *place && self.flushes == flushes
    }

    /// Says that an exchange is under way.
    pub(crate) fn begin(&self) -> UnderWay {
        self.counters.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.counters))
    }

    /// Hands a row over. It never waits: it is called when an answer ends.
    pub(crate) fn record(&self, row: Row, spent: Option<Spent>) -> Receipt {
        let waiting = self.counters.waiting.fetch_add(1, Ordering::Relaxed);
        let (kept, receipt) = oneshot::channel();
        let sent = waiting < MOST_WAITING && self.desk.send(Order::Write(Entry { row, spent, kept })).is_ok();
        if !sent {
            self.counters.waiting.fetch_sub(1, Ordering::Relaxed);
            if self.counters.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(waiting, "rows of the ledger are lost, since too many wait to be written");
            }
            return Receipt::default();
        }
        if self.counters.is_behind.load(Ordering::Relaxed) {
            return Receipt::default();
        }
        Receipt::new(receipt, &self.counters)
    }

    /// Lists rows, those included that were handed over before, if they can be written in a bearable time.
    pub(crate) async fn page(&self, query: Query) -> Result<Page, Unlisted> {
        self.written(LISTED_BEHIND).await;
        let reader = Arc::clone(&self.reader);
        let read = spawn_blocking(move || {
            // One at a time, which bounds what listings hold in memory.
            reader.lock().unwrap_or_else(PoisonError::into_inner).page(&query)
        });
        let (rows, next) = read.await.unwrap_or(Err(Unlisted::TooLong))?;
        Ok(Page { rows, next, waiting: self.counters.waiting.load(Ordering::Relaxed) })
    }

    pub(crate) fn standing(&self) -> LedgerStanding {
        self.counters.standing()
    }

    /// Waits until everything is in the file that was handed over before, for so long at most.
    async fn written(&self, patience: Duration) {
        let (kept, all_kept) = oneshot::channel();
        if self.desk.send(Order::Tell(kept)).is_ok() {
            // Whether it took too long is told by what is waiting.
            let _too_long = timeout(patience, all_kept).await;
        }
    }

    /// Waits for the last rows, as long as is bearable when a router ends.
    pub(crate) async fn write_the_last(&self) {
        self.written(LAST_ROWS).await;
        let waiting = self.counters.waiting.load(Ordering::Relaxed);
        if waiting > 0 {
            tracing::error!(waiting, "rows of the ledger could not be written before the end");
        }
    }
}

impl Drop for Ledger {
    /// Waits for the thread, so that the file is free when this is gone.
    fn drop(&mut self) {
        self.counters.is_ending.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take().filter(|_| self.desk.send(Order::End).is_ok()) {
            // It has nothing to tell.
            let _panicked = writer.join();
        }
    }
}
