//! A chat request as a client makes it, in no dialect yet.

use serde_json::{Map, Value};

/// A chat request with one message of the user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The model.
    pub model: String,
    /// What the system says before the user.
    pub system: Option<String>,
    /// What the user says.
    pub prompt: String,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Whether the stream is to tell the usage, where a dialect asks that. Nothing is said of it in a request for a plain
    /// answer, where a provider would refuse it.
    pub include_usage: bool,
    /// The most tokens that the answer may have; where a dialect cannot do without, a number is put in.
    pub max_tokens: Option<u32>,
    /// The names of the tools that it offers. They take any arguments.
    pub tools: Vec<String>,
    /// The end user on whose behalf it is sent.
    pub user: Option<String>,
    /// Further fields. One that is named like a field above replaces it.
    pub extra: Map<String, Value>,
}
