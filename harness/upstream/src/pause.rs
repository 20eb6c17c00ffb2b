//! Waiting until an instant: the one timer under latencies and streams.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

/// Waits until an instant. The timer is the runtime's, which wakes up to a millisecond late.
#[derive(Debug)]
pub(crate) struct Pause {
    sleep: Pin<Box<Sleep>>,
}

impl Pause {
    pub(crate) fn until(instant: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(instant.into())) }
    }
}

/// The instant that lies so long after another; a century later for a duration that leads out of the calendar.
pub(crate) fn after(instant: Instant, duration: Duration) -> Instant {
    instant.checked_add(duration).unwrap_or(instant + CENTURY)
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(context)
    }
}
