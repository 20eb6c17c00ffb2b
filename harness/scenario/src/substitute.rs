//! Substitution: `{{ expression }}` in CEL, in the node tree, before the tree is read as anything typed.
//!
//! A text that is exactly one `{{ }}` takes the value with its type, maps included; inside a longer text it is pasted.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use cel::{Context, Program};

use crate::durations::calculated;
use crate::expression::{EXPRESSION_HELP, compile, names_behind, no_value, roots};
use crate::model::MOST_KEYS;
use crate::node::{Entry, Node, Span, Value};
use crate::problem::Problem;
use crate::template::{LATER, Values};

/// Values that all cases of a scenario may have together. Each 64 bytes of a text that is put in count as one, and so does
/// each key of an upstream that is given as a number.
const MOST_VALUES: usize = 500_000;
/// Values that an expression may look at, counted alike; only a name by itself may stand for more.
const MOST_LOOKED_AT: usize = 1_000;

/// What the cases of a scenario share: how much may still be put in, and the expressions that were compiled.
pub(crate) struct Shared {
    left: Cell<usize>,
    programs: RefCell<HashMap<String, Rc<Program>>>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(MOST_VALUES), programs: RefCell::default() }
    }

    /// Whether nothing more may be put in.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    fn spend(&self, values: usize) -> Result<(), Wrong> {
        match self.left.get().checked_sub(values).filter(|left| *left > 0) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None if self.is_spent() => Err(Wrong::Told),
            None => {
                self.left.set(0);
                Err(Wrong::TooMuch)
            }
        }
    }

    fn program(&self, expression: &str) -> Result<Rc<Program>, Wrong> {
        if let Some(program) = self.programs.borrow().get(expression) {
            return Ok(Rc::clone(program));
        }
        let program = Rc::new(compile(expression).map_err(Wrong::Value)?);
        self.programs.borrow_mut().insert(expression.to_owned(), Rc::clone(&program));
        Ok(program)
    }
}

/// Names and what they stand for.
pub(crate) struct Names<'s> {
    shared: &'s Shared,
    values: BTreeMap<String, Node>,
    /// The roots that are known later in the part that is being filled: their expressions stay as they are.
    later: &'static [&'static str],
    used: RefCell<BTreeSet<String>>,
}

impl<'s> Names<'s> {
    pub(crate) fn new(shared: &'s Shared) -> Self {
        Self { shared, values: BTreeMap::new(), later: &[], used: RefCell::default() }
    }

    /// Adds a name.
    pub(crate) fn add(&mut self, name: &str, value: Node) {
        self.values.insert(name.to_owned(), value);
    }

    /// Sets the roots that are known later in the part that is filled next.
    pub(crate) fn known_later(&mut self, roots: &'static [&'static str]) {
        self.later = roots;
    }

    /// Whether a name was used.
    pub(crate) fn was_used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }

    fn get(&self, name: &str) -> Option<&Node> {
        let value = self.values.get(name)?;
        if !self.used.borrow().contains(name) {
            self.used.borrow_mut().insert(name.to_owned());
        }
        Some(value)
    }

    fn known(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

/// The tree with every `{{ }}` replaced. What cannot be replaced is told, and stays out of the tree as nothing.
pub(crate) fn substitute(node: &Node, names: &Names<'_>, problems: &mut Vec<Problem>) -> Node {
    let nothing = Node { span: node.span, value: Value::Null };
    if let Err(wrong) = names.shared.spend(1) {
        problems.extend(wrong.at(node.span, names));
        return nothing;
    }
    let value = match &node.value {
        Value::Text(text) if text.contains("{{") => match fill(text, names) {
            Ok(value) => value,
            Err(wrong) => {
                problems.extend(wrong.at(node.span, names));
                return nothing;
            }
        },
        Value::List(items) => {
            Value::List(items.iter().map(|item| substitute(item, names, problems)).collect())
        }
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|entry| substitute_entry(entry, names, problems)).collect())
        }
        other => other.clone(),
    };
    Node { span: node.span, value }
}

fn substitute_entry(entry: &Entry, names: &Names<'_>, problems: &mut Vec<Problem>) -> Entry {
    let node = substitute(&entry.node, names, problems);
    if let (Value::Int(count), "keys") = (&node.value, entry.key.as_str()) {
        let count = usize::try_from(*count).unwrap_or(0).min(MOST_KEYS);
        if let Err(wrong) = names.shared.spend(count) {
            problems.extend(wrong.at(node.span, names));
        }
    }
    Entry { node, ..entry.clone() }
}

