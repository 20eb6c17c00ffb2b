//! Turns the file and the environment into settings that need no further look: references checked, keys read.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde_saphyr::Spanned;
use thiserror::Error;

use super::discovery::{Environment, KeyVariableError, discover, read_required};
use super::file::{KeyEntry, ModelEntry, ProviderEntry, RouterFile};
use super::nearest::nearest;
use super::read::{Misplaced, read};
use crate::provider::ProviderKey;
use crate::secret::Secret;

/// What the router works from.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) models: BTreeMap<String, ModelSettings>,
}

/// One provider with at least one key.
#[derive(Debug)]
pub(crate) struct ProviderSettings {
    pub(crate) name: String,
    pub(crate) base_url: Uri,
    pub(crate) keys: Vec<ProviderKey>,
}

/// One public model.
#[derive(Debug)]
pub(crate) struct ModelSettings {
    /// Index into `Settings::providers`.
    pub(crate) provider: usize,
    pub(crate) upstream_name: String,
    pub(crate) retries: u32,
    pub(crate) timeout: Duration,
}

/// Two more attempts after a retryable failure, as the official client does.
const DEFAULT_RETRIES: u32 = 2;
/// The official client's own limit: a shorter one would cut answers that it still waits for.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Attempts are made one after another, so more would only keep a client waiting.
const MOST_RETRIES: u32 = 100;

/// Why the router cannot start from what it was given.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read the configuration `{path}`")]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is wrong at one place. The message holds the place, the line and a caret.
    #[error("{0}")]
    Wrong(String),
    /// A key of a provider cannot be had. The message names the provider and what was looked for.
    #[error("provider `{provider}`: {problem}")]
    Keys {
        /// The provider's name in the file.
        provider: String,
        /// What is wrong, without the key's text.
        problem: String,
    },
}

impl From<Misplaced> for SettingsError {
    fn from(misplaced: Misplaced) -> Self {
        Self::Wrong(misplaced.to_string())
    }
}

impl Settings {
    /// Reads and resolves the file at `path`.
    pub(crate) fn load(path: &Path, environment: &dyn Environment) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        Self::from_text(path, &text, environment)
    }

    fn from_text(path: &Path, text: &str, environment: &dyn Environment) -> Result<Self, SettingsError> {
        let file = read(path, text)?;
        let place = Place { path, text };
        check_discovery_is_unambiguous(&file)?;
        let names: Vec<String> = file.providers.keys().cloned().collect();
        let mut providers = Vec::with_capacity(names.len());
        for (name, entry) in file.providers {
            let base_url = place.base_url(&entry.base_url)?;
            let keys = keys_of(&name, entry, environment)?;
            providers.push(ProviderSettings { name, base_url, keys });
        }
        let mut models = BTreeMap::new();
        for (name, entry) in file.models {
            let model = place.model(&name, entry, &names)?;
            models.insert(name, model);
        }
        let listen = file.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        Ok(Self { listen, providers, models })
    }
}

/// The file that values found wrong after reading are pointed at in.
struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn wrong<T>(&self, at: &Spanned<T>, message: String) -> SettingsError {
        Misplaced::new(self.path, self.text, at.referenced, message).into()
    }

    fn base_url(&self, written: &Spanned<String>) -> Result<Uri, SettingsError> {
        let uri: Option<Uri> = written.value.trim_end_matches('/').parse().ok();
        match uri {
            Some(uri)
                if uri.query().is_none() && uri.authority().is_some() && uri.scheme_str() == Some("http") =>
            {
                Ok(uri)
            }
            Some(uri) if uri.scheme_str() == Some("https") => Err(self.wrong(
                written,
                "this router speaks no TLS: give a plain `http://` address, such as that of a local proxy"
                    .to_owned(),
            )),
            _ => Err(self.wrong(
                written,
                "not a base address: write one such as `http://127.0.0.1:4010/v1`".to_owned(),
            )),
        }
    }

    fn model(
        &self,
        name: &str,
        entry: ModelEntry,
        providers: &[String],
    ) -> Result<ModelSettings, SettingsError> {
        let wanted = &entry.provider.value;
        let Some(provider) = providers.iter().position(|provider| provider == wanted) else {
            let hint = match nearest(wanted, providers.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if providers.is_empty() => "there are no providers".to_owned(),
                None => format!("the providers are `{}`", providers.join("`, `")),
            };
            let message = format!("model `{name}` names the unknown provider `{wanted}`: {hint}");
            return Err(self.wrong(&entry.provider, message));
        };
        let retries = match &entry.retries {
            Some(written) if written.value > MOST_RETRIES => {
                return Err(self.wrong(written, format!("at most {MOST_RETRIES} retries are possible")));
            }
            Some(written) => written.value,
            None => DEFAULT_RETRIES,
        };
        Ok(ModelSettings {
            provider,
            upstream_name: entry.model.unwrap_or_else(|| name.to_owned()),
            retries,
            timeout: entry.timeout.map_or(DEFAULT_TIMEOUT, |written| written.0),
        })
    }
}

/// Two providers that both discover would each be given the other's keys.
fn check_discovery_is_unambiguous(file: &RouterFile) -> Result<(), SettingsError> {
    let mut discovering: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, entry) in file.providers.iter().filter(|(_, entry)| entry.keys.is_none()) {
        let variable = entry.dialect.key_variable();
        if let Some(other) = discovering.insert(variable, name) {
            let problem = format!(
                "it would discover the same keys as `{other}`, from `{variable}` on: give one of them `keys`"
            );
            return Err(SettingsError::Keys { provider: name.clone(), problem });
        }
    }
    Ok(())
}

