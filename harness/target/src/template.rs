//! MiniJinja, for the values of a profile that differ from run to run and for native configuration files.
//!
//! What a template sees, and will go on seeing under these names. What the world leaves unset is `none`, or an empty list;
//! durations are in milliseconds, money is in millionths of a dollar.
//!
//! | name | what it is |
//! |---|---|
//! | `upstreams` | a list of `{ name, dialect, base_url, keys, discovers }`, in the order of the world |
//! | `upstreams[].discovers` | the variables in which the target finds keys of it, which are not among the `keys`: a list of names |
//! | `keys` | the keys of all upstreams: a list of `{ label, upstream, secret, fingerprint, weight }` |
//! | `models` | a list of `{ name, pool, pools, model, strategy, fallbacks, larger, lenient, window, retries, backoff, cooldown, timeout_ms, timeouts, queue, sticky, limits, headroom, prediction }` |
//! | `models[].pools` | the upstreams that serve it: a list of `{ pool, model, weight, priority }`; `pool` beside it is `none` where there are several |
//! | `models[].backoff`, `.cooldown` | `{ base_ms, max_ms, jitter }`, `{ failures, lasts_ms, probes }` |
//! | `models[].timeouts`, `.queue` | `{ connect_ms, head_ms, first_content_ms, idle_ms }`, `{ max, wait_ms }` |
//! | `models[].limits` | a list of `{ requests, tokens, per_ms }` |
//! | `services` | what is no model: a list of `{ name, path, pools, strategy, retries, backoff, cooldown, timeout_ms, queue, limits, headroom, rules, prediction }`; each pool is `{ pool, enabled, weight, priority, limits, lookups }`, each lookup `{ method, path, ask }`, each rule `{ method, path, pools }` |
//! | `tenants` | a list of `{ name, secret, budget_micros, budget_per_ms, limits, at_once, models, expired }` |
//! | `prices` | `{ version, models: [{ name, input, cache_read, cache_write, output, reasoning }] }`, each price for a million tokens |
//! | `settings` | `{ max_request_bytes, health, instances, shared }` |
//! | `settings.health` | `{ every_ms }` |
//! | `store` | what the instances share, `{ kind, dir, url, host, port }`; `none` where they share nothing |
//! | `instance` | the number of the instance, from 1 |
//! | `dir` | the instance's own folder, fresh for each run, where its files are rendered to; absolute |
//! | `port` | a port that was free when the instance was first started, and stays its own |
//! | `profile_dir` | the folder of the profile's file; absolute |
//! | `stormproof` | the path of this command |
//! | `admin_key` | a secret made for this run |
//!
//! The headers of requests see two names alone: `tenant_key`, the key of the tenant on whose behalf a request is sent, and the
//! admin key where there is none; and `admin_key`. An operation also sees the `key` that it is about, `{ label, upstream,
//! secret, fingerprint, variable }`; the last one is `none` where the key stands in the configuration.
//!
//! `{{ refuse("WHAT") }}` says that the target cannot do what the world asks for: `{{ refuse("this strategy") }}`. The
//! scenario is then not claimed; a start that is tried all the same fails with these words.
//!
//! A name that is not there is an error, not an empty text. Nothing is quoted by itself: `{{ name | tojson }}` is a quoted
//! text in JSON and in YAML alike.

mod bounds;

use std::ops::Range;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use thiserror::Error;

use crate::profile::{Place, Profile};
use crate::secrets::Secrets;

/// The names that every template sees.
const NAMES: [&str; 14] = [
    "upstreams",
    "keys",
    "models",
    "services",
    "tenants",
    "prices",
    "settings",
    "store",
    "instance",
    "dir",
    "port",
    "profile_dir",
    "stormproof",
    "admin_key",
];

/// When a template is rendered, and so what else it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For the start of the target.
    Start,
    /// For requests to it, whichever instance they go to.
    Request,
    /// For something that is done to one of its keys.
    Operation,
}

