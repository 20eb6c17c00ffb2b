//! The timer of everything that has to keep a pace: one for each server, exact to tens of microseconds. The runtime's own is
//! a millisecond coarse, and a stream whose events are a few milliseconds apart would lose its pace by it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Wakes whoever waits for an instant.
#[derive(Debug)]
pub(crate) struct Metronome {
    timer: AsyncFd<OwnedFd>,
    waiting: Mutex<Waiting>,
    places: AtomicU64,
}

/// Who waits, by what they wait for; the number tells apart who waits for the same instant.
#[derive(Debug, Default)]
struct Waiting {
    wakers: BTreeMap<(Instant, u64), Waker>,
    /// What the timer is set to.
    set: Option<Instant>,
}

/// A place among those who wait, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    metronome: Arc<Metronome>,
    key: (Instant, u64),
}

impl Metronome {
    /// A metronome, which beats as long as [`Self::beat`] is polled.
    ///
    /// # Errors
    /// If the machine has no more timers to give.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that may change, and an owned one does not"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self { timer, waiting: Mutex::default(), places: AtomicU64::new(0) })
    }

    /// Wakes those whose time has come, for ever.
    pub(crate) async fn beat(&self) {
        // It fails when the runtime is being shut down, and nobody waits any more.
        while let Ok(mut fired) = self.timer.readable().await {
            // How often it fired is of no interest; the count only has to be gone.
            let _: Result<usize, _> = rustix::io::read(self.timer.get_ref(), &mut [0; 8]);
            fired.clear_ready();
            self.due(Instant::now()).into_values().for_each(Waker::wake);
        }
    }

    /// A place for whoever waits for an instant.
    pub(crate) fn place(self: &Arc<Self>, due: Instant) -> Place {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        Place { metronome: Arc::clone(self), key: (due, number) }
    }

    /// Those whose time has come.
    fn due(&self, now: Instant) -> BTreeMap<(Instant, u64), Waker> {
        let mut waiting = self.waiting();
        let later = waiting.wakers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut waiting.wakers, later);
        waiting.set = None;
        self.set(&mut waiting);
        due
    }

    /// Sets the timer to the first instant that anybody waits for.
    fn set(&self, waiting: &mut Waiting) {
        let Some(((first, _), _)) = waiting.wakers.first_key_value() else { return };
        if waiting.set.is_some_and(|set| set <= *first) {
            return;
        }
        waiting.set = Some(*first);
        // No wait at all would switch it off.
        let wait = first.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            },
        };
        // A timer of ours takes every time that fits into these fields.
        let _: Result<_, _> = timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the time has come. Whoever asks before is woken then.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if Instant::now() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut waiting = self.metronome.waiting();
        waiting.wakers.insert(self.key, context.waker().clone());
        self.metronome.set(&mut waiting);
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that has been woken has no waker any more.
        drop(self.metronome.waiting().wakers.remove(&self.key));
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_are_woken_in_order_and_none_too_early() {
        let metronome = Arc::new(Metronome::new().unwrap());
        let beating = Arc::clone(&metronome);
        let beat = tokio::spawn(async move { beating.beat().await });
        let began = Instant::now();
        let waits = [30, 10, 20, 10].map(|ms| {
            let (metronome, due) = (Arc::clone(&metronome), began + Duration::from_millis(ms));
            tokio::spawn(async move {
                let place = metronome.place(due);
                poll_fn(|context| place.poll(context)).await;
                (ms, due, Instant::now())
            })
        });
        let mut woken = Vec::new();
        for wait in waits {
            let (ms, due, at) = wait.await.unwrap();
            assert!(at >= due, "{ms} ms were over too early");
            woken.push((at, ms));
        }
        woken.sort();
        assert_eq!(woken.iter().map(|(_, ms)| *ms).collect::<Vec<_>>(), [10, 10, 20, 30]);
        assert!(metronome.waiting().wakers.is_empty(), "nobody waits any more");
        beat.abort();
    }

    #[tokio::test]
    async fn whoever_leaves_waits_no_more() {
        let metronome = Arc::new(Metronome::new().unwrap());
        let due = Instant::now() + Duration::from_secs(3_600);
        let place = metronome.place(due);
        let waits = poll_fn(|context| Poll::Ready(place.poll(context).is_pending())).await;
        assert!(waits);
        assert_eq!(metronome.waiting().wakers.len(), 1);
        drop(place);
        assert!(metronome.waiting().wakers.is_empty());
    }
}
