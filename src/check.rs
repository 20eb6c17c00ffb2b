//! `stormproof check`: reads scenarios, chapters of rules, worlds and profiles, and tells everything that is wrong with them,
//! of all files at once.

use std::fs;
use std::path::{Path, PathBuf};

use run::Exit;
use scenario::{Suite, SuiteError, read_worlds};
use target::Profile;

use crate::args::PathArgs;
use crate::released::chapters;
use crate::terminal::{renderer, say, tell};

/// Checks what the paths name.
pub(crate) fn check(args: &PathArgs) -> Exit {
    let (profiles, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        args.paths.iter().cloned().partition(|path| is_profile(path));
    let (worlds, paths): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| is_world(path));
    let mut sound = Vec::new();
    let mut exit = Exit::Sound;
    if !paths.is_empty() {
        match Suite::read(&paths, chapters()) {
            Ok(suite) if suite.scenarios.is_empty() => sound.push(counted(paths.len(), "chapter")),
            Ok(suite) => {
                let cases: usize = suite.scenarios.iter().map(|file| file.cases.len()).sum();
                sound.push(counted(suite.scenarios.len(), "scenario"));
                sound.push(counted(cases, "case"));
            }
            Err(error) => exit = tell_all(&error),
        }
    }
    let read_world = |path: &PathBuf| read_worlds(path, chapters()).err();
    for (files, what, wrong) in [
        (&worlds, "world", worlds.iter().filter_map(read_world).collect::<Vec<SuiteError>>()),
        (&profiles, "profile", profiles.iter().filter_map(|path| Profile::read(path).err()).collect()),
    ] {
        if files.len() > wrong.len() {
            sound.push(counted(files.len() - wrong.len(), what));
        }
        for error in &wrong {
            exit = tell_all(error);
        }
    }
    if !sound.is_empty() {
        let one = sound.len() == 1 && sound[0].starts_with("1 ");
        say(&format!("{} {} sound\n", sound.join(" and "), if one { "is" } else { "are" }));
    }
    exit
}

/// Whether a file is the profile of a target: only those say how something is started and what it speaks.
fn is_profile(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("start:") && has("speaks:")
}

/// Whether a file holds a world by itself: only there do upstreams stand at the top.
fn is_world(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.starts_with("upstreams:")))
}

/// Tells what is wrong with a suite.
pub(crate) fn tell_all(error: &SuiteError) -> Exit {
    tell(&error.draw(&renderer()));
    tell(&format!("{} found\n", counted(error.count(), "mistake")));
    Exit::Misused
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
