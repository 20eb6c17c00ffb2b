//! How far a run is: which trials run and in which part of their traffic, how fast, with how many errors, how long they still take.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use record::{Entry, Fact, NameId, Outcome};

/// Shorter than this a stretch tells no rate.
const STRETCH: Duration = Duration::from_millis(900);

/// How far a run is.
#[derive(Debug)]
pub(crate) struct Course {
    /// How long the traffic of each trial lasts by its own account.
    planned: HashMap<String, Duration>,
    done: AtomicUsize,
    failed: AtomicUsize,
    running: Mutex<Vec<Arc<Running>>>,
    began: Instant,
}

/// A trial that runs. Its facts are counted by the thread that writes them, and looked at by the one that shows them.
#[derive(Debug)]
struct Running {
    name: String,
    planned: Duration,
    exchanges: AtomicU64,
    errors: AtomicU64,
    part: Mutex<Part>,
}

/// The step or phase that a trial is in.
#[derive(Debug, Default)]
struct Part {
    name: String,
    /// When the traffic began.
    since: Option<Instant>,
    /// What was counted when the rate was last looked at, and what it was.
    looked: Option<(Instant, u64)>,
    rate: f64,
}

/// Counts the facts of a trial for as long as it runs.
pub(crate) struct Watched {
    course: Arc<Course>,
    running: Arc<Running>,
    names: HashMap<NameId, String>,
}

/// A trial as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) name: String,
    /// The step or phase; empty before the first.
    pub(crate) part: String,
    /// Exchanges in a second.
    pub(crate) rate: f64,
    /// Exchanges of it that were no success.
    pub(crate) errors: u64,
    /// How long its traffic still lasts by its own account; none if nobody knows.
    pub(crate) left: Option<Duration>,
}

impl Course {
    pub(crate) fn new(planned: HashMap<String, Duration>) -> Self {
        Self {
            planned,
            done: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            running: Mutex::default(),
            began: Instant::now(),
        }
    }

    /// A trial begins.
    pub(crate) fn begin(self: &Arc<Self>, trial: &str) -> Watched {
        let running = Arc::new(Running {
            name: trial.to_owned(),
            planned: self.planned.get(trial).copied().unwrap_or_default(),
            exchanges: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            part: Mutex::default(),
        });
        self.running().push(Arc::clone(&running));
        Watched { course: Arc::clone(self), running, names: HashMap::new() }
    }

    /// A trial is over, well or not.
    pub(crate) fn ended(&self, well: bool) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(usize::from(!well), Ordering::Relaxed);
    }

    /// How many trials are over, and how many there are.
    pub(crate) fn done(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.planned.len())
    }

    /// The whole in a few words: `12 of 40 trials, 1 not passed, 3 running, 42s`.
    pub(crate) fn headline(&self) -> String {
        let (done, all) = self.done();
        let failed = match self.failed.load(Ordering::Relaxed) {
            0 => String::new(),
            failed => format!(", {failed} not passed"),
        };
        let running = self.running().len();
        format!("{done} of {all} trials{failed}, {running} running, {}", seconds(self.began.elapsed()))
    }

    /// The trials that run, the one that began first first.
    pub(crate) fn shown(&self, now: Instant) -> Vec<Shown> {
        self.running().iter().map(|running| running.shown(now)).collect()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn part(&self) -> std::sync::MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self, now: Instant) -> Shown {
        let exchanges = self.exchanges.load(Ordering::Relaxed);
        let mut part = self.part();
        let (before, counted) = *part.looked.get_or_insert((now, exchanges));
        let stretch = now.saturating_duration_since(before);
        if stretch >= STRETCH {
            part.rate = exchanges.saturating_sub(counted) as f64 / stretch.as_secs_f64();
            part.looked = Some((now, exchanges));
        }
        let since = part.since.filter(|_| !self.planned.is_zero());
        Shown {
            name: self.name.clone(),
            part: part.name.clone(),
            rate: part.rate,
            errors: self.errors.load(Ordering::Relaxed),
            left: since.map(|since| self.planned.saturating_sub(now.saturating_duration_since(since))),
        }
    }
}

