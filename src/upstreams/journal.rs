//! The latest attempts that the upstreams saw, without bodies and without secrets.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use record::{AttemptRow, Clock, Entry, Fact, FactReceiver, Moment, NOT_REACHED, NameId, Sample, Side};
use serde_json::{Value, json};

/// So many attempts are kept.
const KEPT: usize = 10_000;
/// So far back the row of a sample is looked for, which comes right behind it but for those of other threads.
const NEAR: usize = 256;
/// So much of a path is kept.
const LONGEST_PATH: usize = 500;

/// Keeps the latest attempts. A thread of its own fills it.
pub(crate) struct Journal {
    kept: Arc<Mutex<Kept>>,
    /// The time on the wall at the clock's zero.
    epoch: SystemTime,
}

#[derive(Default)]
struct Kept {
    attempts: VecDeque<Attempt>,
    /// How many attempts there have been.
    count: u64,
    names: HashMap<NameId, String>,
}

struct Attempt {
    number: u64,
    row: AttemptRow,
    method: Option<String>,
    path: Option<String>,
}

/// Which attempts somebody wants to see.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) upstream: Option<String>,
    /// Only those with a higher number, the first ones of them.
    pub(crate) after: Option<u64>,
    pub(crate) limit: usize,
}

impl Journal {
    /// Begins to keep what is received.
    pub(crate) fn start(received: FactReceiver, clock: Clock) -> io::Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let filled = Arc::clone(&kept);
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            for fact in received.iter() {
                locked(&filled).take(fact);
            }
        })?;
        let now = clock.now().since(Moment(0));
        let epoch = SystemTime::now().checked_sub(now).unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self { kept, epoch })
    }

    /// The attempts that somebody wants, newest last, with the number of the newest one that there has been.
    pub(crate) fn told(&self, wanted: &Wanted) -> Value {
        let kept = locked(&self.kept);
        let fits = |attempt: &&Attempt| {
            let upstream = kept.name(attempt.row.upstream);
            wanted.upstream.as_deref().is_none_or(|wanted| upstream == Some(wanted))
                && wanted.after.is_none_or(|after| attempt.number > after)
        };
        let fitting: Vec<&Attempt> = match wanted.after {
            Some(_) => kept.attempts.iter().filter(fits).take(wanted.limit).collect(),
            None => {
                let mut latest: Vec<_> = kept.attempts.iter().rev().filter(fits).take(wanted.limit).collect();
                latest.reverse();
                latest
            }
        };
        let told: Vec<Value> = fitting.into_iter().map(|attempt| self.tell(&kept, attempt)).collect();
        json!({ "last": kept.count, "attempts": told })
    }

    /// Forgets the attempts. Numbers go on.
    pub(crate) fn clear(&self) {
        locked(&self.kept).attempts.clear();
    }

    fn tell(&self, kept: &Kept, attempt: &Attempt) -> Value {
        let row = &attempt.row;
        let arrived = self.epoch + row.arrived.since(Moment(0));
        let status = (row.status != 0).then_some(row.status);
        let took = (row.ended != NOT_REACHED).then(|| f64::from(row.ended) / 1_000.0);
        json!({
            "number": attempt.number,
            "time": humantime::format_rfc3339_millis(arrived).to_string(),
            "upstream": kept.name(row.upstream),
            "key": kept.name(row.key),
            "method": attempt.method,
            "path": attempt.path,
            "model": kept.name(row.model),
            "streamed": row.streamed,
            "status": status,
            "error": kept.name(row.error),
            "script": kept.name(row.script),
            "wait_ms": row.hint().map(|hint: Duration| hint.as_millis()),
            "outcome": row.outcome.word(),
            "took_ms": took,
        })
    }
}

