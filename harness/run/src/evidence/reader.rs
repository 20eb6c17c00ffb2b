//! Reading evidence back. A run that was killed in the middle of a row or a line is read up to there.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use record::{AttemptRow, EVIDENCE_FORMAT, Entry, ExchangeRow, OLDEST_FORMAT, TrialHeader};
use serde::Deserialize;

use crate::evidence::TrialFolder;

/// A run writes no longer line, its end included.
pub(super) const MOST_LINE: u64 = 16 * 1024 * 1024;

/// The evidence of one trial.
#[derive(Debug)]
pub struct Reader {
    folder: TrialFolder,
    header: TrialHeader,
}

/// Why evidence cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {error}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line is no entry of evidence.
    #[error("`{path}`, line {line}, is no entry of evidence: {error}", path = .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Why.
        error: serde_json::Error,
    },
    /// A line is longer than any that a run writes.
    #[error("`{path}`, line {line}, is longer than any line of evidence (at most {} MiB): it was not written by a run", MOST_LINE >> 20, path = .path.display())]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// The first line is not what evidence begins with.
    #[error("`{path}` does not begin as evidence does", path = .path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer version, or by one that is older than any that this one knows.
    #[error("`{path}` has format {found}, and this version reads formats {OLDEST_FORMAT} to {EVIDENCE_FORMAT}: {}", what_to_do(*found), path = .path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

/// What the first line says in every format.
#[derive(Deserialize)]
struct FirstLine {
    trial: Format,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn what_to_do(found: u32) -> &'static str {
    if found > EVIDENCE_FORMAT {
        "a newer version wrote it, and a newer version reads it"
    } else {
        "judge it with the version that wrote it, which its `run.json` names as `tool`"
    }
}

impl Reader {
    /// Opens the evidence of a trial.
    ///
    /// # Errors
    ///
    /// If it cannot be read or was written by a version whose format this one does not know.
    pub fn open(folder: TrialFolder) -> Result<Self, EvidenceError> {
        let path = folder.entries();
        let mut entries = Entries::open(&path)?;
        // The rest of the line may be anything in another format.
        let format = entries.next_text()?.and_then(|text| serde_json::from_slice::<FirstLine>(text).ok());
        match format.map(|line| line.trial.format) {
            None => return Err(EvidenceError::NoHeader { path }),
            Some(OLDEST_FORMAT..=EVIDENCE_FORMAT) => {}
            Some(found) => return Err(EvidenceError::OtherFormat { path, found }),
        }
        match entries.read()? {
            Entry::Trial(header) => Ok(Self { folder, header }),
            _ => Err(EvidenceError::NoHeader { path }),
        }
    }

    /// What it is the evidence of.
    #[must_use]
    pub fn header(&self) -> &TrialHeader {
        &self.header
    }

    /// The lines, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened; a broken line is an error of the iterator, unless it is the last one.
    pub fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<Entry, EvidenceError>> + use<>, EvidenceError> {
        Entries::open(&self.folder.entries())
    }

    /// The exchanges, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn exchanges(
        &self,
    ) -> Result<impl Iterator<Item = Result<ExchangeRow, EvidenceError>> + use<>, EvidenceError> {
        rows(self.folder.exchanges(), ExchangeRow::from_bytes)
    }

    /// The attempts, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn attempts(
        &self,
    ) -> Result<impl Iterator<Item = Result<AttemptRow, EvidenceError>> + use<>, EvidenceError> {
        rows(self.folder.attempts(), AttemptRow::from_bytes)
    }
}

fn open(path: &Path) -> Result<BufReader<File>, EvidenceError> {
    let file = File::open(path).map_err(|error| EvidenceError::Io { path: path.to_owned(), error })?;
    Ok(BufReader::new(file))
}

