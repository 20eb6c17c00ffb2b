//! Texts of a profile that have a shape: templates, commands, paths. What is wrong with one is told when it is read.

use scenario::{Node, Problem, Read, SchemaBook, Span};
use serde_json::json;
use serde_json_path::JsonPath;

use crate::template::{self, Mistake, Scope};

/// A text with `{{ }}`, which is rendered for each start. Like a native configuration file it sees `upstreams`, `models`,
/// `tenants`, `prices`, `settings`, `dir`, `port`, `profile_dir`, `stormproof`, `admin_key` and more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templated {
    /// The text as it stands in the profile.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A text with `{{ }}` that is rendered for requests: it also sees `tenant_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestText(pub Templated);

/// A text with `{{ }}` that is rendered for something that is done to the target: it also sees the `key` that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationText(pub Templated);

/// A program with its arguments. There is at least the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(pub Vec<Templated>);

/// A path of the target, which begins with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPath(pub String);

/// The name of a header, as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(pub String);

/// A JSONPath (RFC 9535), by which a value is found in a document.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuePath {
    /// The path as it stands in the profile.
    pub text: String,
    pub(crate) path: JsonPath,
}

impl Templated {
    fn read_for(scope: Scope, node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let read = Self { text: String::read(node, problems)?, span: node.span };
        read.check(scope, problems).then_some(read)
    }

    /// Whether it can be rendered in a scope; what is wrong is told.
    pub(crate) fn check(&self, scope: Scope, problems: &mut Vec<Problem>) -> bool {
        let mistakes = template::check(&self.text, scope);
        let sound = mistakes.is_empty();
        problems.extend(mistakes.into_iter().map(|mistake| problem(mistake, self.span, scope)));
        sound
    }
}

impl Read for Templated {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read_for(Scope::Start, node, problems)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        String::schema(book)
    }
}

impl Read for RequestText {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Templated::read_for(Scope::Request, node, problems).map(Self)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        Templated::schema(book)
    }
}

impl Read for OperationText {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Templated::read_for(Scope::Operation, node, problems).map(Self)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        Templated::schema(book)
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

impl Read for HeaderName {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let name = String::read(node, problems)?;
        // What RFC 9110 calls a token.
        let sound =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !sound {
            let problem =
                Problem::new(node.span, format!("`{}` is no name of a header", name.escape_debug()));
            problems.push(problem.help("write the name alone: `authorization`"));
            return None;
        }
        Some(Self(name.to_ascii_lowercase()))
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" })
    }
}

/// A longer one is an attack: nobody names a field by it.
const LONGEST_VALUE_PATH: usize = 200;

impl Read for ValuePath {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let text = String::read(node, problems)?;
        let path = if text.len() > LONGEST_VALUE_PATH {
            Err(format!("it is longer than {LONGEST_VALUE_PATH} bytes"))
        } else {
            JsonPath::parse(&text).map_err(|error| error.to_string())
        };
        match path {
            Ok(path) => Some(Self { text, path }),
            Err(error) => {
                let problem = Problem::new(node.span, format!("not a JSONPath: {error}"));
                problems.push(problem.help("write the way to the value: `$.usage.input`, `$.rows[*]`"));
                None
            }
        }
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "string", "pattern": r"^\$", "maxLength": LONGEST_VALUE_PATH })
    }
}

/// A template's mistake as a problem at its place.
pub(crate) fn problem(mistake: Mistake, span: Span, scope: Scope) -> Problem {
    let problem = Problem::new(span, mistake.message);
    match mistake.unknown {
        Some(name) => problem.nearest(&name, scope.names()),
        None => problem,
    }
}
