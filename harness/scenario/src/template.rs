//! Texts with `{{ }}` that are filled in when they are used: when a request is sent, or when an upstream replies.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use cel::{Context, Program};
use serde_json::json;

use crate::expression::{EXPRESSION_HELP, compile, names_behind, no_value};
use crate::node::Node;
use crate::problem::Problem;
use crate::read::{Read, SchemaBook};
use crate::substitute::{Piece, split};

/// The roots that are known only later, and when.
pub(crate) const LATER: [(&str, &str); 6] = [
    ("captured", "when a request is sent"),
    ("exchange", "when a request is sent"),
    ("target", "when a request is sent"),
    ("upstream", "when a request is sent"),
    ("scenario", "when a request is sent"),
    ("request", "when an upstream replies"),
];

/// A text, perhaps with expressions that are evaluated at the moment of use.
#[derive(Clone)]
pub struct Template {
    text: String,
    /// None for a text without expressions.
    pieces: Option<Arc<[Compiled]>>,
}

enum Compiled {
    Text(String),
    Expression(String, Program),
}

/// What the names of an expression stand for: by root, then by name.
#[derive(Clone, Debug, Default)]
pub struct Values {
    roots: BTreeMap<&'static str, BTreeMap<String, Known>>,
}

#[derive(Clone, Debug)]
enum Known {
    Text(String),
    /// With which an expression can calculate.
    Number(i64),
}

impl Values {
    /// Sets `root.name` to a text. Roots are `captured`, `exchange`, `target`, `upstream`, `scenario` and `request`.
    pub fn set(&mut self, root: &'static str, name: &str, value: impl Into<String>) {
        self.roots.entry(root).or_default().insert(name.to_owned(), Known::Text(value.into()));
    }

    /// Sets `root.name` to the number of something, from 1.
    pub fn set_number(&mut self, root: &'static str, name: &str, number: u64) {
        let number = Known::Number(i64::try_from(number).unwrap_or(i64::MAX));
        self.roots.entry(root).or_default().insert(name.to_owned(), number);
    }

    /// Whether an expression goes wrong with all values of the kinds that these have.
    pub(crate) fn misfit(&self, program: &Program) -> Option<String> {
        use cel::ExecutionError as Error;
        let error = program.execute(&self.context()).err()?;
        matches!(
            error,
            Error::UnsupportedBinaryOperator(..)
                | Error::ValuesNotComparable(..)
                | Error::NoSuchOverload(_)
                | Error::UndeclaredReference(_)
        )
        .then(|| no_value(&error))
    }

    fn context(&self) -> Context<'static, 'static> {
        let mut context = Context::default();
        for (root, names) in &self.roots {
            let map: HashMap<String, cel::Value> =
                names.iter().map(|(name, known)| (name.clone(), known.value())).collect();
            context.add_variable_from_value(*root, cel::Value::from(map));
        }
        context
    }
}

impl Known {
    fn value(&self) -> cel::Value {
        match self {
            Self::Text(text) => cel::Value::from(text.as_str()),
            Self::Number(number) => cel::Value::Int(*number),
        }
    }
}

impl Template {
    /// A text in which nothing is filled in.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), pieces: None }
    }

    /// A text with its expressions.
    ///
    /// # Errors
    ///
    /// An expression is none, in words for the user.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.contains("{{") {
            return Ok(Self::plain(text));
        }
        let compiled = split(text)?.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Compiled::Text(text.to_owned())),
            Piece::Expression(source) => {
                compile(source).map(|program| Compiled::Expression(source.to_owned(), program))
            }
        });
        let pieces = compiled.collect::<Result<Vec<_>, String>>()?;
        Ok(Self { text: text.to_owned(), pieces: Some(pieces.into()) })
    }

    /// The text as it stands in the scenario.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, where nothing has to be filled in.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        self.pieces.is_none().then_some(self.text.as_str())
    }

    /// The text with everything filled in.
    ///
    /// # Errors
    ///
    /// An expression has no value, in words for the user.
    pub fn fill(&self, values: &Values) -> Result<String, String> {
        let Some(pieces) = &self.pieces else { return Ok(self.text.clone()) };
        let mut filled = String::with_capacity(self.text.len() + 32);
        for piece in pieces.iter() {
            match piece {
                Compiled::Text(text) => filled.push_str(text),
                Compiled::Expression(source, program) => filled.push_str(&evaluate(source, program, values)?),
            }
        }
        Ok(filled)
    }

    /// The names behind `root.` that the text uses.
    pub fn names_of(&self, root: &str) -> Vec<String> {
        let Some(pieces) = &self.pieces else { return Vec::new() };
        let mut names = Vec::new();
        for piece in pieces.iter() {
            if let Compiled::Expression(_, program) = piece {
                names.extend(names_behind(root, program));
            }
        }
        names
    }
}

fn evaluate(source: &str, program: &Program, values: &Values) -> Result<String, String> {
    match program.execute(&values.context()) {
        Ok(cel::Value::String(text)) => Ok(text.to_string()),
        Ok(cel::Value::Int(number)) => Ok(number.to_string()),
        Ok(cel::Value::UInt(number)) => Ok(number.to_string()),
        Ok(cel::Value::Float(number)) => Ok(number.to_string()),
        Ok(cel::Value::Bool(flag)) => Ok(flag.to_string()),
        Ok(_) => Err(format!("`{{{{ {source} }}}}` is neither a text nor a number nor a flag")),
        Err(_) => Err(format!("`{{{{ {source} }}}}` has no value here")),
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl Read for Template {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        // An empty text is a text here: a provider can answer with one.
        let text = match node.text() {
            Some("") => String::new(),
            _ => String::read(node, problems)?,
        };
        Self::parse(&text)
            .map_err(|message| problems.push(Problem::new(node.span, message).help(EXPRESSION_HELP)))
            .ok()
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_filled_in_at_the_moment_of_use() {
        let node =
            crate::yaml::parse(crate::SourceId(0), "'you said {{ request.prompt }}, {{ 1 + 1 }}'").unwrap();
        let template = Template::read(&node, &mut Vec::new()).unwrap();
        let mut values = Values::default();
        assert_eq!(template.fill(&values), Err("`{{ request.prompt }}` has no value here".to_owned()));
        values.set("request", "prompt", "ping");
        assert_eq!(template.fill(&values), Ok("you said ping, 2".to_owned()));
        assert_eq!(template.names_of("request"), ["prompt"]);
    }

    #[test]
    fn the_number_of_a_request_can_be_calculated_with() {
        let template = Template::parse("task-{{ exchange.nth % 10 }} of {{ exchange.nth }}").unwrap();
        let mut values = Values::default();
        values.set_number("exchange", "nth", 23);
        assert_eq!(template.fill(&values), Ok("task-3 of 23".to_owned()));
        values.set("exchange", "nth", "23");
        assert_eq!(template.fill(&values), Err("`{{ exchange.nth % 10 }}` has no value here".to_owned()));
    }
}
