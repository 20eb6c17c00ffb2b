//! A file that is no scenario and is read by the same machinery, so that its mistakes are told alike.

use std::path::Path;

use crate::find::read_source;
use crate::node::Node;
use crate::problem::{Problem, Source, Sources};
use crate::suite::SuiteError;
use crate::yaml;

/// A file's node tree with the text that it came from.
#[derive(Debug)]
pub struct Document {
    /// The texts that spans refer to; texts that the file names can be added.
    pub sources: Sources,
    /// The tree.
    pub root: Node,
}

impl Document {
    /// Reads one file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no YAML.
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        let source = read_source(path)
            .map_err(|unreadable| SuiteError::of(Sources::default(), Vec::new(), unreadable))?;
        Self::of(source)
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// It is no YAML.
    pub fn of(source: Source) -> Result<Self, SuiteError> {
        let mut sources = Sources::default();
        let id = sources.add(source);
        match yaml::parse(id, &sources.get(id).text) {
            Ok(root) => Ok(Self { sources, root }),
            Err(problem) => Err(SuiteError::of(sources, vec![problem], Vec::new())),
        }
    }

    /// Turns into everything that is wrong with what the file says.
    #[must_use]
    pub fn refused(self, problems: Vec<Problem>) -> SuiteError {
        SuiteError::of(self.sources, problems, Vec::new())
    }
}
