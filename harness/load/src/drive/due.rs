//! What a phase has to send next: the times of its schedule, or its clients that are free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use record::Moment;

use crate::schedule::{Schedule, Times};

/// A client that could not connect asks again after this time: there is no answer to pace it.
const REST: Duration = Duration::from_millis(10);

/// The requests that are still to be sent. None of them is held: a schedule is asked for its next time when the last one was
/// sent, so that a phase that falls behind holds no more than one that does not.
#[derive(Debug)]
pub(super) struct Due {
    began: Moment,
    source: Source,
    taken: u64,
    skipped: u64,
}

#[derive(Debug)]
enum Source {
    Times { times: Times, next: Option<Moment> },
    Clients { free: BinaryHeap<Reverse<Moment>>, left: u64, until: Option<Moment> },
    Stopped,
}

impl Due {
    pub(super) fn new(schedule: Schedule, seed: u64, began: Moment) -> Self {
        let source = match schedule {
            Schedule::Closed { clients, requests, lasts } => Source::Clients {
                free: (0..clients).map(|_| Reverse(began)).collect(),
                left: requests.unwrap_or(u64::MAX),
                until: lasts.map(|lasts| began.after(lasts)),
            },
            Schedule::Burst { .. } | Schedule::Open { .. } => {
                let mut times = Times::new(schedule, seed);
                let next = times.next().map(|time| began.after(time));
                Source::Times { times, next }
            }
        };
        Self { began, source, taken: 0, skipped: 0 }
    }

    /// When the next request is to be sent; none if there is none, or none before an exchange ends.
    pub(super) fn next(&self) -> Option<Moment> {
        match &self.source {
            Source::Times { next, .. } => *next,
            Source::Clients { free, left, until } => {
                let Reverse(at) = *free.peek()?;
                (*left > 0 && until.is_none_or(|until| at < until)).then_some(at)
            }
            Source::Stopped => None,
        }
    }

    /// The next request is being sent.
    pub(super) fn take(&mut self) {
        self.taken += 1;
        match &mut self.source {
            Source::Times { times, next } => *next = times.next().map(|time| self.began.after(time)),
            Source::Clients { free, left, .. } => {
                free.pop();
                *left -= 1;
            }
            Source::Stopped => {}
        }
    }

    /// An exchange is over, and its client free to send another.
    pub(super) fn exchange_ended(&mut self, at: Moment, refused: bool) {
        if let Source::Clients { free, .. } = &mut self.source {
            free.push(Reverse(if refused { at.after(REST) } else { at }));
        }
    }

    /// There is nothing to send any more. What was due and not sent was planned nevertheless.
    pub(super) fn stop(&mut self, now: Moment) {
        if let Source::Times { times, next: Some(next) } = &mut self.source {
            self.skipped = match times.left_of_burst() {
                Some(left) => left + 1,
                None => {
                    let rest = times.map(|time| self.began.after(time));
                    std::iter::once(*next).chain(rest).take_while(|due| *due <= now).count() as u64
                }
            };
        }
        self.source = Source::Stopped;
    }

    /// How many requests the schedule has asked for.
    pub(super) fn planned(&self) -> u64 {
        self.taken + self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Arrivals;

    const BEGAN: Moment = Moment(1_000_000_000);

    fn closed(clients: usize, requests: Option<u64>, lasts: Option<Duration>) -> Due {
        Due::new(Schedule::Closed { clients, requests, lasts }, 1, BEGAN)
    }

    #[test]
    fn a_closed_schedule_sends_when_a_client_is_free() {
        let mut due = closed(2, Some(3), None);
        for _ in 0..2 {
            assert_eq!(due.next(), Some(BEGAN));
            due.take();
        }
        assert_eq!(due.next(), None, "both clients wait for their answers");
        let later = BEGAN.after(Duration::from_millis(4));
        due.exchange_ended(later, false);
        assert_eq!(due.next(), Some(later));
        due.take();
        due.exchange_ended(later, false);
        assert_eq!((due.next(), due.planned()), (None, 3), "it has sent its three");
    }

    #[test]
    fn a_closed_schedule_ends_with_its_time() {
        let mut due = closed(1, None, Some(Duration::from_secs(1)));
        due.take();
        due.exchange_ended(BEGAN.after(Duration::from_secs(1)), false);
        assert_eq!(due.next(), None);
    }

    #[test]
    fn a_client_that_was_refused_rests() {
        let mut due = closed(1, None, None);
        due.take();
        due.exchange_ended(BEGAN, true);
        assert_eq!(due.next(), Some(BEGAN.after(REST)));
    }

    #[test]
    fn what_was_due_when_the_phase_was_stopped_was_planned() {
        let open = Schedule::Open {
            interval: Duration::from_millis(10),
            arrivals: Arrivals::Constant,
            lasts: Some(Duration::from_secs(10)),
        };
        for (schedule, planned) in
            [(open, 6), (Schedule::Burst { count: 1_000_000_000_000 }, 1_000_000_000_000)]
        {
            let mut due = Due::new(schedule, 1, BEGAN);
            due.take();
            due.stop(BEGAN.after(Duration::from_millis(55)));
            assert_eq!((due.next(), due.planned()), (None, planned), "{schedule:?}");
        }
    }
}
