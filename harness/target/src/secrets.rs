//! Replacing every known secret in a text by a name that may be shown.

use std::collections::HashMap;

use memchr::memmem;

/// The secrets of one start.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Secrets are grouped by length, so that one look-up of so many bytes decides.
    groups: Vec<Group>,
}

struct Group {
    length: usize,
    /// What all of them begin with, by which candidates are found quickly.
    prefix: Vec<u8>,
    labels: HashMap<Vec<u8>, String>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.labels.values()).finish()
    }
}

impl Secrets {
    /// These secrets, as pairs of a label and the secret itself. Where one contains another, the longer one counts.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (label, secret) in secrets.into_iter().filter(|(_, secret)| !secret.is_empty()) {
            let bytes = secret.as_bytes();
            match groups.iter_mut().find(|group| group.length == bytes.len()) {
                Some(group) => group.add(bytes, label),
                None => groups.push(Group {
                    length: bytes.len(),
                    prefix: bytes.to_vec(),
                    labels: HashMap::from([(bytes.to_vec(), label.to_owned())]),
                }),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.length));
        Self { groups }
    }

    /// The length of the longest one.
    pub(crate) fn longest(&self) -> usize {
        self.groups.first().map_or(0, |group| group.length)
    }

    /// The text with `<key LABEL>` for each secret.
    pub(crate) fn cleaned(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.replaced(text.as_bytes().to_vec())).into_owned()
    }

    /// The bytes with `<key LABEL>` for each secret.
    pub(crate) fn replaced(&self, mut text: Vec<u8>) -> Vec<u8> {
        for group in &self.groups {
            if let Some(replaced) = group.replaced(&text) {
                text = replaced;
            }
        }
        text
    }
}

impl Group {
    fn add(&mut self, secret: &[u8], label: &str) {
        let common = self.prefix.iter().zip(secret).take_while(|(a, b)| a == b).count();
        self.prefix.truncate(common);
        self.labels.insert(secret.to_vec(), label.to_owned());
    }

    /// The text with this group's secrets replaced; `None` if it holds none.
    fn replaced(&self, text: &[u8]) -> Option<Vec<u8>> {
        let finder = memmem::Finder::new(&self.prefix);
        let mut replaced = Vec::new();
        let (mut kept, mut at) = (0, 0);
        while let Some(found) = text.get(at..).and_then(|rest| finder.find(rest)) {
            let start = at + found;
            let label = text.get(start..start + self.length).and_then(|found| self.labels.get(found));
            match label {
                Some(label) => {
                    replaced.extend_from_slice(&text[kept..start]);
                    replaced.extend_from_slice(format!("<key {label}>").as_bytes());
                    at = start + self.length;
                    kept = at;
                }
                None => at = start + 1,
            }
        }
        if kept == 0 {
            return None;
        }
        replaced.extend_from_slice(&text[kept..]);
        Some(replaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_replaced_by_its_label() {
        let secrets = Secrets::of([
            ("first", "sk-aaa1"),
            ("second", "sk-aab2"),
            ("admin", "topsecretadmin"),
            ("long", "sk-aaa1-long"),
        ]);
        for (text, shown) in [
            ("nothing here", "nothing here"),
            ("", ""),
            ("sk-aaa1", "<key first>"),
            ("a sk-aaa1, sk-aab2; sk-aaa", "a <key first>, <key second>; sk-aaa"),
            ("sk-aaa1sk-aaa1", "<key first><key first>"),
            ("sk-sk-aab2", "sk-<key second>"),
            ("Bearer topsecretadmin", "Bearer <key admin>"),
            ("sk-aaa1-long", "<key long>"),
        ] {
            assert_eq!(String::from_utf8(secrets.replaced(text.into())).unwrap(), shown, "{text}");
        }
    }

    #[test]
    fn secrets_without_a_common_beginning_are_found_too() {
        let secrets = Secrets::of([("a", "xyz"), ("b", "abc")]);
        assert_eq!(secrets.replaced(b"1abc2xyz3".to_vec()), b"1<key b>2<key a>3");
        assert_eq!(Secrets::default().replaced(b"abc".to_vec()), b"abc");
    }
}
