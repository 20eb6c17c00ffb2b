//! The bodies of requests: what a model is asked in a dialect, and JSON in which templates are filled in.

use dialect::{Chat, Dialect};
use load::Request;
use scenario::{Data, MarkPosition, Node, Template, Value, Values};
use serde_json::Map;
use target::WithoutFallbacks;

use crate::trial::requests::{Addressee, CannotMake, Maker, Use, fill, surface};

impl Maker<'_> {
    /// The body of a request to a model, on its surface.
    pub(crate) fn model_body(
        &self,
        asked: &scenario::Request,
        model: String,
        dialect: Dialect,
        to: Addressee<'_>,
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
        if let Some(WithoutFallbacks::Body(further)) = self.without_fallbacks(asked, to)? {
            extra.extend(further.clone());
        }
        let chat = Chat {
            model,
            system: asked.system.as_ref().map(|system| self.text(system, of)).transpose()?,
            said: of.said.to_vec(),
            prompt,
            stream: asked.stream,
            include_usage: asked.stream && asked.usage,
            max_tokens: asked.max_tokens,
            tools: asked.tools.clone(),
            user: (asked.id == MarkPosition::User).then(|| place.to_owned()),
            extra,
        };
        Ok(dialect.request_body(surface(asked.surface), &chat))
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
