//! Reading of texts, numbers, flags, lists, maps, and values that remember where they stood.

use serde_json::json;

use crate::node::{Node, Span, Value};
use crate::problem::{Problem, enough};
use crate::read::{Read, SchemaBook};

/// A value with its position, for what can turn out wrong later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        Some(Self { value: T::read(node, problems)?, span: node.span })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        T::schema(book)
    }

    fn show(&self) -> Option<serde_json::Value> {
        self.value.show()
    }
}

/// A map whose keys are names that the user chose, in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T>(pub Vec<(At<String>, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
    }

    /// The names, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.value.as_str())
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let Some(entries) = node.entries() else {
            let message = format!("{} where a map of names is wanted", node.described());
            problems.push(Problem::new(node.span, message).help("write `NAME: ...` for each"));
            return None;
        };
        let read: Vec<Option<(At<String>, T)>> = entries
            .iter()
            .map(|entry| {
                if enough(problems) {
                    return None;
                }
                let name = At { value: entry.key.clone(), span: entry.key_span };
                Some((name, T::read(&entry.node, problems)?))
            })
            .collect();
        read.into_iter().collect::<Option<_>>().map(Self)
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": T::schema(book) })
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        T::read(node, problems).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        T::schema(book)
    }

    fn show(&self) -> Option<serde_json::Value> {
        self.as_ref().and_then(T::show)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            return wrong(node, "a list", problems);
        };
        let read = items.iter().map(|item| if enough(problems) { None } else { T::read(item, problems) });
        // All of them are read before one that is wrong ends it, so that all that is wrong is told.
        read.collect::<Vec<Option<T>>>().into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "array", "items": T::schema(book) })
    }
}

/// Several of a kind, where one alone may stand by itself.
pub(crate) fn one_or_several<T: Read>(node: &Node, problems: &mut Vec<Problem>) -> Option<Vec<T>> {
    match &node.value {
        Value::List(_) => Vec::read(node, problems),
        _ => Some(vec![T::read(node, problems)?]),
    }
}

/// The schema of one or several of a kind.
pub(crate) fn one_or_several_schema<T: Read>(title: &str, book: &mut SchemaBook) -> serde_json::Value {
    let one = T::schema(book);
    json!({ "title": title, "anyOf": [one, { "type": "array", "items": one }] })
}

impl Read for String {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text.trim().is_empty() => {
                let problem = Problem::new(node.span, "a blank text");
                problems.push(problem.help("write what is meant, or leave the key out"));
                None
            }
            Value::Text(text) => Some(text.clone()),
            Value::Flag(_) | Value::Int(_) | Value::Float(_) => {
                problems.push(
                    Problem::new(node.span, format!("{} where a text is wanted", node.described()))
                        .help("put it in quotes"),
                );
                None
            }
            _ => wrong(node, "a text", problems),
        }
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }

    fn show(&self) -> Option<serde_json::Value> {
        Some(self.as_str().into())
    }
}

impl Read for bool {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match node.value {
            Value::Flag(flag) => Some(flag),
            _ => wrong(node, "`true` or `false`", problems),
        }
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "type": "boolean" })
    }

    fn show(&self) -> Option<serde_json::Value> {
        Some((*self).into())
    }
}

macro_rules! whole_number {
    ($($ty:ty),*) => { $(
        impl Read for $ty {
            fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
                match node.value {
                    Value::Int(number) => <$ty>::try_from(number).ok().or_else(|| {
                        wrong(node, &format!("a whole number from 0 to {}", <$ty>::MAX), problems)
                    }),
                    _ => wrong(node, "a whole number", problems),
                }
            }

            fn schema(_: &mut SchemaBook) -> serde_json::Value {
                json!({ "type": "integer", "minimum": 0, "maximum": <$ty>::MAX })
            }

            fn show(&self) -> Option<serde_json::Value> {
                Some((*self).into())
            }
        }
    )* };
}
whole_number!(u16, u32, u64);

impl Read for Node {
    fn read(node: &Node, _: &mut Vec<Problem>) -> Option<Self> {
        Some(node.clone())
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!(true)
    }
}

/// Tells that a value is not what is wanted.
pub fn wrong<T>(node: &Node, wanted: &str, problems: &mut Vec<Problem>) -> Option<T> {
    problems.push(Problem::new(node.span, format!("{} where {wanted} is wanted", node.described())));
    None
}
