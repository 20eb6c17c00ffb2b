//! A request for content by its meaning.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::request::{
    Call, Fields, Image, Part, Rare, Request, Schema, Side, Tool, ToolChoice, ToolResult, Untranslatable,
    Wish,
};
use super::super::thinking::Thinking;

/// What has no counterpart and changes nothing about the answer that a client could hold us to. How strictly content is
/// judged is each provider's own rule.
const WITHOUT_EFFECT: [&str; 3] = ["model", "safetySettings", "labels"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    parts: Vec<ContentPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentPart {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    #[serde(default, alias = "inline_data")]
    inline_data: Option<Blob>,
    #[serde(default, alias = "function_call")]
    function_call: Option<FunctionCall>,
    #[serde(default, alias = "function_response")]
    function_response: Option<FunctionResponse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    #[serde(alias = "mime_type")]
    mime_type: String,
    data: String,
}

#[derive(Deserialize)]
struct FunctionCall {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct FunctionResponse {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(default)]
    response: Map<String, Value>,
    #[serde(default)]
    parts: Vec<ResponsePart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePart {
    #[serde(default, alias = "inline_data")]
    inline_data: Option<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default, borrow, alias = "parameters_json_schema")]
    parameters_json_schema: Option<&'a RawValue>,
}

/// The calls so far that no result has come for, since both may come without an id.
#[derive(Default)]
struct Calls {
    count: usize,
    unanswered: Vec<(String, String)>,
}

pub(in crate::translate) fn read_request(body: &[u8], stream: bool) -> Result<Request<'_>, Untranslatable> {
    let mut fields = Fields::of(body)?;
    let mut request = Request { stream, ..Request::default() };
    let instructions = match fields.take::<Content>("systemInstruction")? {
        Some(instructions) => Some(instructions),
        None => fields.take::<Content>("system_instruction")?,
    };
    for part in instructions.into_iter().flat_map(|content| content.parts) {
        match part.text {
            Some(text) => request.instructs(&text),
            None => {
                let problem = "the provider of this model takes only texts in `systemInstruction`";
                return Err(Untranslatable::new("systemInstruction", problem));
            }
        }
    }
    let mut calls = Calls::default();
    for Content { role, parts } in fields.needed::<Vec<Content>>("contents")? {
        let side = match role.as_deref() {
            Some("user" | "function") | None => Side::User,
            Some("model") => Side::Assistant,
            Some(other) => {
                return Err(wrong(format!("the provider of this model knows no role like `{other}`")));
            }
        };
        let parts: Vec<Option<Part>> =
            parts.into_iter().map(|part| calls.part(part)).collect::<Result<_, _>>()?;
        request.says(side, parts.into_iter().flatten().collect());
    }
    if let Some(tools) = fields.raw("tools") {
        request.tools = read_tools(tools)?;
    }
    let config = match fields.take::<Value>("toolConfig")? {
        Some(config) => Some(config),
        None => fields.take::<Value>("tool_config")?,
    };
    request.choice = config.map(|config| tool_choice(&config)).transpose()?.flatten();
    if let Some(config) = fields.raw("generationConfig").or_else(|| fields.raw("generation_config")) {
        generation(&mut request, config)?;
    }
    fields.refuse_the_rest(&WITHOUT_EFFECT, |_, _| false)?;
    Ok(request)
}

fn wrong(problem: impl Into<String>) -> Untranslatable {
    Untranslatable::new("contents", problem)
}

impl Calls {
    fn part(&mut self, part: ContentPart) -> Result<Option<Part>, Untranslatable> {
        if part.thought {
            return Ok(None);
        }
        let ContentPart { text, inline_data, function_call, function_response, .. } = part;
        match (text, inline_data, function_call, function_response) {
            (Some(text), ..) if text.is_empty() => Ok(None),
            (Some(text), ..) => Ok(Some(Part::Text(text))),
            (_, Some(Blob { mime_type, data }), ..) if mime_type.starts_with("image/") => {
                Ok(Some(Part::Image(Image::Inline { media_type: mime_type, data })))
            }
            (_, _, Some(FunctionCall { id, name, args }), _) => {
                self.count += 1;
                let id = id.unwrap_or_else(|| format!("call_{}", self.count));
                self.unanswered.push((id.clone(), name.clone()));
                let arguments = serde_json::value::to_raw_value(&args.unwrap_or_default())
                    .map_err(|error| wrong(format!("the arguments of `{name}` cannot be read: {error}")))?;
                Ok(Some(Part::Call(Call { id, name, arguments, signature: None })))
            }
            (_, _, _, Some(response)) => self.result(response).map(|result| Some(Part::Result(result))),
            _ => Err(wrong("the provider of this model takes texts, inline images and functions only")),
        }
    }

