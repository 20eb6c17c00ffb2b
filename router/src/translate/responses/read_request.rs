//! A request for a response by its meaning.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::request::{
    Call, Fields, Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Untranslatable,
    Wish, object_of,
};
use super::super::thinking::Thinking;

/// What has no counterpart and changes nothing about the answer that a client could hold us to.
const WITHOUT_EFFECT: [&str; 7] =
    ["metadata", "model", "prompt_cache_key", "safety_identifier", "service_tier", "store", "stream_options"];

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Item>),
}

/// One item. A message may come without its type.
#[derive(Deserialize)]
struct Item {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    call_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: String,
    #[serde(default)]
    output: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart {
    #[serde(alias = "output_text")]
    InputText {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    InputImage {
        #[serde(default)]
        image_url: Option<String>,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct OfferedTool<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, borrow)]
    parameters: Option<&'a RawValue>,
}

pub(in crate::translate) fn read_request(body: &[u8]) -> Result<Request<'_>, Untranslatable> {
    let mut fields = Fields::of(body)?;
    let mut request = Request {
        instructions: fields.take("instructions")?,
        max_output: fields.take("max_output_tokens")?,
        temperature: fields.raw("temperature"),
        top_p: fields.raw("top_p"),
        user: fields.take("user")?,
        stream: fields.take("stream")?.unwrap_or(false),
        ..Request::default()
    };
    match fields.needed::<Input>("input")? {
        Input::Text(text) => request.says(Side::User, vec![Part::Text(text)]),
        Input::Items(items) => {
            for item in items {
                take_item(&mut request, item)?;
            }
        }
    }
    if let Some(tools) = fields.raw("tools") {
        request.tools = read_tools(tools)?;
    }
    request.choice = fields.take::<Value>("tool_choice")?.map(|choice| tool_choice(&choice)).transpose()?;
    if fields.take("parallel_tool_calls")? == Some(false) {
        request.one_call_at_a_time = Some("parallel_tool_calls");
    }
    if let Some(text) = fields.take::<Value>("text")? {
        request.rare.extend(format_of(&text)?);
    }
    if let Some(reasoning) = fields.take::<Value>("reasoning")? {
        request.rare.extend(thinking_of(&reasoning)?);
    }
    fields.refuse_the_rest(&WITHOUT_EFFECT, |name, value| match name {
        "truncation" => *value == "disabled",
        "include" => value.as_array().is_some_and(Vec::is_empty),
        "background" => *value == false,
        _ => false,
    })?;
    Ok(request)
}

fn wrong(problem: impl Into<String>) -> Untranslatable {
    Untranslatable::new("input", problem)
}

fn take_item(request: &mut Request<'_>, item: Item) -> Result<(), Untranslatable> {
    match item.kind.as_deref() {
        None | Some("message") => take_message(request, item.role.as_deref(), item.content),
        Some("function_call") => {
            let Some(arguments) = object_of(&item.arguments) else {
                let problem = format!("the arguments of the call `{}` are not a JSON object", item.call_id);
                return Err(wrong(problem));
            };
            let call = Call { id: item.call_id, name: item.name, arguments, signature: None };
            request.says(Side::Assistant, vec![Part::Call(call)]);
            Ok(())
        }
        Some("function_call_output") => {
            let parts = output_parts(item.output)?;
            let result = ToolResult::of(item.call_id, parts, false)
                .map_err(|_| wrong("the output of a call holds texts and images only"))?;
            request.says(Side::User, vec![Part::Result(result)]);
            Ok(())
        }
        // What the model thought earlier no provider reads again.
        Some("reasoning") => Ok(()),
        Some(other) => Err(wrong(format!("the provider of this model knows no item like `{other}`"))),
    }
}

/// What a tool gave back: a text, or a list of parts.
fn output_parts(output: Value) -> Result<Vec<Part>, Untranslatable> {
    if let Value::String(text) = output {
        return Ok(vec![Part::Text(text)]);
    }
    let parts: Vec<ContentPart> = serde_json::from_value(output)
        .map_err(|_| wrong("the output of a call must be a text, or a list of texts and images"))?;
    parts.into_iter().map(part_of).collect()
}

