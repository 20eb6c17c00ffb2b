//! The conversation: instructions set apart, tool calls and their results as blocks, one turn after the other.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::request::Untranslatable;

/// One turn. Turns of the same side that follow each other are one, as the provider would read them.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    role: &'static str,
    content: Content,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text { text: String },
    Image { source: ImageSource },
    ToolUse { id: String, name: String, input: Box<RawValue> },
    ToolResult { tool_use_id: String, content: String },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ImageSource {
    Base64 { media_type: String, data: String },
    Url { url: String },
}

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
}

#[derive(Deserialize)]
struct CalledFunction {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
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

fn wrong(problem: impl Into<String>) -> Untranslatable {
    Untranslatable::new("messages", problem)
}

/// The instructions, if there are any, and the turns.
pub(super) fn conversation(raw: &RawValue) -> Result<(Option<String>, Vec<Message>), Untranslatable> {
    let messages: Vec<ChatMessage<'_>> = serde_json::from_str(raw.get())
        .map_err(|error| wrong(format!("the field `messages` cannot be read: {error}")))?;
    let mut instructions: Vec<String> = Vec::new();
    let mut turns: Vec<(&'static str, Vec<Block>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match message.role.as_str() {
            "system" | "developer" => {
                instructions.push(text_of(message.content)?);
                continue;
            }
            "user" => ("user", blocks_of(message.content)?),
            "assistant" => ("assistant", assistant_blocks(message)?),
            "tool" => ("user", vec![tool_result(message)?]),
            other => return Err(wrong(format!("the provider of this model knows no role like `{other}`"))),
        };
        match turns.last_mut() {
            Some((last, earlier)) if *last == role => earlier.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    let system = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
    let turns = turns.into_iter().map(|(role, blocks)| Message { role, content: content(blocks) });
    Ok((system, turns.collect()))
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

fn assistant_blocks(message: ChatMessage<'_>) -> Result<Vec<Block>, Untranslatable> {
    let mut blocks = blocks_of(message.content)?;
    for ToolCall { id, function: CalledFunction { name, arguments } } in
        message.tool_calls.unwrap_or_default()
    {
        // A call without arguments is often written as nothing at all.
        let arguments = if arguments.trim().is_empty() { "{}".to_owned() } else { arguments };
        let input = RawValue::from_string(arguments).ok().filter(|input| input.get().starts_with('{'));
        let Some(input) = input else {
            return Err(wrong(format!("the arguments of the tool call `{id}` are not a JSON object")));
        };
        blocks.push(Block::ToolUse { id, name, input });
    }
    Ok(blocks)
}

fn tool_result(message: ChatMessage<'_>) -> Result<Block, Untranslatable> {
    let Some(tool_use_id) = message.tool_call_id else {
        return Err(wrong("a message of the role `tool` lacks its `tool_call_id`"));
    };
    Ok(Block::ToolResult { tool_use_id, content: text_of(message.content)? })
}

fn text_of(content: Option<&RawValue>) -> Result<String, Untranslatable> {
    let mut texts = Vec::new();
    for block in blocks_of(content)? {
        match block {
            Block::Text { text } => texts.push(text),
            _ => return Err(wrong("only a user's message may hold anything but text")),
        }
    }
    Ok(texts.join("\n"))
}

/// The blocks of a content, which is a text or a list of parts. Empty texts are left out: the provider refuses them.
fn blocks_of(content: Option<&RawValue>) -> Result<Vec<Block>, Untranslatable> {
    let Some(raw) = content else { return Ok(Vec::new()) };
    let parts: Vec<Part> = if raw.get().starts_with('"') {
        let text = serde_json::from_str(raw.get());
        vec![Part::Text { text: text.map_err(|_| wrong("a message's content cannot be read"))? }]
    } else {
        serde_json::from_str(raw.get())
            .map_err(|error| wrong(format!("a message's content cannot be read: {error}")))?
    };
    let mut blocks = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Text { text } | Part::Refusal { refusal: text } if text.is_empty() => {}
            Part::Text { text } | Part::Refusal { refusal: text } => blocks.push(Block::Text { text }),
            Part::ImageUrl { image_url } => blocks.push(Block::Image { source: image(image_url.url)? }),
            Part::Unknown => {
                return Err(wrong("the provider of this model takes texts and images only"));
            }
        }
    }
    Ok(blocks)
}

/// An address is passed on; a picture in the address itself is taken out of it.
fn image(url: String) -> Result<ImageSource, Untranslatable> {
    let Some(inline) = url.strip_prefix("data:") else { return Ok(ImageSource::Url { url }) };
    let Some((media_type, data)) = inline.split_once(";base64,") else {
        return Err(wrong("a picture inside of the request must be written in base64"));
    };
    Ok(ImageSource::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(messages: &Value) -> Result<(Option<String>, Value), String> {
        let raw = serde_json::value::to_raw_value(messages).unwrap();
        let (system, turns) = conversation(&raw).map_err(|error| error.to_string())?;
        Ok((system, serde_json::to_value(turns).unwrap()))
    }

    #[test]
    fn instructions_are_set_apart_and_turns_of_one_side_are_joined() {
        let (system, turns) = read(&json!([
            { "role": "system", "content": "one" },
            { "role": "user", "content": "a" },
            { "role": "developer", "content": [{ "type": "text", "text": "two" }] },
            { "role": "user", "content": "b" },
            { "role": "assistant", "content": "c" },
        ]))
        .unwrap();
        assert_eq!(system.as_deref(), Some("one\n\ntwo"));
        let expected = json!([
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "assistant", "content": "c" },
        ]);
        assert_eq!(turns, expected);
    }

    #[test]
    fn tool_calls_and_results_become_blocks() {
        let (_, turns) = read(&json!([
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "t1", "type": "function", "function": { "name": "f", "arguments": "{\"a\": 1.10}" } },
                { "id": "t2", "type": "function", "function": { "name": "g", "arguments": "" } },
            ] },
            { "role": "tool", "tool_call_id": "t1", "content": "one" },
            { "role": "tool", "tool_call_id": "t2", "content": [{ "type": "text", "text": "two" }] },
            { "role": "user", "content": "go on" },
        ]))
        .unwrap();
        let expected = json!([
            { "role": "assistant", "content": [
                { "type": "tool_use", "id": "t1", "name": "f", "input": { "a": 1.10 } },
                { "type": "tool_use", "id": "t2", "name": "g", "input": {} },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "t1", "content": "one" },
                { "type": "tool_result", "tool_use_id": "t2", "content": "two" },
                { "type": "text", "text": "go on" },
            ] },
        ]);
        assert_eq!(turns, expected);
    }

    #[test]
    fn pictures_are_passed_on_by_address_or_by_content() {
        let part = |url: &str| json!({ "type": "image_url", "image_url": { "url": url, "detail": "low" } });
        let (_, turns) =
            read(&json!([{ "role": "user", "content": [part("https://h/x.png"), part("data:image/png;base64,AAAA")] }]))
                .unwrap();
        let expected = json!([
            { "type": "image", "source": { "type": "url", "url": "https://h/x.png" } },
            { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AAAA" } },
        ]);
        assert_eq!(turns[0]["content"], expected);
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let cases = [
            (json!("hi"), "`messages` cannot be read"),
            (json!([{ "role": "function", "content": "x" }]), "no role like `function`"),
            (json!([{ "role": "tool", "content": "x" }]), "lacks its `tool_call_id`"),
            (json!([{ "role": "user", "content": [{ "type": "input_audio" }] }]), "texts and images only"),
            (json!([{ "role": "user", "content": 7 }]), "content cannot be read"),
            (
                json!([{ "role": "assistant", "tool_calls": [{ "id": "t", "function": { "name": "f", "arguments": "[1]" } }] }]),
                "are not a JSON object",
            ),
        ];
        for (messages, expected) in cases {
            let error = read(&messages).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
