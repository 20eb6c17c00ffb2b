//! Texts of a profile that have a shape: templates, commands, paths. What is wrong with one is told when it is read.

use scenario::{Node, Problem, Read, SchemaBook, Span};
use serde_json::json;

use crate::template::{self, Mistake};

/// A text with `{{ }}`, which is rendered for each start. Like a native configuration file it sees `upstreams`, `models`,
/// `dir`, `port`, `profile_dir`, `stormproof` and `admin_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templated {
    /// The text as it stands in the profile.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A program with its arguments. There is at least the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(pub Vec<Templated>);

/// A path of the target, which begins with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPath(pub String);

impl Read for Templated {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let text = String::read(node, problems)?;
        let mistakes = template::check(&text);
        let sound = mistakes.is_empty();
        problems.extend(mistakes.into_iter().map(|mistake| problem(mistake, node.span)));
        sound.then_some(Self { text, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        String::schema(book)
    }
}

impl Read for CommandLine {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let words: Vec<Templated> = Vec::read(node, problems)?;
        if words.is_empty() {
            let problem = Problem::new(node.span, "a command without a program");
            problems.push(problem.help("write the program and its arguments: `[program, --flag, value]`"));
            return None;
        }
        Some(Self(words))
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "array", "items": Templated::schema(book), "minItems": 1 })
    }
}

impl Read for UrlPath {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let path = String::read(node, problems)?;
        if !path.starts_with('/') {
            let problem = Problem::new(node.span, format!("the path `{path}` does not begin with `/`"));
            problems.push(problem.help("write the path alone, without the address: `/health`"));
            return None;
        }
        Some(Self(path))
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^/" })
    }
}

/// A template's mistake as a problem at its place.
pub(crate) fn problem(mistake: Mistake, span: Span) -> Problem {
    let problem = Problem::new(span, mistake.message);
    match mistake.unknown {
        Some(name) => problem.nearest(&name, template::NAMES),
        None => problem,
    }
}
