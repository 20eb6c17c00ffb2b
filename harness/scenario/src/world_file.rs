//! A file whose world is served by itself: one that holds a world, as scenarios import it, or a whole scenario.

use std::path::Path;

use crate::cases::{Case, read_cases};
use crate::check::check_world;
use crate::document::Document;
use crate::imports::{Imports, Library};
use crate::node::{Entry, Node, Span, Value};
use crate::problem::{Problem, enough};
use crate::suite::{Suite, SuiteError};

/// The key by which a file that holds a world is told from a scenario, which has it further in.
const OF_A_WORLD: &str = "upstreams";

/// Reads the cases of a file. A world by itself is the only case of a scenario that has nothing else. `contract` holds the
/// chapters of rules that a scenario can cite, as file names and texts.
///
/// # Errors
///
/// Everything that is wrong with it, all at once.
pub fn read_worlds(path: &Path, contract: &[(&str, &str)]) -> Result<Vec<Case>, SuiteError> {
    let document = Document::read(path)?;
    if document.root.get(OF_A_WORLD).is_some() {
        return read_world(document, path);
    }
    let suite = Suite::read(&[path.to_owned()], contract)?;
    Ok(suite.scenarios.into_iter().flat_map(|file| file.cases).collect())
}

fn read_world(mut document: Document, path: &Path) -> Result<Vec<Case>, SuiteError> {
    let (name, mut library, mut problems) = (path.display().to_string(), Library::on_disk(), Vec::new());
    let mut imports = Imports::new(&name, &mut library, &mut document.sources, &mut problems);
    let world = imports.resolve(&document.root);
    let cases = read_wrapped(world, &name, &mut problems);
    if problems.is_empty() { Ok(cases) } else { Err(document.refused(problems)) }
}

fn read_wrapped(world: Node, name: &str, problems: &mut Vec<Problem>) -> Vec<Case> {
    if !problems.is_empty() {
        // What was not imported would be told again as missing.
        return Vec::new();
    }
    let cases = read_cases(&wrapped(world, name), problems);
    for case in &cases {
        if enough(problems) {
            break;
        }
        let mut found = Vec::new();
        check_world(&case.scenario, &mut found);
        found.retain(|problem| !problems.contains(problem));
        problems.extend(found);
    }
    problems.sort_by_key(|problem| problem.span);
    cases
}

/// A scenario of a world and nothing else.
fn wrapped(world: Node, name: &str) -> Node {
    let span = Span { end: world.span.start, ..world.span };
    let entry = |key: &str, node: Node| Entry { key: key.to_owned(), key_span: span, node };
    let title = Node { span, value: Value::Text(name.to_owned()) };
    Node { span: world.span, value: Value::Map(vec![entry("title", title), entry("world", world)]) }
}

#[cfg(test)]
mod tests {
    use annotate_snippets::Renderer;

    use super::*;
    use crate::problem::Source;

    fn read(text: &str) -> Result<Vec<Case>, String> {
        let source = Source { name: "world.yaml".to_owned(), text: text.to_owned() };
        let world = Document::of(source).and_then(|document| read_world(document, Path::new("world.yaml")));
        world.map_err(|error| error.draw(&Renderer::plain()))
    }

    #[test]
    fn a_world_by_itself_may_name_any_phase() {
        let text = "upstreams:\n  openai:\n    dialect: openai\n    keys: 2\n    timeline:\n      \
                    - { during: storm, reply: { error: overloaded } }\n";
        let cases = read(text).unwrap();
        assert_eq!(cases[0].scenario.world.upstreams.names().collect::<Vec<_>>(), ["openai"]);
    }

    #[test]
    fn mistakes_of_a_world_are_told_at_their_places() {
        let told = read(
            "upstreams:\n  openai: { dialect: opnai }\nrouter: { models: { chat: { pool: nobody } } }\n",
        )
        .unwrap_err();
        assert!(told.contains("world.yaml:2:22") && told.contains("did you mean `openai`?"), "{told}");
        let told = read(
            "upstreams:\n  openai: { dialect: openai }\nrouter: { models: { chat: { pool: opnai } } }\n",
        )
        .unwrap_err();
        assert!(told.contains("no upstream is called `opnai`"), "{told}");
        let told =
            read("upstreams:\n  openai: { dialect: openai, reply: { text: \"{{ wait }}\" } }\n").unwrap_err();
        assert!(told.contains("wait"), "{told}");
    }
}
