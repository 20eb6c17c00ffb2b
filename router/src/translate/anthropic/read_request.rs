//! A request for a message by its meaning.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::request::{
    Call, Fields, Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Untranslatable,
    Wish,
};
use super::super::thinking::Thinking;

/// What has no counterpart and changes nothing about the answer that a client could hold us to.
const WITHOUT_EFFECT: [&str; 3] = ["model", "service_tier", "cache_control"];

#[derive(Deserialize)]
struct Message<'a> {
    role: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    Image {
        source: Source,
    },
    ToolUse {
        id: String,
        name: String,
        input: Box<Value>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(default)]
        content: Value,
        #[serde(default)]
        is_error: bool,
    },
    /// What the model thought earlier no provider reads again.
    Thinking {},
    RedactedThinking {},
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source {
    Base64 {
        media_type: String,
        data: String,
    },
    Url {
        url: String,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct OfferedTool<'a> {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, borrow)]
    input_schema: Option<&'a RawValue>,
}

pub(in crate::translate) fn read_request(body: &[u8]) -> Result<Request<'_>, Untranslatable> {
    let mut fields = Fields::of(body)?;
    let mut request = Request {
        max_output: fields.take("max_tokens")?,
        temperature: fields.raw("temperature"),
        top_p: fields.raw("top_p"),
        stop: fields.take("stop_sequences")?.unwrap_or_default(),
        stream: fields.take("stream")?.unwrap_or(false),
        ..Request::default()
    };
    if let Some(system) = fields.take::<Value>("system")? {
        let text = text_of("system", &system)?;
        if !text.is_empty() {
            request.instructs(&text);
        }
    }
    for Message { role, content } in fields.needed::<Vec<Message<'_>>>("messages")? {
        let side = match role.as_str() {
            "user" => Side::User,
            "assistant" => Side::Assistant,
            other => {
                return Err(wrong(format!("the provider of this model knows no role like `{other}`")));
            }
        };
        let parts = parts_of(content)?;
        request.says(side, parts);
    }
    if let Some(tools) = fields.raw("tools") {
        request.tools = read_tools(tools)?;
    }
    if let Some(choice) = fields.take::<Value>("tool_choice")? {
        request.choice = Some(tool_choice(&choice)?);
        if choice["disable_parallel_tool_use"] == true {
            request.one_call_at_a_time = Some("tool_choice.disable_parallel_tool_use");
        }
    }
    if let Some(metadata) = fields.take::<Value>("metadata")? {
        request.user = metadata["user_id"].as_str().map(str::to_owned);
    }
    let top_k = fields.raw("top_k");
    request.rare.extend(top_k.map(|top_k| Rare { field: "top_k", wish: Wish::TopK(top_k) }));
    let thinking = fields.take::<Value>("thinking")?.map(|thinking| thinking_of(&thinking)).transpose()?;
    let config = fields.take::<Value>("output_config")?.unwrap_or_default();
    request.rare.extend(wishes_of(thinking.flatten(), &config)?);
    fields.refuse_the_rest(&WITHOUT_EFFECT, |_, _| false)?;
    Ok(request)
}

fn thinking_of(thinking: &Value) -> Result<Option<Thinking>, Untranslatable> {
    match thinking["type"].as_str() {
        Some("enabled") => Thinking::of_tokens("thinking.budget_tokens", &thinking["budget_tokens"]),
        Some("adaptive") => Ok(Some(Thinking::Free)),
        Some("disabled") => Ok(Some(Thinking::Off)),
        _ => Err(Untranslatable::unsaid("thinking")),
    }
}

/// How much is to be thought, and what the answer is to look like. A number of tokens says more than a word, and a word more
/// than that the model may think.
fn wishes_of<'a>(thinking: Option<Thinking>, config: &Value) -> Result<Vec<Rare<'a>>, Untranslatable> {
    let is_known = |name: &String| ["effort", "format"].contains(&name.as_str());
    if !config.as_object().is_none_or(|fields| fields.keys().all(is_known)) {
        return Err(Untranslatable::unsaid("output_config"));
    }
    let effort = Thinking::of_word("output_config.effort", &config["effort"])?;
    let wish = match (thinking, effort) {
        (None | Some(Thinking::Free), Some(effort)) => Some(("output_config.effort", effort)),
        (thinking, _) => thinking.map(|thinking| ("thinking", thinking)),
    };
    let mut wishes: Vec<Rare<'a>> =
        wish.map(|(field, thinking)| Rare { field, wish: Wish::Think(thinking) }).into_iter().collect();
    let (field, format) = ("output_config.format", &config["format"]);
    match format["type"].as_str() {
        None if format.is_null() => {}
        Some("json_schema") => {
            wishes.push(Rare { field, wish: Wish::Json(Some(format["schema"].clone())) });
        }
        _ => return Err(Untranslatable::unsaid(field)),
    }
    Ok(wishes)
}

