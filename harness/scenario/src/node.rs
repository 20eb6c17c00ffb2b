//! The node tree: YAML as values with positions, before anything is known of their meaning.

use std::collections::{HashMap, HashSet};

/// The number of a source text within one reading; see [`crate::Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

/// A range of bytes of a source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The source text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

/// A value with its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What stands there.
    pub value: Value,
}

/// A YAML value, in the strict reading of the language: `true` and `false` are the only booleans, and a number has no
/// leading zero.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// A number with a decimal point.
    Float(f64),
    /// Everything else, and everything in quotes.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the text. No key occurs twice.
    Map(Vec<Entry>),
}

/// A key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The value under a key, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries, if this is a map.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// This tree with another laid over it: maps are merged key by key, `null` takes a key away, everything else is replaced.
    #[must_use]
    pub fn merged(&self, over: &Self) -> Self {
        let (Value::Map(below), Value::Map(above)) = (&self.value, &over.value) else { return over.clone() };
        let mut entries: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
        let over_by_key: HashMap<&str, &Entry> =
            above.iter().map(|entry| (entry.key.as_str(), entry)).collect();
        for entry in below {
            match over_by_key.get(entry.key.as_str()) {
                None => entries.push(entry.clone()),
                Some(other) if other.node.value == Value::Null => {}
                Some(other) => {
                    let node = entry.node.merged(&other.node);
                    entries.push(Entry { key: other.key.clone(), key_span: other.key_span, node });
                }
            }
        }
        let known: HashSet<&str> = below.iter().map(|entry| entry.key.as_str()).collect();
        let new = above.iter().filter(|entry| !known.contains(entry.key.as_str()));
        entries.extend(new.filter(|entry| entry.node.value != Value::Null).cloned());
        Self { span: over.span, value: Value::Map(entries) }
    }

    /// What this is, as an error message says it.
    #[must_use]
    pub fn described(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Flag(flag) => format!("the flag `{flag}`"),
            Value::Int(number) => format!("the number `{number}`"),
            Value::Float(number) => format!("the number `{number:?}`"),
            Value::Text(text) => format!("the text `{}`", shortened(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}
