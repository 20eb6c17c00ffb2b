//! The harness watches itself: a thread that should wake every few milliseconds records how late it did.
//!
//! What is late here is late everywhere on the machine, so these records tell the judge which moments not to trust.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use record::{Clock, Entry, Fact, FactSender, Lag};

const EVERY: Duration = Duration::from_millis(5);
/// Less than this is the timer's own coarseness.
const WORTH_TELLING: Duration = Duration::from_millis(2);

/// Samples the lag for as long as it lives.
#[derive(Debug)]
pub(crate) struct LagSampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    watchers: Mutex<Vec<(u64, Clock, FactSender)>>,
}

/// Sends the lag into one trial's evidence for as long as it lives.
#[derive(Debug)]
pub(crate) struct LagWatch {
    shared: Arc<Shared>,
    number: u64,
}

impl LagSampler {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new().name("lag".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || sample(&shared)
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Records the lag in a trial's evidence.
    pub(crate) fn watch(&self, clock: Clock, facts: FactSender) -> LagWatch {
        let mut watchers = self.shared.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = watchers.last().map_or(0, |(number, ..)| number + 1);
        watchers.push((number, clock, facts));
        LagWatch { shared: Arc::clone(&self.shared), number }
    }
}

impl Drop for LagSampler {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread runs nothing that can panic; if it did, there is nobody left to tell.
            drop(thread.join());
        }
    }
}

impl Drop for LagWatch {
    fn drop(&mut self) {
        let mut watchers = self.shared.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|(number, ..)| *number != self.number);
    }
}

fn sample(shared: &Shared) {
    while !shared.over.load(Ordering::Relaxed) {
        let due = Instant::now() + EVERY;
        thread::sleep(EVERY);
        let late = due.elapsed();
        if late < WORTH_TELLING {
            continue;
        }
        let late_us = u32::try_from(late.as_micros()).unwrap_or(u32::MAX);
        for (_, clock, facts) in shared.watchers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let lag = Lag { due: clock.moment(due), late_us };
            facts.send(Fact::Entry(Box::new(Entry::Lag(lag))));
        }
    }
}
