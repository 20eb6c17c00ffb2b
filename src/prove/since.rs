//! What changed since a commit: scenarios that must be proved again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use scenario::Suite;

use crate::settings::Refusal;

/// The scenario files of a suite that have to be proved again; none if that is all of them.
pub(super) fn changed(suite: &Suite, since: &str) -> Result<Option<BTreeSet<String>>, Refusal> {
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let root = Path::new(root.trim_end());
    // What is not committed counts, and so does what git does not know yet.
    let known = git(&["diff", "--name-only", "--no-renames", "-z", since, "--"])?;
    let unknown = git(&["ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/"])?;
    let paths = known.split('\0').chain(unknown.split('\0')).filter(|path| !path.is_empty());
    Ok(concerned(suite, root, &paths.map(|path| root.join(path)).collect()))
}

/// A scenario is concerned if it, a file that it imports or its chapter changed; everything is, if anything else did but texts.
fn concerned(suite: &Suite, root: &Path, changed: &BTreeSet<PathBuf>) -> Option<BTreeSet<String>> {
    let scenarios = &suite.scenarios;
    let path_of = |name: &str| std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
    let mut concerned = BTreeSet::new();
    for path in changed {
        let own = scenarios.iter().find(|file| path_of(&file.name) == *path);
        let chapter =
            path.file_name().is_some_and(|name| name == "rules.yaml").then(|| path.parent()).flatten();
        if let Some(file) = own {
            concerned.insert(file.name.clone());
        } else if let Some(folder) = chapter {
            let of_chapter = scenarios.iter().filter(|file| path_of(&file.name).parent() == Some(folder));
            concerned.extend(of_chapter.map(|file| file.name.clone()));
        } else if !is_text(path.strip_prefix(root).unwrap_or(path)) {
            return None;
        }
    }
    Some(concerned)
}

/// Whether nothing that runs depends on a file.
fn is_text(path: &Path) -> bool {
    path.starts_with("docs") || path.extension().is_some_and(|extension| extension == "md")
}

fn git(words: &[&str]) -> Result<String, Refusal> {
    let ran = Command::new("git").args(words).output();
    let output = ran.map_err(|error| Refusal::machine("`--since` asks git, which cannot be run", &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let told = told.lines().next().unwrap_or("it says nothing").trim_start_matches("fatal: ").to_owned();
    Err(Refusal::misused(format!("`--since` asks git, which says: {told}")))
}
