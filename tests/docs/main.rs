//! What is written for people says what the code does: the book's tables are made from the types that read scenarios, its
//! examples are read, its whole scenarios run, the page on targets is followed, and schemas for editors are the code's.
//!
//! `STORMPROOF_BLESS=1 cargo test --test docs` writes the tables and the schemas anew.

mod examples;
mod schemas;
mod tables;
mod targets;
mod validator;

use std::fs;
use std::path::{Path, PathBuf};

const BOOK: &str = "docs/language.md";

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Compares a file with what the code makes of it, or writes it where that is asked for.
pub(crate) fn is_made_by_the_code(name: &str, made: &str) {
    if std::env::var_os("STORMPROOF_BLESS").is_some() {
        fs::write(path(name), made).unwrap_or_else(|error| panic!("{name}: {error}"));
        return;
    }
    let there = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(
        there == made,
        "{name} is not what the code says; `STORMPROOF_BLESS=1 cargo test --test docs` writes it\n{}",
        similar::TextDiff::from_lines(there.as_str(), made).unified_diff()
    );
}

#[test]
fn the_readme_has_exactly_its_two_commands_up_front() {
    let readme = text("README.md");
    let (_, rest) = readme.split_once("## Run it").expect("the section");
    let (section, _) = rest.split_once("\n## ").expect("its end");
    let commands: Vec<&str> = section.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands, ["cargo run --release -- run scenarios/", "cargo test --workspace"]);
    let ci = text(".ci/run");
    for command in ["cargo test --workspace", "cargo run --release --locked -- run scenarios/"] {
        assert!(ci.contains(command), ".ci/run does not run `{command}`");
    }
}

#[test]
fn every_path_that_the_architecture_names_is_there() {
    let architecture = text("ARCHITECTURE.md");
    let mut missing = Vec::new();
    // A row or an entry goes on where the next line is set off; what it names first is where the rest of it is looked for.
    let mut part = Path::new("");
    for line in architecture.lines() {
        if !line.starts_with("  ") {
            part = Path::new("");
        }
        for name in line.split('`').skip(1).step_by(2).filter(|name| looks_like_a_path(name)) {
            if !part.ancestors().any(|folder| path("").join(folder).join(name).exists()) {
                missing.push(name);
            }
            if part.as_os_str().is_empty() {
                part = Path::new(name);
            }
        }
    }
    missing.retain(|name| *name != "reports/runs/");
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {}", missing.join(", "));
}

fn looks_like_a_path(name: &str) -> bool {
    name.contains('/') && !name.contains([' ', '<', '#']) || ["router", "src"].contains(&name)
}
