//! The book says what the code does: its tables and examples are made or checked from the types that read them.
//!
//! `STORMPROOF_BLESS=1 cargo test --test docs` writes the tables anew.

use std::fs;
use std::path::{Path, PathBuf};

use scenario::{Field, Source, Subject, Suite, SuiteTexts};

const OPENING: &str = "<!-- fields -->\n";
const CLOSING: &str = "<!-- end of fields -->\n";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The table of fields, as the book shows it.
fn fields() -> String {
    let mut table = String::from("| field | of | what |\n|---|---|---|\n");
    for (word, field, about) in Field::ALL {
        let of: Vec<&str> = [Subject::Exchanges, Subject::Attempts, Subject::Requests]
            .into_iter()
            .filter(|subject| field.belongs_to(*subject))
            .map(Subject::word)
            .collect();
        table.push_str(&format!("| `{word}` | {} | {} |\n", of.join(", "), about.trim()));
    }
    table
}

#[test]
fn the_table_of_fields_is_the_code_s() {
    let book = text("docs/language.md");
    let (before, rest) = book.split_once(OPENING).expect("the table's place");
    let (_, after) = rest.split_once(CLOSING).expect("the table's end");
    let made = format!("{before}{OPENING}{}{CLOSING}{after}", fields());
    if std::env::var_os("STORMPROOF_BLESS").is_some() {
        fs::write(path("docs/language.md"), made).expect("the book can be written");
    } else {
        assert!(made == book, "the table of fields in docs/language.md is not the code's");
    }
}

#[test]
fn the_whole_scenario_in_the_book_is_sound() {
    let book = text("docs/language.md");
    let (_, rest) = book.split_once("```yaml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let source = |name: &str, text: String| Source { name: name.to_owned(), text };
    let texts = SuiteTexts {
        scenarios: vec![source("docs/language.md", example.to_owned())],
        chapters: vec![source("rules.yaml", text("scenarios/rotation/rules.yaml"))],
    };
    if let Err(error) = Suite::of(texts) {
        panic!("{}", error.draw(&annotate_snippets::Renderer::plain()));
    }
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
    let mut part = "";
    for piece in architecture.split('\n').flat_map(|line| line.split('`').enumerate()) {
        let (index, name) = piece;
        if index == 0 {
            part = "";
        }
        let looks_like_a_path = index % 2 == 1 && name.contains('/') && !name.contains([' ', '<', '#']);
        if index % 2 == 0 || !looks_like_a_path && !["router", "src"].contains(&name) {
            continue;
        }
        let inside = Path::new(part).join(name);
        if !path(name).exists() && !path(&inside.display().to_string()).exists() {
            missing.push(inside.display().to_string());
        }
        if part.is_empty() {
            part = name;
        }
    }
    missing.retain(|path| !path.ends_with("reports/runs/"));
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {}", missing.join(", "));
}
