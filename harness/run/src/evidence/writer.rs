//! Writing evidence as it comes: one thread for each trial, which alone touches its files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::thread;
use std::time::Duration;

use record::{End, Entry, EventSeen, Fact, FactReceiver};

use crate::evidence::pieces::Waiting;
use crate::evidence::reader::MOST_LINE;
use crate::evidence::{Redactor, TrialFolder};

/// How long the writer rests when it has written all that was there; it is in the files by then, so a killed run loses next to
/// nothing. A writer that waited to be woken would cost each sender the waking.
const RESTS: Duration = Duration::from_millis(2);
/// How long it rests once so many rows have come in a rest: to wake a thread and to give the machine a few rows costs more than to
/// write a thousand at once. From 8 to 20 milliseconds its processor time went down by a third.
const RESTS_UNDER_LOAD: Duration = Duration::from_millis(20);
const LOAD: usize = 50;
/// Rows of one rest are given to the machine at once.
const ROOM: usize = 64 * 1024;

/// Sees every fact as it is written, for `-v` and `--follow`.
pub type Watcher = Box<dyn FnMut(&Fact) + Send>;

/// Writes facts until the trial's `End` has come or nobody can send any more, and returns the end with its counts.
///
/// # Errors
///
/// If something cannot be written.
pub fn write_evidence(
    folder: &TrialFolder,
    facts: &FactReceiver,
    redactor: &Redactor,
    watcher: Option<Watcher>,
) -> io::Result<Option<End>> {
    let mut writing =
        Writing { files: Files::create(folder)?, waiting: Waiting::default(), redactor, watcher };
    let mut taken = Vec::new();
    loop {
        let more = facts.take_into(&mut taken);
        let rests = if taken.len() < LOAD { RESTS } else { RESTS_UNDER_LOAD };
        for fact in taken.drain(..) {
            let end = writing.take(fact)?;
            if end.is_some() {
                writing.files.flush()?;
                return Ok(end);
            }
        }
        if !more {
            break;
        }
        writing.files.flush()?;
        thread::sleep(rests);
    }
    let events = writing.waiting.end_all();
    writing.put_events(events)?;
    writing.files.flush()?;
    Ok(None)
}

/// A trial's evidence as it is written.
struct Writing<'a> {
    files: Files,
    waiting: Waiting,
    redactor: &'a Redactor,
    watcher: Option<Watcher>,
}

impl Writing<'_> {
    /// Takes a fact, and writes what can be written now that it has come: others before it, and itself unless it waits. What was
    /// found in a message stands before the message, and events stand before their exchange, whose row may be judged as soon as it
    /// is read. Gives the trial's end, if that was it.
    fn take(&mut self, fact: Fact) -> io::Result<Option<End>> {
        match fact {
            Fact::Exchange(row) => {
                let events = self.waiting.end(row.id);
                self.put_events(events)?;
                self.put(&fact)
            }
            Fact::Attempt(_) => self.put(&fact),
            Fact::Entry(entry) => self.take_entry(*entry),
        }
    }

    fn take_entry(&mut self, mut entry: Entry) -> io::Result<Option<End>> {
        if let Entry::Event(event) = entry {
            let events = self.waiting.add(event, self.redactor);
            self.put_events(events)?;
            return Ok(None);
        }
        if let Some(carried) = self.redactor.clean(&mut entry) {
            self.put(&told(Entry::Carried(carried)))?;
        }
        if let Entry::End(_) = entry {
            let events = self.waiting.end_all();
            self.put_events(events)?;
        }
        self.put(&told(entry))
    }

    fn put_events(&mut self, events: Vec<EventSeen>) -> io::Result<()> {
        events.into_iter().try_for_each(|event| self.put(&told(Entry::Event(event))).map(drop))
    }

    fn put(&mut self, fact: &Fact) -> io::Result<Option<End>> {
        let end = self.files.put(fact)?;
        if let Some(watcher) = &mut self.watcher {
            watcher(fact);
        }
        Ok(end)
    }
}

fn told(entry: Entry) -> Fact {
    Fact::Entry(Box::new(entry))
}

struct Files {
    entries: BufWriter<File>,
    exchanges: BufWriter<File>,
    attempts: BufWriter<File>,
    line: Vec<u8>,
    exchange_rows: u64,
    attempt_rows: u64,
}

impl Files {
    fn create(folder: &TrialFolder) -> io::Result<Self> {
        let create = |path| File::create(path).map(|file| BufWriter::with_capacity(ROOM, file));
        Ok(Self {
            entries: create(folder.entries())?,
            exchanges: create(folder.exchanges())?,
            attempts: create(folder.attempts())?,
            line: Vec::new(),
            exchange_rows: 0,
            attempt_rows: 0,
        })
    }

