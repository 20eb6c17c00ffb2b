//! The examples of the book: each is read, whole or inside a scenario that has what it leaves out, and whole ones run.

use std::fs;
use std::path::Path;
use std::process::Command;

use scenario::{Source, Suite, SuiteTexts};

use crate::{BOOK, path, text};

/// What `matches: golden/answer.txt` of the book compares with.
const GOLDEN: (&str, &str) = ("golden/answer.txt", "a scripted answer\n");

/// What surrounds an example of the book that is no whole scenario: each of its own keys takes the place of one of these.
const SURROUNDINGS: [(&str, &str); 6] = [
    ("title", "title: An example of the book\n"),
    (
        "world",
        "world:
  tenants: { acme: {}, globex: {} }
  upstreams:
    openai:
      dialect: openai
      keys: [first, second, third]
      script: [{ name: limited, once: true, reply: { error: rate_limit } }]
    azure: { dialect: openai, keys: 2 }
  router:
    instances: 2
    models: { chat: { pool: openai } }
",
    ),
    ("requests", "requests: { ask: { model: chat, prompt: ping } }\n"),
    (
        "traffic",
        "traffic:
  - { step: ask, send: ask }
  - { step: ask again, send: ask }
  - { phase: storm, burst: 4, send: ask }
",
    ),
    ("witness", "witness: [{ exchanges: { count: { at_least: 1 } } }]\n"),
    (
        "expect",
        "expect: [{ rule: ROT-001, say: clients get answers, exchanges: { every: { status: 200 } } }]\n",
    ),
];

/// An example of the book.
struct Example {
    line: usize,
    /// What its first line says that it is: `world`, `file worlds/pool.yaml`; empty for a whole scenario.
    kind: String,
    text: String,
}

fn examples_of_the_book() -> Vec<Example> {
    let book = text(BOOK);
    let mut found = Vec::new();
    let mut rest = book.as_str();
    while let Some((before, from)) = rest.split_once("```yaml\n") {
        let line = book[..book.len() - rest.len() + before.len()].lines().count() + 2;
        let (inside, after) = from.split_once("```").expect("the end of an example");
        let first = inside.lines().next().unwrap_or_default();
        let kind = match first.strip_prefix("# ") {
            Some(kind) if !kind.starts_with("yaml-language-server:") => kind.to_owned(),
            _ if inside.contains("title:") => String::new(),
            _ => panic!("{BOOK}:{line}: an example begins with `title:` or says what it is: `# world`"),
        };
        found.push(Example { line, kind, text: inside.to_owned() });
        rest = after;
    }
    assert!(found.len() > 20, "the examples of the book were not found");
    found
}

/// The whole scenarios of the book, by the line on which each begins.
fn whole_scenarios() -> impl Iterator<Item = Example> {
    examples_of_the_book().into_iter().filter(|example| example.kind.is_empty())
}

/// An example with what a scenario must have besides.
fn surrounded(example: &Example) -> String {
    let keys: Vec<&str> = example
        .text
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split(':').next())
        .collect();
    if !example.kind.is_empty() {
        assert_eq!(keys.join(", "), example.kind, "{BOOK}:{}: what it says that it is", example.line);
    }
    let around = SURROUNDINGS.iter().filter(|(key, _)| !keys.contains(key)).map(|(_, text)| *text);
    if example.kind.is_empty() {
        example.text.clone()
    } else {
        around.chain([example.text.as_str()]).collect()
    }
}

#[test]
fn every_example_in_the_book_is_sound() {
    let source = |name: &str, text: String| Source { name: name.to_owned(), text };
    let examples = examples_of_the_book();
    let mut imports = vec![source(GOLDEN.0, GOLDEN.1.to_owned())];
    for example in &examples {
        if let Some(name) = example.kind.strip_prefix("file ") {
            imports.push(source(name, example.text.clone()));
        }
    }
    for example in &examples {
        let name = format!("{BOOK}:{}", example.line);
        let mut texts =
            SuiteTexts { imports: imports.clone(), chapters: chapters(), ..SuiteTexts::default() };
        match example.kind.as_str() {
            "rules" => texts.chapters = vec![source(&name, example.text.clone())],
            kind if kind.starts_with("file ") => continue,
            _ => texts.scenarios = vec![source(&name, surrounded(example))],
        }
        if let Err(error) = Suite::of(texts) {
            panic!("{}", error.draw(&annotate_snippets::Renderer::plain()));
        }
    }
}

fn chapters() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in fs::read_dir(path("scenarios")).expect("the scenarios").flatten() {
        let file = folder.path().join("rules.yaml");
        if let Ok(text) = fs::read_to_string(&file) {
            found.push(Source { name: file.display().to_string(), text });
        }
    }
    found
}

#[test]
fn the_bundled_router_passes_every_whole_scenario_of_the_book() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("book-{}", std::process::id()));
    for example in whole_scenarios() {
        let own = folder.join(example.line.to_string());
        fs::create_dir_all(&own).expect("a folder of its own");
        let file = own.join("scenario.yaml");
        fs::write(&file, &example.text).expect("the scenario");
        let output = Command::new(env!("CARGO_BIN_EXE_stormproof"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["run", "--reports"])
            .args([&own.join("reports"), &file])
            .output()
            .expect("the command starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{BOOK}:{}\n{out}{err}", example.line);
    }
    fs::remove_dir_all(&folder).expect("the folder goes");
}
