//! `stormproof check`: reads scenarios and tells everything that is wrong with them, of all files at once.

use run::Exit;
use scenario::{Suite, SuiteError};

use crate::args::PathArgs;
use crate::contract::CHAPTERS;
use crate::terminal::{renderer, say, tell};

/// Checks scenarios.
pub(crate) fn check(args: &PathArgs) -> Exit {
    match Suite::read(&args.paths, CHAPTERS) {
        Ok(suite) => {
            let cases: usize = suite.scenarios.iter().map(|file| file.cases.len()).sum();
            say(&format!(
                "{} and {} are sound\n",
                counted(suite.scenarios.len(), "scenario"),
                counted(cases, "case")
            ));
            Exit::Sound
        }
        Err(error) => tell_all(&error),
    }
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