impl Watched {
    pub(crate) fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Exchange(row) => {
                let well = row.outcome == Outcome::Complete && (200..400).contains(&row.status);
                self.running.exchanges.fetch_add(1, Ordering::Relaxed);
                self.running.errors.fetch_add(u64::from(!well), Ordering::Relaxed);
            }
            Fact::Attempt(_) => {}
            Fact::Entry(entry) => match &**entry {
                Entry::Name { id, text } => drop(self.names.insert(*id, text.clone())),
                Entry::Began { traffic, .. } => {
                    let mut part = self.running.part();
                    part.since.get_or_insert_with(Instant::now);
                    part.name = self.names.get(traffic).cloned().unwrap_or_default();
                }
                _ => {}
            },
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.course.running().retain(|running| !Arc::ptr_eq(running, &self.running));
    }
}

impl Shown {
    /// In one line: `scenarios/spike/storm.yaml  storm  412/s  3 errors  4s left`.
    pub(crate) fn line(&self) -> String {
        let mut words = vec![self.name.clone()];
        if !self.part.is_empty() {
            words.push(self.part.clone());
        }
        if self.rate >= 0.5 {
            words.push(format!("{:.0}/s", self.rate));
        }
        match self.errors {
            0 => {}
            1 => words.push("1 error".to_owned()),
            errors => words.push(format!("{errors} errors")),
        }
        if let Some(left) = self.left {
            words.push(format!("{} left", seconds(left)));
        }
        words.join("  ")
    }
}

/// Whole seconds, and minutes where there are some: `42s`, `3m 05s`.
fn seconds(time: Duration) -> String {
    let all = time.as_secs();
    if all < 60 { format!("{all}s") } else { format!("{}m {:02}s", all / 60, all % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{ExchangeId, ExchangeRow, Moment};

    fn exchange(status: u16) -> Fact {
        let mut row = ExchangeRow::opened(ExchangeId(0), NameId(0), NameId(0), Moment(0));
        (row.status, row.outcome) = (status, Outcome::Complete);
        Fact::Exchange(row)
    }

    fn entry(entry: Entry) -> Fact {
        Fact::Entry(Box::new(entry))
    }

    #[test]
    fn a_trial_is_shown_with_its_phase_its_rate_and_its_errors() {
        let planned = [("a".to_owned(), Duration::from_secs(100)), ("b".to_owned(), Duration::ZERO)];
        let course = Arc::new(Course::new(planned.into()));
        let (mut first, second) = (course.begin("a"), course.begin("b"));
        let now = Instant::now();
        assert_eq!(course.shown(now)[0].line(), "a");
        first.note(&entry(Entry::Name { id: NameId(3), text: "storm".to_owned() }));
        first.note(&entry(Entry::Began { traffic: NameId(3), at: Moment(0) }));
        for status in [200, 200, 503, 429] {
            first.note(&exchange(status));
        }
        let [shown, other] = &course.shown(now + Duration::from_secs(2))[..] else { panic!("two run") };
        assert_eq!((shown.part.as_str(), shown.errors, shown.rate), ("storm", 2, 2.0));
        assert!(shown.line().starts_with("a  storm  2/s  2 errors  1m 3"), "{}", shown.line());
        assert!(shown.left.is_some_and(|left| (97..=99).contains(&left.as_secs())), "{shown:?}");
        assert_eq!((other.left, other.line()), (None, "b".to_owned()));
        drop(first);
        course.ended(false);
        assert_eq!(course.shown(now).len(), 1);
        assert_eq!(course.headline(), "1 of 2 trials, 1 not passed, 1 running, 0s");
        drop(second);
        course.ended(true);
        assert_eq!(course.done(), (2, 2));
    }
}