fn rows<const N: usize, T>(
    path: PathBuf,
    read: fn(&[u8; N]) -> T,
) -> Result<impl Iterator<Item = Result<T, EvidenceError>>, EvidenceError> {
    let mut file = open(&path)?;
    Ok(std::iter::from_fn(move || {
        let mut bytes = [0; N];
        match file.read_exact(&mut bytes) {
            Ok(()) => Some(Ok(read(&bytes))),
            // What is left of a row is what a killed run could not finish.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => Some(Err(EvidenceError::Io { path: path.clone(), error })),
        }
    }))
}

struct Entries {
    path: PathBuf,
    file: BufReader<File>,
    line: u64,
    text: Vec<u8>,
}

impl Entries {
    fn open(path: &Path) -> Result<Self, EvidenceError> {
        Ok(Self { path: path.to_owned(), file: open(path)?, line: 0, text: Vec::new() })
    }

    /// The text of the next line; none where there is no other, or where it breaks off.
    fn next_text(&mut self) -> Result<Option<&[u8]>, EvidenceError> {
        self.text.clear();
        self.line += 1;
        let (path, line) = (|| self.path.clone(), self.line);
        let read = self.file.by_ref().take(MOST_LINE).read_until(b'\n', &mut self.text);
        let length = read.map_err(|error| EvidenceError::Io { path: path(), error })?;
        if self.text.last() != Some(&b'\n') {
            let longer = length as u64 == MOST_LINE;
            return if longer { Err(EvidenceError::LongLine { path: path(), line }) } else { Ok(None) };
        }
        Ok(Some(&self.text))
    }

