//! What an upstream counts of its requests while they happen, for whoever wants to see it before the rows are read.

use std::sync::atomic::{AtomicU64, Ordering};

use record::{AttemptRow, KeyCounts, NameTable, Outcome, UpstreamCounts};

use crate::key::Key;

/// The counts of one upstream. Nothing here is locked.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    open: AtomicU64,
    peak: AtomicU64,
    limited: AtomicU64,
    errors: AtomicU64,
    keys: Vec<KeyTally>,
    /// Where the counts of a key are, by its label's number: a look into a list costs less than one into a map.
    places: Vec<Option<usize>>,
}

#[derive(Debug)]
struct KeyTally {
    label: String,
    requests: AtomicU64,
    limited: AtomicU64,
}

const TOO_MANY_REQUESTS: u16 = 429;

impl Tally {
    pub(crate) fn new(keys: &[Key], names: &NameTable) -> Self {
        let tally = |key: &Key| KeyTally {
            label: key.label().to_owned(),
            requests: AtomicU64::new(0),
            limited: AtomicU64::new(0),
        };
        let mut places = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let number = usize::from(names.id(key.label()).0);
            places.resize(places.len().max(number + 1), None);
            places[number] = Some(place);
        }
        Self { keys: keys.iter().map(tally).collect(), places, ..Self::default() }
    }

    /// A request comes.
    pub(crate) fn began(&self, row: &AttemptRow) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        // The plain load keeps the long run after the peak free of writes.
        if open > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(open, Ordering::Relaxed);
        }
        if let Some(key) = self.key(row) {
            key.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request is over that had come.
    pub(crate) fn ended(&self, row: &AttemptRow) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if row.status == TOO_MANY_REQUESTS {
            self.limited.fetch_add(1, Ordering::Relaxed);
            if let Some(key) = self.key(row) {
                key.limited.fetch_add(1, Ordering::Relaxed);
            }
        } else if row.status >= 400 || !matches!(row.outcome, Outcome::Complete | Outcome::CallerLeft) {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many requests are open.
    pub(crate) fn open_now(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts from the beginning. What is open stays so.
    pub(crate) fn set_back(&self) {
        let of_keys = self.keys.iter().flat_map(|key| [&key.requests, &key.limited]);
        for count in [&self.requests, &self.limited, &self.errors].into_iter().chain(of_keys) {
            count.store(0, Ordering::Relaxed);
        }
        self.peak.store(self.open.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// What was counted, for the upstream of that name at that address.
    pub(crate) fn counts(&self, name: &str, address: &str) -> UpstreamCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let key = |key: &KeyTally| KeyCounts {
            label: key.label.clone(),
            requests: read(&key.requests),
            limited: read(&key.limited),
        };
        UpstreamCounts {
            name: name.to_owned(),
            address: address.to_owned(),
            requests: read(&self.requests),
            open: read(&self.open),
            peak: read(&self.peak),
            limited: read(&self.limited),
            errors: read(&self.errors),
            keys: self.keys.iter().map(key).collect(),
        }
    }

    fn key(&self, row: &AttemptRow) -> Option<&KeyTally> {
        let place = *self.places.get(usize::from(row.key.0))?;
        self.keys.get(place?)
    }
}

#[cfg(test)]
mod tests {
    use record::{Moment, NameId, fact_channel};

    use super::*;

    #[test]
    fn each_request_counts_where_it_belongs() {
        let names = NameTable::new(fact_channel().0);
        let keys: Vec<Key> = ["first", "second"].map(|label| Key::new(1, "main", label)).into();
        let tally = Tally::new(&keys, &names);
        let row = |label: &str, status: u16, outcome: Outcome| {
            let key = if label.is_empty() { NameId::NONE } else { names.id(label) };
            AttemptRow { key, status, outcome, ..AttemptRow::opened(names.id("main"), Moment(0)) }
        };
        let rows = [
            row("first", 200, Outcome::Complete),
            row("first", 429, Outcome::Complete),
            row("second", 0, Outcome::Reset),
            row("second", 0, Outcome::CallerLeft),
            row("", 401, Outcome::Complete),
        ];
        rows.iter().for_each(|row| tally.began(row));
        rows[1..].iter().for_each(|row| tally.ended(row));
        let key = |label: &str, requests, limited| KeyCounts { label: label.to_owned(), requests, limited };
        let counted = UpstreamCounts {
            name: "main".to_owned(),
            address: "here".to_owned(),
            requests: 5,
            open: 1,
            peak: 5,
            limited: 1,
            errors: 2,
            keys: vec![key("first", 2, 1), key("second", 2, 0)],
        };
        assert_eq!(tally.counts("main", "here"), counted);
        tally.set_back();
        let keys = vec![key("first", 0, 0), key("second", 0, 0)];
        let back = UpstreamCounts { requests: 0, open: 1, peak: 1, limited: 0, errors: 0, keys, ..counted };
        assert_eq!(tally.counts("main", "here"), back);
    }
}
