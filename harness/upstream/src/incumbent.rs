//! Who is at work behind a server: setting it back puts a fresh upstream in the place of the one that was used.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::upstream::Upstream;

/// The upstream at work behind a server.
#[derive(Debug)]
pub(crate) struct Incumbent {
    current: watch::Sender<Arc<Upstream>>,
}

/// The upstream at work as one connection sees it: finding it is a look at a number that nobody writes, and a lock that nobody
/// else takes.
#[derive(Debug)]
pub(crate) struct Sight(Mutex<(watch::Receiver<Arc<Upstream>>, Arc<Upstream>)>);

impl Incumbent {
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        Self { current: watch::Sender::new(upstream) }
    }

    /// The upstream at work now.
    pub(crate) fn now(&self) -> Arc<Upstream> {
        Arc::clone(&self.current.borrow())
    }

    /// Puts another in its place. Requests that are open stay with the one that they came to.
    pub(crate) fn replace(&self, fresh: Upstream) {
        let fresh = fresh.taking_over(&self.now());
        self.current.send_replace(Arc::new(fresh));
    }

    pub(crate) fn sight(&self) -> Sight {
        let mut receiver = self.current.subscribe();
        let seen = Arc::clone(&receiver.borrow_and_update());
        Sight(Mutex::new((receiver, seen)))
    }
}

impl Sight {
    /// The upstream at work now.
    pub(crate) fn now(&self) -> Arc<Upstream> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (receiver, seen) = &mut *guard;
        // A server that is gone has changed nothing.
        if receiver.has_changed().unwrap_or(false) {
            *seen = Arc::clone(&receiver.borrow_and_update());
        }
        Arc::clone(seen)
    }
}
