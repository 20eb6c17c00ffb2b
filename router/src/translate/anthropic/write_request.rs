//! A request as one for a message. What the provider has no word for is refused by name.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::DEFAULT_MAX_TOKENS;
use super::super::request::{
    Call, Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Turn, Untranslatable, Wish,
};
use super::super::thinking::{Effort, Thinking};

#[derive(Serialize)]
struct MessageRequest<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<OfferedTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    output_config: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Content,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    Image {
        source: Value,
    },
    ToolUse {
        id: String,
        name: String,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: String,
        content: Content,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

#[derive(Serialize)]
struct OfferedTool<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    input_schema: Schema<'a>,
}

pub(in crate::translate) fn write_request(
    request: Request<'_>,
    model: &str,
) -> Result<Vec<u8>, Untranslatable> {
    let amid_a_turn = request.is_amid_a_turn();
    let (mut top_k, mut thinking, mut output_config) = (None, None, Map::new());
    let mut max_tokens = request.max_output.unwrap_or(DEFAULT_MAX_TOKENS);
    for Rare { field, wish } in request.rare {
        match wish {
            Wish::TopK(written) => top_k = Some(written),
            Wish::Seed(_) => {}
            Wish::Json(Some(schema)) => {
                output_config.insert("format".to_owned(), json!({ "type": "json_schema", "schema": schema }));
            }
            Wish::Think(Thinking::Effort(effort)) => {
                output_config.insert("effort".to_owned(), Value::from(effort_word(effort)));
            }
            // Without being asked it does not, unless it always does.
            Wish::Think(Thinking::Off) => {}
            // The model's turn has begun with thoughts that are lost here, and it takes no turn up again without its own.
            Wish::Think(_) if amid_a_turn => {}
            Wish::Think(Thinking::Free) => thinking = Some(json!({ "type": "adaptive" })),
            Wish::Think(Thinking::Budget(tokens)) => {
                if request.max_output.is_none() {
                    max_tokens = max_tokens.saturating_add(tokens);
                }
                // Thoughts are a part of all tokens, and fewer than these are refused.
                let tokens = tokens.max(LEAST_BUDGET).min(max_tokens.saturating_sub(1));
                if tokens >= LEAST_BUDGET {
                    thinking = Some(json!({ "type": "enabled", "budget_tokens": tokens }));
                }
            }
            _ => return Err(Untranslatable::unsaid(field)),
        }
    }
    let message = MessageRequest {
        model,
        max_tokens,
        system: request.instructions,
        messages: request.turns.into_iter().map(message).collect(),
        temperature: request.temperature,
        top_p: request.top_p,
        top_k,
        stop_sequences: request.stop,
        tools: request.tools.into_iter().map(offered).collect(),
        tool_choice: tool_choice(request.choice, request.one_call_at_a_time.is_some()),
        thinking,
        output_config,
        metadata: request.user.map(|user| json!({ "user_id": user })),
        stream: request.stream,
    };
    serde_json::to_vec(&message)
        .map_err(|error| Untranslatable::new("", format!("the request cannot be written: {error}")))
}

/// The fewest tokens that may be given for thoughts.
const LEAST_BUDGET: u64 = 1_024;

fn effort_word(effort: Effort) -> &'static str {
    // It has no word for less.
    if effort == Effort::Minimal { Effort::Low.word() } else { effort.word() }
}

/// A single text is written as one, which is what people send and read.
fn content(mut blocks: Vec<Block>) -> Content {
    match blocks.pop() {
        Some(Block::Text { text }) if blocks.is_empty() => Content::Text(text),
        last => {
            blocks.extend(last);
            Content::Blocks(blocks)
        }
    }
}

fn message(turn: Turn) -> Message {
    let content = content(turn.parts.into_iter().map(block).collect());
    let role = match turn.side {
        Side::User => "user",
        Side::Assistant => "assistant",
    };
    Message { role, content }
}

fn block(part: Part) -> Block {
    match part {
        Part::Text(text) => Block::Text { text },
        Part::Image(Image::At(url)) => Block::Image { source: json!({ "type": "url", "url": url }) },
        Part::Image(Image::Inline { media_type, data }) => {
            Block::Image { source: json!({ "type": "base64", "media_type": media_type, "data": data }) }
        }
        Part::Call(Call { id, name, arguments, .. }) => Block::ToolUse { id, name, input: arguments },
        Part::Result(ToolResult { call, text, images, is_failure }) => {
            let text = (!text.is_empty() || images.is_empty()).then_some(Part::Text(text));
            let parts = text.into_iter().chain(images.into_iter().map(Part::Image));
            let content = content(parts.map(block).collect());
            Block::ToolResult { tool_use_id: call, content, is_error: is_failure }
        }
    }
}

fn offered(tool: Tool<'_>) -> OfferedTool<'_> {
    let Tool { name, description, schema } = tool;
    OfferedTool { name, description, input_schema: schema }
}

fn tool_choice(choice: Option<ToolChoice>, one_at_a_time: bool) -> Option<Value> {
    let mut written = match choice {
        None if !one_at_a_time => return None,
        Some(ToolChoice::Never) => return Some(json!({ "type": "none" })),
        None | Some(ToolChoice::Auto) => json!({ "type": "auto" }),
        Some(ToolChoice::Any) => json!({ "type": "any" }),
        Some(ToolChoice::Named(name)) => json!({ "type": "tool", "name": name }),
    };
    if one_at_a_time {
        written["disable_parallel_tool_use"] = Value::Bool(true);
    }
    Some(written)
}
