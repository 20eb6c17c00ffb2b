//! Lists the files that go inside the command (the suite: the scenarios with their rules, and what they name; and the probes), and
//! hashes the source that the command is made of, so that a run can say which one judged it.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The lists, each with its folders from the repository's root.
const LISTS: [(&str, &[&str]); 2] = [
    ("released.rs", &["scenarios", "fixtures/prices", "fixtures/worlds"]),
    ("probes.rs", &["fixtures/probes"]),
];

/// What the command is made of beside the crates of `harness/`. Scenarios and profiles have hashes of their own.
const SOURCE: [&str; 5] = ["Cargo.lock", "Cargo.toml", "router/Cargo.toml", "router/src", "src"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    for (name, folders) in LISTS {
        let list = list(&root, folders)?;
        fs::write(Path::new(&std::env::var("OUT_DIR")?).join(name), list)?;
    }
    println!("cargo::rustc-env=STORMPROOF_SOURCE_SHA256={}", hash_of_source(&root)?);
    Ok(())
}

/// The files in some folders, each with its text, as an expression.
fn list(root: &Path, folders: &[&str]) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in folders {
        println!("cargo::rerun-if-changed={folder}");
        collect(&root.join(folder), &["yaml"], &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(root)?.display().to_string();
        writeln!(list, "    ({name:?}, include_str!({:?})),", file.display().to_string())?;
    }
    list.push_str("]\n");
    Ok(list)
}

/// One hash over the names and texts of the source files, in the order of their names.
fn hash_of_source(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut parts: Vec<PathBuf> = SOURCE.iter().map(|part| root.join(part)).collect();
    for member in fs::read_dir(root.join("harness"))? {
        let member = member?.path();
        parts.extend([member.join("Cargo.toml"), member.join("src")]);
    }
    let mut files = Vec::new();
    for path in parts {
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() {
            collect(&path, &["rs"], &mut files)?;
        } else {
            files.push(path);
        }
    }
    files.sort();
    let mut whole = Sha256::new();
    for file in files {
        let (name, text) = (file.strip_prefix(root)?.display().to_string(), fs::read(&file)?);
        for part in [name.as_bytes(), &text] {
            // With its length before it, so that no two parts are the same as one.
            whole.update(part.len().to_le_bytes());
            whole.update(part);
        }
    }
    Ok(whole.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files with one of these endings in a folder and the folders in it.
fn collect(folder: &Path, endings: &[&str], files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, endings, files)?;
        } else if path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)) {
            files.push(path);
        }
    }
    Ok(())
}
