//! YAML text to node tree. Every call to the YAML parser stands in this file, so that another parser could replace it.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span as ParserSpan};

use crate::node::{Entry, Node, SourceId, Span, Value};
use crate::problem::Problem;

/// More nodes than this, aliases counted each time, is no scenario but an attack or a mistake.
const MOST_NODES: usize = 100_000;
/// Deeper than this is no scenario either.
const MOST_DEPTH: usize = 64;

/// Reads one YAML document.
///
/// # Errors
///
/// The first syntax error, a second document, a duplicate key, a key that is no text, or a tree that is too large.
pub(crate) fn parse(source: SourceId, text: &str) -> Result<Node, Problem> {
    let options = granit_parser::options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: MOST_DEPTH,
        block_nesting_limit: MOST_DEPTH,
    };
    let mut builder = Builder {
        source,
        text,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        anchored: 0,
        root: None,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => return Err(builder.syntax_problem(&error)),
        }
    }
    builder.root.ok_or_else(|| {
        Problem::new(Span { source, start: 0, end: 0 }, "the file is empty")
            .help("`stormproof new` writes a scenario, a rule or a profile to start from")
    })
}

struct Builder<'a> {
    source: SourceId,
    text: &'a str,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    /// Values that are kept for aliases, those of each anchor by themselves.
    anchored: usize,
    root: Option<Node>,
}

/// A list or map whose end has not come yet.
struct Open {
    anchor: usize,
    span: Span,
    nodes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, known: HashMap<String, Span>, key: Option<(String, Span)> },
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, at: ParserSpan) -> Result<(), Problem> {
        let span = self.span(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                let value =
                    if style == ScalarStyle::Plain { plain(&text) } else { Value::Text(text.into_owned()) };
                self.put(Node { span, value }, anchor, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.open(anchor, span, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.open(
                    anchor,
                    span,
                    Content::Map { entries: Vec::new(), known: HashMap::new(), key: None },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some((node, size)) => {
                    let (node, size) = (Node { span, value: node.value.clone() }, *size);
                    self.put(node, 0, size)
                }
                None => Err(Problem::new(span, "an alias inside the value that it stands for")
                    .help("write out what is meant here")),
            },
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Problem::new(span, "a second document")
                    .help("one file holds one document: remove the `---`"))
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, span: Span, content: Content) -> Result<(), Problem> {
        if self.open.len() >= MOST_DEPTH {
            return Err(Problem::new(span, format!("nested more than {MOST_DEPTH} levels deep")));
        }
        self.open.push(Open { anchor, span, nodes_before: self.nodes, content });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Problem> {
        let open = self.open.pop().expect("the parser closes only what it opened");
        let value = match open.content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => Value::Map(entries),
        };
        let span = self.trimmed(Span { end: end.end.max(open.span.end), ..open.span });
        let size = self.nodes - open.nodes_before + 1;
        self.nodes = open.nodes_before;
        self.put(Node { span, value }, open.anchor, size)
    }

    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Problem> {
        self.nodes += size;
        if self.nodes > MOST_NODES {
            return Err(Problem::new(node.span, format!("more than {MOST_NODES} values"))
                .help("aliases count each time they are used"));
        }
        if anchor != 0 {
            self.anchored += size;
            if self.anchored > MOST_NODES {
                return Err(Problem::new(node.span, format!("more than {MOST_NODES} values behind anchors"))
                    .help("values count for each anchor around them"));
            }
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, known, key } => match key.take() {
                Some((key, key_span)) => entries.push(Entry { key, key_span, node }),
                None => *key = Some((new_key(known, &node)?, node.span)),
            },
        }
        Ok(())
    }

    fn refuse_tag(&self, tagged: bool, span: Span) -> Result<(), Problem> {
        if !tagged {
            return Ok(());
        }
        Err(Problem::new(span, "a YAML tag")
            .help("the language has no tags: remove the word that begins with `!`"))
    }

    /// The text from the first syntax error on, with advice where the cause is a common one.
    fn syntax_problem(&self, error: &granit_parser::ScanError) -> Problem {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or_else(|| char_to_byte(self.text, marker.index()));
        let start = u32::try_from(start.min(self.text.len())).unwrap_or(u32::MAX);
        let span = Span { source: self.source, start, end: start.saturating_add(1) };
        let problem = Problem::new(span, format!("not YAML: {}", error.info()));
        if self.line_at(start).contains("{{") {
            return problem.help("quote a text that holds `{{ }}`: \"{{ name }}\"");
        }
        let advice = [
            (
                "mapping values are not allowed",
                "quote a text that holds `: `, or indent the line as a key of the map above",
            ),
            ("tabs disallowed", "indent with spaces"),
            ("recursion limit", "write less within each other: 64 levels are read"),
            (
                "illegal placement of ':'",
                "close the bracket or quote that was opened above, or quote a text that holds `: `",
            ),
            (
                "quoted scalar",
                "close the quote that was opened above, or indent the lines that it goes on in",
            ),
            ("bracket", "close each bracket, or quote a text that holds one"),
        ];
        match advice.iter().find(|(told, _)| error.info().contains(told)) {
            Some((_, help)) => problem.help(*help),
            None => problem,
        }
    }

    fn line_at(&self, at: u32) -> &str {
        let at = self.text.floor_char_boundary(at as usize);
        let start = self.text[..at].rfind('\n').map_or(0, |at| at + 1);
        self.text[start..].lines().next().unwrap_or_default()
    }

    fn span(&self, at: ParserSpan) -> Span {
        let range = at.byte_range().unwrap_or_else(|| {
            char_to_byte(self.text, at.start.index())..char_to_byte(self.text, at.end.index())
        });
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { source: self.source, start: number(range.start), end: number(range.end) }
    }

    /// The span without the white space and comments that the end of a block carries along.
    fn trimmed(&self, span: Span) -> Span {
        let text = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let length = u32::try_from(text.trim_end().len()).unwrap_or(u32::MAX);
        Span { end: span.start + length, ..span }
    }
}

