//! Waiting until an instant: the timers under latencies and streams.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::metronome::{Metronome, Place};

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

/// Waits for one instant after another, exactly where there is a metronome.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Option<(Instant, Timer)>);

#[derive(Debug)]
enum Timer {
    Exact(Place),
    /// Where the machine has no more timers to give.
    Coarse(Pause),
}

impl Pacer {
    /// Waits until an instant.
    pub(crate) fn poll_until(
        &mut self,
        due: Instant,
        metronome: Option<&Arc<Metronome>>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if Instant::now() >= due {
            self.0 = None;
            return Poll::Ready(());
        }
        let (_, timer) = match self.0.take() {
            Some(same) if same.0 == due => self.0.insert(same),
            // Whoever leaves a place leaves it before it takes another.
            other => {
                drop(other);
                let coarse = || Timer::Coarse(Pause::until(due));
                let timer = metronome.map_or_else(coarse, |metronome| Timer::Exact(metronome.place(due)));
                self.0.insert((due, timer))
            }
        };
        match timer {
            Timer::Exact(place) => place.poll(context),
            Timer::Coarse(pause) => Pin::new(pause).poll(context),
        }
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
