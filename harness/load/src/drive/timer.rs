//! A timer that is exact to tens of microseconds, as an event source: the runtime's own is coarse to a millisecond.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// Wakes the loop at an instant.
#[derive(Debug)]
pub(super) struct Timer {
    fd: OwnedFd,
    set: Option<Instant>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self { fd: timerfd_create(TimerfdClockId::Monotonic, flags)?, set: None })
    }

    pub(super) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).register(registry, token, Interest::READABLE)
    }

    /// Sees to it that the loop wakes at that instant at the latest. A timer that is set to an earlier one stays so: to wake once
    /// for nothing costs less than to set it anew for every exchange that ends.
    pub(super) fn wake_by(&mut self, at: Instant) -> io::Result<()> {
        if self.set.is_some_and(|set| set <= at) {
            return Ok(());
        }
        self.set = Some(at);
        // A time of zero would switch it off, and one that has passed fires at once.
        let wait = at.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &once(wait))?;
        Ok(())
    }

    /// It fired: forgets what it was set to, so that it can be set again.
    pub(super) fn fired(&mut self) {
        self.set = None;
        let mut count = [0; 8];
        // The count is of no interest, and nothing to read is none either.
        let _: Result<usize, _> = rustix::io::read(&self.fd, &mut count);
    }
}

fn once(wait: Duration) -> Itimerspec {
    Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        },
    }
}
