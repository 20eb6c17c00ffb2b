//! `stormproof export`: the suite that is inside the command, written out as files.

use std::fs;
use std::io;
use std::path::Path;

use run::Exit;

use crate::args::ExportArgs;
use crate::released::FILES;
use crate::terminal::{say, tell};

/// Writes the suite into a folder that is empty or not there yet, so that nobody's edited scenario is lost.
pub(crate) fn export(args: &ExportArgs) -> Exit {
    let folder = &args.folder;
    let refused = |why: &str, exit: Exit| {
        tell(&format!("error: cannot write the suite into `{}`: {why}\n", folder.display()));
        exit
    };
    match is_free(folder) {
        Ok(true) => {}
        Ok(false) => {
            let why =
                "there is something in it already\n  = help: name a folder that is empty or not there yet";
            return refused(why, Exit::Misused);
        }
        Err(error) => return refused(&error.to_string(), Exit::Misused),
    }
    if let Err(error) = write(folder) {
        return refused(&error.to_string(), Exit::Blocked);
    }
    let scenarios = folder.join("scenarios");
    say(&format!(
        "{} files are in `{}`; `stormproof run {}` runs them\n",
        FILES.len(),
        folder.display(),
        scenarios.display()
    ));
    Exit::Sound
}

fn is_free(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn write(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}