/// A text in its pieces.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    Expression(&'t str),
}

fn fill(text: &str, names: &Names<'_>) -> Result<Value, Wrong> {
    let pieces = split(text).map_err(|message| Wrong::Value(message.to_owned()))?;
    if let [Piece::Expression(expression)] = pieces.as_slice() {
        return match evaluate(expression, names) {
            Err(Wrong::Later) => Ok(Value::Text(text.to_owned())),
            evaluated => evaluated,
        };
    }
    let mut filled = String::with_capacity(text.len());
    for piece in pieces {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Expression(expression) => {
                match evaluate(expression, names).and_then(|value| pasted(&value)) {
                    Ok(text) => filled.push_str(&text),
                    Err(Wrong::Later) => filled.push_str(&format!("{{{{ {expression} }}}}")),
                    Err(wrong) => return Err(wrong),
                }
            }
        }
    }
    Ok(Value::Text(filled))
}

pub(crate) fn split(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
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

/// Why an expression has no value.
enum Wrong {
    /// It is about something that is known only when it is used.
    Later,
    /// It mixes what is known now with what is known later.
    Mixed,
    /// Nothing has this name.
    Name(String),
    /// A request has nothing of this name.
    OfRequest(String),
    /// An exchange has nothing of this name.
    OfExchange(String),
    /// Too much was put in.
    TooMuch,
    /// The same, and it has been told.
    Told,
    /// Whatever else, in words for the user.
    Value(String),
}

impl Wrong {
    fn at(self, span: Span, names: &Names<'_>) -> Option<Problem> {
        Some(match self {
            // The text stays as it is.
            Self::Later | Self::Told => return None,
            Self::Mixed => Problem::new(
                span,
                "an expression over names that are known now and names that are known later",
            )
            .help("write two expressions: `{{ now }}{{ captured.later }}`"),
            Self::Name(name) => match LATER.iter().find(|(root, _)| *root == name) {
                Some((_, when)) => {
                    let place = if name == "request" { "world" } else { "requests` or `traffic" };
                    Problem::new(span, format!("`{name}` is known only {when}, and not here"))
                        .help(format!("use it in a text under `{place}`"))
                }
                None => Problem::new(span, format!("unknown name `{name}` in `{{{{ }}}}`")).nearest_or(
                    &name,
                    names.known(),
                    "a name is set under `let:` or in each case of `for_each:`, before it is used",
                ),
            },
            Self::OfRequest(name) => {
                let known = [&OF_REQUEST[..], &["header_NAME", "body_NAME"]].concat();
                Problem::new(span, format!("a request has no `{name}`")).nearest(&name, known)
            }
            Self::OfExchange(name) => {
                Problem::new(span, format!("an exchange has no `{name}`")).nearest(&name, [NUMBER])
            }
            Self::TooMuch => {
                Problem::new(span, format!("more than {MOST_VALUES} values in all cases of the scenario"))
                    .help("values count in each case, and each time that `{{ }}` puts them in")
            }
            Self::Value(message) => Problem::new(span, message).help(EXPRESSION_HELP),
        })
    }
}

/// What a reply can put in of the request that it answers, beside its headers and the fields of its body.
const OF_REQUEST: [&str; 6] = ["prompt", "model", "key", "secret", NUMBER, "path"];

/// The number of a request, which is all that is known of an exchange before it is sent.
const NUMBER: &str = "nth";

/// Values of the kinds that an expression finds when it is used: everything is a text but the number of a request.
fn stand_ins(program: &Program) -> Values {
    let mut values = Values::default();
    for (root, _) in LATER {
        for name in names_behind(root, program) {
            if name == NUMBER && matches!(root, "exchange" | "request") {
                values.set_number(root, NUMBER, 1);
            } else {
                values.set(root, &name, "");
            }
        }
    }
    values
}

fn is_of_request(name: &str) -> bool {
    let of_part = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    OF_REQUEST.contains(&name) || of_part("header_") || of_part("body_")
}

fn evaluate(expression: &str, names: &Names<'_>) -> Result<Value, Wrong> {
    // A bare name takes its value as it is, also one for which CEL has no type.
    if let Some(value) = names.get(expression) {
        names.shared.spend(weight(&value.value))?;
        return Ok(value.value.clone());
    }
    let program = names.shared.program(expression)?;
    let about = roots(&program);
    let later = about.iter().filter(|name| names.later.contains(name)).count();
    if later > 0 {
        if let Some(name) = names_behind("request", &program).into_iter().find(|name| !is_of_request(name)) {
            return Err(Wrong::OfRequest(name));
        }
        if let Some(name) = names_behind("exchange", &program).into_iter().find(|name| name != NUMBER) {
            return Err(Wrong::OfExchange(name));
        }
        if later < about.len() {
            return Err(Wrong::Mixed);
        }
        return Err(match stand_ins(&program).misfit(&program) {
            Some(why) => Wrong::Value(format!("`{expression}` never has a value: {why}")),
            None => Wrong::Later,
        });
    }
    let mut values = Vec::with_capacity(about.len());
    let mut looked_at = 0;
    for name in about {
        let node = names.get(name).ok_or_else(|| Wrong::Name(name.to_owned()))?;
        looked_at += weight(&node.value);
        if looked_at > MOST_LOOKED_AT {
            return Err(Wrong::Value(format!("`{name}` is too large for an expression")));
        }
        values.push((name, node));
    }
    // What is large could be looked at again and again.
    names.shared.spend(looked_at.saturating_sub(16) * expression.len())?;
    let no_value = |why: String| Wrong::Value(format!("`{expression}` has no value: {why}"));
    if let Some(value) = calculated(&program, &values, to_cel).map_err(no_value)? {
        return Ok(value);
    }
    let value = executed(expression, &program, &values)?;
    names.shared.spend(weight(&value))?;
    Ok(value)
}

fn executed(expression: &str, program: &Program, values: &[(&str, &Node)]) -> Result<Value, Wrong> {
    let mut context = Context::default();
    for (name, node) in values {
        context.add_variable_from_value(*name, to_cel(node));
    }
    let value = program
        .execute(&context)
        .map_err(|error| Wrong::Value(format!("`{expression}` has no value: {}", no_value(&error))))?;
    from_cel(&value)
        .ok_or_else(|| Wrong::Value(format!("`{expression}` is neither a text nor a number nor a flag")))
}

/// How many values a value counts for.
fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => 1 + text.len() / 64,
        Value::List(items) => 1 + items.iter().map(|item| weight(&item.value)).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| weight(&entry.node.value)).sum::<usize>(),
        Value::Null | Value::Flag(_) | Value::Int(_) | Value::Float(_) => 1,
    }
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

    fn names(shared: &Shared) -> Names<'_> {
        let mut names = Names::new(shared);
        for (name, text) in
            [("wait", "20s"), ("way", "50ms"), ("retries", "3"), ("reply", "{ error: rate_limit }")]
        {
            names.add(name, crate::yaml::parse(SourceId(0), text).unwrap());
        }
        names
    }

    fn filled(text: &str) -> Result<Value, String> {
        let mut problems = Vec::new();
        let node = Node { span: Span::default(), value: Value::Text(text.to_owned()) };
        let node = substitute(&node, &names(&Shared::new()), &mut problems);
        problems.pop().map_or(Ok(node.value), |problem| Err(problem.message))
    }

    #[test]
    fn a_text_that_is_one_expression_takes_the_value_with_its_type() {
        assert_eq!(filled("{{ retries }}"), Ok(Value::Int(3)));
        assert_eq!(filled("{{ 4 + retries }}"), Ok(Value::Int(7)));
        assert_eq!(filled("{{ 'a ' + wait }}"), Ok(Value::Text("a 20s".into())));
        assert_eq!(filled("{{wait}}"), Ok(Value::Text("20s".into())));
        assert!(matches!(filled("{{ reply }}"), Ok(Value::Map(_))));
    }

    #[test]
    fn durations_are_calculated_with() {
        for (text, value) in [
            ("{{ wait - way }}", Value::Text("19950ms".into())),
            ("{{ wait + way }}", Value::Text("20050ms".into())),
            ("{{ wait * retries / 2 }}", Value::Text("30s".into())),
            ("{{ wait / way }}", Value::Int(400)),
            ("{{ wait > way }}", Value::Flag(true)),
            ("{{ wait - wait }}", Value::Text("0s".into())),
            ("{{ wait > way ? wait : way }}", Value::Text("20s".into())),
        ] {
            assert_eq!(filled(text), Ok(value), "{text}");
        }
        for (text, message) in [
            ("{{ way - wait }}", "`way - wait` has no value: a duration below nothing"),
            ("{{ wait + 1 }}", "`wait + 1` has no value: a duration and a number do not go together"),
        ] {
            assert_eq!(filled(text), Err(message.to_owned()), "{text}");
        }
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
        assert!(filled("{{ 'a' - 1 }}").unwrap_err().contains("has no value"));
    }
}
