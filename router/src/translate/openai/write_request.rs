//! A request as one for a chat completion.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::request::{
    Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Untranslatable, Wish,
};
use super::super::thinking::{Effort, Thinking};

#[derive(Serialize)]
struct ChatRequest<'a> {
    model: &'a str,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<OfferedTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
}

#[derive(Serialize)]
struct OfferedTool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: OfferedFunction<'a>,
}

#[derive(Serialize)]
struct OfferedFunction<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    parameters: Schema<'a>,
}

pub(in crate::translate) fn write_request(
    request: Request<'_>,
    model: &str,
) -> Result<Vec<u8>, Untranslatable> {
    let mut messages: Vec<Value> = Vec::new();
    messages.extend(request.instructions.map(|text| json!({ "role": "system", "content": text })));
    for turn in request.turns {
        match turn.side {
            Side::User => user_messages(turn.parts, &mut messages),
            Side::Assistant => messages.extend(assistant_message(turn.parts)),
        }
    }
    let mut chat = ChatRequest {
        model,
        messages,
        max_completion_tokens: request.max_output,
        temperature: request.temperature,
        top_p: request.top_p,
        stop: request.stop,
        tools: request.tools.into_iter().map(offered).collect(),
        tool_choice: request.choice.map(tool_choice),
        parallel_tool_calls: request.one_call_at_a_time.map(|_| false),
        seed: None,
        frequency_penalty: None,
        presence_penalty: None,
        response_format: None,
        reasoning_effort: None,
        user: request.user,
        stream: request.stream,
        stream_options: request.stream.then(|| json!({ "include_usage": true })),
    };
    for Rare { field, wish } in request.rare {
        match wish {
            Wish::Seed(seed) => chat.seed = Some(seed),
            Wish::FrequencyPenalty(penalty) => chat.frequency_penalty = Some(penalty),
            Wish::PresencePenalty(penalty) => chat.presence_penalty = Some(penalty),
            Wish::Json(None) => chat.response_format = Some(json!({ "type": "json_object" })),
            Wish::Json(Some(schema)) => {
                let named = json!({ "name": "answer", "schema": schema });
                chat.response_format = Some(json!({ "type": "json_schema", "json_schema": named }));
            }
            Wish::Think(thinking) => chat.reasoning_effort = effort(thinking).map(Effort::word),
            Wish::TopK(_) => return Err(Untranslatable::unsaid(field)),
        }
    }
    serde_json::to_vec(&chat)
        .map_err(|error| Untranslatable::new("", format!("the request cannot be written: {error}")))
}

/// Models that do not think refuse any word about it, also that they need not. So only who asks for thoughts is told on.
fn effort(thinking: Thinking) -> Option<Effort> {
    match thinking {
        Thinking::Effort(effort) => Some(effort),
        Thinking::Budget(tokens) => Some(Effort::of_budget(tokens)),
        Thinking::Free | Thinking::Off => None,
    }
}

/// Results of tools are messages of their own, and stand right behind their calls. They hold texts alone, so their pictures
/// follow as the user's, each behind the name of its call.
fn user_messages(parts: Vec<Part>, messages: &mut Vec<Value>) {
    let mut content = Vec::new();
    for part in parts {
        match part {
            Part::Result(ToolResult { call, text, images, is_failure }) => {
                if !images.is_empty() {
                    content.push(text_part(&format!("Images of the result of the call `{call}`:")));
                    content.extend(images.into_iter().map(image_part));
                }
                // There is no field for it.
                let text = if is_failure { format!("Error: {text}") } else { text };
                messages.push(json!({ "role": "tool", "tool_call_id": call, "content": text }));
            }
            Part::Text(text) => content.push(text_part(&text)),
            Part::Image(image) => content.push(image_part(image)),
            // A user calls nothing.
            Part::Call(_) => {}
        }
    }
    if !content.is_empty() {
        messages.push(json!({ "role": "user", "content": alone_or_list(content) }));
    }
}

fn assistant_message(parts: Vec<Part>) -> Option<Value> {
    let (mut content, mut calls) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(text) => content.push(text_part(&text)),
            Part::Call(call) => {
                let function = json!({ "name": call.name, "arguments": call.arguments.get() });
                calls.push(json!({ "id": call.id, "type": "function", "function": function }));
            }
            // The readers give an assistant neither.
            Part::Image(_) | Part::Result(_) => {}
        }
    }
    if content.is_empty() && calls.is_empty() {
        return None;
    }
    let content = if content.is_empty() { Value::Null } else { alone_or_list(content) };
    let mut message = json!({ "role": "assistant", "content": content });
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    Some(message)
}

fn text_part(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn image_part(image: Image) -> Value {
    json!({ "type": "image_url", "image_url": { "url": image.into_address() } })
}

/// A single text is written as one, which every provider reads.
fn alone_or_list(content: Vec<Value>) -> Value {
    match content.as_slice() {
        [only] if only["text"].is_string() => only["text"].clone(),
        _ => Value::Array(content),
    }
}

fn offered(tool: Tool<'_>) -> OfferedTool<'_> {
    let Tool { name, description, schema } = tool;
    OfferedTool { kind: "function", function: OfferedFunction { name, description, parameters: schema } }
}

fn tool_choice(choice: ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Never => json!("none"),
        ToolChoice::Any => json!("required"),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    }
}
