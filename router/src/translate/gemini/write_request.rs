//! A request as one for content. The model stands in its address, and whether it streams.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::request::{
    Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Turn, Untranslatable, Wish,
};
use super::super::thinking::{Effort, Thinking};
use super::{call_part, text_part};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentRequest<'a> {
    contents: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    generation_config: Generation<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    parameters_json_schema: Schema<'a>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Generation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
}

pub(in crate::translate) fn write_request(request: Request<'_>) -> Result<Vec<u8>, Untranslatable> {
    if let Some(field) = request.one_call_at_a_time {
        return Err(Untranslatable::unsaid(field));
    }
    let mut generation = Generation {
        max_output_tokens: request.max_output,
        temperature: request.temperature,
        top_p: request.top_p,
        stop_sequences: request.stop,
        ..Generation::default()
    };
    for Rare { wish, .. } in request.rare {
        match wish {
            Wish::TopK(written) => generation.top_k = Some(written),
            Wish::Seed(written) => generation.seed = Some(written),
            Wish::FrequencyPenalty(written) => generation.frequency_penalty = Some(written),
            Wish::PresencePenalty(written) => generation.presence_penalty = Some(written),
            Wish::Think(thinking) => generation.thinking_config = Some(thinking_config(thinking)),
            Wish::Json(schema) => {
                generation.response_mime_type = Some("application/json");
                generation.response_json_schema = schema;
            }
        }
    }
    let names = names_of_calls(&request.turns);
    let contents = request.turns.into_iter().map(|turn| content(turn, &names)).collect::<Result<_, _>>()?;
    let declarations: Vec<Declaration<'_>> = request.tools.into_iter().map(declaration).collect();
    let has_tools = !declarations.is_empty();
    let content = ContentRequest {
        contents,
        system_instruction: request.instructions.map(|text| json!({ "parts": [text_part(&text)] })),
        tools: has_tools.then_some(Tools { function_declarations: declarations }).into_iter().collect(),
        tool_config: request.choice.map(tool_config),
        generation_config: generation,
    };
    serde_json::to_vec(&content)
        .map_err(|error| Untranslatable::new("", format!("the request cannot be written: {error}")))
}

fn thinking_config(thinking: Thinking) -> Value {
    let level = |effort: Effort| match effort {
        // It has no word for more.
        Effort::Xhigh | Effort::Max => Effort::High,
        effort => effort,
    };
    match thinking {
        Thinking::Effort(effort) => json!({ "thinkingLevel": level(effort).word().to_ascii_uppercase() }),
        Thinking::Budget(tokens) => json!({ "thinkingBudget": tokens }),
        Thinking::Free => json!({ "thinkingBudget": -1 }),
        Thinking::Off => json!({ "thinkingBudget": 0 }),
    }
}

/// A result is told with the name of its tool, which elsewhere only the call has.
fn names_of_calls(turns: &[Turn]) -> Map<String, Value> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let calls = parts.filter_map(|part| match part {
        Part::Call(call) => Some((call.id.clone(), Value::from(call.name.as_str()))),
        _ => None,
    });
    calls.collect()
}

fn content(turn: Turn, names: &Map<String, Value>) -> Result<Value, Untranslatable> {
    let role = match turn.side {
        Side::User => "user",
        Side::Assistant => "model",
    };
    let mut parts = Vec::with_capacity(turn.parts.len());
    for part in turn.parts {
        // Only the latest models take pictures inside of a response, and all take them behind it.
        let (part, images) = match part {
            Part::Result(result) => {
                let images = result.images;
                (Part::Result(ToolResult { images: Vec::new(), ..result }), images)
            }
            part => (part, Vec::new()),
        };
        parts.push(written(part, names)?);
        for image in images {
            parts.push(written(Part::Image(image), names)?);
        }
    }
    Ok(json!({ "role": role, "parts": parts }))
}

fn written(part: Part, names: &Map<String, Value>) -> Result<Value, Untranslatable> {
    Ok(match part {
        Part::Text(text) => text_part(&text),
        Part::Image(Image::Inline { media_type, data }) => {
            json!({ "inlineData": { "mimeType": media_type, "data": data } })
        }
        Part::Image(Image::At(_)) => {
            let problem =
                "the provider of this model takes a picture inside of the request only, not by its address";
            return Err(Untranslatable::new("messages", problem));
        }
        Part::Call(call) => {
            let arguments = serde_json::from_str(call.arguments.get()).unwrap_or_default();
            let mut part = call_part(&call.id, &call.name, &arguments);
            if let Some(signature) = call.signature {
                part["thoughtSignature"] = Value::from(signature);
            }
            part
        }
        Part::Result(ToolResult { call, text, is_failure, .. }) => {
            let Some(name) = names.get(&call) else {
                let problem = format!("the result of the tool call `{call}` answers no call");
                return Err(Untranslatable::new("messages", problem));
            };
            let key = if is_failure { "error" } else { "output" };
            let mut response = json!({ "id": call, "name": name });
            response["response"] = json!({ key: text });
            json!({ "functionResponse": response })
        }
    })
}

fn declaration(tool: Tool<'_>) -> Declaration<'_> {
    let Tool { name, description, schema } = tool;
    Declaration { name, description, parameters_json_schema: schema }
}

fn tool_config(choice: ToolChoice) -> Value {
    let calling = match choice {
        ToolChoice::Auto => json!({ "mode": "AUTO" }),
        ToolChoice::Never => json!({ "mode": "NONE" }),
        ToolChoice::Any => json!({ "mode": "ANY" }),
        ToolChoice::Named(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
    };
    json!({ "functionCallingConfig": calling })
}
