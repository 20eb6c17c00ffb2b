//! What a phase has to send next: the times of its schedule, or its clients that are free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use record::Moment;

use crate::schedule::{Deed, Schedule, Share, Times};

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

/// A request that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Which of the phase's requests; the next in turn if missing.
    pub(super) request: Option<usize>,
    /// Who sends it, where clients are told apart.
    pub(super) client: usize,
}

#[derive(Debug)]
enum Source {
    Times { times: Times, next: Option<Moment> },
    Clients { free: BinaryHeap<Reverse<Moment>>, left: u64, until: Option<Moment>, pause: Duration },
    Users(Users),
    Stopped,
}

/// Users who go through the same deeds again and again.
#[derive(Debug)]
struct Users {
    does: Vec<Deed>,
    /// How often each choice was taken, for what is taken in turn.
    turns: Vec<usize>,
    /// Those who are about to send something, and when.
    ready: BinaryHeap<Reverse<(Moment, usize)>>,
    /// Where each is among the deeds, and how often it has gone through them.
    places: Vec<(usize, u64)>,
    rounds: u64,
    until: Option<Moment>,
}

impl Due {
    pub(super) fn new(schedule: &Schedule, seed: u64, began: Moment, share: Share) -> Self {
        let source = match schedule {
            Schedule::Closed { clients, requests, lasts, pause } => Source::Clients {
                free: (0..share.clients(*clients)).map(|_| Reverse(began)).collect(),
                left: requests.map_or(u64::MAX, |requests| share.requests(requests, *clients)),
                until: lasts.map(|lasts| began.after(lasts)),
                pause: *pause,
            },
            Schedule::Flow { users, does, rounds, lasts } => {
                let until = lasts.map(|lasts| began.after(lasts));
                Source::Users(Users::new(share.clients(*users), does, *rounds, until, began))
            }
            Schedule::Burst { .. }
            | Schedule::Open { .. }
            | Schedule::Ramp { .. }
            | Schedule::Steps { .. }
            | Schedule::Replay { .. } => match Times::new(schedule, seed, share) {
                Some(mut times) => {
                    let next = times.next().map(|time| began.after(time));
                    Source::Times { times, next }
                }
                None => Source::Stopped,
            },
        };
        Self { began, source, taken: 0, skipped: 0 }
    }

    /// When the next request is to be sent; none if there is none, or none before an exchange ends.
    pub(super) fn next(&self) -> Option<Moment> {
        match &self.source {
            Source::Times { next, .. } => *next,
            Source::Clients { free, left, until, .. } => {
                let Reverse(at) = *free.peek()?;
                (*left > 0 && until.is_none_or(|until| at < until)).then_some(at)
            }
            Source::Users(users) => users.next(),
            Source::Stopped => None,
        }
    }

    /// The next request is being sent.
    pub(super) fn take(&mut self) -> Taken {
        self.taken += 1;
        let mut taken = Taken { request: None, client: 0 };
        match &mut self.source {
            Source::Times { times, next } => *next = times.next().map(|time| self.began.after(time)),
            Source::Clients { free, left, .. } => {
                free.pop();
                *left -= 1;
            }
            Source::Users(users) => taken = users.take(),
            Source::Stopped => {}
        }
        taken
    }

