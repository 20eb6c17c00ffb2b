//! Finding the texts of a suite: the scenario files below some paths, and the chapters of rules beside them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::problem::{Source, nearest, printable};
use crate::suite::SuiteTexts;

/// A larger file is no scenario.
const MOST_BYTES: u64 = 1024 * 1024;
const RULES_FILE: &str = "rules.yaml";

/// A path that cannot be read at all.
#[derive(Debug)]
pub(crate) struct Unreadable {
    path: String,
    message: String,
    help: Option<String>,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}: `{}`", printable(&self.message), printable(&self.path))?;
        match &self.help {
            Some(help) => writeln!(f, "  = help: {}", printable(help)),
            None => Ok(()),
        }
    }
}

/// The texts below some paths, with the contract's chapters behind those that were found.
pub(crate) fn find_texts(paths: &[PathBuf], contract: &[(&str, &str)]) -> (SuiteTexts, Vec<Unreadable>) {
    let mut finder = Finder::default();
    let mut files = Vec::new();
    for path in paths {
        finder.find(path, &mut files);
    }
    files.sort();
    files.dedup();
    let mut texts = SuiteTexts::default();
    for path in chapters_beside(&files) {
        texts.chapters.extend(finder.read(&path));
    }
    for (name, text) in contract {
        if !texts.chapters.iter().any(|found| found.text == *text) {
            texts.chapters.push(Source { name: (*name).to_owned(), text: (*text).to_owned() });
        }
    }
    // A chapter that was named is read as one, and is no scenario.
    files.retain(|file| file.file_name().is_none_or(|name| name != RULES_FILE));
    for path in &files {
        texts.scenarios.extend(finder.read(path));
    }
    (texts, finder.unreadable)
}

/// The text of one file.
pub(crate) fn read_source(path: &Path) -> Result<Source, Vec<Unreadable>> {
    let mut finder = Finder::default();
    finder.read(path).ok_or(finder.unreadable)
}

#[derive(Default)]
struct Finder {
    unreadable: Vec<Unreadable>,
}

impl Finder {
    /// Collects the scenario files below a path.
    fn find(&mut self, path: &Path, files: &mut Vec<PathBuf>) {
        let before = files.len();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                if let Err(error) = walk(path, files) {
                    self.cannot_read(path, &error);
                } else if files.len() == before {
                    let help = "a scenario is a file whose name ends in `.yaml`";
                    self.refuse(path, "no scenario in this folder", Some(help.to_owned()));
                }
            }
            Ok(_) => files.push(path.to_owned()),
            Err(error) => self.cannot_read(path, &error),
        }
    }

    fn read(&mut self, path: &Path) -> Option<Source> {
        match read_text(path) {
            Ok(text) => Some(Source { name: shown(path), text }),
            Err(Refusal::Io(error)) => {
                self.cannot_read(path, &error);
                None
            }
            Err(Refusal::Because(message, help)) => {
                self.refuse(path, &message, Some(help));
                None
            }
        }
    }

    fn cannot_read(&mut self, path: &Path, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            self.refuse(
                path,
                "no such file or folder",
                near_path(path).map(|near| format!("did you mean `{near}`?")),
            );
        } else {
            self.refuse(path, &format!("cannot be read ({error})"), None);
        }
    }

    fn refuse(&mut self, path: &Path, message: &str, help: Option<String>) {
        self.unreadable.push(Unreadable { path: shown(path), message: message.to_owned(), help });
    }
}

/// The chapters in the folders of the scenarios, and in the folders beside those.
fn chapters_beside(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = files.iter().filter_map(|file| file.parent()).map(or_here).collect();
    folders.dedup();
    let mut chapters = Vec::new();
    for folder in &folders {
        chapters.push(folder.join(RULES_FILE));
        let siblings = folder.parent().map(or_here).and_then(|parent| fs::read_dir(parent).ok());
        chapters.extend(siblings.into_iter().flatten().flatten().map(|entry| entry.path().join(RULES_FILE)));
    }
    chapters.sort();
    chapters.dedup();
    chapters.retain(|chapter| chapter.is_file());
    chapters.dedup_by_key(|chapter| chapter.canonicalize().unwrap_or_else(|_| chapter.clone()));
    chapters
}

fn or_here(folder: &Path) -> PathBuf {
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
}

enum Refusal {
    Io(io::Error),
    Because(String, String),
}

fn read_text(path: &Path) -> Result<String, Refusal> {
    let size = fs::metadata(path).map_err(Refusal::Io)?.len();
    if size > MOST_BYTES {
        let message = format!("too large for a scenario ({} MiB)", size.div_ceil(MOST_BYTES));
        return Err(Refusal::Because(message, "a scenario has at most 1 MiB".to_owned()));
    }
    let bytes = fs::read(path).map_err(Refusal::Io)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        Refusal::Because(format!("not UTF-8 (line {line}, byte {at})"), "save the file as UTF-8".to_owned())
    })
}

/// Scenario files below a folder. Links to folders are not followed, so a loop cannot hold the reader.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&path, files)?;
        } else if name.ends_with(".yaml") && name != RULES_FILE {
            files.push(path);
        }
    }
    Ok(())
}

/// A path as it was named, without a leading `./`.
fn shown(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).display().to_string()
}

/// A file beside a path that does not exist, which was likely meant.
pub(crate) fn near_path(path: &Path) -> Option<String> {
    let folder = or_here(path.parent()?);
    let wrong = path.file_name()?.to_string_lossy().into_owned();
    let names: Vec<String> = fs::read_dir(&folder)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    nearest(&wrong, &names).map(|near| shown(&folder.join(near)))
}
