//! What `fixtures/requirements.yaml` says to be shown by a test or a section of the book is really there.

use std::fs;
use std::path::Path;

use scenario::{Requirements, Showing};

const REQUIREMENTS: &str = "fixtures/requirements.yaml";

fn text(name: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).ok()
}

/// Whether a file has a test of this name: a function right below the attribute that makes it one.
fn has_test(text: &str, function: &str) -> bool {
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        let signature = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = signature.strip_prefix("fn ") {
            if is_test && rest.strip_prefix(function).is_some_and(|rest| rest.starts_with('(')) {
                return true;
            }
            is_test = false;
        } else if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if line.starts_with("#[ignore") {
            is_test = false;
        }
    }
    false
}

/// Whether a document has a section of this heading with something below it.
fn has_section(text: &str, heading: &str) -> bool {
    let mut lines = text.lines().skip_while(|line| {
        !line.starts_with('#') || line.trim_start_matches('#').strip_prefix(' ') != Some(heading)
    });
    lines.next().is_some()
        && lines.find(|line| !line.trim().is_empty()).is_some_and(|line| !line.starts_with('#'))
}

fn dangles(showing: Showing<'_>) -> bool {
    match showing {
        Showing::Test { file, function } => !text(file).is_some_and(|text| has_test(&text, function)),
        Showing::Section { file, heading } => !text(file).is_some_and(|text| has_section(&text, heading)),
    }
}

#[test]
fn whatever_is_said_to_show_a_row_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(REQUIREMENTS);
    let requirements = Requirements::read_file(&path).expect("the rows can be read");
    let names = requirements.shown.iter().filter(|shown| shown.showing().is_none_or(dangles));
    let missing: Vec<&str> = names.map(|shown| shown.by.value.as_str()).collect();
    assert!(missing.is_empty(), "{REQUIREMENTS} names what is not there: {}", missing.join(", "));
    assert!(requirements.shown.iter().all(|shown| !shown.rows.is_empty()), "something shows no row");
}

#[test]
fn what_is_not_there_or_is_no_test_is_noticed() {
    let test = |function| Showing::Test { file: "tests/requirements.rs", function };
    assert!(!dangles(test("what_is_not_there_or_is_no_test_is_noticed")));
    assert!(dangles(test("what_is_not_there")), "half a name");
    assert!(dangles(test("dangles")), "a function that is no test");
    assert!(dangles(Showing::Test { file: "tests/no-such-file.rs", function: "dangles" }));
    let ignored = "#[test]\n#[ignore = \"slow\"]\nfn a_test() {}\n";
    assert!(
        !has_test(ignored, "a_test") && has_test(&ignored.replace("#[ignore = \"slow\"]\n", ""), "a_test")
    );
    let section = |heading| Showing::Section { file: "README.md", heading };
    assert!(!dangles(section("Run it")));
    assert!(dangles(section("Run")) && dangles(section("Run it by hand")));
    assert!(!has_section("# One\n\n## Two\n\nText.\n", "One"), "a heading with nothing below it");
}

#[test]
fn nothing_that_is_asked_for_is_left_without_something_that_shows_it() {
    let listed =
        std::process::Command::new(env!("CARGO_BIN_EXE_stormproof")).args(["list", "--coverage"]).output();
    let listed = listed.expect("the command starts");
    assert_eq!(listed.status.code(), Some(0), "{}", String::from_utf8_lossy(&listed.stderr));
    let told = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        told.lines().any(|line| line.starts_with("S0-20    ") && line.contains("rotation/next-key-on-429"))
    );
}
