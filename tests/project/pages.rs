//! What the first pages say is so: links lead somewhere, commands and options exist, versions and licences are those of the manifest.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{path, text};

/// The pages that people read, but those that the code makes.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "ARCHITECTURE.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for folder in ["docs", "docs/design"] {
        let files = fs::read_dir(path(folder)).expect("the folder is there").flatten();
        let names = files.map(|file| format!("{folder}/{}", file.file_name().to_string_lossy()));
        pages.extend(names.filter(|name| name.ends_with(".md")));
    }
    pages
}

/// The headings of a page as links name them.
fn anchors(page: &str) -> Vec<String> {
    let headings =
        page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let kept = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
            .collect::<String>();
        kept.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn no_link_within_the_project_is_dead() {
    let (mut dead, mut followed) = (Vec::new(), 0);
    for page in pages() {
        let body = text(&page);
        let folder = Path::new(&page).parent().unwrap_or(Path::new("")).to_owned();
        for link in body.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains(' ') || link.is_empty() {
                continue;
            }
            followed += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path(&page) } else { path("").join(&folder).join(file) };
            let lacks_anchor =
                || !anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(&anchor.to_owned());
            if !target.exists() || (!anchor.is_empty() && lacks_anchor()) {
                dead.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere: {}", dead.join(", "));
    assert!(followed > 20, "only {followed} links were found");
}

/// What the command says of one of its parts.
fn help_of(part: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_stormproof")).args([part, "--help"]).output().expect("it starts");
    assert!(output.status.success(), "there is no `stormproof {part}`");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_command_and_option_of_the_pages_is_one() {
    let (mut unknown, mut seen) = (Vec::new(), 0);
    for page in pages() {
        for line in text(&page).lines() {
            let bare = line.trim().trim_start_matches("$ ");
            let begin = ["cargo run --release -- ", "stormproof ", "target/release/stormproof "];
            let Some(words) = begin.iter().find_map(|begin| bare.strip_prefix(begin)) else { continue };
            let mut words = words.split_whitespace();
            let Some(part) = words.next().filter(|part| part.chars().all(|c| c.is_ascii_lowercase())) else {
                continue;
            };
            // A sentence of the book may begin with the name of the command.
            if !help_lists(part) {
                continue;
            }
            seen += 1;
            let help = help_of(part);
            for option in words.filter_map(|word| word.trim_matches(['`', '[', ']', ',']).strip_prefix("--"))
            {
                let option = option.split('=').next().unwrap_or_default();
                if !option.is_empty() && !help.contains(&format!("--{option}")) {
                    unknown.push(format!("{page}: `{part} --{option}`"));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "options that do not exist: {}", unknown.join(", "));
    assert!(seen >= 10, "only {seen} commands were found");
    assert!(!help_of("run").contains("--no-such-option") && !help_lists("destroy"));
}

fn help_lists(part: &str) -> bool {
    let output = Command::new(env!("CARGO_BIN_EXE_stormproof")).arg("--help").output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).lines().any(|line| line.split_whitespace().next() == Some(part))
}

#[test]
fn the_readme_says_what_is_needed_under_which_licence_and_where_to_get_help() {
    let readme = text("README.md");
    let manifest: toml::Table = text("Cargo.toml").parse().expect("the manifest is TOML");
    let package = &manifest["workspace"]["package"];
    let said = |key: &str| package[key].as_str().expect("a text").to_owned();
    assert!(readme.contains(&format!("Rust {} or newer", said("rust-version"))));
    assert!(readme.contains(&format!("Version {}", said("version"))), "the status names the version");
    assert!(readme.contains(package["authors"][0].as_str().expect("a name")), "and who maintains it");
    assert_eq!(said("license"), "MIT OR Apache-2.0");
    for file in ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(!text(file).is_empty(), "{file}");
    }
    let (_, help) = readme.split_once("## Get help").expect("the section");
    let steps: Vec<&str> =
        help.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    for (step, word) in steps.iter().zip(["explain", "reports/latest", "issue", "new issue"]) {
        assert!(step.contains(word), "`{step}` does not speak of {word}");
    }
    assert_eq!(steps.len(), 4);
}

#[test]
fn the_folders_of_the_house_are_there_and_reports_of_runs_are_nobody_s() {
    for folder in ["src", "scenarios", "fixtures", "harness", "reports", ".github"] {
        assert!(
            fs::read_dir(path(folder)).is_ok_and(|mut files| files.next().is_some()),
            "{folder} is empty"
        );
    }
    let ignored = text(".gitignore");
    for folder in ["/reports/runs", "/reports/proofs", "/reports/latest"] {
        assert!(ignored.lines().any(|line| line == folder), "{folder} would be committed");
    }
    assert!(path("reports/README.md").exists() && path("Cargo.toml").exists());
}
