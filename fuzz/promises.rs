//! What the targets hold whatever is read: a text is sound and stays so, or every mistake in it is told where it stands.

use annotate_snippets::Renderer;
use scenario::{Source, Suite, SuiteError, SuiteTexts};

/// A named text.
pub fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// The scenarios and rules beside which the bytes of a target are read.
pub fn contract() -> SuiteTexts {
    SuiteTexts {
        scenarios: Vec::new(),
        chapters: vec![
            source("rotation/rules.yaml", include_str!("../scenarios/rotation/rules.yaml")),
            source("ledger/rules.yaml", include_str!("../scenarios/ledger/rules.yaml")),
            source("spike/rules.yaml", include_str!("../scenarios/spike/rules.yaml")),
        ],
        imports: vec![source(
            "fixtures/prices/example.yaml",
            include_str!("../fixtures/prices/example.yaml"),
        )],
    }
}

/// Reads a suite, and holds what is promised of it.
pub fn read_suite(texts: SuiteTexts) {
    match Suite::of(texts) {
        Ok(suite) => stays_sound(&suite),
        Err(error) => is_told(&error),
    }
}

/// A run keeps the texts of its suite, so that it can be judged again: they must read as the same suite.
fn stays_sound(suite: &Suite) {
    let again = Suite::of(suite.texts()).unwrap_or_else(|error| panic!("{}", error.draw(&Renderer::plain())));
    let outlines = [suite, &again].map(|suite| {
        suite.scenarios.iter().map(|file| (&file.name, &file.sha256, &file.cases)).collect::<Vec<_>>()
    });
    assert!(outlines[0] == outlines[1], "the texts of a sound suite read as another suite");
}

/// Every mistake has a message, a position and lines that a terminal can show; there is a bounded number of them.
pub fn is_told(error: &SuiteError) {
    let drawn = error.draw(&Renderer::plain());
    assert!(error.count() > 0, "refused for nothing");
    assert!(drawn.len() < 8_000_000, "{} bytes of messages", drawn.len());
    let messages = drawn.lines().filter(|line| line.starts_with("error: ")).count();
    let positions = drawn.lines().filter(|line| line.trim_start().starts_with("--> ")).count();
    assert!(messages >= error.count() && positions >= error.count(), "a mistake without its place:\n{drawn}");
    let hostile = drawn.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert!(hostile.is_none(), "{hostile:?} would reach the terminal:\n{drawn}");
}
