//! JSON to the letter and in passing: texts and numbers are written without a tree, and read without copies.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Writes a text as JSON.
pub(crate) fn write_text(text: &str, to: &mut Vec<u8>) {
    write_value(text, to);
}

/// Writes any value as JSON.
pub(crate) fn write_value(value: &(impl Serialize + ?Sized), to: &mut Vec<u8>) {
    // What is written here has a JSON form, and memory takes it: there is no error to hand on.
    serde_json::to_writer(to, value).unwrap_or_default();
}

/// Writes a JSON text as the JSON that it is, for dialects in which arguments of a tool are an object. Arguments that are no
/// JSON cannot stand there as they are; a text keeps what they were. Where there are none, providers have an empty object.
pub(crate) fn write_object(arguments: &str, to: &mut Vec<u8>) {
    if arguments.is_empty() {
        to.extend_from_slice(b"{}");
    } else if serde_json::from_str::<IgnoredAny>(arguments).is_ok() {
        to.extend_from_slice(arguments.as_bytes());
    } else {
        write_text(arguments, to);
    }
}

/// Writes a number. The standard formatting would be a tenth of the cost of a whole reply.
pub(crate) fn write_number(number: impl Into<u64>, to: &mut Vec<u8>) {
    let mut number = number.into();
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b"0123456789"[(number % 10) as usize];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[first..]);
}

/// Reads JSON. A text that is sound as a whole is looked through once, and not again in each of its parts.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// How deep inside of objects and lists a JSON text is, byte by byte.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nesting {
    /// How many objects and lists are open.
    pub(crate) depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    /// Takes the next byte. Tells whether it stands outside of texts.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        true
    }
}

/// A text that borrows from the input unless it holds escapes: a bare `Option<Cow>` would always be copied.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The first item of a list, read without building the list.
pub(crate) struct First<T>(pub(crate) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstVisitor(PhantomData))
    }
}

struct FirstVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstVisitor<T> {
    type Value = First<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<First<T>, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        for number in [0, 7, 10, 1_700_000_000, u64::MAX] {
            let mut written = Vec::new();
            write_number(number, &mut written);
            assert_eq!(String::from_utf8(written).unwrap(), number.to_string());
        }
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        let read = |json| serde_json::from_str::<Text<'_>>(json).unwrap().0;
        assert!(matches!(read(r#""plain""#), Cow::Borrowed("plain")));
        assert_eq!(read(r#""two\nlines""#), "two\nlines");
    }
}