fn new_key(known: &mut HashMap<String, Span>, node: &Node) -> Result<String, Problem> {
    let key = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Map(_) => {
            return Err(Problem::new(node.span, "a map as a key")
                .help("quote a text that begins with `{{ }}`: \"{{ name }}\""));
        }
        _ => {
            return Err(
                Problem::new(node.span, format!("{} as a key", node.described())).help("put it in quotes")
            );
        }
    };
    match known.insert(key.clone(), node.span) {
        Some(first) => Err(Problem::new(node.span, format!("duplicate key `{key}`"))
            .label("given again here")
            .also(first, "first given here")
            .help("keep one of the two")),
        None => Ok(key),
    }
}

/// The value of a scalar without quotes. `010` and `1_000` are texts: what a reader might take for two different numbers
/// is none.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Flag(true),
        "false" => Value::Flag(false),
        _ => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    match fraction {
        None => text.parse().ok().map(Value::Int),
        Some(fraction) if only_digits(fraction) => text.parse().ok().map(Value::Float),
        Some(_) => None,
    }
}

fn char_to_byte(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, Problem> {
        parse(SourceId(0), text)
    }

    #[test]
    fn a_plain_scalar_is_what_it_looks_like_and_nothing_cleverer() {
        for (text, value) in [
            ("true", Value::Flag(true)),
            ("yes", Value::Text("yes".into())),
            ("NO", Value::Text("NO".into())),
            ("12", Value::Int(12)),
            ("-3", Value::Int(-3)),
            ("010", Value::Text("010".into())),
            ("1.10", Value::Float(1.1)),
            ("1.", Value::Text("1.".into())),
            ("2s", Value::Text("2s".into())),
            ("~", Value::Null),
            ("'12'", Value::Text("12".into())),
            ("99999999999999999999", Value::Text("99999999999999999999".into())),
        ] {
            assert_eq!(read(text).map(|node| node.value), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_value_knows_where_it_stands() {
        let text = "a:\n  b: [one, two]\n";
        let node = read(text).unwrap();
        let list = node.get("a").and_then(|a| a.get("b")).unwrap();
        assert_eq!(&text[list.span.start as usize..list.span.end as usize], "[one, two]");
        let Value::List(items) = &list.value else { panic!("a list") };
        assert_eq!(&text[items[1].span.start as usize..items[1].span.end as usize], "two");
    }

    #[test]
    fn the_second_of_two_equal_keys_is_the_wrong_one() {
        let text = "a: 1\nb: 2\na: 3\n";
        let problem = read(text).unwrap_err();
        assert_eq!(problem.message, "duplicate key `a`");
        assert_eq!(problem.span.start, 10);
        assert_eq!(problem.also.unwrap().0.start, 0);
    }

    #[test]
    fn an_alias_bomb_is_refused_before_it_grows() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let uses = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{uses}]\n");
        }
        assert!(read(&text).unwrap_err().message.starts_with("more than"));
    }

    #[test]
    fn bytes_that_are_no_yaml_are_a_problem_and_no_panic() {
        for text in ["[", "a: [1, 2", "\"", "{{{{", "a: b: c", "&a *a", "? [a]\n: b", "--- a\n--- b"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(5_000)).is_err());
    }

    #[test]
    fn unquoted_braces_get_their_own_advice() {
        let problem = read("wait: {{ wait }}\n").unwrap_err();
        assert!(problem.help.unwrap().contains("quote"), "{}", problem.message);
    }
}
