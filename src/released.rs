//! The suite that is inside the command: what `run` runs where nobody names a path, the contract that scenarios anywhere can
//! cite, and what `export` writes out.

use std::path::PathBuf;
use std::sync::LazyLock;

use scenario::{Source, Suite, SuiteError, SuiteTexts};
use sha2::{Digest, Sha256};

use crate::probe;

/// Every file with its text, as they stand in the repository, in the order of their names.
pub(crate) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/released.rs"));

const SCENARIOS: &str = "scenarios/";
const RULES: &str = "/rules.yaml";

/// The chapters of rules, each with its file's name and text.
pub(crate) fn chapters() -> &'static [(&'static str, &'static str)] {
    static CHAPTERS: LazyLock<Vec<(&str, &str)>> =
        LazyLock::new(|| FILES.iter().copied().filter(|(name, _)| is_chapter(name)).collect());
    &CHAPTERS
}

/// One hash over all of it: over a line for each file, as `sha256sum` writes them, in the order of their names.
pub(crate) fn sha256() -> &'static str {
    static SHA256: LazyLock<String> = LazyLock::new(|| {
        let mut whole = Sha256::new();
        // As `sort` orders them, for which a `/` is a letter like any other.
        let mut files = FILES.to_vec();
        files.sort_unstable();
        for (name, text) in files {
            whole.update(format!("{}  {name}\n", in_digits(&Sha256::digest(text.as_bytes()))));
        }
        in_digits(&whole.finalize())
    });
    &SHA256
}

fn in_digits(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a suite that are not as they were released, by their names there: an exported suite that somebody edited, or a
/// checkout that is not the one of this command.
pub(crate) fn edited(suite: &Suite) -> Vec<&'static str> {
    let texts = suite.texts();
    let all = texts.scenarios.iter().chain(&texts.imports).chain(&texts.chapters);
    let mut edited: Vec<&str> = all
        .filter_map(|source| {
            let (name, released) = released(&source.name)?;
            (source.text != *released).then_some(*name)
        })
        .collect();
    edited.sort_unstable();
    edited
}

/// What was released under a file's name, whatever folder the suite is in.
fn released(file: &str) -> Option<&'static (&'static str, &'static str)> {
    let path = std::path::absolute(file).ok()?;
    FILES.iter().find(|(name, _)| path.ends_with(name))
}

/// The suite below some paths, or the released one where there is no path. The probes inside the command can be named like the files
/// that they are in the repository.
///
/// # Errors
///
/// Everything that is wrong, all at once.
pub(crate) fn read_suite(paths: &[PathBuf]) -> Result<Suite, SuiteError> {
    if paths.is_empty() {
        return Suite::of(texts());
    }
    match probe::of_command(paths) {
        Some(probes) => Suite::of(probes),
        None => Suite::read(paths, chapters()),
    }
}

/// The rules alone. The command's own chapters are sound; a test reads them.
pub(crate) fn contract() -> Suite {
    let chapter = |(name, text): &(&str, &str)| Source { name: (*name).to_owned(), text: (*text).to_owned() };
    let chapters = chapters().iter().map(chapter).collect();
    Suite::of(SuiteTexts { chapters, ..SuiteTexts::default() }).unwrap_or_default()
}

fn texts() -> SuiteTexts {
    let mut texts = SuiteTexts::default();
    for (name, text) in FILES {
        let source = Source { name: (*name).to_owned(), text: (*text).to_owned() };
        if is_chapter(name) {
            texts.chapters.push(source);
            continue;
        }
        if name.starts_with(SCENARIOS) {
            texts.scenarios.push(source.clone());
        }
        // A scenario can build on another.
        texts.imports.push(source);
    }
    texts
}

fn is_chapter(name: &str) -> bool {
    name.starts_with(SCENARIOS) && name.ends_with(RULES)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_released_suite_is_that_of_the_repository() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let of_disk = Suite::read(&[root.join("scenarios")], &[]).unwrap();
        let released = read_suite(&[]).unwrap();
        let hashes = |suite: &Suite| -> Vec<String> {
            suite.scenarios.iter().map(|file| file.sha256.clone()).collect()
        };
        assert_eq!(hashes(&released), hashes(&of_disk));
        assert_eq!(released.rules.ids().collect::<Vec<_>>(), of_disk.rules.ids().collect::<Vec<_>>());
    }

    #[test]
    fn an_edited_file_is_known_wherever_the_suite_is() {
        assert_eq!(edited(&read_suite(&[]).unwrap()), [] as [&str; 0]);
        let (name, text) = FILES.iter().find(|(name, _)| name.ends_with("next-key-on-429.yaml")).unwrap();
        for folder in ["", "/elsewhere/suite/", "one/"] {
            let scenario = |text: String| Source { name: format!("{folder}{name}"), text };
            let suite = |text| Suite::of(SuiteTexts { scenarios: vec![scenario(text)], ..texts() }).unwrap();
            assert_eq!(edited(&suite((*text).to_owned())), [] as [&str; 0], "{folder}");
            assert_eq!(edited(&suite(format!("{text}# edited\n"))), [*name], "{folder}");
        }
        assert_eq!(released("scenarios/rotation/one-of-my-own.yaml"), None);
    }

    #[test]
    fn every_chapter_is_inside() {
        assert!(chapters().iter().any(|(name, text)| {
            *name == "scenarios/rotation/rules.yaml" && text.contains("chapter: rotation")
        }));
        let folders = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")).unwrap();
        let with_rules = folders.flatten().filter(|entry| entry.path().join("rules.yaml").exists());
        assert_eq!(chapters().len(), with_rules.count());
    }
}
