//! Reading evidence back. A run that was killed in the middle of a row or a line is read up to there.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use record::{AttemptRow, EVIDENCE_FORMAT, Entry, ExchangeRow, TrialHeader};

use crate::evidence::TrialFolder;

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
    /// The first line is not what evidence begins with.
    #[error("`{path}` does not begin as evidence does", path = .path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version.
    #[error("`{path}` has format {found}, and this version reads formats up to {EVIDENCE_FORMAT}", path = .path.display())]
    Later {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

impl Reader {
    /// Opens the evidence of a trial.
    ///
    /// # Errors
    ///
    /// If it cannot be read or was written by a later version.
    pub fn open(folder: TrialFolder) -> Result<Self, EvidenceError> {
        let path = folder.entries();
        let first = Entries::open(&path)?.next().transpose()?;
        let Some(Entry::Trial(header)) = first else { return Err(EvidenceError::NoHeader { path }) };
        if header.format > EVIDENCE_FORMAT {
            return Err(EvidenceError::Later { path, found: header.format });
        }
        Ok(Self { folder, header })
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
    text: String,
}

impl Entries {
    fn open(path: &Path) -> Result<Self, EvidenceError> {
        Ok(Self { path: path.to_owned(), file: open(path)?, line: 0, text: String::new() })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, EvidenceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.text.clear();
        self.line += 1;
        match self.file.read_line(&mut self.text) {
            Ok(0) => None,
            Ok(_) if !self.text.ends_with('\n') => None,
            Ok(_) => Some(serde_json::from_str(&self.text).map_err(|error| EvidenceError::Line {
                path: self.path.clone(),
                line: self.line,
                error,
            })),
            Err(error) => Some(Err(EvidenceError::Io { path: self.path.clone(), error })),
        }
    }
}
