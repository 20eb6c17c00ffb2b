//! The bodies of requests: chat requests in a dialect, conversations, and JSON in which templates are filled in.

use dialect::{Chat, Dialect};
use load::Request;
use scenario::{Data, MarkPosition, Node, Template, Value, Values};
use serde_json::{Map, json};

use crate::trial::requests::{CannotMake, Maker, Use, fill};

impl Maker<'_> {
    /// The body of a request to a model.
    pub(crate) fn chat_body(
        &self,
        asked: &scenario::Request,
        model: String,
        dialect: Dialect,
        of: Use<'_>,
    ) -> Result<Vec<u8>, CannotMake> {
        let prompt = asked.prompt.as_ref().map_or(Ok(String::new()), |prompt| self.text(prompt, of))?;
        let place = Request::mark_place();
        let prompt = match asked.id {
            MarkPosition::PromptEnd => format!("{prompt} {place}"),
            MarkPosition::PromptStart => format!("{place} {prompt}"),
            MarkPosition::Header | MarkPosition::User | MarkPosition::None => prompt,
        };
        let mut extra = match &asked.body {
            Some(body) => json_of(body, of.values)?,
            None => Map::new(),
        };
        let system = asked.system.as_ref().map(|system| self.text(system, of)).transpose()?;
        if !of.said.is_empty() {
            extra.entry("messages").or_insert(conversation(dialect, system.as_deref(), of.said, &prompt));
        }
        let chat = Chat {
            model,
            system,
            prompt,
            stream: asked.stream,
            include_usage: asked.stream && asked.usage,
            max_tokens: asked.max_tokens,
            tools: asked.tools.clone(),
            user: (asked.id == MarkPosition::User).then(|| place.to_owned()),
            extra,
        };
        Ok(dialect.request_body(&chat))
    }

    /// The bytes of some data.
    pub(crate) fn data(&self, data: &Data, of: Use<'_>) -> Result<Vec<u8>, CannotMake> {
        match data {
            Data::Text(template) => Ok(fill(template, of.values)?.into_bytes()),
            Data::Made(_) => Ok(data.made(self.seed, of.nth).unwrap_or_default()),
        }
    }

    /// The text of some data.
    pub(crate) fn text(&self, data: &Data, of: Use<'_>) -> Result<String, CannotMake> {
        String::from_utf8(self.data(data, of)?).map_err(|_| CannotMake::Text)
    }
}

/// The messages of a conversation, the last of which is the prompt.
fn conversation(
    dialect: Dialect,
    system: Option<&str>,
    said: &[(&'static str, String)],
    prompt: &str,
) -> serde_json::Value {
    let message = |role: &str, content: &str| json!({ "role": role, "content": content });
    // Where the system's words have a field of their own, they stand there.
    let system = system.filter(|_| dialect == Dialect::Openai).map(|system| message("system", system));
    let said = said.iter().map(|(role, content)| message(role, content));
    system.into_iter().chain(said).chain([message("user", prompt)]).collect()
}

/// The JSON object of a body.
pub(crate) fn json_of(node: &Node, values: &Values) -> Result<Map<String, serde_json::Value>, CannotMake> {
    match json_value(node, values)? {
        serde_json::Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

fn json_value(node: &Node, values: &Values) -> Result<serde_json::Value, CannotMake> {
    Ok(match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => match Template::parse(text) {
            Ok(template) => fill(&template, values)?.into(),
            Err(_) => text.clone().into(),
        },
        Value::List(items) => {
            items.iter().map(|item| json_value(item, values)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Value::Map(entries) => serde_json::Value::Object(
            entries
                .iter()
                .map(|entry| Ok((entry.key.clone(), json_value(&entry.node, values)?)))
                .collect::<Result<_, CannotMake>>()?,
        ),
    })
}