fn keys_of(
    provider: &str,
    entry: ProviderEntry,
    environment: &dyn Environment,
) -> Result<Vec<ProviderKey>, SettingsError> {
    let wrong = |problem: String| SettingsError::Keys { provider: provider.to_owned(), problem };
    let keys: Vec<ProviderKey> = match entry.keys {
        None => {
            let base = entry.dialect.key_variable();
            let found = discover(base, environment).map_err(|error| wrong(error.to_string()))?;
            if found.is_empty() {
                return Err(wrong(format!(
                    "no key: looked for the variables `{base}`, `{base}_1`, `{base}_2` and so on; set one, or list `keys`"
                )));
            }
            found.into_iter().map(|(name, secret)| ProviderKey::new(name, secret, false)).collect()
        }
        Some(entries) => {
            let mut keys: Vec<ProviderKey> = Vec::with_capacity(entries.len());
            for entry in entries {
                let key = explicit_key(entry, environment).map_err(&wrong)?;
                if let Some(twin) = keys.iter().find(|earlier| earlier.is_twin_of(&key)) {
                    return Err(wrong(format!(
                        "the keys `{}` and `{}` have the same name or the same secret: remove one",
                        twin.name(),
                        key.name()
                    )));
                }
                keys.push(key);
            }
            keys
        }
    };
    if keys.is_empty() {
        return Err(wrong(
            "no key: `keys` is empty; list one, or leave `keys` out to discover them".to_owned(),
        ));
    }
    Ok(keys)
}

fn explicit_key(entry: KeyEntry, environment: &dyn Environment) -> Result<ProviderKey, String> {
    let KeyEntry { name, secret, env, disabled } = entry;
    let secret = match (secret, env) {
        (Some(text), None) => Secret::trimmed(&text).filter(Secret::is_well_formed).ok_or_else(|| {
            format!("the secret of key `{name}` is blank, or has blanks or line ends inside: write one key")
        })?,
        (None, Some(variable)) => {
            read_required(&variable, environment).map_err(|error: KeyVariableError| error.to_string())?
        }
        _ => return Err(format!("key `{name}` needs either `secret` or `env`")),
    };
    Ok(ProviderKey::new(name, secret, disabled))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    struct Fixed(&'static [(&'static str, &'static str)]);

    impl Environment for Fixed {
        fn value(&self, name: &str) -> Option<OsString> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        }

        fn names(&self) -> Vec<String> {
            self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
        }
    }

    const HOST: Fixed = Fixed(&[("OPENAI_API_KEY", "sk-a"), ("OPENAI_API_KEY_7", "sk-b")]);

    fn load(text: &str, environment: &dyn Environment) -> Result<Settings, String> {
        Settings::from_text(Path::new("router.yaml"), text, environment).map_err(|error| error.to_string())
    }

    fn provider(keys: &str) -> String {
        format!(
            "providers:\n  openai: {{ dialect: openai, base_url: \"http://127.0.0.1:4010/v1\"{keys} }}\nmodels:\n  \
             chat: {{ provider: openai }}\n"
        )
    }

    fn key_names(settings: &Settings) -> Vec<&str> {
        settings.providers[0].keys.iter().map(ProviderKey::name).collect()
    }

    #[test]
    fn keys_are_discovered_only_where_none_are_listed() {
        let discovered = load(&provider(""), &HOST).unwrap();
        assert_eq!(key_names(&discovered), ["OPENAI_API_KEY", "OPENAI_API_KEY_7"]);
        let explicit = load(&provider(", keys: [{ name: mine, secret: sk-x }]"), &HOST).unwrap();
        assert_eq!(key_names(&explicit), ["mine"]);
        let named = load(&provider(", keys: [{ name: mine, env: OPENAI_API_KEY_7 }]"), &HOST).unwrap();
        assert_eq!(key_names(&named), ["mine"]);
    }

    #[test]
    fn a_model_has_defaults() {
        let settings = load(&provider(""), &HOST).unwrap();
        let chat = &settings.models["chat"];
        assert_eq!((chat.upstream_name.as_str(), chat.retries), ("chat", 2));
        assert_eq!(settings.listen.port(), 0);
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_to_do() {
        let none = Fixed(&[]);
        let cases: [(String, &str); 8] = [
            (provider(""), "provider `openai`: no key: looked for the variables `OPENAI_API_KEY`"),
            (provider(", keys: []"), "provider `openai`: no key: `keys` is empty"),
            (provider(", keys: [{ name: k, env: NOPE }]"), "variable `NOPE` is not set or blank"),
            (provider(", keys: [{ name: k }]"), "key `k` needs either `secret` or `env`"),
            (
                provider(", keys: [{ name: a, secret: x }, { name: b, secret: x }]"),
                "`a` and `b` have the same name or the same secret",
            ),
            (provider("").replace("provider: openai", "provider: opnai"), "did you mean `openai`?"),
            (provider("").replace("http:", "https:"), "speaks no TLS"),
            (provider("").replace("http:", "htp:"), "router.yaml:2:"),
        ];
        for (text, expected) in cases {
            let environment: &dyn Environment = if expected.contains("looked for") { &none } else { &HOST };
            let error = load(&text, environment).unwrap_err();
            assert!(error.contains(expected), "{text}\n{error}");
        }
    }

    #[test]
    fn two_providers_may_not_discover_the_same_keys() {
        let text = "providers:\n  a: { dialect: openai, base_url: 'http://h/v1' }\n  b: { dialect: openai, base_url: 'http://i/v1' }\nmodels: {}\n";
        let error = load(text, &HOST).unwrap_err();
        assert!(error.starts_with("provider `b`: it would discover the same keys as `a`"), "{error}");
    }
}