    fn result(&mut self, response: FunctionResponse) -> Result<ToolResult, Untranslatable> {
        let FunctionResponse { id, name, response, parts } = response;
        let answers = |(call, called): &(String, String)| match &id {
            Some(id) => call == id,
            None => *called == name,
        };
        let call = match self.unanswered.iter().position(answers) {
            Some(place) => self.unanswered.remove(place).0,
            None => {
                let problem = format!("a response of the function `{name}` answers no call of it");
                return Err(wrong(problem));
            }
        };
        let told = |key: &str| response.get(key).filter(|_| response.len() == 1);
        let (value, is_failure) = match (told("output"), told("error")) {
            (Some(output), _) => (output.clone(), false),
            (_, Some(error)) => (error.clone(), true),
            _ => (Value::Object(response), false),
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pictures = parts.into_iter().map(|part| match part.inline_data {
            Some(Blob { mime_type, data }) if mime_type.starts_with("image/") => {
                Ok(Image::Inline { media_type: mime_type, data })
            }
            _ => {
                Err(wrong("a response of a function holds inline images beside its fields, and nothing else"))
            }
        });
        Ok(ToolResult { call, text, images: pictures.collect::<Result<_, _>>()?, is_failure })
    }
}

fn read_tools(raw: &RawValue) -> Result<Vec<Tool<'_>>, Untranslatable> {
    let unreadable = |error: serde_json::Error| {
        Untranslatable::new("tools", format!("the field `tools` cannot be read: {error}"))
    };
    let offered: Vec<BTreeMap<String, &RawValue>> = serde_json::from_str(raw.get()).map_err(unreadable)?;
    let mut tools = Vec::new();
    for (name, written) in offered.into_iter().flatten() {
        if !matches!(name.as_str(), "functionDeclarations" | "function_declarations") {
            let problem = format!("the provider of this model has no tool of its own like `{name}`");
            return Err(Untranslatable::new("tools", problem));
        }
        let declared: Vec<Declaration<'_>> = serde_json::from_str(written.get()).map_err(unreadable)?;
        tools.extend(declared.into_iter().map(|declared| Tool {
            name: declared.name,
            description: declared.description,
            schema: match declared.parameters {
                Some(schema) => Schema::Made(in_json_schema(schema)),
                None => Schema::of(declared.parameters_json_schema),
            },
        }));
    }
    Ok(tools)
}

/// Gemini's own schemas name types in capitals.
fn in_json_schema(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let is_type = |text: &str| {
                    matches!(text, "OBJECT" | "ARRAY" | "STRING" | "NUMBER" | "INTEGER" | "BOOLEAN" | "NULL")
                };
                *value = match value.take() {
                    Value::String(text) if name == "type" && is_type(&text) => {
                        Value::String(text.to_lowercase())
                    }
                    other => in_json_schema(other),
                };
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = in_json_schema(item.take());
            }
        }
        _ => {}
    }
    schema
}

fn tool_choice(config: &Value) -> Result<Option<ToolChoice>, Untranslatable> {
    let calling = [&config["functionCallingConfig"], &config["function_calling_config"]];
    let Some(calling) = calling.into_iter().find(|calling| calling.is_object()) else { return Ok(None) };
    let names = calling["allowedFunctionNames"].as_array().map_or(&[][..], Vec::as_slice);
    let choice = match (calling["mode"].as_str(), names) {
        (None | Some("AUTO" | "MODE_UNSPECIFIED"), []) => ToolChoice::Auto,
        (Some("NONE"), []) => ToolChoice::Never,
        (Some("ANY"), []) => ToolChoice::Any,
        (Some("ANY"), [Value::String(name)]) => ToolChoice::Named(name.clone()),
        _ => {
            let problem = "the provider of this model calls functions by the mode `AUTO`, `NONE` or `ANY`, and the last \
                           with one name at most";
            return Err(Untranslatable::new("toolConfig", problem));
        }
    };
    Ok(Some(choice))
}

/// Thoughts are told by models that have some, so that none is an answer, too.
fn thinking_of(config: &Value) -> Result<Option<(&'static str, Thinking)>, Untranslatable> {
    let (level, budget) = ("thinkingConfig.thinkingLevel", "thinkingConfig.thinkingBudget");
    let is_known =
        |name: &String| ["includeThoughts", "thinkingBudget", "thinkingLevel"].contains(&name.as_str());
    if !config.as_object().is_some_and(|fields| fields.keys().all(is_known)) {
        return Err(Untranslatable::unsaid("thinkingConfig"));
    }
    if let Some(thinking) = Thinking::of_tokens(budget, &config["thinkingBudget"])? {
        return Ok(Some((budget, thinking)));
    }
    let word = match &config["thinkingLevel"] {
        Value::String(word) if word == "THINKING_LEVEL_UNSPECIFIED" => return Ok(None),
        word => word,
    };
    Ok(Thinking::of_word(level, word)?.map(|thinking| (level, thinking)))
}

fn generation<'a>(request: &mut Request<'a>, config: &'a RawValue) -> Result<(), Untranslatable> {
    let mut fields = Fields::of(config.get().as_bytes())?;
    request.max_output = fields.take("maxOutputTokens")?;
    request.temperature = fields.raw("temperature");
    request.top_p = fields.raw("topP");
    request.stop = fields.take("stopSequences")?.unwrap_or_default();
    for (field, wish) in [
        ("topK", Wish::TopK as fn(&'a RawValue) -> Wish<'a>),
        ("seed", Wish::Seed),
        ("frequencyPenalty", Wish::FrequencyPenalty),
        ("presencePenalty", Wish::PresencePenalty),
    ] {
        request.rare.extend(fields.raw(field).map(|written| Rare { field, wish: wish(written) }));
    }
    if let Some(config) = fields.take::<Value>("thinkingConfig")? {
        let wish = thinking_of(&config)?;
        request.rare.extend(wish.map(|(field, thinking)| Rare { field, wish: Wish::Think(thinking) }));
    }
    let schema: Option<Value> = fields.take::<Value>("responseSchema")?.map(in_json_schema);
    let schema = match schema {
        Some(schema) => Some(schema),
        None => fields.take("responseJsonSchema")?,
    };
    match fields.take::<String>("responseMimeType")?.as_deref() {
        None | Some("text/plain") => {}
        Some("application/json") => {
            request.rare.push(Rare { field: "responseMimeType", wish: Wish::Json(schema) });
        }
        Some(_) => return Err(Untranslatable::unsaid("responseMimeType")),
    }
    fields.refuse_the_rest(&[], |name, value| match name {
        "candidateCount" => *value == 1,
        "responseModalities" => *value == serde_json::json!(["TEXT"]),
        "responseLogprobs" => *value == false,
        _ => false,
    })
}