    fn put(&mut self, fact: &Fact) -> io::Result<Option<End>> {
        match fact {
            Fact::Exchange(row) => {
                self.exchange_rows += 1;
                self.exchanges.write_all(&row.to_bytes())?;
            }
            Fact::Attempt(row) => {
                self.attempt_rows += 1;
                self.attempts.write_all(&row.to_bytes())?;
            }
            Fact::Entry(entry) => return self.put_entry(entry),
        }
        Ok(None)
    }

    fn put_entry(&mut self, entry: &Entry) -> io::Result<Option<End>> {
        let Entry::End(end) = entry else {
            self.line(entry)?;
            return Ok(None);
        };
        let end = End { exchanges: self.exchange_rows, attempts: self.attempt_rows, ..end.clone() };
        self.line(&Entry::End(end.clone()))?;
        Ok(Some(end))
    }

    fn line(&mut self, entry: &Entry) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, entry)?;
        self.line.push(b'\n');
        if self.line.len() as u64 > MOST_LINE {
            let mib = MOST_LINE >> 20;
            return Err(io::Error::other(format!(
                "the target told something that is longer than a line of evidence may be ({mib} MiB)"
            )));
        }
        self.entries.write_all(&self.line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.entries.flush()?;
        self.exchanges.flush()?;
        self.attempts.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::evidence::RunFolder;
    use record::{EventKind, ExchangeId, ExchangeRow, Moment, NameId, fact_channel};

    #[test]
    fn a_key_that_a_stream_tells_in_pieces_is_in_no_file() {
        let path = std::env::temp_dir().join(format!("stormproof-pieces-{}", std::process::id()));
        let folder = RunFolder::create(&path).unwrap().trial("one");
        folder.create().unwrap();
        let mut redactor = Redactor::default();
        redactor.add("key openai/first", "sk-sp-1234-5678-90ab");
        let (sender, facts) = fact_channel();
        for (index, text) in (1..).zip(["it is sk-sp-1234", "-5678-90ab", "and so s"]) {
            let (exchange, at, name) = (ExchangeId(3), Moment(u64::from(index)), String::new());
            let data = format!(r#"{{"content":"{text}"}}"#);
            let event = EventSeen { exchange, index, at, kind: EventKind::Content, name, data };
            sender.send(told(Entry::Event(event)));
        }
        sender.send(Fact::Exchange(ExchangeRow::opened(
            ExchangeId(3),
            NameId::NONE,
            NameId::NONE,
            Moment(0),
        )));
        drop(sender);
        let (seen, watched) = std::sync::mpsc::channel();
        let watcher: Watcher = Box::new(move |fact: &Fact| {
            let kind = if matches!(fact, Fact::Exchange(_)) { "exchange" } else { "event" };
            seen.send(kind).unwrap();
        });
        assert_eq!(write_evidence(&folder, &facts, &redactor, Some(watcher)).unwrap(), None);
        let order: Vec<_> = watched.try_iter().collect();
        assert_eq!(order, ["event", "event", "event", "exchange"], "events stand before their exchange");
        let lines = std::fs::read_to_string(folder.entries()).unwrap();
        std::fs::remove_dir_all(&path).unwrap();
        assert!(!lines.contains("1234") && !lines.contains("5678"), "{lines}");
        assert!(lines.contains("and so s"), "{lines}");
    }

    #[test]
    fn what_was_told_is_in_the_files_while_the_trial_goes_on() {
        let path = std::env::temp_dir().join(format!("stormproof-goes-on-{}", std::process::id()));
        let folder = RunFolder::create(&path).unwrap().trial("one");
        folder.create().unwrap();
        let (sender, facts) = fact_channel();
        let writer = thread::spawn({
            let folder = folder.clone();
            move || write_evidence(&folder, &facts, &Redactor::default(), None)
        });
        let row = ExchangeRow::opened(ExchangeId(3), NameId::NONE, NameId::NONE, Moment(0));
        let mut size = 0;
        // As many as make it rest longer, and then a single one.
        for count in [3 * LOAD, 1] {
            (0..count).for_each(|_| sender.send(Fact::Exchange(row)));
            size += (count * ExchangeRow::BYTES) as u64;
            let sent = Instant::now();
            while std::fs::metadata(folder.exchanges()).map_or(0, |file| file.len()) < size {
                assert!(sent.elapsed() < Duration::from_secs(5), "{count} more rows are not written");
                thread::sleep(Duration::from_millis(1));
            }
        }
        drop(sender);
        assert_eq!(writer.join().unwrap().unwrap(), None);
        std::fs::remove_dir_all(&path).unwrap();
    }
}
