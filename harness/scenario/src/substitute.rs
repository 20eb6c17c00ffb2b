//! Substitution: `{{ expression }}` in CEL, in the node tree, before the tree is read as anything typed.
//!
//! A text that is exactly one `{{ }}` takes the value with its type, maps included; inside a longer text it is pasted.

use std::collections::HashMap;

use cel::{Context, Program};

use crate::node::{Entry, Node, Span, Value};
use crate::problem::Problem;

/// Names and what they stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    values: Vec<(String, Node)>,
}

impl Names {
    /// Adds a name; a later one hides an earlier one.
    pub(crate) fn add(&mut self, name: &str, value: Node) {
        self.values.push((name.to_owned(), value));
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.values.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn known(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }
}

/// The tree with every `{{ }}` replaced. What cannot be replaced is told, and stays out of the tree as nothing.
pub(crate) fn substitute(node: &Node, names: &Names, problems: &mut Vec<Problem>) -> Node {
    let value = match &node.value {
        Value::Text(text) if text.contains("{{") => return fill(node.span, text, names, problems),
        Value::List(items) => {
            Value::List(items.iter().map(|item| substitute(item, names, problems)).collect())
        }
        Value::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|entry| Entry { node: substitute(&entry.node, names, problems), ..entry.clone() })
                .collect(),
        ),
        other => other.clone(),
    };
    Node { span: node.span, value }
}

/// A text in its pieces.
#[derive(Debug, PartialEq)]
enum Piece<'t> {
    Text(&'t str),
    Expression(&'t str),
}

fn fill(span: Span, text: &str, names: &Names, problems: &mut Vec<Problem>) -> Node {
    let nothing = Node { span, value: Value::Null };
    let pieces = match split(text) {
        Ok(pieces) => pieces,
        Err(message) => {
            problems.push(Problem::new(span, message));
            return nothing;
        }
    };
    if let [Piece::Expression(expression)] = pieces.as_slice() {
        return match evaluate(expression, names) {
            Ok(value) => Node { span, value },
            Err(wrong) => {
                problems.push(wrong.at(span, names));
                nothing
            }
        };
    }
    let mut filled = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Expression(expression) => {
                match evaluate(expression, names).and_then(|value| pasted(&value)) {
                    Ok(text) => filled.push_str(&text),
                    Err(wrong) => {
                        problems.push(wrong.at(span, names));
                        return nothing;
                    }
                }
            }
        }
    }
    Node { span, value: Value::Text(filled) }
}

