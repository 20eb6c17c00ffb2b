//! Data that a scenario writes down or has generated: prompts, answers, raw bytes. What is generated is a pure function of
//! the seed and a number.

use serde_json::json;

use crate::node::{Node, Value};
use crate::problem::Problem;
use crate::read::{Read, SchemaBook, Size, choice, part, wrong};
use crate::template::Template;

/// A text, or how it is generated.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// The text itself, perhaps with `{{ }}` that are filled in at the moment of use.
    Text(Template),
    /// A generator.
    Made(Generator),
}

choice! {
    /// How data is generated.
    "a text or a generator" => Generator {
        /// Plain words, about one token each. For example `tokens: 200`.
        "tokens" => Tokens(u32),
        /// Letters, so many bytes. For example `bytes: 64KiB`.
        "bytes" => Bytes(Size),
        /// A text, again and again. For example `repeat: { text: "0123456789", times: 100 }`.
        "repeat" => Repeat(Repeated),
        /// A text with a number behind it that grows from one use to the next.
        /// For example `sequence: { text: order-, from: 10 }`.
        "sequence" => Sequence(Sequence),
        /// Bytes in hexadecimal digits; spaces are ignored. For example `hex: 0d 0a 00`.
        "hex" => Hex(Hex),
    }
}

part! {
    /// A text, again and again.
    "a repeated text" => Repeated {
        /// The text. For example `text: "0123456789"`.
        text: String,
        /// How often. For example `times: 100`.
        times: u32,
    }
}

part! {
    /// A text with a number behind it.
    "a sequence" => Sequence {
        /// What stands before the number. For example `text: order-`.
        text: String,
        /// The first number. For example `from: 10`.
        from: u64 = 1,
    }
}

/// Bytes that are written as hexadecimal digits.
#[derive(Clone, Debug, PartialEq)]
pub struct Hex(pub Vec<u8>);

const WORDS: [&str; 32] = [
    "rain", "stone", "cloud", "river", "lamp", "road", "glass", "field", "north", "paper", "green", "boat",
    "clock", "early", "house", "light", "music", "night", "ocean", "plain", "quiet", "south", "table",
    "under", "voice", "water", "young", "bread", "chair", "door", "earth", "wind",
];

impl Data {
    /// A text that stands there.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self::Text(Template::plain(text))
    }

    /// The text itself, where nothing has to be generated or filled in.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        match self {
            Self::Text(template) => template.as_plain(),
            Self::Made(_) => None,
        }
    }

    /// What is generated at the `nth` use, counted from 0; `None` for a text, which is filled in instead.
    #[must_use]
    pub fn made(&self, seed: u64, nth: u64) -> Option<Vec<u8>> {
        let Self::Made(generator) = self else { return None };
        Some(match generator {
            Generator::Tokens(count) => words(*count, seed, nth).into_bytes(),
            Generator::Bytes(size) => letters(size.bytes, seed, nth),
            Generator::Repeat(repeated) => repeated.text.repeat(repeated.times as usize).into_bytes(),
            Generator::Sequence(sequence) => {
                format!("{}{}", sequence.text, sequence.from.saturating_add(nth)).into_bytes()
            }
            Generator::Hex(hex) => hex.0.clone(),
        })
    }
}

fn words(count: u32, seed: u64, nth: u64) -> String {
    let mut text = String::with_capacity(count as usize * 6);
    for index in 0..u64::from(count) {
        if index > 0 {
            text.push(' ');
        }
        let drawn = mixed(seed ^ mixed(nth) ^ index.rotate_left(32));
        text.push_str(WORDS[usize::try_from(drawn % 32).unwrap_or(0)]);
    }
    text
}

fn letters(count: u64, seed: u64, nth: u64) -> Vec<u8> {
    let start = seed ^ mixed(nth);
    (0..count).map(|index| b'a' + u8::try_from(mixed(start ^ index) % 26).unwrap_or(0)).collect()
}

/// SplitMix64's mixing of one number.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// More than this would fill the memory of the machine before it tests anything.
const MOST_BYTES: u64 = 1 << 30;

impl Read for Data {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            return Template::read(node, problems).map(Self::Text);
        }
        let generator = Generator::read(node, problems)?;
        let bytes = match &generator {
            Generator::Tokens(count) => u64::from(*count) * 6,
            Generator::Bytes(size) => size.bytes,
            Generator::Repeat(repeated) => (repeated.text.len() as u64).saturating_mul(repeated.times.into()),
            Generator::Sequence(_) | Generator::Hex(_) => 0,
        };
        if bytes > MOST_BYTES {
            let problem = Problem::new(node.span, "more than 1GiB of generated data");
            problems.push(problem.help("write a smaller number: what is generated is sent over and over"));
            return None;
        }
        Some(Self::Made(generator))
    }

    fn schema(book: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "a text or a generator", "anyOf": [{ "type": "string" }, Generator::schema(book)] })
    }
}

impl Read for Hex {
    fn read(node: &Node, problems: &mut Vec<Problem>) -> Option<Self> {
        let digits: Vec<u32> = match node.text().map(|text| {
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect::<Option<Vec<u32>>>()
        }) {
            Some(Some(digits)) if digits.len().is_multiple_of(2) && !digits.is_empty() => digits,
            _ => return wrong(node, "bytes in hexadecimal digits such as \"0d 0a\"", problems),
        };
        let bytes = digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or(0)).collect();
        Some(Self(bytes))
    }

    fn schema(_: &mut SchemaBook) -> serde_json::Value {
        json!({ "title": "hexadecimal digits", "type": "string", "pattern": "^([0-9a-fA-F]\\s*[0-9a-fA-F]\\s*)+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> Data {
        let node = crate::yaml::parse(crate::SourceId(0), text).unwrap();
        let mut problems = Vec::new();
        let data = Data::read(&node, &mut problems);
        assert_eq!(problems, []);
        data.unwrap()
    }

    #[test]
    fn what_is_generated_follows_from_the_seed_and_the_number_alone() {
        let words = data("{ tokens: 40 }");
        assert_eq!(words.made(7, 0), words.made(7, 0));
        assert_ne!(words.made(7, 0), words.made(7, 1));
        assert_ne!(words.made(7, 0), words.made(8, 0));
        let text = String::from_utf8(words.made(7, 0).unwrap()).unwrap();
        assert_eq!(text.split(' ').count(), 40);
    }

    #[test]
    fn each_generator_makes_what_it_says() {
        for (text, nth, made) in [
            ("{ repeat: { text: ab, times: 3 } }", 0, &b"ababab"[..]),
            ("{ sequence: { text: order-, from: 10 } }", 2, b"order-12"),
            ("{ hex: 0d 0a 00 }", 0, b"\r\n\0"),
        ] {
            assert_eq!(data(text).made(1, nth).as_deref(), Some(made), "{text}");
        }
        assert_eq!(data("{ bytes: 64KiB }").made(1, 0).unwrap().len(), 65_536);
        assert_eq!(data("plain words").as_plain(), Some("plain words"));
    }
}
