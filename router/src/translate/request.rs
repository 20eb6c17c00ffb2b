//! A request by its meaning, in the words of nobody: what every reader makes of a client's request, and every writer of a
//! provider's takes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;

use super::thinking::Thinking;

/// Why a request cannot be put into the provider's words.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{problem}")]
pub(crate) struct Untranslatable {
    /// The field that stands in the way.
    pub(crate) field: String,
    pub(crate) problem: String,
}

impl Untranslatable {
    pub(super) fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }

    /// The provider has no word for it.
    pub(super) fn unsaid(field: &str) -> Self {
        Self::new(field, format!("the provider of this model has nothing like `{field}`: leave it out"))
    }
}

/// What a client asks for.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) instructions: Option<String>,
    pub(super) turns: Vec<Turn>,
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<ToolChoice>,
    /// The field that asks for one call of a tool at a time.
    pub(super) one_call_at_a_time: Option<&'static str>,
    pub(super) max_output: Option<u64>,
    pub(super) temperature: Option<&'a RawValue>,
    pub(super) top_p: Option<&'a RawValue>,
    pub(super) stop: Vec<String>,
    /// Whom the caller asks for.
    pub(super) user: Option<String>,
    pub(super) stream: bool,
    pub(super) rare: Vec<Rare<'a>>,
}

/// What only some dialects have a word for, with the field in which the client said it.
#[derive(Debug)]
pub(super) struct Rare<'a> {
    pub(super) field: &'static str,
    pub(super) wish: Wish<'a>,
}

#[derive(Debug)]
pub(super) enum Wish<'a> {
    TopK(&'a RawValue),
    /// It binds nobody: a provider without it answers as well.
    Seed(&'a RawValue),
    FrequencyPenalty(&'a RawValue),
    PresencePenalty(&'a RawValue),
    /// An answer that is JSON, by a schema if there is one.
    Json(Option<Value>),
    Think(Thinking),
}

/// All that one side says before the other one does.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) side: Side,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    User,
    Assistant,
}

#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Image(Image),
    Call(Call),
    Result(ToolResult),
}

/// A picture, passed on as it came.
#[derive(Debug)]
pub(super) enum Image {
    At(String),
    Inline { media_type: String, data: String },
}

/// A tool as the model called it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// A JSON object, as it was written.
    pub(super) arguments: Box<RawValue>,
    /// Gemini's, which it wants to see again.
    pub(super) signature: Option<String>,
}

#[derive(Debug)]
pub(super) struct ToolResult {
    pub(super) call: String,
    pub(super) text: String,
    pub(super) images: Vec<Image>,
    /// Whether the tool failed, and this is how.
    pub(super) is_failure: bool,
}

impl ToolResult {
    /// Of what a tool gave back, which is texts and pictures; nothing else, which is given back.
    pub(super) fn of(call: String, parts: Vec<Part>, is_failure: bool) -> Result<Self, Part> {
        let (mut texts, mut images) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Text(text) => texts.push(text),
                Part::Image(image) => images.push(image),
                other => return Err(other),
            }
        }
        Ok(Self { call, text: texts.join("\n"), images, is_failure })
    }
}

/// A tool that the model may call.
#[derive(Debug)]
pub(super) struct Tool<'a> {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) schema: Schema<'a>,
}

/// What the arguments of a tool look like.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Schema<'a> {
    /// As it was written.
    Written(&'a RawValue),
    Made(Value),
}

impl<'a> Schema<'a> {
    /// The schema that was written, or that of no arguments.
    pub(super) fn of(written: Option<&'a RawValue>) -> Self {
        written.map_or_else(|| Self::Made(json!({ "type": "object", "properties": {} })), Self::Written)
    }
}

/// Whether a tool must be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToolChoice {
    Auto,
    Never,
    Any,
    Named(String),
}

impl Request<'_> {
    /// Whether the model is in the middle of its turn: it called a tool, and the result is what comes next.
    pub(super) fn is_amid_a_turn(&self) -> bool {
        let last = self.turns.last();
        last.is_some_and(|turn| turn.parts.iter().any(|part| matches!(part, Part::Result(_))))
    }

    /// Adds to the conversation. Turns of the same side that follow each other are one, as providers would read them.
    pub(super) fn says(&mut self, side: Side, parts: Vec<Part>) {
        match self.turns.last_mut() {
            Some(last) if last.side == side => last.parts.extend(parts),
            _ => self.turns.push(Turn { side, parts }),
        }
    }

    pub(super) fn instructs(&mut self, text: &str) {
        match &mut self.instructions {
            Some(earlier) => {
                earlier.push_str("\n\n");
                earlier.push_str(text);
            }
            None => self.instructions = Some(text.to_owned()),
        }
    }
}

impl Image {
    /// An address is passed on; a picture in the address itself is taken out of it.
    pub(super) fn of_address(field: &str, url: String) -> Result<Self, Untranslatable> {
        let Some(inline) = url.strip_prefix("data:") else { return Ok(Self::At(url)) };
        let Some((media_type, data)) = inline.split_once(";base64,") else {
            let problem = "a picture inside of the request must be written in base64";
            return Err(Untranslatable::new(field, problem));
        };
        Ok(Self::Inline { media_type: media_type.to_owned(), data: data.to_owned() })
    }

    pub(super) fn into_address(self) -> String {
        match self {
            Self::At(url) => url,
            Self::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
        }
    }
}

/// Arguments as an object. A call without arguments is often written as nothing at all.
pub(super) fn object_of(arguments: &str) -> Option<Box<RawValue>> {
    let arguments = arguments.trim();
    let arguments = if arguments.is_empty() { "{}" } else { arguments };
    RawValue::from_string(arguments.to_owned()).ok().filter(|object| object.get().starts_with('{'))
}

/// The fields of a body that are not dealt with yet.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    pub(super) fn of(body: &'a [u8]) -> Result<Self, Untranslatable> {
        let fields = serde_json::from_slice(body);
        fields.map(Self).map_err(|error| Untranslatable::new("", format!("the body cannot be read: {error}")))
    }

    /// A field as it was written. `null` is as good as absent.
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.0.remove(name).filter(|raw| raw.get() != "null")
    }

    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Untranslatable> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let value = serde_json::from_str(raw.get());
        value
            .map(Some)
            .map_err(|_| Untranslatable::new(name, format!("the field `{name}` has the wrong type")))
    }

    /// A field that the dialect insists on.
    pub(super) fn needed<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, Untranslatable> {
        let Some(raw) = self.raw(name) else {
            return Err(Untranslatable::new(name, format!("the field `{name}` is missing")));
        };
        serde_json::from_str(raw.get())
            .map_err(|error| Untranslatable::new(name, format!("the field `{name}` cannot be read: {error}")))
    }

    /// Refuses what is left, but for what asks for nothing.
    pub(super) fn refuse_the_rest(
        self,
        without_effect: &[&str],
        says_nothing: impl Fn(&str, &Value) -> bool,
    ) -> Result<(), Untranslatable> {
        for (name, raw) in self.0 {
            let is_harmless = || {
                let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                value.is_null() || says_nothing(&name, &value)
            };
            if !without_effect.contains(&name.as_str()) && !is_harmless() {
                return Err(Untranslatable::unsaid(&name));
            }
        }
        Ok(())
    }
}
