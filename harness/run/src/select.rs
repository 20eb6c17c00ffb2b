//! Which trials run: filters as `libtest` knows them, several of them, whole names that select exactly, and tags.

use scenario::{MARKS, Scenario, Stage, Suite, nearest};

/// Which of the trials of a suite are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Any of these must be part of the name; all names if empty.
    pub filters: Vec<String>,
    /// None of these may be part of the name.
    pub skip: Vec<String>,
    /// Whether filters and skips must equal the name.
    pub exact: bool,
    /// Whole names; if there are any, a trial must be one of them or belong to one of `files`.
    pub names: Vec<String>,
    /// Files or folders whose trials are meant beside the whole names.
    pub files: Vec<String>,
    /// A trial's scenario must bear one of these tags, or be of the stage of that name; all if empty.
    pub tags: Vec<String>,
    /// It may bear none of these, nor be of such a stage.
    pub skip_tags: Vec<String>,
}

impl Selection {
    /// Whether a trial is meant.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let fits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        let any = |filters: &[String]| filters.is_empty() || filters.iter().any(fits);
        let below = |file: &String| name.starts_with(file.as_str());
        let named = self.names.is_empty()
            || self.names.iter().any(|wanted| wanted == name)
            || self.files.iter().any(below);
        named && any(&self.filters) && !self.skip.iter().any(fits)
    }

    /// Whether the trials of a scenario are meant, by what it bears.
    #[must_use]
    pub fn takes_scenario(&self, scenario: &Scenario) -> bool {
        let bears = |tag: &String| {
            scenario.stage.word() == tag || scenario.tags.iter().any(|borne| borne.value == *tag)
        };
        (self.tags.is_empty() || self.tags.iter().any(bears)) && !self.skip_tags.iter().any(bears)
    }

    /// A tag that no scenario of a suite bears and that is no mark either, with the nearest one that is: it is misspelt, and would
    /// select nothing, or leave out nothing.
    #[must_use]
    pub fn unknown_tag<'s>(&'s self, suite: &'s Suite) -> Option<(&'s str, Option<&'s str>)> {
        let borne = suite.scenarios.iter().flat_map(|file| &file.cases).flat_map(|case| &case.scenario.tags);
        let mut known: Vec<&str> = Stage::ALL.iter().map(|(word, ..)| *word).chain(MARKS).collect();
        known.extend(borne.map(|tag| tag.value.as_str()));
        let unknown = self.tags.iter().chain(&self.skip_tags).find(|tag| !known.contains(&tag.as_str()))?;
        Some((unknown, nearest(unknown, &known)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_what_libtest_users_expect() {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let select = |filters: &[&str], skip: &[&str], exact| Selection {
            filters: list(filters),
            skip: list(skip),
            exact,
            ..Selection::default()
        };
        for (selection, name, taken) in [
            (select(&[], &[], false), "a/b", true),
            (select(&["b"], &[], false), "a/b", true),
            (select(&["c", "a"], &[], false), "a/b", true),
            (select(&["c"], &[], false), "a/b", false),
            (select(&["a"], &["b"], false), "a/b", false),
            (select(&["a"], &[], true), "a/b", false),
            (select(&["a/b"], &["a"], true), "a/b", true),
        ] {
            assert_eq!(selection.takes(name), taken, "{selection:?}");
        }
    }
}