impl Scope {
    /// The names that a template sees then.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let (start, more): (&[&str], &[&str]) = match self {
            Self::Start => (&NAMES, &[]),
            Self::Request => (&[], &["tenant_key", "admin_key"]),
            Self::Operation => (&NAMES, &["key"]),
        };
        start.iter().chain(more).copied()
    }
}

/// A template that cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the template in {place} cannot be rendered: {message}")]
pub struct TemplateError {
    place: String,
    message: String,
    refused: Option<String>,
}

/// What a template says that its target cannot do.
#[derive(Debug, Error)]
#[error("the target cannot do it: {0}")]
struct Refused(String);

impl TemplateError {
    /// What the template refuses, if that is why it cannot be rendered.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Without any secret: an operator that fails shows what it was given.
    pub(crate) fn cleaned(mut self, secrets: &Secrets) -> Self {
        self.message = secrets.cleaned(&self.message);
        self
    }
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
pub(crate) fn check(text: &str, scope: Scope) -> Vec<Mistake> {
    if let Some(mistake) = bounds::too_much(text, syntax()) {
        return vec![mistake];
    }
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
        .filter(|name| scope.names().all(|known| known != name))
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
    rendered(text, view).map_err(|error| {
        let line = error.line().unwrap_or(1);
        let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
        let refused = refused(&error);
        let message = match &refused {
            Some(what) => format!("the target cannot do what the world asks for: {what}"),
            None => format!("{} in `{shown}`", words(&error)),
        };
        TemplateError { place: profile.told(place, line), message, refused }
    })
}

fn rendered(text: &str, view: &Value) -> Result<String, minijinja::Error> {
    let mut rendered = bounds::Rendered::default();
    environment().template_from_str(text)?.render_captured_to(view.clone(), &mut rendered)?;
    Ok(rendered.text())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(syntax());
    environment.set_fuel(Some(bounds::MOST_STEPS));
    environment.add_function("refuse", |what: String| -> Result<String, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refused(what)))
    });
    environment
}

/// What a template refuses. The error that says so may be the reason of others.
fn refused(error: &minijinja::Error) -> Option<String> {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut reasons = std::iter::successors(Some(first), |error| error.source());
    reasons.find_map(|error| error.downcast_ref::<Refused>()).map(|Refused(what)| what.clone())
}

fn syntax() -> SyntaxConfig {
    // Building fails for delimiters that are alike, and these are the usual ones.
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .unwrap_or_default()
}

fn words(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => "a name that is not there".to_owned(),
        (ErrorKind::OutOfFuel, _) => format!("it takes more than {} steps", bounds::MOST_STEPS),
        (ErrorKind::WriteFailure, _) => std::error::Error::source(error)
            .map_or_else(|| "it cannot be written".to_owned(), ToString::to_string),
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
        let mistakes = check(text, Scope::Start);
        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].unknown.as_deref(), Some("prot"));
        assert_eq!(mistakes[0].at.start, text.rfind("prot").unwrap());
    }

    #[test]
    fn a_text_that_is_no_template_is_told_with_its_line() {
        let text = "a: 1\nb: {{ port \nc: 3\n";
        let mistakes = check(text, Scope::Start);
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].message.starts_with("not a template: "), "{}", mistakes[0].message);
        assert!(mistakes[0].at.start > 0);
    }

    #[test]
    fn every_documented_name_and_the_language_s_own_are_known() {
        for scope in [Scope::Start, Scope::Request, Scope::Operation] {
            for name in scope.names() {
                assert_eq!(check(&format!("{{{{ {name} }}}}"), scope), []);
            }
        }
        let text = "{% for n in range(3) %}{{ loop.index }}{% set x = n %}{{ x }}{% endfor %}";
        assert_eq!(check(text, Scope::Start), []);
        for (text, scope) in [
            ("{{ tenant_key }}", Scope::Start),
            ("{{ key.label }}", Scope::Request),
            ("{{ port }}", Scope::Request),
        ] {
            assert_eq!(check(text, scope).len(), 1, "{text}");
        }
    }
}
