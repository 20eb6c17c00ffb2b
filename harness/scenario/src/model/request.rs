//! Requests that clients send, and how traffic names and varies them.

use serde_json::json;

use crate::node::{Node, Value};
use crate::problem::Problem;
use crate::read::{At, Read, SchemaBook, part, words, wrong};

part! {
    /// A request that clients send.
    "a request" => Request {
        /// The model that it asks for.
        model: At<String>,
        /// What it asks.
        prompt: String,
        /// Whether it asks for a stream.
        stream: bool = false,
        /// Where the mark stands that joins it to its attempts.
        id: MarkPosition = MarkPosition::PromptEnd,
    }
}

words! {
    /// Where the mark stands that joins an exchange to its attempts.
    "a mark's position" => MarkPosition {
        /// Behind the prompt, where a router forwards it whatever it does to headers.
        "prompt-end" => PromptEnd,
        /// Nowhere: the attempts join nothing.
        "none" => None,
    }
}

/// What a step or phase sends: one request, or several in turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// The requests, taken in turn.
    pub cycle: Vec<Variation>,
}

part! {
    /// A request of `requests:`, with what is different this time.
    "a variation" => Variation {
        /// The entry of `requests:`.
        like: At<String>,
        /// Another model.
        model: Option<At<String>>,
        /// Another prompt.
        prompt: Option<String>,
        /// Whether it asks for a stream.
        stream: Option<bool>,
    }
}

part! {
    /// Several requests in turn.
    "a cycle" => Cycle {
        /// The requests.
        cycle: Vec<Sent>,
    }
}

/// One entry of a cycle.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent(pub Variation);

impl Read for Sent {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        match &node.value {
            Value::Text(_) => {
                let like = At::read(node, problems)?;
                Some(Self(Variation { like, model: None, prompt: None, stream: None, span: node.span }))
            }
            Value::Map(_) => Variation::read(node, problems).map(Self),
            _ => wrong(node, "a name of `requests:` or `{ like: NAME, ... }`", problems),
        }
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "anyOf": [String::schema(book), Variation::schema(book)] })
    }
}

impl Read for Send {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.get("cycle").is_none() {
            return Sent::read(node, problems).map(|Sent(variation)| Self { cycle: vec![variation] });
        }
        let cycle = Cycle::read(node, problems)?.cycle;
        if cycle.is_empty() {
            return wrong(node, "at least one request", problems);
        }
        Some(Self { cycle: cycle.into_iter().map(|Sent(variation)| variation).collect() })
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "anyOf": [Sent::schema(book), Cycle::schema(book)] })
    }
}
