//! The thread that writes the ledger. A row that comes alone is written at once; under traffic a batch follows the one before
//! after a short while only, so that batches grow with the traffic.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::batch::BatchWriter;
use super::handle::Entry;
use super::place::{Address, TakenPlace};
use super::standing::Counters;
use super::tidier::Tidier;

/// What the thread is asked for.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of them are rows, and a box for each would be for nothing"
)]
pub(super) enum Order {
    Write(Entry),
    /// To tell when everything that was handed over before is in the file.
    Tell(oneshot::Sender<()>),
    /// To write what is left, and to end.
    End,
}

/// Everything that the thread has.
pub(super) struct Writer {
    pub(super) connection: Connection,
    /// Free for other routers when the thread has ended.
    pub(super) taken: TakenPlace,
    pub(super) counters: Arc<Counters>,
}

/// Rows in one transaction at most.
const MOST_IN_BATCH: usize = 1_000;
/// From the end of a batch to the begin of the next, where more rows are to come. A batch costs as much as several rows, and
/// nobody who waits for a model notices so short a wait.
const PAUSE: Duration = Duration::from_millis(2);
/// From a write that failed to the next one.
const WAIT: Duration = Duration::from_millis(200);
/// Rows in memory, where there is no file.
const MOST_ROWS_IN_MEMORY: i64 = 100_000;

impl Writer {
    pub(super) fn start(self, orders: Receiver<Order>) -> Result<JoinHandle<()>, String> {
        let (tell, started) = std::sync::mpsc::channel();
        let run = move || {
            let Self { connection, taken, counters } = self;
            let most_rows = (!taken.address.is_file()).then_some(MOST_ROWS_IN_MEMORY);
            let prepared = BatchWriter::new(&connection, most_rows).map_err(|error| error.to_string());
            match prepared.and_then(|writer| Ok((writer, Tidier::start(&taken.address)?))) {
                Ok((writer, tidier)) => {
                    // Whoever started it waits for this.
                    tell.send(Ok(())).ok();
                    let address = &taken.address;
                    Writing {
                        address,
                        writer,
                        tidier,
                        counters,
                        orders,
                        batch: Vec::new(),
                        asking: Vec::new(),
                    }
                    .run();
                }
                Err(problem) => drop(tell.send(Err(problem))),
            }
            drop(connection);
            drop(taken);
        };
        let thread =
            thread::Builder::new().name("ledger".to_owned()).spawn(run).map_err(|error| error.to_string())?;
        started.recv().map_err(|error| error.to_string())??;
        Ok(thread)
    }
}

/// The thread while it runs.
struct Writing<'c> {
    address: &'c Address,
    writer: BatchWriter<'c>,
    tidier: Option<Tidier>,
    counters: Arc<Counters>,
    orders: Receiver<Order>,
    /// Not in the file yet.
    batch: Vec<Entry>,
    /// Who is to be told when the batch is in the file.
    asking: Vec<oneshot::Sender<()>>,
}

/// Whether more is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Onward {
    Goes,
    Ends,
}

impl Writing<'_> {
    fn run(mut self) {
        let mut latest = Instant::now();
        loop {
            let Ok(first) = self.orders.recv() else { return };
            let mut onward = self.take(first);
            if onward == Onward::Goes {
                if self.counters.under_way.load(Ordering::Relaxed) > 0 {
                    thread::sleep(PAUSE.saturating_sub(latest.elapsed()));
                }
                onward = self.take_what_is_there();
            }
            if self.write_until_it_succeeds() == Onward::Ends || onward == Onward::Ends {
                return;
            }
            latest = Instant::now();
        }
    }

    fn take(&mut self, order: Order) -> Onward {
        match order {
            Order::Write(entry) => self.batch.push(entry),
            Order::Tell(asking) => self.asking.push(asking),
            Order::End => return Onward::Ends,
        }
        Onward::Goes
    }

    fn take_what_is_there(&mut self) -> Onward {
        while self.batch.len() < MOST_IN_BATCH {
            let Ok(order) = self.orders.try_recv() else { return Onward::Goes };
            if self.take(order) == Onward::Ends {
                return Onward::Ends;
            }
        }
        Onward::Goes
    }

    /// Tries the batch again and again while it cannot be written: the next one could not either. When the router ends
    /// it is given up.
    fn write_until_it_succeeds(&mut self) -> Onward {
        while !self.write() {
            if self.counters.is_ending.load(Ordering::Relaxed) {
                return Onward::Ends;
            }
            thread::sleep(WAIT);
        }
        Onward::Goes
    }

    fn write(&mut self) -> bool {
        if !self.batch.is_empty() {
            let passing = self.address.pass();
            let written = match self.address.is_in_place() {
                true => self.writer.write(&self.batch).map_err(|error| error.to_string()),
                false => Err("the file was moved or deleted".to_owned()),
            };
            drop(passing);
            if let Err(problem) = written {
                self.counters.wrote(Err(problem));
                return false;
            }
            if let Some(tidier) = &self.tidier {
                tidier.nudge();
            }
            self.counters.wrote(Ok(u64::try_from(self.batch.len()).unwrap_or(u64::MAX)));
        }
        let kept = self.batch.drain(..).map(|entry| entry.kept);
        // Whoever waited may be gone.
        kept.chain(self.asking.drain(..)).for_each(|waiting| waiting.send(()).unwrap_or_default());
        true
    }
}
