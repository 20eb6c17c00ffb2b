//! Key discovery: which API keys the environment holds for a provider, in a stable order.
//!
//! `OPENAI_API_KEY` comes first, then every `OPENAI_API_KEY_<digits>` by its number: gaps are allowed, `_10` comes
//! after `_2`, `_0` counts, and equal numbers (`_1`, `_01`) are ordered by name. White space around a key is
//! dropped, and so are blank keys and repetitions of a key that came earlier.

use std::ffi::OsString;

use thiserror::Error;

use super::source_policy::KeySources;
use crate::secret::Secret;

/// Where variables are read from, so that tests need not touch the environment of the process.
pub trait Environment: Send + Sync {
    /// The value of one variable, if it is set.
    fn value(&self, name: &str) -> Option<OsString>;

    /// The names of all variables that are text, in any order.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn value(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// Why a variable cannot give a key. The value is never part of the message.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum KeyVariableError {
    #[error("variable `{0}` is not set or blank: set it to the key, or remove the entry")]
    Missing(String),
    #[error(
        "variable `{0}` does not hold one key: it has blanks, line ends or bytes outside of ASCII inside"
    )]
    Malformed(String),
}

/// The keys found from `base` on, each with the variable that gave it.
pub(super) fn discover(
    base: &str,
    sources: KeySources<'_>,
) -> Result<Vec<(String, Secret)>, KeyVariableError> {
    let names = sources.environment.names();
    let numbered = names.into_iter().filter_map(|name| Some((number_after(base, &name)?, name))).collect();
    let numbered = sources.policy.in_order(numbered);
    let mut found: Vec<(String, Secret)> = Vec::new();
    for name in std::iter::once(base.to_owned()).chain(numbered) {
        if let Some(secret) = read(&name, sources)?
            && (!sources.policy.counts_once() || found.iter().all(|(_, earlier)| *earlier != secret))
        {
            found.push((name, secret));
        }
    }
    Ok(found)
}

/// The key in one named variable, which must be there.
pub(super) fn read_required(name: &str, sources: KeySources<'_>) -> Result<Secret, KeyVariableError> {
    read(name, sources)?.ok_or_else(|| KeyVariableError::Missing(name.to_owned()))
}

fn read(name: &str, sources: KeySources<'_>) -> Result<Option<Secret>, KeyVariableError> {
    let malformed = || KeyVariableError::Malformed(name.to_owned());
    let Some(value) = sources.environment.value(name) else { return Ok(None) };
    let Some(secret) = sources.policy.key(value.to_str().ok_or_else(malformed)?) else { return Ok(None) };
    if secret.is_well_formed() { Ok(Some(secret)) } else { Err(malformed()) }
}

/// Whether a variable is one that discovery from `base` on would take.
pub(super) fn continues(base: &str, name: &str) -> bool {
    number_after(base, name).is_some()
}

fn number_after(base: &str, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(base)?.strip_prefix('_')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::source_policy::EveryKeyOnce;
    use super::*;

    struct Fixed(BTreeMap<&'static str, &'static str>);

    impl Environment for Fixed {
        fn value(&self, name: &str) -> Option<OsString> {
            self.0.get(name).map(OsString::from)
        }

        fn names(&self) -> Vec<String> {
            self.0.keys().map(|&name| name.to_owned()).collect()
        }
    }

    #[track_caller]
    fn check(variables: &[(&'static str, &'static str)], expected: &[(&str, &str)]) {
        let environment = Fixed(variables.iter().copied().collect());
        let sources = KeySources { environment: &environment, policy: &EveryKeyOnce };
        let found = discover("OPENAI_API_KEY", sources).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(n, s)| (n.as_str(), s.reveal())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_unnumbered_key_comes_first_and_the_others_by_number() {
        check(
            &[("OPENAI_API_KEY_2", "c"), ("OPENAI_API_KEY_1", "b"), ("OPENAI_API_KEY", "a")],
            &[("OPENAI_API_KEY", "a"), ("OPENAI_API_KEY_1", "b"), ("OPENAI_API_KEY_2", "c")],
        );
        check(
            &[("OPENAI_API_KEY_10", "ten"), ("OPENAI_API_KEY_2", "two"), ("OPENAI_API_KEY_0", "zero")],
            &[("OPENAI_API_KEY_0", "zero"), ("OPENAI_API_KEY_2", "two"), ("OPENAI_API_KEY_10", "ten")],
        );
    }

    #[test]
    fn one_key_is_enough_and_none_is_an_empty_list() {
        check(&[("OPENAI_API_KEY", "only")], &[("OPENAI_API_KEY", "only")]);
        check(&[], &[]);
    }

    #[test]
    fn blanks_and_repetitions_are_dropped() {
        check(
            &[
                ("OPENAI_API_KEY", "a"),
                ("OPENAI_API_KEY_1", "  "),
                ("OPENAI_API_KEY_2", " a\n"),
                ("OPENAI_API_KEY_3", "\tb "),
            ],
            &[("OPENAI_API_KEY", "a"), ("OPENAI_API_KEY_3", "b")],
        );
    }

    #[test]
    fn variables_of_other_providers_and_other_shapes_are_left_alone() {
        check(
            &[
                ("OPENAI_API_KEY_", "x"),
                ("OPENAI_API_KEY_OLD", "x"),
                ("OPENAI_API_KEY_1_OLD", "x"),
                ("OPENAI_API_KEYS", "x"),
                ("AZURE_OPENAI_API_KEY", "x"),
                ("ANTHROPIC_API_KEY", "x"),
                ("OPENAI_API_KEY_7", "a"),
            ],
            &[("OPENAI_API_KEY_7", "a")],
        );
    }

    #[test]
    fn a_variable_that_holds_two_keys_is_named_and_not_shown() {
        let environment = Fixed([("OPENAI_API_KEY", "sk-one\nsk-two")].into());
        let sources = KeySources { environment: &environment, policy: &EveryKeyOnce };
        let error = discover("OPENAI_API_KEY", sources).unwrap_err();
        assert_eq!(error, KeyVariableError::Malformed("OPENAI_API_KEY".into()));
        assert!(!error.to_string().contains("sk-"));
    }
}
