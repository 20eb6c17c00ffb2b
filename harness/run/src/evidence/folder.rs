//! Where the evidence of a run stands: one folder for the run, and in it one for each trial.
//!
//! ```text
//! reports/runs/20261121-040000-7/
//!   bench.json            what it is judged by: the texts of scenarios and rules, claims, bounds, confessed failures
//!   head.json             what is known of the run before its trials: the target, the command, when it began
//!   run.json              everything that was judged
//!   junit.xml
//!   histograms/           one file for each phase and metric
//!   trials/<trial>/
//!     evidence.ndjson     what is seen once or seldom, a line each
//!     exchanges.rows      64 bytes for each exchange
//!     attempts.rows       64 bytes for each attempt
//!     trial.json          what was judged of it
//!     try-2/, try-3/      the same three files of its further tries, where it was run again
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use record::MOST_TRIES;
use sha2::{Digest, Sha256};

/// The folder of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// The folder of one trial's evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialFolder {
    path: PathBuf,
    name: String,
}

impl RunFolder {
    /// The folder at this path, made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path.join("trials"))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder at this path, as somebody left it.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Removes what an earlier run left in it.
    ///
    /// # Errors
    ///
    /// If something cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        for folder in ["trials", "histograms"] {
            match fs::remove_dir_all(self.path.join(folder)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => fs::create_dir_all(self.path.join(folder))?,
            }
        }
        for file in [self.run(), self.head(), self.bench()] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps other processes from writing what concerns the whole run, until the file is dropped.
    ///
    /// # Errors
    ///
    /// If the machine has no locks.
    pub fn lock(&self) -> io::Result<fs::File> {
        let file = fs::File::create(self.path.join(".lock"))?;
        file.lock()?;
        Ok(file)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is judged by.
    #[must_use]
    pub fn bench(&self) -> PathBuf {
        self.path.join("bench.json")
    }

    /// What is known of the run before its trials.
    #[must_use]
    pub fn head(&self) -> PathBuf {
        self.path.join("head.json")
    }

    /// Everything that was judged.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// The folder of a trial, by its name.
    #[must_use]
    pub fn trial(&self, name: &str) -> TrialFolder {
        let slug = slug(name);
        TrialFolder { path: self.path.join("trials").join(&slug), name: format!("trials/{slug}") }
    }

    /// The folders of the trials that left one.
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed.
    pub fn trials(&self) -> io::Result<Vec<TrialFolder>> {
        let mut trials = Vec::new();
        for entry in fs::read_dir(self.path.join("trials"))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                let name = format!("trials/{}", entry.file_name().to_string_lossy());
                trials.push(TrialFolder { path: entry.path(), name });
            }
        }
        trials.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(trials)
    }
}

impl TrialFolder {
    /// Makes it, empty.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&self.path)
    }

    /// The folder of one of its tries, from 1. The first one stands in the trial's own, and goes with all others.
    pub(crate) fn of_try(&self, number: u32) -> Self {
        if number == 1 {
            return self.clone();
        }
        let folder = format!("try-{number}");
        Self { path: self.path.join(&folder), name: format!("{}/{folder}", self.name) }
    }

    /// The folders of the tries that left evidence, in their order.
    pub(crate) fn tries(&self) -> impl Iterator<Item = Self> {
        (1..=MOST_TRIES).map(|number| self.of_try(number)).take_while(|folder| folder.entries().exists())
    }

    /// Its path seen from the run's folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lines.
    #[must_use]
    pub fn entries(&self) -> PathBuf {
        self.path.join("evidence.ndjson")
    }

    /// The exchanges.
    #[must_use]
    pub fn exchanges(&self) -> PathBuf {
        self.path.join("exchanges.rows")
    }

    /// The attempts.
    #[must_use]
    pub fn attempts(&self) -> PathBuf {
        self.path.join("attempts.rows")
    }

    /// What was judged.
    #[must_use]
    pub fn judged(&self) -> PathBuf {
        self.path.join("trial.json")
    }
}

/// A file name for a trial: readable, and different for different trials.
fn slug(name: &str) -> String {
    const MOST: usize = 100;
    let mut readable = String::new();
    for c in name.trim_end_matches(".yaml").chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' => readable.push(c),
            _ if readable.is_empty() || readable.ends_with('-') => {}
            _ => readable.push('-'),
        }
    }
    let tail = readable.len().saturating_sub(MOST);
    let digest = Sha256::digest(name.as_bytes());
    format!("{}-{:02x}{:02x}", readable[tail..].trim_matches(['-', '.']), digest[0], digest[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_s_folder_is_readable_and_its_own() {
        let folder = RunFolder::open(Path::new("r"));
        let name = |trial: &str| folder.trial(trial).name().to_owned();
        let one = name("scenarios/spike/storm.yaml::one retry");
        assert!(one.starts_with("trials/scenarios-spike-storm.yaml-one-retry-"), "{one}");
        assert_ne!(name("a/b"), name("a-b"));
        assert!(!name("../../x").contains(".."));
    }
}
