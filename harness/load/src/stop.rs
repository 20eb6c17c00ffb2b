//! Telling phases from another thread that they are over.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

/// Ends phases. Copies of one signal agree.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    wakers: Mutex<Vec<Arc<Waker>>>,
}

/// How far a phase is to stop. What was told once stays; `Now` outranks `Drain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopping {
    /// It goes on.
    Not,
    /// It sends nothing new, and waits for what is open.
    Drain,
    /// It abandons what is open.
    Now,
}

impl StopSignal {
    /// Tells it.
    pub fn stop(&self, how: Stopping) {
        self.shared.state.fetch_max(how as u8, Ordering::Release);
        for waker in self.wakers().iter() {
            // A waker fails only when its poll is gone, and then the phase is over.
            drop(waker.wake());
        }
    }

    /// What was told.
    #[must_use]
    pub fn told(&self) -> Stopping {
        match self.shared.state.load(Ordering::Acquire) {
            0 => Stopping::Not,
            1 => Stopping::Drain,
            _ => Stopping::Now,
        }
    }

    pub(crate) fn wake_by(&self, waker: Arc<Waker>) {
        self.wakers().push(waker);
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Waker>>> {
        self.shared.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