    /// The line whose text was taken last.
    fn read(&self) -> Result<Entry, EvidenceError> {
        let error = |error| EvidenceError::Line { path: self.path.clone(), line: self.line, error };
        serde_json::from_slice(&self.text).map_err(error)
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, EvidenceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_text() {
            Ok(Some(_)) => Some(self.read()),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::evidence::{Redactor, RunFolder, write_evidence};
    use crate::scratch::{Scratch, fresh_mark};
    use record::{ExchangeId, Fact, Moment, NameId, Sample, Side, TrialHeader, fact_channel};

    const KEY: &str = "sk-sp-1234-5678-90ab";

    fn sample() -> Sample {
        Sample {
            side: Side::ClientGot,
            exchange: ExchangeId(0),
            arrived: None,
            at: Moment(1),
            line: "200".into(),
            head: vec![("x-key".into(), KEY.into())],
            body: format!("take {KEY}"),
            cut: false,
        }
    }

    /// Evidence as a trial writes it that is killed before its end.
    fn unfinished(scratch: &Scratch) -> TrialFolder {
        let folder = RunFolder::create(scratch.path()).unwrap().trial("a trial");
        folder.create().unwrap();
        let header = TrialHeader {
            format: EVIDENCE_FORMAT,
            name: "a trial".into(),
            file: "a.yaml".into(),
            case: None,
            scenario_sha256: String::new(),
            seed: 1,
            target: "small".into(),
            mark: 1,
            began_ms: 0,
            number: 1,
            started: None,
            tool: String::new(),
            tool_sha256: String::new(),
            profile_sha256: String::new(),
        };
        let (facts, received) = fact_channel();
        let entry = |entry| facts.send(Fact::Entry(Box::new(entry)));
        entry(Entry::Trial(header));
        entry(Entry::Sample(sample()));
        for id in 0..3 {
            let row = ExchangeRow::opened(ExchangeId(id), NameId(0), NameId(1), Moment(2));
            facts.send(Fact::Exchange(row));
        }
        drop(facts);
        let mut redactor = Redactor::default();
        redactor.add("key openai/first", KEY);
        assert_eq!(write_evidence(&folder, &received, &redactor, None).unwrap(), None);
        folder
    }

    #[test]
    fn what_a_killed_run_wrote_is_read_up_to_where_it_breaks_off() {
        let scratch = Scratch::new(fresh_mark()).unwrap();
        let folder = unfinished(&scratch);
        let append = |path: PathBuf, bytes: &[u8]| {
            File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
        };
        append(folder.entries(), b"{\"began\":{\"traf");
        append(folder.exchanges(), &[7; 11]);
        let reader = Reader::open(folder).unwrap();
        assert_eq!(reader.entries().unwrap().map(Result::unwrap).count(), 3);
        let ids: Vec<u32> = reader.exchanges().unwrap().map(|row| row.unwrap().id.0).collect();
        assert_eq!(ids, [0, 1, 2]);
        assert_eq!(reader.attempts().unwrap().count(), 0);
    }

    #[test]
    fn a_format_that_this_version_does_not_know_is_refused_with_what_to_do_and_one_that_it_knows_is_read() {
        let scratch = Scratch::new(fresh_mark()).unwrap();
        let folder = RunFolder::create(scratch.path()).unwrap().trial("a trial");
        folder.create().unwrap();
        let header = |format: u32, rest: &str| format!("{{\"trial\":{{\"format\":{format}{rest}}}}}\n");
        let old =
            r#","name":"a","file":"a.yaml","case":null,"scenario_sha256":"","seed":1,"target":"t","mark":1"#;
        let open = |text: &str| {
            std::fs::write(folder.entries(), text).unwrap();
            Reader::open(folder.clone())
                .map(|reader| reader.header().clone())
                .map_err(|error| error.to_string())
        };
        let read = open(&header(2, old)).unwrap();
        assert_eq!((read.number, read.started), (1, None), "what format 2 did not tell");
        let newer = open(&header(EVIDENCE_FORMAT + 1, r#","anything":"else""#)).unwrap_err();
        assert!(
            newer.ends_with("reads formats 2 to 3: a newer version wrote it, and a newer version reads it"),
            "{newer}"
        );
        let older = open(&header(1, old)).unwrap_err();
        assert!(
            older.contains("has format 1") && older.contains("judge it with the version that wrote it"),
            "{older}"
        );
        for none in ["", "{}\n", "no JSON\n", "{\"end\":{}}\n", "{\"trial\":{\"format\":3"] {
            assert!(open(none).unwrap_err().ends_with("does not begin as evidence does"), "{none}");
        }
    }

    #[test]
    fn a_line_that_no_run_writes_is_refused_before_it_fills_the_memory() {
        let scratch = Scratch::new(fresh_mark()).unwrap();
        let folder = unfinished(&scratch);
        let file = File::options().append(true).open(folder.entries()).unwrap();
        // A hole in a file takes no room on the disk, and reads as zeros.
        file.set_len(1 << 33).unwrap();
        let mut entries = Reader::open(folder).unwrap().entries().unwrap();
        let error = entries.find_map(Result::err).unwrap();
        assert!(matches!(error, EvidenceError::LongLine { line: 4, .. }), "{error}");
    }

    #[test]
    fn what_is_longer_than_a_line_may_be_is_not_written() {
        let scratch = Scratch::new(fresh_mark()).unwrap();
        for (length, fits) in [(MOST_LINE / 2, true), (MOST_LINE, false)] {
            let folder = RunFolder::create(scratch.path()).unwrap().trial("a trial");
            folder.create().unwrap();
            let (facts, received) = fact_channel();
            let line = "x".repeat(usize::try_from(length).unwrap());
            facts.send(Fact::Entry(Box::new(Entry::Log { at: Moment(1), line })));
            drop(facts);
            let written = write_evidence(&folder, &received, &Redactor::default(), None);
            assert_eq!(written.is_ok(), fits, "{written:?}");
        }
    }

    #[test]
    fn a_key_that_a_client_was_given_is_told_before_the_message_and_stands_in_no_file() {
        let scratch = Scratch::new(fresh_mark()).unwrap();
        let folder = unfinished(&scratch);
        let text = std::fs::read_to_string(folder.entries()).unwrap();
        assert!(!text.contains(KEY), "{text}");
        let entries: Vec<Entry> =
            Reader::open(folder).unwrap().entries().unwrap().map(Result::unwrap).collect();
        let [Entry::Trial(_), Entry::Carried(carried), Entry::Sample(sample)] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!(carried.what, ["key openai/first"]);
        assert_eq!(sample.body, "take <key openai/first>");
    }
}