impl Kept {
    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Attempt(row) => self.push(row),
            Fact::Entry(entry) => match *entry {
                Entry::Name { id, text } => drop(self.names.insert(id, text)),
                Entry::Sample(sample) if sample.side == Side::UpstreamGot => self.describe(&sample),
                _ => {}
            },
            Fact::Exchange(_) => {}
        }
    }

    fn push(&mut self, row: AttemptRow) {
        if self.attempts.len() == KEPT {
            self.attempts.pop_front();
        }
        self.count += 1;
        self.attempts.push_back(Attempt { number: self.count, row, method: None, path: None });
    }

    /// Adds what the line of the request says. A query may hold what is nobody's business.
    fn describe(&mut self, sample: &Sample) {
        let is_its = |attempt: &&mut Attempt| {
            Some(attempt.row.arrived) == sample.arrived
                && attempt.row.exchange == sample.exchange
                && attempt.method.is_none()
        };
        let Some(attempt) = self.attempts.iter_mut().rev().take(NEAR).find(is_its) else { return };
        let mut words = sample.line.split(' ');
        attempt.method = words.next().map(str::to_owned);
        let target = words.next().unwrap_or_default();
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        attempt.path = Some(path[..path.floor_char_boundary(LONGEST_PATH)].to_owned());
    }

    fn name(&self, id: NameId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }
}

fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use record::ExchangeId;

    use super::*;

    fn journal(attempts: u64) -> Journal {
        let mut kept = Kept::default();
        for (id, text) in [(0, "openai"), (1, "azure"), (2, "first")] {
            kept.names.insert(NameId(id), text.to_owned());
        }
        for number in 0..attempts {
            let row = AttemptRow::opened(NameId(u16::try_from(number % 2).unwrap()), Moment(number));
            kept.take(Fact::Attempt(AttemptRow { key: NameId(2), status: 429, ended: 1_500, ..row }));
        }
        Journal { kept: Arc::new(Mutex::new(kept)), epoch: SystemTime::UNIX_EPOCH }
    }

    fn numbers(journal: &Journal, wanted: &Wanted) -> Vec<u64> {
        let told = journal.told(wanted);
        told["attempts"].as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect()
    }

    #[test]
    fn the_latest_are_told_or_the_first_behind_a_number() {
        let journal = journal(9);
        let wanted = |upstream: Option<&str>, after, limit| Wanted {
            upstream: upstream.map(str::to_owned),
            after,
            limit,
        };
        assert_eq!(numbers(&journal, &wanted(None, None, 3)), [7, 8, 9]);
        assert_eq!(numbers(&journal, &wanted(None, Some(4), 3)), [5, 6, 7]);
        assert_eq!(numbers(&journal, &wanted(Some("azure"), None, 2)), [6, 8]);
        assert_eq!(numbers(&journal, &wanted(Some("nobody"), None, 2)), [] as [u64; 0]);
        journal.clear();
        assert_eq!(journal.told(&wanted(None, None, 3)), json!({ "last": 9, "attempts": [] }));
    }

    #[test]
    fn only_so_many_are_kept() {
        let most = u64::try_from(KEPT).unwrap();
        let journal = journal(most + 5);
        let all = numbers(&journal, &Wanted { limit: KEPT * 2, ..Wanted::default() });
        assert_eq!((all.len(), all[0], all[KEPT - 1]), (KEPT, 6, most + 5));
    }

    #[test]
    fn the_line_of_a_request_tells_method_and_path_and_no_query() {
        let journal = journal(3);
        let line = format!("POST /v1/{}?key=abc HTTP/1.1", "x".repeat(2 * LONGEST_PATH));
        let sample = Sample {
            side: Side::UpstreamGot,
            exchange: ExchangeId::NONE,
            arrived: Some(Moment(1)),
            at: Moment(2),
            line,
            head: Vec::new(),
            body: String::new(),
            cut: false,
        };
        locked(&journal.kept).take(Fact::Entry(Box::new(Entry::Sample(sample))));
        let told = journal.told(&Wanted { limit: 9, ..Wanted::default() });
        assert_eq!(told["attempts"][1]["method"], "POST");
        assert_eq!(told["attempts"][1]["path"].as_str().unwrap().len(), LONGEST_PATH);
        assert_eq!(told["attempts"][0]["path"], Value::Null);
        let first = &told["attempts"][0];
        assert_eq!(
            (&first["key"], &first["status"], &first["took_ms"]),
            (&json!("first"), &json!(429), &json!(1.5))
        );
        assert_eq!(first["time"], "1970-01-01T00:00:00.000Z");
    }
}
