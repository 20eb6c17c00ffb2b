//! A request to a model as a client makes it, in no dialect yet.

use serde_json::{Map, Value};

/// A request to a model: a conversation that ends with what the user says. On the surface of embeddings only the model, what
/// the user says, the user and further fields count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The model.
    pub model: String,
    /// What the system says before the user.
    pub system: Option<String>,
    /// What was said before, by the user and the assistant in turn.
    pub said: Vec<Said>,
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

/// Something that was said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether the assistant said it, and not the user.
    pub by_assistant: bool,
    /// What was said.
    pub text: String,
}

impl Chat {
    /// Everything that was said, with the prompt at the end, each with its role.
    pub(crate) fn turns<'c>(&'c self, assistant: &'c str) -> impl Iterator<Item = (&'c str, &'c str)> {
        let role = move |said: &Said| if said.by_assistant { assistant } else { "user" };
        let said = self.said.iter().map(move |said| (role(said), said.text.as_str()));
        said.chain([("user", self.prompt.as_str())])
    }

    /// The body of a request with these fields. Further fields stand behind them or replace them.
    pub(crate) fn body(&self, mut fields: Map<String, Value>) -> Vec<u8> {
        fields.extend(self.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(fields).to_string().into_bytes()
    }
}
