//! A tenant's own limit: at most so many requests in any minute, at this router or at all that share.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::Script;
use tokio::time::Instant;

use crate::shared::{Link, PREFIX, Told};

/// A limit with the last minute's requests. Those that were refused do not count.
#[derive(Debug)]
pub(crate) struct MinuteLimit {
    limit: u32,
    log: Mutex<Log>,
    /// Absent: nobody else counts.
    shared: Option<SharedLog>,
}

/// Those that were let in here, whoever decided it.
#[derive(Debug, Default)]
struct Log {
    let_in: VecDeque<LetIn>,
    /// The number of the next one.
    next: u64,
    /// The life of the store in which they were told.
    life: u64,
    /// Whether there may be some of which the store does not know.
    has_untold: bool,
    /// How many the others had let in when the store last said so, which none of them leaves before a minute has passed.
    by_others: Option<(u32, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct LetIn {
    at: Instant,
    number: u64,
    /// Whether the store knows of it.
    is_told: bool,
}

/// The log of all routers.
#[derive(Debug)]
struct SharedLog {
    link: Arc<Link>,
    key: String,
}

/// Where a limit stands, to be told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateStanding {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// The time until the whole limit is free again.
    pub(crate) reset: Duration,
}

/// Let in, or refused with the time to wait.
pub(crate) type Admitted = Result<RateStanding, (RateStanding, Duration)>;

const MINUTE: Duration = Duration::from_secs(60);
/// So many that were let in without the store are told to it at once.
const MOST_TOLD: usize = 256;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rate.lua")));

impl MinuteLimit {
    /// The limit of a tenant, which others count as well behind a link.
    pub(crate) fn new(limit: u32, tenant: &str, link: Option<&Arc<Link>>) -> Self {
        let shared =
            link.map(|link| SharedLog { link: Arc::clone(link), key: format!("{PREFIX}rate:{tenant}") });
        Self { limit, log: Mutex::default(), shared }
    }

    /// Whether it is one of so many, counted behind this link.
    pub(crate) fn is(&self, limit: u32, link: Option<&Arc<Link>>) -> bool {
        let known = self.shared.as_ref().map(|shared| Arc::as_ptr(&shared.link));
        self.limit == limit && known == link.map(Arc::as_ptr)
    }

    /// Counts a request, or says how long it would have to wait. `together` says whether others are asked at all.
    pub(crate) async fn admit(&self, together: bool) -> Admitted {
        match self.shared.as_ref().filter(|_| together) {
            None => self.log().admit(self.limit, Instant::now(), None),
            Some(shared) => self.admit_together(shared).await,
        }
    }

