//! Reads the configuration file strictly, and says where it is wrong without showing a key.
//!
//! All calls to the YAML crate stand here. Its own snippets are not used: they would show lines that hold secrets.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_saphyr::{DuplicateKeyPolicy, Error as YamlError, Location, Options};

use super::file::RouterFile;
use crate::nearest::nearest;

/// Something wrong at one place of the configuration file. Its text ends with the line and a caret below it.
#[derive(Debug)]
pub(super) struct Misplaced {
    path: PathBuf,
    line: u64,
    column: u64,
    message: String,
    source_line: String,
}

impl Misplaced {
    pub(super) fn new(path: &Path, text: &str, location: Location, message: String) -> Self {
        let (line, column) = (location.line().max(1), location.column().max(1));
        let index = usize::try_from(line - 1).unwrap_or(usize::MAX);
        let source_line = mask_secrets(text.lines().nth(index).unwrap_or_default());
        Self { path: path.to_owned(), line, column, message, source_line }
    }

    /// Something else at the same place.
    pub(super) fn saying(&self, message: String) -> Self {
        let Self { path, line, column, source_line, .. } = self;
        Self { path: path.clone(), line: *line, column: *column, message, source_line: source_line.clone() }
    }
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, message, source_line } = self;
        writeln!(f, "{}:{line}:{column}: {message}", path.display())?;
        let number = line.to_string();
        writeln!(f, "  {number} | {source_line}")?;
        let indent = usize::try_from(column - 1).unwrap_or(0).min(source_line.chars().count());
        write!(f, "  {0:1$} | {0:indent$}^", "", number.len())
    }
}

pub(super) fn read(path: &Path, text: &str) -> Result<RouterFile, Misplaced> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let error = error.without_snippet();
        let location = error.location().unwrap_or(Location::UNKNOWN);
        Misplaced::new(path, text, location, explain(error))
    })
}

fn options() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn explain(error: &YamlError) -> String {
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => unknown("key", field, expected),
        YamlError::SerdeUnknownVariant { variant, expected, .. } => unknown("value", variant, expected),
        YamlError::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        other => {
            let text = other.to_string();
            // The position is already in front of the message.
            let end = text.rfind(" at line ").unwrap_or(text.len());
            mask_secrets(text[..end].lines().next().unwrap_or_default())
        }
    }
}

fn unknown(what: &str, name: &str, expected: &[&'static str]) -> String {
    let shown = mask_secrets(name);
    match nearest(name, expected.iter().copied()) {
        Some(near) => format!("unknown {what} `{shown}`: did you mean `{near}`?"),
        None => format!("unknown {what} `{shown}`: expected one of `{}`", expected.join("`, `")),
    }
}

/// The fields of a key that may be shown.
const SHOWN: [&str; 4] = ["name", "env", "disabled", "weight"];

/// Blots out what follows `secret:`, the items of `keys:` and whatever looks like a key, keeping the width so that a
/// caret still points at its column.
fn mask_secrets(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut word = String::new();
    // An item of a list that stands on a line of its own may be a key; what has a name is no plain item.
    let is_item = line.trim_start().starts_with("- ") && !line.contains("- {") && !line.contains("name:");
    let (mut after_secret, mut in_keys) = (false, is_item);
    // Inside of a key with fields: the field that a value belongs to.
    let (mut in_fields, mut field) = (false, String::new());
    // The address of a Redis holds a password, in which any letter may stand.
    let mut in_address = false;
    for c in line.chars().chain(std::iter::once('\n')) {
        if !(c.is_whitespace() || ",{}[]:\"'`".contains(c)) {
            word.push(c);
            continue;
        }
        let is_name = c == ':';
        let is_hidden = if in_fields { !is_name && !SHOWN.contains(&field.as_str()) } else { in_keys };
        if (after_secret || is_hidden || in_address) && !word.is_empty() && word != "-"
            || word.starts_with("sk-")
        {
            masked.extend(word.chars().map(|_| '*'));
        } else {
            masked.push_str(&word);
        }
        // A value ends at a comma or a brace; until then every word belongs to the secret.
        after_secret = (after_secret && !",}]".contains(c)) || (word == "secret" && is_name);
        match c {
            '{' if in_keys => in_fields = true,
            '}' => in_fields = false,
            ']' => in_keys = false,
            ':' if in_fields => field.clone_from(&word),
            _ => {}
        }
        in_address |= is_name && ["redis", "rediss"].contains(&word.as_str());
        in_keys = (in_keys && (in_fields || !"{}".contains(c))) || (word == "keys" && is_name);
        word.clear();
        masked.push(c);
    }
    masked.pop();
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = read(Path::new("router.yaml"), text).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_place_and_the_nearest_name() {
        check(
            "providers: {}\nmodels:\n  chat: { provider: a, moodel: b }\n",
            "router.yaml:3:24: unknown key `moodel`: did you mean `model`?\n\
             \x20 3 |   chat: { provider: a, moodel: b }\n\
             \x20   |                        ^",
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let text = "providers: {}\nmodels: {}\nmodels: {}\n";
        let error = read(Path::new("router.yaml"), text).unwrap_err().to_string();
        assert!(error.starts_with("router.yaml:3:1: duplicate mapping key"), "{error}");
    }

    #[test]
    fn a_loose_boolean_is_refused() {
        let text = "providers:\n  a:\n    dialect: openai\n    base_url: x\n    keys: [{ name: k, secret: sk-abc, disabled: yes }]\nmodels: {}\n";
        let error = read(Path::new("router.yaml"), text).unwrap_err().to_string();
        assert!(error.starts_with("router.yaml:5:"), "{error}");
        assert!(!error.contains("sk-abc"), "{error}");
        assert!(error.contains("secret: ******,"), "{error}");
    }

    #[test]
    fn no_secret_is_shown_whatever_is_wrong_around_it() {
        let cases = [
            "secret: tops3cret, disabled: yes",
            "secret: [tops3cret]",
            "secret: \"tops3cret and more\", name: [",
            "sk-tops3cret: 1",
        ];
        for case in cases {
            let text = format!(
                "models: {{}}\nproviders:\n  a: {{ dialect: openai, base_url: x, keys: [{{ name: n, {case} }}] }}\n"
            );
            let error = read(Path::new("router.yaml"), &text).unwrap_err().to_string();
            assert!(!error.contains("tops3cret"), "{error}");
        }
    }

    #[test]
    fn a_bare_number_is_no_duration() {
        let text = "providers: {}\nmodels:\n  chat: { provider: a, timeout: 30 }\n";
        let error = read(Path::new("router.yaml"), text).unwrap_err().to_string();
        assert!(error.contains("router.yaml:3:") && error.contains("`30s`"), "{error}");
    }
}
