//! MiniJinja, for the values of a profile that differ from run to run and for native configuration files.
//!
//! What a template sees, and will go on seeing under these names:
//!
//! | name | what it is |
//! |---|---|
//! | `upstreams` | a list of `{ name, dialect, base_url, keys: [{ label, secret }] }`, in the order of the world |
//! | `models` | a list of `{ name, pool, model, retries, timeout_ms }`; the last two are `none` where the world leaves them unset |
//! | `dir` | the target's own folder, fresh for each start, where its files are rendered to; absolute |
//! | `port` | a port that was free a moment ago, for targets that cannot tell the one that they took |
//! | `profile_dir` | the folder of the profile's file; absolute |
//! | `stormproof` | the path of this command |
//! | `admin_key` | a secret made for this start |
//!
//! A name that is not there is an error, not an empty text. Nothing is quoted by itself: `{{ name | tojson }}` is a quoted
//! text in JSON and in YAML alike.

use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use thiserror::Error;

use crate::profile::{Place, Profile};

/// The names that a template sees.
pub(crate) const NAMES: [&str; 7] =
    ["upstreams", "models", "dir", "port", "profile_dir", "stormproof", "admin_key"];

/// A template that cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the template in {place} cannot be rendered: {message}")]
pub struct TemplateError {
    place: String,
    message: String,
}

/// What is wrong with a template's text, whatever it is rendered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    /// The name that no template sees, where that is the mistake.
    pub(crate) unknown: Option<String>,
    /// Where in the text.
    pub(crate) at: Range<usize>,
}

/// Everything that is wrong with a text before it is rendered.
pub(crate) fn check(text: &str) -> Vec<Mistake> {
    let environment = environment();
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => {
            let line = error.line().unwrap_or(1);
            let message = format!("not a template: {}", words(&error));
            return vec![Mistake { message, unknown: None, at: line_range(text, line) }];
        }
    };
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !NAMES.contains(&name.as_str()))
        .filter(|name| environment.globals().all(|(global, _)| global != name))
        .collect();
    unknown.sort();
    unknown
        .into_iter()
        .map(|name| Mistake {
            message: format!("no template sees a `{name}`"),
            at: first_use(text, &name),
            unknown: Some(name),
        })
        .collect()
}

/// Renders a text that stands at a place of a profile.
pub(crate) fn render(
    profile: &Profile,
    (text, place): (&str, Place),
    view: &Value,
) -> Result<String, TemplateError> {
    if !text.contains('{') {
        return Ok(text.to_owned());
    }
    environment().render_str(text, view).map_err(|error| {
        let line = error.line().unwrap_or(1);
        let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
        TemplateError { place: profile.told(place, line), message: format!("{} in `{shown}`", words(&error)) }
    })
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax =
        SyntaxConfig::builder().keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the standard delimiters differ from each other"));
    environment
}

fn words(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => "a name that is not there".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

fn line_range(text: &str, line: usize) -> Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = text[start..].lines().next().unwrap_or_default().len();
    start..start + length
}

/// The first place inside braces where a name stands as a whole word and not behind a dot.
fn first_use(text: &str, name: &str) -> Range<usize> {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    let found = text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = at.checked_sub(1).map(|at| &bytes[at]);
        let inside = text[..*at].rfind("{{").max(text[..*at].rfind("{%"))
            > text[..*at].rfind("}}").max(text[..*at].rfind("%}"));
        inside && !word(before) && before != Some(&b'.') && !word(bytes.get(at + name.len()))
    });
    found.map_or(0..0, |at| at..at + name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_template_sees_is_told_where_it_stands() {
        let text = "port: {{ port }}\n# prot is wrong\nname: {{ prot }}\n";
        let mistakes = check(text);
        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].unknown.as_deref(), Some("prot"));
        assert_eq!(mistakes[0].at.start, text.rfind("prot").unwrap());
    }

    #[test]
    fn a_text_that_is_no_template_is_told_with_its_line() {
        let text = "a: 1\nb: {{ port \nc: 3\n";
        let mistakes = check(text);
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].message.starts_with("not a template: "), "{}", mistakes[0].message);
        assert!(mistakes[0].at.start > 0);
    }

    #[test]
    fn every_documented_name_and_the_language_s_own_are_known() {
        for name in NAMES {
            assert_eq!(check(&format!("{{{{ {name} }}}}")), []);
        }
        assert_eq!(check("{% for n in range(3) %}{{ loop.index }}{% set x = n %}{{ x }}{% endfor %}"), []);
    }
}