    async fn admit_together(&self, shared: &SharedLog) -> Admitted {
        let (number, untold) = self.log().begin(shared.link.contact().life, Instant::now());
        let mut script = SCRIPT.prepare_invoke();
        script.key(&shared.key).arg(self.limit).arg(shared.link.me()).arg(number);
        for (number, age) in &untold {
            script.arg(*number).arg(*age);
        }
        let Told::This((verdict, used, wait, reset)) = shared.link.call::<(u8, u32, u64, u64)>(&script).await
        else {
            return self.log().admit(self.limit, Instant::now(), Some(number));
        };
        let standing = RateStanding {
            limit: self.limit,
            remaining: self.limit.saturating_sub(used),
            reset: Duration::from_millis(reset),
        };
        let (mut log, now) = (self.log(), Instant::now());
        log.told(&untold);
        if verdict != 0 {
            log.let_in.push_back(LetIn { at: now, number, is_told: true });
        }
        log.hears_of_all(used, now);
        if verdict == 0 { Err((standing, Duration::from_millis(wait))) } else { Ok(standing) }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // One is in or out, so a panic elsewhere spoils nothing.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn left(then: Instant, now: Instant) -> Duration {
    (then + MINUTE).saturating_duration_since(now)
}

impl Log {
    fn forget(&mut self, now: Instant) {
        while self.let_in.front().is_some_and(|first| left(first.at, now).is_zero()) {
            self.let_in.pop_front();
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn own(&self) -> u32 {
        u32::try_from(self.let_in.len()).unwrap_or(u32::MAX)
    }

    /// Takes in how many all routers have let in.
    fn hears_of_all(&mut self, used: u32, now: Instant) {
        self.forget(now);
        self.by_others = Some((used.saturating_sub(self.own()), now));
    }

    /// Decides by what is known here. A request that the store may have counted already keeps its number.
    fn admit(&mut self, limit: u32, now: Instant, number: Option<u64>) -> Admitted {
        self.forget(now);
        let others = self.by_others.filter(|(count, heard)| *count > 0 && !left(*heard, now).is_zero());
        let used = self.own().saturating_add(others.map_or(0, |(count, _)| count));
        if used >= limit {
            let leaves = |let_in: Option<&LetIn>| let_in.map(|let_in| left(let_in.at, now));
            let others = others.map(|(_, heard)| left(heard, now));
            let wait = leaves(self.let_in.front()).into_iter().chain(others).min().unwrap_or(MINUTE);
            let reset = leaves(self.let_in.back()).into_iter().chain(others).max().unwrap_or(MINUTE);
            return Err((RateStanding { limit, remaining: 0, reset }, wait));
        }
        let number = number.unwrap_or_else(|| self.number());
        self.let_in.push_back(LetIn { at: now, number, is_told: false });
        self.has_untold = true;
        Ok(RateStanding { limit, remaining: limit - used - 1, reset: MINUTE })
    }

    /// The number of one more request, and those of which the store does not know, with their ages in milliseconds. One that
    /// forgot everything knows of none.
    fn begin(&mut self, life: u64, now: Instant) -> (u64, Vec<(u64, u64)>) {
        self.forget(now);
        if std::mem::replace(&mut self.life, life) != life {
            self.let_in.iter_mut().for_each(|let_in| let_in.is_told = false);
            self.has_untold = true;
        }
        if !self.has_untold {
            return (self.number(), Vec::new());
        }
        let age =
            |at: Instant| u64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX);
        let untold = self.let_in.iter().filter(|let_in| !let_in.is_told).take(MOST_TOLD);
        let untold = untold.map(|let_in| (let_in.number, age(let_in.at))).collect();
        (self.number(), untold)
    }

    fn told(&mut self, numbers: &[(u64, u64)]) {
        if !self.has_untold {
            return;
        }
        let mut is_left = false;
        for let_in in &mut self.let_in {
            let_in.is_told |= numbers.iter().any(|(number, _)| *number == let_in.number);
            is_left |= !let_in.is_told;
        }
        self.has_untold = is_left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_store_what_others_were_known_to_have_let_in_counts_for_a_minute() {
        let (mut log, start) = (Log::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(log.admit(6, at(0), None).unwrap().remaining, 5);
        log.hears_of_all(4, at(10));
        assert_eq!(log.admit(6, at(20), None).unwrap().remaining, 1);
        assert_eq!(log.admit(6, at(30), None).unwrap().remaining, 0);
        let (standing, wait) = log.admit(6, at(40), None).unwrap_err();
        assert_eq!((wait, standing.reset), (Duration::from_secs(20), Duration::from_secs(50)));
        assert_eq!(log.admit(6, at(60), None).unwrap().remaining, 0);
        assert_eq!(log.admit(6, at(69), None).unwrap_err().1, Duration::from_secs(1));
        assert_eq!(log.admit(6, at(70), None).unwrap().remaining, 2);
    }

    #[test]
    fn any_minute_has_at_most_the_limit_and_refusals_do_not_count() {
        let (mut log, start) = (Log::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut admit = |seconds| log.admit(2, at(seconds), None);
        assert_eq!(admit(0).unwrap().remaining, 1);
        assert_eq!(admit(30).unwrap().remaining, 0);
        for seconds in [31, 40, 59] {
            let (standing, wait) = admit(seconds).unwrap_err();
            assert_eq!((standing.remaining, wait), (0, Duration::from_secs(60 - seconds)));
            assert_eq!(standing.reset, Duration::from_secs(90 - seconds));
        }
        assert!(admit(60).is_ok());
        assert!(admit(89).is_err());
        assert!(admit(90).is_ok());
    }

    #[test]
    fn what_was_let_in_without_the_store_is_told_to_it_once_and_all_of_it_to_one_that_forgot() {
        let (mut log, now) = (Log::default(), Instant::now());
        for _ in 0..2 {
            log.admit(9, now, None).unwrap();
        }
        let later = now + Duration::from_secs(5);
        let (_, untold) = log.begin(1, later);
        assert_eq!(untold, [(1, 5_000), (2, 5_000)]);
        log.told(&untold);
        assert_eq!(log.begin(1, later).1, []);
        assert_eq!(log.begin(2, later).1.len(), 2);
    }
}