fn take_message(
    request: &mut Request<'_>,
    role: Option<&str>,
    content: Option<Content>,
) -> Result<(), Untranslatable> {
    let parts = match content {
        None => Vec::new(),
        Some(Content::Text(text)) => vec![Part::Text(text)],
        Some(Content::Parts(parts)) => parts.into_iter().map(part_of).collect::<Result<_, _>>()?,
    };
    match role {
        Some("system" | "developer") => {
            for part in parts {
                let Part::Text(text) = part else {
                    return Err(wrong("only a user's message may hold anything but text"));
                };
                request.instructs(&text);
            }
        }
        Some("user") => request.says(Side::User, parts),
        Some("assistant") => request.says(Side::Assistant, parts),
        _ => return Err(wrong("a message needs the role `user`, `assistant`, `system` or `developer`")),
    }
    Ok(())
}

fn part_of(part: ContentPart) -> Result<Part, Untranslatable> {
    match part {
        ContentPart::InputText { text } | ContentPart::Refusal { refusal: text } => Ok(Part::Text(text)),
        ContentPart::InputImage { image_url: Some(url) } => Image::of_address("input", url).map(Part::Image),
        ContentPart::InputImage { image_url: None } | ContentPart::Unknown => {
            Err(wrong("the provider of this model takes texts and images only"))
        }
    }
}

fn read_tools(raw: &RawValue) -> Result<Vec<Tool<'_>>, Untranslatable> {
    let offered: Vec<OfferedTool<'_>> = serde_json::from_str(raw.get()).map_err(|error| {
        Untranslatable::new("tools", format!("the field `tools` cannot be read: {error}"))
    })?;
    let mut tools = Vec::with_capacity(offered.len());
    for OfferedTool { kind, name, description, parameters } in offered {
        if kind != "function" {
            let problem = format!("the provider of this model has no tool of its own like `{kind}`");
            return Err(Untranslatable::new("tools", problem));
        }
        tools.push(Tool { name, description, schema: Schema::of(parameters) });
    }
    Ok(tools)
}

fn tool_choice(choice: &Value) -> Result<ToolChoice, Untranslatable> {
    let named = || {
        let name = choice["name"].as_str().filter(|_| choice["type"] == "function")?;
        Some(ToolChoice::Named(name.to_owned()))
    };
    let read = match choice.as_str() {
        Some("auto") => Some(ToolChoice::Auto),
        Some("none") => Some(ToolChoice::Never),
        Some("required") => Some(ToolChoice::Any),
        Some(_) => None,
        None => named(),
    };
    let problem = "the field `tool_choice` must be `auto`, `none`, `required` or name a function";
    read.ok_or_else(|| Untranslatable::new("tool_choice", problem))
}

/// A summary of thoughts is told by models that have one, so that none is an answer, too.
fn thinking_of<'a>(reasoning: &Value) -> Result<Option<Rare<'a>>, Untranslatable> {
    let is_known = |name: &String| ["effort", "summary", "generate_summary"].contains(&name.as_str());
    if !reasoning.as_object().is_some_and(|fields| fields.keys().all(is_known)) {
        return Err(Untranslatable::unsaid("reasoning"));
    }
    let field = "reasoning.effort";
    let thinking = Thinking::of_word(field, &reasoning["effort"])?;
    Ok(thinking.map(|thinking| Rare { field, wish: Wish::Think(thinking) }))
}

fn format_of<'a>(text: &Value) -> Result<Option<Rare<'a>>, Untranslatable> {
    let is_known = |name: &String| name == "format";
    if !text.as_object().is_some_and(|fields| fields.keys().all(is_known)) {
        return Err(Untranslatable::unsaid("text"));
    }
    let format = &text["format"];
    let schema = match format["type"].as_str() {
        None | Some("text") => return Ok(None),
        Some("json_object") => None,
        Some("json_schema") => Some(format["schema"].clone()),
        Some(_) => return Err(Untranslatable::unsaid("text.format")),
    };
    Ok(Some(Rare { field: "text.format", wish: Wish::Json(schema) }))
}
