//! Where requests wait when no key is free: in line, not too many of them, and not for long.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use super::RetryPolicy;

/// What the settings say of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueSettings {
    /// How many can wait.
    pub(crate) max: u32,
    /// How long each of them waits.
    pub(crate) wait: Duration,
}

/// The line in front of one model. Only who is first in it looks for a key.
#[derive(Debug)]
pub(crate) struct Queue {
    set: QueueSettings,
    waiting: AtomicU32,
    /// Given in the order in which it was asked for.
    front: Mutex<()>,
}

/// A place in a line, given up when dropped.
pub(crate) struct Place<'a> {
    queue: &'a Queue,
    deadline: Instant,
}

/// The first in line looks again after this time at the latest: a key may be free earlier than was promised.
const LONGEST_LOOK: Duration = Duration::from_millis(50);
/// And after this time at the earliest, when a key was promised at once.
const SHORTEST_LOOK: Duration = Duration::from_millis(5);

impl Queue {
    pub(crate) fn new(set: QueueSettings) -> Self {
        Self { set, waiting: AtomicU32::new(0), front: Mutex::default() }
    }

    pub(crate) fn settings(&self) -> QueueSettings {
        self.set
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// A place at the end of the line, if there is one.
    pub(crate) fn join(&self, policy: &dyn RetryPolicy) -> Option<Place<'_>> {
        let set = policy.queue(self.set);
        let one_more = |waiting: u32| (waiting < set.max).then(|| waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Place { queue: self, deadline: Instant::now() + set.wait })
    }
}

impl Place<'_> {
    /// Waits to be the first; nothing when that takes too long.
    pub(crate) async fn first(&self) -> Option<MutexGuard<'_, ()>> {
        timeout_at(self.deadline, self.queue.front.lock()).await.ok()
    }

    /// Waits until it is worth to look for a key again, which is promised for a later time. False when that is too late.
    pub(crate) async fn look_again(&self, opens_in: Duration) -> bool {
        let now = Instant::now();
        if now >= self.deadline || now + opens_in > self.deadline {
            return false;
        }
        let wait = opens_in.clamp(SHORTEST_LOOK, LONGEST_LOOK);
        tokio::time::sleep_until((now + wait).min(self.deadline)).await;
        true
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
