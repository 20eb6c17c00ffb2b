//! A chat completion request by its meaning.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::request::{
    Call, Fields, Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Untranslatable,
    Wish, object_of,
};
use super::super::thinking::Thinking;
use super::signature_in;

/// What has no counterpart and changes nothing about the answer that a client could hold us to.
const WITHOUT_EFFECT: [&str; 7] =
    ["metadata", "model", "prompt_cache_key", "safety_identifier", "service_tier", "store", "stream_options"];

#[derive(Deserialize)]
struct ChatMessage<'a> {
    role: String,
    #[serde(default, borrow)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
    #[serde(default)]
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    function: CalledFunction,
    #[serde(default)]
    extra_content: Value,
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart {
    Text {
        text: String,
    },
    Refusal {
        refusal: String,
    },
    ImageUrl {
        image_url: ImageUrl,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct OfferedTool<'a> {
    #[serde(borrow)]
    function: OfferedFunction<'a>,
}

#[derive(Deserialize)]
struct OfferedFunction<'a> {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

pub(in crate::translate) fn read_request(body: &[u8]) -> Result<Request<'_>, Untranslatable> {
    let mut fields = Fields::of(body)?;
    let limits: [Option<u64>; 2] = [fields.take("max_completion_tokens")?, fields.take("max_tokens")?];
    let mut request = Request {
        max_output: limits.into_iter().flatten().next(),
        temperature: fields.raw("temperature"),
        top_p: fields.raw("top_p"),
        user: fields.take("user")?,
        stream: fields.take("stream")?.unwrap_or(false),
        ..Request::default()
    };
    for message in fields.needed::<Vec<ChatMessage<'_>>>("messages")? {
        take_message(&mut request, message)?;
    }
    request.stop = match fields.take("stop")? {
        None => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    };
    if let Some(tools) = fields.raw("tools") {
        request.tools = read_tools(tools)?;
    }
    request.choice = fields.take::<Value>("tool_choice")?.map(|choice| tool_choice(&choice)).transpose()?;
    if fields.take("parallel_tool_calls")? == Some(false) {
        request.one_call_at_a_time = Some("parallel_tool_calls");
    }
    request.rare = rare(&mut fields)?;
    fields.refuse_the_rest(&WITHOUT_EFFECT, says_nothing)?;
    Ok(request)
}

fn rare<'a>(fields: &mut Fields<'a>) -> Result<Vec<Rare<'a>>, Untranslatable> {
    let mut rare = Vec::new();
    if let Some(seed) = fields.raw("seed") {
        rare.push(Rare { field: "seed", wish: Wish::Seed(seed) });
    }
    for (field, wish) in [
        ("frequency_penalty", Wish::FrequencyPenalty as fn(&'a RawValue) -> Wish<'a>),
        ("presence_penalty", Wish::PresencePenalty),
    ] {
        let written = fields.raw(field);
        rare.extend(written.filter(|raw| !is_zero(raw)).map(|raw| Rare { field, wish: wish(raw) }));
    }
    let field = "reasoning_effort";
    let effort = fields.take::<Value>(field)?.unwrap_or_default();
    let thinking = Thinking::of_word(field, &effort)?;
    rare.extend(thinking.map(|thinking| Rare { field, wish: Wish::Think(thinking) }));
    let field = "response_format";
    match fields.take::<Value>(field)? {
        None => {}
        Some(format) => match format["type"].as_str() {
            Some("text") => {}
            Some("json_object") => rare.push(Rare { field, wish: Wish::Json(None) }),
            Some("json_schema") => {
                let schema = format["json_schema"]["schema"].clone();
                rare.push(Rare { field, wish: Wish::Json(Some(schema)) });
            }
            _ => return Err(Untranslatable::unsaid(field)),
        },
    }
    Ok(rare)
}

fn is_zero(raw: &RawValue) -> bool {
    raw.get().parse::<f64>() == Ok(0.0)
}