fn wrong(problem: impl Into<String>) -> Untranslatable {
    Untranslatable::new("messages", problem)
}

/// The text of a content that may be nothing else, as a text or a list of blocks.
fn text_of(field: &str, content: &Value) -> Result<String, Untranslatable> {
    let texts: Option<Vec<&str>> = match content {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(vec![text]),
        Value::Array(blocks) => blocks.iter().map(|block| block["text"].as_str()).collect(),
        _ => None,
    };
    let problem = || format!("the provider of this model takes only texts in `{field}`");
    texts.map(|texts| texts.join("\n")).ok_or_else(|| Untranslatable::new(field, problem()))
}

fn parts_of(content: &RawValue) -> Result<Vec<Part>, Untranslatable> {
    let unreadable = |error| wrong(format!("a message's content cannot be read: {error}"));
    let blocks: Vec<Block> = if content.get().starts_with('"') {
        vec![Block::Text { text: serde_json::from_str(content.get()).map_err(unreadable)? }]
    } else {
        serde_json::from_str(content.get()).map_err(unreadable)?
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for block in blocks {
        parts.extend(part_of(block)?);
    }
    Ok(parts)
}

/// What a tool gave back: nothing, a text, or a list of blocks.
fn result_parts(content: Value) -> Result<Vec<Part>, Untranslatable> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::Text(text)]),
        blocks => {
            let blocks: Vec<Block> = serde_json::from_value(blocks)
                .map_err(|error| wrong(format!("the result of a tool cannot be read: {error}")))?;
            let parts: Vec<Option<Part>> = blocks.into_iter().map(part_of).collect::<Result<_, _>>()?;
            Ok(parts.into_iter().flatten().collect())
        }
    }
}

fn part_of(block: Block) -> Result<Option<Part>, Untranslatable> {
    Ok(Some(match block {
        Block::Text { text } if text.is_empty() => return Ok(None),
        Block::Text { text } => Part::Text(text),
        Block::Image { source: Source::Url { url } } => Part::Image(Image::At(url)),
        Block::Image { source: Source::Base64 { media_type, data } } => {
            Part::Image(Image::Inline { media_type, data })
        }
        Block::ToolUse { id, name, input } => {
            let arguments = serde_json::value::to_raw_value(&input).ok().filter(|_| input.is_object());
            let Some(arguments) = arguments else {
                return Err(wrong(format!("the input of the tool call `{id}` is not a JSON object")));
            };
            Part::Call(Call { id, name, arguments, signature: None })
        }
        Block::ToolResult { tool_use_id, content, is_error } => {
            let result = ToolResult::of(tool_use_id, result_parts(content)?, is_error);
            Part::Result(result.map_err(|_| wrong("the result of a tool holds texts and images only"))?)
        }
        Block::Thinking {} | Block::RedactedThinking {} => return Ok(None),
        Block::Unknown | Block::Image { source: Source::Unknown } => {
            return Err(wrong("the provider of this model takes texts, images and tools only"));
        }
    }))
}

fn read_tools(raw: &RawValue) -> Result<Vec<Tool<'_>>, Untranslatable> {
    let offered: Vec<OfferedTool<'_>> = serde_json::from_str(raw.get()).map_err(|error| {
        Untranslatable::new("tools", format!("the field `tools` cannot be read: {error}"))
    })?;
    let mut tools = Vec::with_capacity(offered.len());
    for OfferedTool { kind, name, description, input_schema } in offered {
        if let Some(kind) = kind.filter(|kind| kind != "custom") {
            let problem = format!("the provider of this model has no tool of its own like `{kind}`");
            return Err(Untranslatable::new("tools", problem));
        }
        tools.push(Tool { name, description, schema: Schema::of(input_schema) });
    }
    Ok(tools)
}

fn tool_choice(choice: &Value) -> Result<ToolChoice, Untranslatable> {
    let read = match choice["type"].as_str() {
        Some("auto") => Some(ToolChoice::Auto),
        Some("none") => Some(ToolChoice::Never),
        Some("any") => Some(ToolChoice::Any),
        Some("tool") => choice["name"].as_str().map(|name| ToolChoice::Named(name.to_owned())),
        _ => None,
    };
    let problem = "the field `tool_choice` must be of the type `auto`, `none`, `any` or `tool`";
    read.ok_or_else(|| Untranslatable::new("tool_choice", problem))
}
