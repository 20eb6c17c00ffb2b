//! The files that a program left in its folder, with the beginnings of those that are texts.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Of each file no more than this is kept.
const KEPT: u64 = 64 * 1024;
/// More files than this are not looked at.
const MOST_FILES: usize = 1_000;

/// The files below a folder: their paths below it, their sizes, and their texts where they are texts.
pub(crate) fn left_files(folder: &Path) -> io::Result<Vec<(String, u64, Option<String>)>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let look = |path: PathBuf| {
        let size = fs::metadata(&path)?.len();
        let text = beginning(&path)?;
        Ok((path.strip_prefix(folder).unwrap_or(&path).display().to_string(), size, text))
    };
    paths.into_iter().map(look).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if paths.len() >= MOST_FILES {
            return Ok(());
        }
        if kind.is_dir() {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// The beginning of a file, if it is a text.
fn beginning(path: &Path) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(KEPT).read_to_end(&mut bytes)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        // A character that the cap cut in two does not make a text something else.
        Err(error) if error.utf8_error().error_len().is_none() => {
            let whole = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(whole);
            String::from_utf8(bytes).ok()
        }
        Err(_) => None,
    })
}
