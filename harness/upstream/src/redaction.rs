//! Taking keys out of texts before anything of them reaches the evidence.

use std::collections::HashMap;

use memchr::memmem;

use crate::key::{Key, SECRET_LENGTH, SECRET_OPENING, Secret};

/// Knows every key of a world.
#[derive(Debug, Default)]
pub(crate) struct Redaction {
    placeholders: HashMap<Secret, String>,
}

/// How much of a text is needed to show its first `cap` bytes: a key that begins there must be seen whole.
pub(crate) const fn needed(cap: usize) -> usize {
    cap + SECRET_LENGTH
}

impl Redaction {
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Self {
        Self { placeholders: keys.into_iter().map(|key| (key.into(), key.placeholder())).collect() }
    }

    /// A text with a placeholder for every key.
    pub(crate) fn of(&self, text: &[u8]) -> String {
        self.first(text, usize::MAX)
    }

    /// The same of the text's first `cap` bytes. The bytes after them decide only whether a key has begun before.
    pub(crate) fn first(&self, text: &[u8], cap: usize) -> String {
        let text = String::from_utf8_lossy(text);
        let text = text.as_ref();
        let end = text.floor_char_boundary(cap);
        let mut shown = String::with_capacity(end);
        let mut copied = 0;
        for start in memmem::find_iter(text.as_bytes(), SECRET_OPENING) {
            let secret = text.as_bytes().get(start..start + SECRET_LENGTH);
            let Some(placeholder) = secret.and_then(|secret| self.placeholders.get(secret)) else { continue };
            if start >= end {
                break;
            }
            shown.push_str(&text[copied..start]);
            shown.push_str(placeholder);
            copied = start + SECRET_LENGTH;
        }
        shown.push_str(text.get(copied..end).unwrap_or_default());
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_replaced_wherever_it_stands() {
        let (one, two) = (Key::new(1, "main", "one"), Key::new(1, "main", "two"));
        let redaction = Redaction::new([&one, &two]);
        let text = format!("a{}{}b sk-sp- {}", one.secret(), two.secret(), one.secret());
        assert_eq!(redaction.of(text.as_bytes()), "a<key one><key two>b sk-sp- <key one>");
        assert_eq!(redaction.of(b"nothing \xff here"), "nothing \u{fffd} here");
        assert_eq!(format!("{redaction:?}").matches("sk-sp-").count(), 0);
    }

    #[test]
    fn no_cap_leaves_a_part_of_a_key() {
        let one = Key::new(1, "main", "one");
        let redaction = Redaction::new([&one]);
        let text = format!("{}--{}--é{}", one.secret(), one.secret(), one.secret());
        for cap in 0..text.len() + 2 {
            let seen = &text.as_bytes()[..text.len().min(needed(cap))];
            let shown = redaction.first(seen, cap);
            for part in one.secret().as_bytes()[SECRET_OPENING.len()..].windows(4) {
                let part = str::from_utf8(part).unwrap();
                assert!(!shown.contains(part), "{cap}: {shown}");
            }
        }
    }
}