/// Whether a field asks for what happens without it anyway.
fn says_nothing(name: &str, value: &Value) -> bool {
    match name {
        "n" => *value == 1,
        "logprobs" => *value == false,
        "logit_bias" => *value == json!({}),
        "modalities" => *value == json!(["text"]),
        _ => false,
    }
}

fn wrong(problem: impl Into<String>) -> Untranslatable {
    Untranslatable::new("messages", problem)
}

fn take_message(request: &mut Request<'_>, message: ChatMessage<'_>) -> Result<(), Untranslatable> {
    match message.role.as_str() {
        "system" | "developer" => request.instructs(&text_of(message.content)?),
        "user" => request.says(Side::User, parts_of(message.content)?),
        "assistant" => {
            let parts = assistant_parts(message)?;
            request.says(Side::Assistant, parts);
        }
        "tool" => {
            let Some(call) = message.tool_call_id else {
                return Err(wrong("a message of the role `tool` lacks its `tool_call_id`"));
            };
            let result = ToolResult::of(call, parts_of(message.content)?, false);
            let result = result.map_err(|_| wrong("the result of a tool holds texts and images only"))?;
            request.says(Side::User, vec![Part::Result(result)]);
        }
        other => return Err(wrong(format!("the provider of this model knows no role like `{other}`"))),
    }
    Ok(())
}

fn assistant_parts(message: ChatMessage<'_>) -> Result<Vec<Part>, Untranslatable> {
    let mut parts = parts_of(message.content)?;
    for ToolCall { id, function: CalledFunction { name, arguments }, extra_content } in
        message.tool_calls.unwrap_or_default()
    {
        let Some(arguments) = object_of(&arguments) else {
            return Err(wrong(format!("the arguments of the tool call `{id}` are not a JSON object")));
        };
        let signature = signature_in(&extra_content);
        parts.push(Part::Call(Call { id, name, arguments, signature }));
    }
    Ok(parts)
}

fn text_of(content: Option<&RawValue>) -> Result<String, Untranslatable> {
    let mut texts = Vec::new();
    for part in parts_of(content)? {
        match part {
            Part::Text(text) => texts.push(text),
            _ => return Err(wrong("only a user's message may hold anything but text")),
        }
    }
    Ok(texts.join("\n"))
}

/// The parts of a content, which is a text or a list. Empty texts are left out: some providers refuse them.
fn parts_of(content: Option<&RawValue>) -> Result<Vec<Part>, Untranslatable> {
    let Some(raw) = content else { return Ok(Vec::new()) };
    let read: Vec<ContentPart> = if raw.get().starts_with('"') {
        let text = serde_json::from_str(raw.get());
        vec![ContentPart::Text { text: text.map_err(|_| wrong("a message's content cannot be read"))? }]
    } else {
        serde_json::from_str(raw.get())
            .map_err(|error| wrong(format!("a message's content cannot be read: {error}")))?
    };
    let mut parts = Vec::with_capacity(read.len());
    for part in read {
        match part {
            ContentPart::Text { text } | ContentPart::Refusal { refusal: text } => {
                if !text.is_empty() {
                    parts.push(Part::Text(text));
                }
            }
            ContentPart::ImageUrl { image_url } => {
                parts.push(Part::Image(Image::of_address("messages", image_url.url)?));
            }
            ContentPart::Unknown => {
                return Err(wrong("the provider of this model takes texts and images only"));
            }
        }
    }
    Ok(parts)
}

fn read_tools(raw: &RawValue) -> Result<Vec<Tool<'_>>, Untranslatable> {
    let offered: Vec<OfferedTool<'_>> = serde_json::from_str(raw.get()).map_err(|error| {
        Untranslatable::new("tools", format!("the field `tools` cannot be read: {error}"))
    })?;
    let tool = |OfferedTool { function: OfferedFunction { name, description, parameters } }| Tool {
        name,
        description,
        schema: Schema::of(parameters),
    };
    Ok(offered.into_iter().map(tool).collect())
}

fn tool_choice(choice: &Value) -> Result<ToolChoice, Untranslatable> {
    let named = || choice["function"]["name"].as_str().map(|name| ToolChoice::Named(name.to_owned()));
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