    /// An exchange is over, and its client free to send another.
    pub(super) fn exchange_ended(&mut self, client: usize, at: Moment, refused: bool) {
        let at = if refused { at.after(REST) } else { at };
        match &mut self.source {
            Source::Clients { free, pause, .. } => free.push(Reverse(at.after(*pause))),
            Source::Users(users) => users.goes_on(client, at),
            Source::Times { .. } | Source::Stopped => {}
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

impl Users {
    fn new(users: usize, does: &[Deed], rounds: Option<u64>, until: Option<Moment>, began: Moment) -> Self {
        let mut new = Self {
            does: does.to_vec(),
            turns: vec![0; does.len()],
            ready: BinaryHeap::new(),
            places: vec![(0, 0); users],
            rounds: rounds.unwrap_or(u64::MAX),
            until,
        };
        for user in 0..users {
            new.thinks(user, began);
        }
        new
    }

    fn next(&self) -> Option<Moment> {
        let Reverse((at, _)) = self.ready.peek()?;
        self.until.is_none_or(|until| *at < until).then_some(*at)
    }

    fn take(&mut self) -> Taken {
        let Some(Reverse((_, user))) = self.ready.pop() else { return Taken { request: None, client: 0 } };
        let (deed, _) = self.places[user];
        let request = match &self.does[deed] {
            Deed::Send(choice) => {
                let turn = self.turns[deed];
                self.turns[deed] += 1;
                Some(choice.start + turn % choice.len().max(1))
            }
            Deed::Pause(_) => None,
        };
        Taken { request, client: user }
    }

    /// A user has an answer, and turns to the next deed.
    fn goes_on(&mut self, user: usize, at: Moment) {
        if let Some((deed, _)) = self.places.get_mut(user) {
            *deed += 1;
            self.thinks(user, at);
        }
    }

    /// From a moment on a user thinks, until the next thing to send. A flow without any was refused.
    fn thinks(&mut self, user: usize, mut at: Moment) {
        loop {
            let (deed, rounds) = &mut self.places[user];
            if *deed >= self.does.len() {
                (*deed, *rounds) = (0, *rounds + 1);
            }
            if *rounds >= self.rounds || self.until.is_some_and(|until| at >= until) {
                return;
            }
            match &self.does[*deed] {
                Deed::Send(_) => return self.ready.push(Reverse((at, user))),
                Deed::Pause(pause) => at = at.after(*pause),
            }
            *deed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Arrivals;

    const BEGAN: Moment = Moment(1_000_000_000);

    fn closed(clients: usize, requests: Option<u64>, lasts: Option<Duration>) -> Due {
        Due::new(&Schedule::Closed { clients, requests, lasts, pause: Duration::ZERO }, 1, BEGAN, Share::ALL)
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
        due.exchange_ended(0, later, false);
        assert_eq!(due.next(), Some(later));
        due.take();
        due.exchange_ended(0, later, false);
        assert_eq!((due.next(), due.planned()), (None, 3), "it has sent its three");
    }

    #[test]
    fn a_closed_schedule_ends_with_its_time() {
        let mut due = closed(1, None, Some(Duration::from_secs(1)));
        due.take();
        due.exchange_ended(0, BEGAN.after(Duration::from_secs(1)), false);
        assert_eq!(due.next(), None);
    }

    #[test]
    fn a_client_pauses_between_an_answer_and_its_next_request() {
        let pause = Duration::from_millis(30);
        let schedule = Schedule::Closed { clients: 1, requests: None, lasts: None, pause };
        let mut due = Due::new(&schedule, 1, BEGAN, Share::ALL);
        due.take();
        due.exchange_ended(0, BEGAN, false);
        assert_eq!(due.next(), Some(BEGAN.after(pause)));
    }

    #[test]
    fn users_go_through_their_deeds_and_take_choices_in_turn() {
        let think = Duration::from_millis(50);
        let does = vec![Deed::Send(0..1), Deed::Pause(think), Deed::Send(1..3)];
        let schedule = Schedule::Flow { users: 2, does, rounds: Some(2), lasts: None };
        let mut due = Due::new(&schedule, 1, BEGAN, Share::ALL);
        let mut sent = Vec::new();
        let mut now = BEGAN;
        while let Some(at) = due.next() {
            now = now.max(at);
            let taken = due.take();
            sent.push((taken.client, taken.request, now.since(BEGAN).as_millis()));
            due.exchange_ended(taken.client, now, false);
        }
        let expected = [
            (0, Some(0), 0),
            (1, Some(0), 0),
            (0, Some(1), 50),
            (0, Some(0), 50),
            (1, Some(2), 50),
            (1, Some(0), 50),
            (0, Some(1), 100),
            (1, Some(2), 100),
        ];
        assert_eq!(sent, expected);
        assert_eq!(due.planned(), 8);
    }

    #[test]
    fn users_begin_nothing_when_their_time_is_over() {
        let does = vec![Deed::Send(0..1), Deed::Pause(Duration::from_millis(80))];
        let schedule =
            Schedule::Flow { users: 1, does, rounds: None, lasts: Some(Duration::from_millis(200)) };
        let mut due = Due::new(&schedule, 1, BEGAN, Share::ALL);
        let mut sent = 0;
        while let Some(at) = due.next() {
            due.take();
            due.exchange_ended(0, at, false);
            sent += 1;
        }
        assert_eq!(sent, 3, "at 0, 80 and 160 ms");
    }

    #[test]
    fn a_client_that_was_refused_rests() {
        let mut due = closed(1, None, None);
        due.take();
        due.exchange_ended(0, BEGAN, true);
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
            let mut due = Due::new(&schedule, 1, BEGAN, Share::ALL);
            due.take();
            due.stop(BEGAN.after(Duration::from_millis(55)));
            assert_eq!((due.next(), due.planned()), (None, planned), "{schedule:?}");
        }
    }
}
