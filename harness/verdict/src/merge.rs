//! Evidence in the order of time. Rows and lines are written when something ends, by many threads, so the files are nearly
//! sorted: reading a few thousand ahead puts them in order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use record::{AttemptRow, Entry, ExchangeRow, Fact, Moment};

/// How many rows or lines of each file are read ahead.
const AHEAD: usize = 4_096;

/// The facts of the three files of a trial's evidence, in the order of their ends.
///
/// Equal ends are ordered by what else the rows say, so that the order does not depend on who wrote first.
pub struct Merged<E, X, A> {
    entries: Sorted<E, EntryKey, Entry>,
    exchanges: Sorted<X, ExchangeKey, ExchangeRow>,
    attempts: Sorted<A, AttemptKey, AttemptRow>,
}

type EntryKey = (Moment, u64);
type ExchangeKey = (Moment, u32);
type AttemptKey = (Moment, Moment, u32, [u16; 2], u32);

impl<E, X, A> Merged<E, X, A> {
    /// Merges three files, each in the order in which it was written.
    pub fn new(entries: E, exchanges: X, attempts: A) -> Self {
        Self {
            entries: Sorted::new(entries, |entry, number| (time_of(entry), number)),
            exchanges: Sorted::new(exchanges, |row, _| (row.end(), row.id.0)),
            attempts: Sorted::new(attempts, |row, _| {
                (row.end(), row.arrived, row.exchange.0, [row.upstream.0, row.key.0], row.key_use)
            }),
        }
    }
}

/// When an entry comes in the order of time. What has no time explains something, and comes as soon as it is read; the last
/// line comes behind everything else.
fn time_of(entry: &Entry) -> Moment {
    match entry {
        Entry::Began { at, .. }
        | Entry::Ended { at, .. }
        | Entry::EventsCut { at, .. }
        | Entry::Target { at, .. }
        | Entry::Log { at, .. } => *at,
        Entry::Sample(sample) => sample.at,
        Entry::Event(event) => event.at,
        Entry::Text(text) => text.at,
        Entry::Said(said) => said.at,
        Entry::Carried(carried) => carried.at,
        Entry::Unmatched(unmatched) => unmatched.at,
        Entry::Ledger(row) => row.at,
        Entry::Metric(metric) => metric.at,
        Entry::Process(process) => process.at,
        Entry::Part(part) => part.to,
        Entry::Pair(pair) => pair.at,
        Entry::Ran(ran) => ran.at,
        Entry::File(file) => file.at,
        Entry::Operated(operated) => operated.at,
        Entry::Lag(lag) => lag.due.after(Duration::from_micros(u64::from(lag.late_us))),
        Entry::Trial(_)
        | Entry::Cast(_)
        | Entry::Name { .. }
        | Entry::Answer(_)
        | Entry::Figures(_)
        | Entry::Mistake(_) => Moment(0),
        Entry::End(_) => Moment(u64::MAX),
    }
}

impl<E, X, A, F> Iterator for Merged<E, X, A>
where
    E: Iterator<Item = Result<Entry, F>>,
    X: Iterator<Item = Result<ExchangeRow, F>>,
    A: Iterator<Item = Result<AttemptRow, F>>,
{
    type Item = Result<Fact, F>;

    fn next(&mut self) -> Option<Self::Item> {
        let filled =
            self.entries.fill().and_then(|()| self.exchanges.fill()).and_then(|()| self.attempts.fill());
        if let Err(error) = filled {
            return Some(Err(error));
        }
        let entry = self.entries.next_end();
        let exchange = self.exchanges.next_end();
        let attempt = self.attempts.next_end();
        // Something that ends where something else ends comes in the order: lines, attempts, exchanges.
        let (_, kind) = [(entry, 0), (attempt, 1), (exchange, 2)]
            .into_iter()
            .filter_map(|(end, kind)| Some((end?, kind)))
            .min()?;
        match kind {
            0 => self.entries.pop().map(|entry| Ok(Fact::Entry(Box::new(entry)))),
            1 => self.attempts.pop().map(|row| Ok(Fact::Attempt(row))),
            _ => self.exchanges.pop().map(|row| Ok(Fact::Exchange(row))),
        }
    }
}

/// One file, in order as far as it is read ahead.
struct Sorted<I, K, T> {
    source: I,
    key: fn(&T, u64) -> K,
    ahead: BinaryHeap<Reverse<Keyed<K, T>>>,
    read: u64,
    over: bool,
}

/// Something that is ordered by its key alone.
struct Keyed<K, T> {
    key: K,
    value: T,
}

