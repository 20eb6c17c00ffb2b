//! Writing evidence as it comes: one thread for each trial, which alone touches its files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

use record::{End, Entry, Fact};

use crate::evidence::reader::MOST_LINE;
use crate::evidence::{Redactor, TrialFolder};

/// How long the writer rests when nothing is there; all that came before is in the files by then, so a killed run loses next to
/// nothing. A writer that waited to be woken would cost each sender the waking.
const RESTS: Duration = Duration::from_millis(2);

/// Sees every fact as it is written, for `-v` and `--follow`.
pub type Watcher = Box<dyn FnMut(&Fact) + Send>;

/// Writes facts until the trial's `End` has come or nobody can send any more, and returns the end with its counts.
pub(crate) fn write(
    folder: &TrialFolder,
    facts: &Receiver<Fact>,
    redactor: &Redactor,
    mut watcher: Option<Watcher>,
) -> io::Result<Option<End>> {
    let mut files = Files::create(folder)?;
    loop {
        let fact = match facts.try_recv() {
            Ok(fact) => fact,
            Err(TryRecvError::Empty) => {
                files.flush()?;
                thread::sleep(RESTS);
                continue;
            }
            Err(TryRecvError::Disconnected) => break,
        };
        let (fact, carried) = match fact {
            Fact::Entry(mut entry) => {
                let carried = redactor.clean(&mut entry);
                (Fact::Entry(entry), carried)
            }
            row => (row, None),
        };
        // What was found in a message stands before the message, whose row may be judged as soon as it is read.
        let carried = carried.map(|carried| Fact::Entry(Box::new(Entry::Carried(carried))));
        for fact in carried.iter().chain([&fact]) {
            let end = files.put(fact)?;
            if let Some(watcher) = &mut watcher {
                watcher(fact);
            }
            if end.is_some() {
                files.flush()?;
                return Ok(end);
            }
        }
    }
    files.flush()?;
    Ok(None)
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
        let create = |path| File::create(path).map(BufWriter::new);
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
