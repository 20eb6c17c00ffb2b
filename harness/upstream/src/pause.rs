//! Waiting until an instant: the timers under latencies and streams.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
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

/// Waits again and again, exactly to tens of microseconds: a stream whose events are a few milliseconds apart would lose its
/// pace by the runtime's timer.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    timer: Option<Timer>,
    /// What the timer is set to.
    set: Option<Instant>,
}

#[derive(Debug)]
enum Timer {
    Exact(AsyncFd<OwnedFd>),
    /// Where the machine has no more timers to give.
    Coarse(Pause),
}

impl Pacer {
    /// Waits until an instant.
    pub(crate) fn poll_until(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = Instant::now();
            if now >= due {
                return Poll::Ready(());
            }
            if self.set != Some(due) {
                self.set(due, due - now);
            }
            match &mut self.timer {
                Some(Timer::Exact(timer)) => {
                    if let Ok(mut fired) = ready!(timer.poll_read_ready(context)) {
                        // Whether it fired, the clock tells; the count only has to be gone.
                        let _: Result<usize, _> = rustix::io::read(timer.get_ref(), &mut [0; 8]);
                        fired.clear_ready();
                    } else {
                        // The runtime is being shut down.
                        return Poll::Ready(());
                    }
                }
                Some(Timer::Coarse(pause)) => return Pin::new(pause).poll(context),
                None => return Poll::Ready(()),
            }
        }
    }

    fn set(&mut self, due: Instant, wait: Duration) {
        self.set = Some(due);
        if !matches!(self.timer, Some(Timer::Exact(_))) {
            self.timer = exact_timer().ok().map(Timer::Exact);
        }
        let exact =
            matches!(&self.timer, Some(Timer::Exact(timer)) if set_timer(timer.get_ref(), wait).is_ok());
        if !exact {
            self.timer = Some(Timer::Coarse(Pause::until(due)));
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for descriptors that may change, and an owned one does not"
)]
fn exact_timer() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    AsyncFd::with_interest(timerfd_create(TimerfdClockId::Monotonic, flags)?, Interest::READABLE)
}

fn set_timer(timer: &OwnedFd, wait: Duration) -> io::Result<()> {
    let once = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        },
    };
    Ok(timerfd_settime(timer, TimerfdTimerFlags::empty(), &once).map(drop)?)
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
