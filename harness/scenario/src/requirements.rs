//! What a suite is asked to cover: rows of the documents that it was made from, which scenarios cite with `covers`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::document::Document;
use crate::problem::{Problem, Source};
use crate::read::{At, Named, Read, part};
use crate::suite::SuiteError;

part! {
    /// The rows of a suite.
    "requirements" => Requirements {
        /// The rows that scenarios have to cover, each with what it asks for.
        /// For example `rows: { S0-20: A limited key is passed over. }`.
        rows: Named<String>,
        /// Those that no scenario can show, and a test of the project or a section of its book does.
        /// For example `shown: [{ by: "tests/policy.rs::no_banned_crate_is_in_the_graph", rows: [S0-20] }]`.
        shown: Vec<Shown>,
        /// Those that are left for later. For example `later: [{ rows: [S3-08], why: no target runs agents yet }]`.
        later: Vec<Later>,
    }
}

part! {
    /// Rows that the project shows without a scenario.
    "shown rows" => Shown {
        /// What shows them: a test function as `FILE::FUNCTION`, or a section as `FILE#HEADING`.
        /// For example `by: "README.md#Run it"`.
        by: At<String>,
        /// Their ids. For example `rows: [S0-88]`.
        rows: Vec<At<String>>,
    }
}

/// What shows a row without a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing<'s> {
    /// A test function in a file of the project.
    Test {
        /// The file.
        file: &'s str,
        /// The function.
        function: &'s str,
    },
    /// A section of a document of the project.
    Section {
        /// The document.
        file: &'s str,
        /// Its heading.
        heading: &'s str,
    },
}

impl Shown {
    /// What it names, if that is written as one can be.
    #[must_use]
    pub fn showing(&self) -> Option<Showing<'_>> {
        let by = self.by.value.as_str();
        let test = by.split_once("::").map(|(file, function)| Showing::Test { file, function });
        test.or_else(|| by.split_once('#').map(|(file, heading)| Showing::Section { file, heading }))
    }
}

part! {
    /// Rows that are left for later.
    "rows for later" => Later {
        /// Their ids. For example `rows: [S3-08, S3-09]`.
        rows: Vec<At<String>>,
        /// Why. For example `why: no target runs agents yet`.
        why: String,
    }
}

impl Requirements {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, all at once.
    pub fn read_file(path: &Path) -> Result<Self, SuiteError> {
        Document::read(path).and_then(Self::of_document)
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, all at once.
    pub fn of(source: Source) -> Result<Self, SuiteError> {
        Document::of(source).and_then(Self::of_document)
    }

    fn of_document(document: Document) -> Result<Self, SuiteError> {
        let mut problems = Vec::new();
        match Self::read(&document.root, &mut problems) {
            Some(requirements) => {
                requirements.check(&mut problems);
                if problems.is_empty() { Ok(requirements) } else { Err(document.refused(problems)) }
            }
            None => Err(document.refused(problems)),
        }
    }

    /// Each row is either to be covered or left for later, and what is shown is one of the former.
    fn check(&self, problems: &mut Vec<Problem>) {
        let mut left = BTreeSet::new();
        for row in self.later.iter().flat_map(|later| &later.rows) {
            if self.rows.get(&row.value).is_some() {
                let message = format!("row `{}` is to be covered and left for later", row.value);
                problems.push(Problem::new(row.span, message).help("take it from `rows`, or from here"));
            } else if !left.insert(&row.value) {
                problems.push(Problem::new(row.span, format!("row `{}` is left for later twice", row.value)));
            }
        }
        for shown in &self.shown {
            if shown.showing().is_none() {
                let message = format!("`{}` is neither a test nor a section", shown.by.value);
                problems.push(
                    Problem::new(shown.by.span, message).help("write `FILE::FUNCTION` or `FILE#HEADING`"),
                );
            }
            for row in shown.rows.iter().filter(|row| self.rows.get(&row.value).is_none()) {
                let problem = Problem::new(row.span, format!("no row is called `{}`", row.value));
                problems.push(problem.nearest(&row.value, self.rows.names()));
            }
        }
    }
}
