//! What `run` was asked to run: paths, whole names of trials, and filters, told apart by how they look.

use std::path::{Path, PathBuf};

use run::Selection;

use crate::args::RunArgs;

/// Separates a scenario's file from a case in a trial's name.
const CASE: &str = "::";

/// Paths to read, and which of their trials to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) selection: Selection,
}

/// Tells paths, names and filters apart. A word is a path if it exists or looks like one, a name if it holds `::`, and a
/// filter otherwise; no path at all means the suite inside the command.
pub(crate) fn selected(args: &RunArgs, exists: impl Fn(&Path) -> bool) -> Selected {
    let mut paths = Vec::new();
    let mut selection = Selection {
        skip: args.libtest.skip.clone(),
        exact: args.libtest.exact,
        tags: args.tag.clone(),
        skip_tags: args.skip_tag.clone(),
        ..Selection::default()
    };
    for word in &args.what {
        match word.split_once(CASE) {
            Some((file, _)) => {
                paths.push(PathBuf::from(file));
                selection.names.push(without_dot(word));
            }
            None if exists(Path::new(word)) || word.contains('/') || word.ends_with(".yaml") => {
                paths.push(PathBuf::from(word));
            }
            None => selection.filters.push(word.clone()),
        }
    }
    if !selection.names.is_empty() {
        // A whole file beside a single case means all of its cases.
        for path in args.what.iter().filter(|word| !word.contains(CASE)) {
            selection.files.push(without_dot(path));
        }
    }
    Selected { paths, selection }
}

fn without_dot(word: &str) -> String {
    word.strip_prefix("./").unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(what: &[&str]) -> Selected {
        let args = RunArgs { what: what.iter().map(ToString::to_string).collect(), ..RunArgs::default() };
        selected(&args, |path| path == Path::new("scenarios") || path == Path::new("a.yaml"))
    }

    #[test]
    fn a_word_that_is_no_path_is_a_filter() {
        let Selected { paths, selection } = select(&["scenarios", "storm"]);
        assert_eq!(paths, [PathBuf::from("scenarios")]);
        assert_eq!(selection.filters, ["storm"]);
        assert_eq!(select(&["storm"]).paths, [] as [PathBuf; 0]);
    }

    #[test]
    fn a_path_that_does_not_exist_is_still_a_path() {
        assert_eq!(select(&["scenaros/"]).paths, [PathBuf::from("scenaros/")]);
        assert_eq!(select(&["b.yaml"]).paths, [PathBuf::from("b.yaml")]);
    }

    #[test]
    fn a_trial_s_name_reads_its_file_and_selects_its_case() {
        let Selected { paths, selection } = select(&["./x/a.yaml::one case"]);
        assert_eq!(paths, [PathBuf::from("./x/a.yaml")]);
        assert!(selection.takes("x/a.yaml::one case"));
        assert!(!selection.takes("x/a.yaml::one case more"));
    }

    #[test]
    fn a_whole_file_beside_a_case_keeps_all_of_its_cases() {
        let Selected { selection, .. } = select(&["a.yaml", "x/b.yaml::one"]);
        assert!(selection.takes("a.yaml") && selection.takes("a.yaml::any"));
        assert!(selection.takes("x/b.yaml::one") && !selection.takes("x/b.yaml::two"));
    }
}
