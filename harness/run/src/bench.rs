//! What a run is judged by: the texts of its scenarios and rules, what the target claims and declares, and how strictly.
//!
//! It is kept beside the evidence, so that a run can be judged again anywhere, by the same or a later version.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use scenario::{Capability, Source, Suite, SuiteError, SuiteTexts};
use serde::{Deserialize, Serialize};

use crate::evidence::RunFolder;

/// What a run is judged by.
#[derive(Debug)]
pub struct Bench {
    /// The scenarios and rules.
    pub suite: Suite,
    /// What the target claims.
    pub claims: Vec<Capability>,
    /// The bounds that the target's profile declares: numbers as they are, durations in seconds.
    pub bounds: BTreeMap<String, f64>,
    /// Whether a SHOULD counts as a MUST.
    pub strict: bool,
}

/// Why what a run is judged by cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The file cannot be read or written.
    #[error("cannot use `{path}`: {error}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what a run leaves behind.
    #[error("`{path}` is not what a run is judged by: {error}", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The scenarios cannot be read by this version.
    #[error("the scenarios of the run cannot be read by this version")]
    Suite(Box<SuiteError>),
}

#[derive(Serialize, Deserialize)]
struct BenchFile {
    scenarios: Vec<Text>,
    chapters: Vec<Text>,
    claims: Vec<String>,
    bounds: BTreeMap<String, f64>,
    strict: bool,
}

#[derive(Serialize, Deserialize)]
struct Text {
    name: String,
    text: String,
}

impl Bench {
    /// Leaves it in a run's folder, beside the scenarios that other processes left there for the same run.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save(&self, folder: &RunFolder) -> Result<(), BenchError> {
        let _alone = folder.lock().map_err(|error| BenchError::Io { path: folder.bench(), error })?;
        let texts = self.suite.texts();
        let others = BenchFile::read(folder).ok();
        let (scenarios, chapters) =
            others.map_or_else(Default::default, |file| (file.scenarios, file.chapters));
        let file = BenchFile {
            scenarios: joined(texts.scenarios, scenarios),
            chapters: joined(texts.chapters, chapters),
            claims: self.claims.iter().map(|claim| claim.word().to_owned()).collect(),
            bounds: self.bounds.clone(),
            strict: self.strict,
        };
        let path = folder.bench();
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| BenchError::Format { path: path.clone(), error })?;
        fs::write(&path, text).map_err(|error| BenchError::Io { path, error })
    }

    /// Takes it from a run's folder.
    ///
    /// # Errors
    ///
    /// If it is not there, or this version cannot read it.
    pub fn load(folder: &RunFolder) -> Result<Self, BenchError> {
        let file = BenchFile::read(folder)?;
        let source = |text: Text| Source { name: text.name, text: text.text };
        let texts = SuiteTexts {
            scenarios: file.scenarios.into_iter().map(source).collect(),
            chapters: file.chapters.into_iter().map(source).collect(),
        };
        let suite = Suite::of(texts).map_err(|error| BenchError::Suite(Box::new(error)))?;
        let known = |word: &String| {
            Capability::ALL.iter().find(|(known, ..)| known == word).map(|(_, claim, _)| *claim)
        };
        // A claim that this version does not know cannot be needed by a scenario that it can read.
        let claims = file.claims.iter().filter_map(known).collect();
        Ok(Self { suite, claims, bounds: file.bounds, strict: file.strict })
    }
}

impl BenchFile {
    fn read(folder: &RunFolder) -> Result<Self, BenchError> {
        let path = folder.bench();
        let text = fs::read_to_string(&path).map_err(|error| BenchError::Io { path: path.clone(), error })?;
        serde_json::from_str(&text).map_err(|error| BenchError::Format { path, error })
    }
}

/// Texts of this process, and of others those that it does not have.
fn joined(own: Vec<Source>, others: Vec<Text>) -> Vec<Text> {
    let mut texts: Vec<Text> = own.into_iter().map(Text::from).collect();
    for other in others {
        if !texts.iter().any(|text| text.name == other.name) {
            texts.push(other);
        }
    }
    texts.sort_by(|a, b| a.name.cmp(&b.name));
    texts
}

impl From<Source> for Text {
    fn from(source: Source) -> Self {
        Self { name: source.name, text: source.text }
    }
}
