//! The profile of the bundled router, inside the command: the target of a run that names no other.

use std::fs;
use std::io;
use std::path::Path;

use scenario::SuiteError;
use target::Profile;

/// The files, as they stand in the repository below `fixtures/targets/`.
const FILES: [(&str, &str); 2] = [
    ("router.yaml", include_str!("../fixtures/targets/router.yaml")),
    ("router/config.yaml.j2", include_str!("../fixtures/targets/router/config.yaml.j2")),
];

/// Reads the profile. It is written out first and read like any other, so that it is one like any other.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn read_profile() -> io::Result<Result<Profile, SuiteError>> {
    let folder = std::env::temp_dir().join(format!("stormproof-profile-{}", std::process::id()));
    let written = write_files(&folder);
    let profile = written.map(|()| Profile::read(&folder.join(FILES[0].0)));
    drop(fs::remove_dir_all(&folder));
    profile
}

fn write_files(folder: &Path) -> io::Result<()> {
    for (name, text) in FILES {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}
