//! Which trials run: filters as `libtest` knows them, several of them, and whole names that select exactly.

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
