//! The keys of a map, taken one by one; what nobody took is unknown, and the nearest known name is told.

use crate::node::{Entry, Node, Span};
use crate::problem::{Problem, enough};
use crate::read::Read;

/// A map that is being read.
pub struct Fields<'n> {
    entries: Vec<(&'n Entry, bool)>,
    asked: Vec<&'static str>,
    what: String,
    span: Span,
}

impl<'n> Fields<'n> {
    /// The keys of a node that must be a map.
    pub fn of(node: &'n Node, what: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        if enough(problems) {
            return None;
        }
        let Some(entries) = node.entries() else {
            let message = format!("{} where {what} is wanted", node.described());
            problems.push(Problem::new(node.span, message).label("a map is wanted here"));
            return None;
        };
        Some(Self {
            entries: entries.iter().map(|entry| (entry, false)).collect(),
            asked: Vec::new(),
            what: what.to_owned(),
            span: node.span,
        })
    }

    /// The entry under a key, taken.
    pub fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        self.asked.push(key);
        let (entry, taken) = self.entries.iter_mut().find(|(entry, _)| entry.key == key)?;
        *taken = true;
        Some(entry)
    }

    /// The value under a key, or what its type says of a missing one. `None` means that a problem was told.
    pub fn take<T: Read>(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<T> {
        match self.entry(key) {
            Some(entry) => T::read(&entry.node, problems),
            None => T::absent().or_else(|| {
                let message = format!("missing key `{key}` in {}", self.what);
                problems.push(Problem::new(self.span, message).help(format!("write `{key}: ...`")));
                None
            }),
        }
    }

    /// The value under a key, or this one.
    pub fn take_or<T: Read>(
        &mut self,
        key: &'static str,
        default: impl FnOnce() -> T,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        match self.entry(key) {
            Some(entry) => T::read(&entry.node, problems),
            None => Some(default()),
        }
    }

    /// Tells every key that nobody asked for.
    pub fn finish(self, what: &str, problems: &mut Vec<Problem>) {
        for (entry, _) in self.entries.iter().filter(|(_, taken)| !taken) {
            if enough(problems) {
                return;
            }
            let problem = Problem::new(entry.key_span, format!("unknown key `{}` in {what}", entry.key));
            problems.push(match elsewhere(&entry.key, what) {
                Some(help) => problem.help(help),
                None => problem.nearest(&entry.key, self.asked.iter().copied()),
            });
        }
    }
}

/// Where a key stands that is easily put in the wrong place.
fn elsewhere(key: &str, what: &str) -> Option<&'static str> {
    match (what, key) {
        ("a request", "like") => {
            Some("a variation of a request stands where it is sent: `send: { like: ask, stream: true }`")
        }
        _ => None,
    }
}
