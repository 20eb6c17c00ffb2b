//! Answers as a client reads them: vectors, however they are encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::json::Text;
use crate::reading::{ReadAnswer, ToldUsage};
use crate::request::tokens;

/// Reads the body of a successful response; none if it is no list of vectors.
pub(crate) fn read_answer(body: &[u8]) -> Option<ReadAnswer<'_>> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    let mut vectors: Vec<(u32, Vec<f32>)> = Vec::new();
    for (place, item) in (0..).zip(body.data?) {
        vectors.push((item.index.unwrap_or(place), item.embedding?.vector()?));
    }
    vectors.sort_by_key(|(index, _)| *index);
    let vectors = vectors.into_iter().map(|(_, vector)| vector).collect();
    let told =
        body.usage.map(|usage| ToldUsage { input: usage.prompt_tokens.map(tokens), ..ToldUsage::default() });
    Some(ReadAnswer { usage: told, vectors, ..ReadAnswer::default() })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<Item<'a>>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    embedding: Option<Embedding<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Embedding<'a> {
    Numbers(Vec<f32>),
    #[serde(borrow)]
    Text(Text<'a>),
}

impl Embedding<'_> {
    fn vector(self) -> Option<Vec<f32>> {
        let text = match self {
            Self::Numbers(numbers) => return Some(numbers),
            Self::Text(text) => text,
        };
        let bytes = STANDARD.decode(text.0.as_bytes()).ok()?;
        let (values, rest) = bytes.as_chunks::<4>();
        rest.is_empty().then(|| values.iter().map(|value| f32::from_le_bytes(*value)).collect())
    }
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_stand_in_the_order_of_their_numbers() {
        let body = br#"{"object":"list","data":[{"index":1,"embedding":[0.5,1]},{"index":0,"embedding":"AACAPw=="}]}"#;
        let read = read_answer(body).unwrap();
        assert_eq!(read.vectors, [vec![1.0], vec![0.5, 1.0]]);
        assert_eq!(read.usage, None);
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for body in [
            "",
            "{}",
            r#"{"object":"list","data":[{"id":"a model"}]}"#,
            r#"{"data":[{"embedding":"AAA="}]}"#,
            r#"{"data":[{"embedding":"no base 64"}]}"#,
            r#"{"error":{"message":"m"}}"#,
        ] {
            assert_eq!(read_answer(body.as_bytes()), None, "{body}");
        }
    }
}
