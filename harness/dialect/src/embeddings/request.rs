//! Requests of embeddings: as a client writes their bodies, and as a provider reads them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::chat::Chat;
use crate::embeddings::Inputs;
use crate::json::Text;
use crate::request::{ChatRequest, Unfit, count_words};
use crate::text_hash::TextHash;

/// More texts are refused, as they are by the provider.
const MOST_INPUTS: usize = 2_048;

/// The body of a request. The fields stand in a fixed order, so that equal requests are equal bytes. Several texts, another
/// encoding and the like stand among the further fields.
pub(crate) fn request_body(chat: &Chat) -> Vec<u8> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("model", json!(chat.model));
    set("input", json!(chat.prompt));
    if let Some(user) = &chat.user {
        set("user", json!(user));
    }
    chat.body(body)
}

/// Reads a request's body. The model that the path names goes before that of the body.
pub(crate) fn read_request<'a>(
    path_model: Option<Cow<'a, str>>,
    body: &'a [u8],
) -> Result<ChatRequest<'a>, Unfit> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| Unfit::NotJson)?;
    let model = path_model.or(body.model.map(|model| model.0)).ok_or(Unfit::NoModel)?;
    let texts = body.input.filter(|texts| !texts.seeds.is_empty()).ok_or(Unfit::NoInput)?;
    let base64 = match body.encoding_format.as_ref().map(|format| format.0.as_ref()) {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(Unfit::NotJson),
    };
    Ok(ChatRequest {
        model,
        stream: false,
        include_usage: true,
        continuous_usage: false,
        prompt: texts.joined.unwrap_or_default(),
        words: texts.words,
        max_tokens: Some(0),
        inputs: Some(Inputs { seeds: texts.seeds, base64, dimensions: body.dimensions }),
    })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<Texts<'a>>,
    #[serde(borrow)]
    encoding_format: Option<Text<'a>>,
    dimensions: Option<u32>,
}

/// The texts, with a number for each. They may come as numbers of tokens too, each of which counts as a word.
#[derive(Default)]
struct Texts<'a> {
    seeds: Vec<u32>,
    words: u64,
    joined: Option<Cow<'a, str>>,
}

impl<'a> Texts<'a> {
    fn add(&mut self, text: Cow<'a, str>) {
        self.seeds.push(TextHash::of(&text));
        self.words = self.words.saturating_add(count_words(&text));
        match &mut self.joined {
            None => self.joined = Some(text),
            Some(joined) => {
                let joined = joined.to_mut();
                joined.push('\n');
                joined.push_str(&text);
            }
        }
    }

    fn add_tokens(&mut self, tokens: &[u64]) {
        let mut hash = TextHash::default();
        tokens.iter().for_each(|token| hash.add(&format!("{token} ")));
        self.seeds.push(hash.value());
        self.words = self.words.saturating_add(tokens.len() as u64);
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

/// An item of the list: a text, a token, or the tokens of a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Token(u64),
    Tokens(Vec<u64>),
}

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, texts, or tokens")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Texts<'de>, E> {
        let mut texts = Texts::default();
        texts.add(Cow::Borrowed(text));
        Ok(texts)
    }

    fn visit_str<E>(self, text: &str) -> Result<Texts<'de>, E> {
        let mut texts = Texts::default();
        texts.add(Cow::Owned(text.to_owned()));
        Ok(texts)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts<'de>, A::Error> {
        let (mut texts, mut tokens) = (Texts::default(), Vec::new());
        while let Some(item) = items.next_element::<Item<'de>>()? {
            match item {
                Item::Text(text) => texts.add(text),
                Item::Tokens(tokens) => texts.add_tokens(&tokens),
                Item::Token(token) => tokens.push(token),
            }
            if texts.seeds.len() > MOST_INPUTS {
                return Err(A::Error::custom("too many texts"));
            }
        }
        if !tokens.is_empty() {
            texts.add_tokens(&tokens);
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_s_body_holds_what_was_asked_in_a_fixed_order() {
        let mut chat = Chat { model: "embed".into(), prompt: "hi".into(), stream: true, ..Chat::default() };
        let body = |chat: &Chat| String::from_utf8(request_body(chat)).unwrap();
        assert_eq!(body(&chat), r#"{"model":"embed","input":"hi"}"#);
        chat.user = Some("me".into());
        chat.extra.insert("input".into(), json!(["a", "b"]));
        chat.extra.insert("encoding_format".into(), json!("base64"));
        let expected = r#"{"model":"embed","input":["a","b"],"user":"me","encoding_format":"base64"}"#;
        assert_eq!(body(&chat), expected);
    }

    #[test]
    fn texts_and_tokens_are_read_in_every_form() {
        for (input, count, words, prompt) in [
            (r#""two words""#, 1, 2, "two words"),
            (r#""two\nwords""#, 1, 2, "two\nwords"),
            (r#"["a", "b c"]"#, 2, 3, "a\nb c"),
            ("[1, 2, 3]", 1, 3, ""),
            ("[[1, 2], [3]]", 2, 3, ""),
        ] {
            let body = format!(r#"{{"model":"m","input":{input},"dimensions":3,"user":"u"}}"#);
            let read = read_request(None, body.as_bytes()).unwrap();
            assert_eq!((read.words, read.prompt.as_ref(), read.stream), (words, prompt, false), "{input}");
            let inputs = read.inputs.unwrap();
            assert_eq!(
                (inputs.count(), inputs.base64, inputs.dimensions),
                (count, false, Some(3)),
                "{input}"
            );
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let many = format!(r#"{{"model":"m","input":[{}"x"]}}"#, r#""x","#.repeat(MOST_INPUTS));
        for (body, expected) in [
            ("", Unfit::NotJson),
            (r#"{"model":"m","input":7}"#, Unfit::NotJson),
            (r#"{"model":"m","input":[{}]}"#, Unfit::NotJson),
            (r#"{"model":"m","input":"x","encoding_format":"words"}"#, Unfit::NotJson),
            (many.as_str(), Unfit::NotJson),
            (r#"{"input":"x"}"#, Unfit::NoModel),
            (r#"{"model":"m"}"#, Unfit::NoInput),
            (r#"{"model":"m","input":[]}"#, Unfit::NoInput),
        ] {
            assert_eq!(read_request(None, body.as_bytes()), Err(expected), "{}", &body[..body.len().min(80)]);
        }
    }
}