impl<I, K: Ord + HasEnd, T> Sorted<I, K, T> {
    fn new(source: I, key: fn(&T, u64) -> K) -> Self {
        Self { source, key, ahead: BinaryHeap::new(), read: 0, over: false }
    }

    fn next_end(&self) -> Option<Moment> {
        self.ahead.peek().map(|Reverse(first)| first.key.end())
    }

    fn pop(&mut self) -> Option<T> {
        self.ahead.pop().map(|Reverse(first)| first.value)
    }

    fn fill<F>(&mut self) -> Result<(), F>
    where
        I: Iterator<Item = Result<T, F>>,
    {
        while !self.over && self.ahead.len() < AHEAD {
            match self.source.next().transpose()? {
                Some(value) => {
                    let key = (self.key)(&value, self.read);
                    self.read += 1;
                    self.ahead.push(Reverse(Keyed { key, value }));
                }
                None => self.over = true,
            }
        }
        Ok(())
    }
}

trait HasEnd {
    fn end(&self) -> Moment;
}

impl HasEnd for EntryKey {
    fn end(&self) -> Moment {
        self.0
    }
}

impl HasEnd for ExchangeKey {
    fn end(&self) -> Moment {
        self.0
    }
}

impl HasEnd for AttemptKey {
    fn end(&self) -> Moment {
        self.0
    }
}

impl<K: Ord, T> Ord for Keyed<K, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl<K: Ord, T> PartialOrd for Keyed<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> PartialEq for Keyed<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord, T> Eq for Keyed<K, T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{ExchangeId, Lag, NameId, TargetEvent};
    use std::convert::Infallible;

    /// What ends first, in microseconds, began last.
    fn began(end: u32) -> Moment {
        Moment(1_000 * u64::from(1_000_000 - end))
    }

    fn exchange(id: u32, end: u32) -> ExchangeRow {
        let mut row = ExchangeRow::opened(ExchangeId(id), NameId(0), NameId(0), began(end));
        row.ended = 2 * end;
        row
    }

    fn attempt(end: u32) -> AttemptRow {
        let mut row = AttemptRow::opened(NameId(0), began(end));
        row.ended = 2 * end;
        row
    }

    fn told(fact: Result<Fact, Infallible>) -> String {
        match fact {
            Ok(Fact::Exchange(row)) => format!("exchange {}", row.id.0),
            Ok(Fact::Attempt(row)) => format!("attempt {}", row.end().0 / 1_000 - 1_000_000),
            Ok(Fact::Entry(entry)) => {
                format!("entry {}", (time_of(&entry).0 / 1_000).saturating_sub(1_000_000))
            }
        }
    }

    #[test]
    fn facts_come_in_the_order_of_their_ends() {
        let entries = [
            Entry::Lag(Lag { due: Moment(1_000_000_000), late_us: 10 }),
            Entry::Name { id: NameId(1), text: "a".to_owned() },
            Entry::Target { event: TargetEvent::Ready, at: Moment(1_000_005_000) },
        ];
        let merged = Merged::new(
            entries.into_iter().map(Ok),
            [exchange(1, 30), exchange(2, 10)].into_iter().map(Ok),
            [attempt(20), attempt(10), attempt(7)].into_iter().map(Ok),
        );
        let order: Vec<String> = merged.map(told).collect();
        let expected =
            "entry 0, entry 5, attempt 7, entry 10, attempt 10, exchange 2, attempt 20, exchange 1";
        assert_eq!(order.join(", "), expected);
    }

    #[test]
    fn a_row_that_is_late_by_less_than_the_window_finds_its_place() {
        let count = u32::try_from(3 * AHEAD).unwrap();
        let mut ends: Vec<u32> = (1..count).collect();
        // The first one is written almost a whole window too late.
        ends.insert(AHEAD - 1, 0);
        let rows = ends.iter().map(|end| Ok::<_, Infallible>(exchange(*end, *end)));
        let merged = Merged::new(std::iter::empty(), rows, std::iter::empty());
        let order: Vec<String> = merged.map(told).collect();
        assert_eq!(order, (0..count).map(|id| format!("exchange {id}")).collect::<Vec<_>>());
    }

    #[test]
    fn an_unreadable_row_is_told() {
        let rows = [Ok(attempt(1)), Err("unreadable"), Ok(attempt(2))];
        let mut merged = Merged::new(std::iter::empty(), std::iter::empty(), rows.into_iter());
        assert_eq!(merged.next().unwrap().unwrap_err(), "unreadable");
    }
}