fn split(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let (before, opened) = rest.split_at(start);
        let end = opened.find("}}").ok_or("`{{` without `}}`")?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Expression(opened[2..end].trim()));
        rest = &opened[end + 2..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// What is wrong with the syntax of an expression, without the parser's list of everything that it would have taken.
pub(crate) fn syntax(errors: &cel::ParseErrors) -> String {
    let first = errors.errors.first().map(|error| error.msg.trim()).unwrap_or_default();
    let message = first.split(" expecting ").next().unwrap_or(first);
    message.trim_start_matches("Syntax error: ").to_owned()
}

/// Why an expression has no value.
enum Wrong {
    Name(String),
    Syntax(String),
    Value(String),
}

impl Wrong {
    fn at(self, span: Span, names: &Names) -> Problem {
        match self {
            Self::Name(name) => Problem::new(span, format!("unknown name `{name}` in `{{{{ }}}}`"))
                .nearest(&name, names.known()),
            Self::Syntax(message) => Problem::new(span, format!("not an expression: {message}")),
            Self::Value(message) => Problem::new(span, message),
        }
    }
}

fn evaluate(expression: &str, names: &Names) -> Result<Value, Wrong> {
    // A bare name takes its value as it is, also one for which CEL has no type.
    if let Some(value) = names.get(expression) {
        return Ok(value.value.clone());
    }
    let program = Program::compile(expression).map_err(|errors| Wrong::Syntax(syntax(&errors)))?;
    let mut used = HashMap::new();
    for name in program.references().variables() {
        let value = names.get(name).ok_or_else(|| Wrong::Name(name.to_owned()))?;
        used.insert(name.to_owned(), value);
    }
    let mut context = Context::default();
    for (name, node) in used {
        context.add_variable_from_value(name, to_cel(node));
    }
    let value = program
        .execute(&context)
        .map_err(|error| Wrong::Value(format!("`{expression}` has no value: {error}")))?;
    from_cel(&value)
        .ok_or_else(|| Wrong::Value(format!("`{expression}` is of a type that no value can have")))
}

fn to_cel(node: &Node) -> cel::Value {
    match &node.value {
        Value::Null => cel::Value::Null,
        Value::Flag(flag) => cel::Value::Bool(*flag),
        Value::Int(number) => cel::Value::Int(*number),
        Value::Float(number) => cel::Value::Float(*number),
        Value::Text(text) => cel::Value::from(text.as_str()),
        Value::List(items) => cel::Value::from(items.iter().map(to_cel).collect::<Vec<_>>()),
        Value::Map(entries) => cel::Value::from(
            entries.iter().map(|entry| (entry.key.clone(), to_cel(&entry.node))).collect::<HashMap<_, _>>(),
        ),
    }
}

fn from_cel(value: &cel::Value) -> Option<Value> {
    match value {
        cel::Value::Null => Some(Value::Null),
        cel::Value::Bool(flag) => Some(Value::Flag(*flag)),
        cel::Value::Int(number) => Some(Value::Int(*number)),
        cel::Value::UInt(number) => i64::try_from(*number).ok().map(Value::Int),
        cel::Value::Float(number) => Some(Value::Float(*number)),
        cel::Value::String(text) => Some(Value::Text(text.to_string())),
        _ => None,
    }
}

fn pasted(value: &Value) -> Result<String, Wrong> {
    match value {
        Value::Flag(flag) => Ok(flag.to_string()),
        Value::Int(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Text(text) => Ok(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => {
            Err(Wrong::Value("only a text, a number or a flag can be pasted into a text".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::SourceId;

    fn names() -> Names {
        let mut names = Names::default();
        for (name, text) in [("wait", "20s"), ("retries", "3"), ("reply", "{ error: rate_limit }")] {
            names.add(name, crate::yaml::parse(SourceId(0), text).unwrap());
        }
        names
    }

    fn filled(text: &str) -> Result<Value, String> {
        let mut problems = Vec::new();
        let node = Node { span: Span::default(), value: Value::Text(text.to_owned()) };
        let node = substitute(&node, &names(), &mut problems);
        problems.pop().map_or(Ok(node.value), |problem| Err(problem.message))
    }

    #[test]
    fn a_text_that_is_one_expression_takes_the_value_with_its_type() {
        assert_eq!(filled("{{ retries }}"), Ok(Value::Int(3)));
        assert_eq!(filled("{{ 4 + retries }}"), Ok(Value::Int(7)));
        assert_eq!(filled("{{wait}}"), Ok(Value::Text("20s".into())));
        assert!(matches!(filled("{{ reply }}"), Ok(Value::Map(_))));
    }

    #[test]
    fn inside_a_longer_text_the_value_is_pasted() {
        assert_eq!(
            filled("and {{ retries }} more after {{ wait }}"),
            Ok(Value::Text("and 3 more after 20s".into()))
        );
    }

    #[test]
    fn what_has_no_value_is_told() {
        for (text, message) in [
            ("{{ wiat }}", "unknown name `wiat` in `{{ }}`"),
            ("{{ wait", "`{{` without `}}`"),
            ("a {{ reply }}", "only a text, a number or a flag can be pasted into a text"),
        ] {
            assert_eq!(filled(text), Err(message.to_owned()), "{text}");
        }
        assert!(filled("{{ 1 + }}").unwrap_err().starts_with("not an expression"));
        assert!(filled("{{ wait + 1 }}").unwrap_err().contains("has no value"));
    }
}
