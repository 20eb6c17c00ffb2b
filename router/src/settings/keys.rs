//! The keys of providers: listed in the file, or discovered in the environment.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::SettingsError;
use super::discovery::{Environment, KeyVariableError, discover, read_required};
use super::file::{KeyEntry, ProviderEntry, RouterFile};
use super::resolve::Place;
use crate::provider::{Dialect, ProviderKey};
use crate::secret::Secret;

/// A share of one in a thousand is as fine as anybody splits traffic.
const MOST_WEIGHT: u32 = 1_000;

/// Two providers that both discover would each be given the other's keys.
pub(super) fn check_discovery_is_unambiguous(file: &RouterFile) -> Result<(), SettingsError> {
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

pub(super) fn keys_of(
    place: &Place<'_>,
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
            found
                .into_iter()
                .map(|(name, secret)| ProviderKey::new(name, secret, false, 1, entry.dialect))
                .collect()
        }
        Some(entries) => {
            let dialect = entry.dialect;
            let mut keys: Vec<ProviderKey> = Vec::with_capacity(entries.len());
            for entry in entries {
                let weight = place.weight(entry.weight.as_ref())?;
                let key = explicit_key(entry, weight, dialect, environment).map_err(&wrong)?;
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

fn explicit_key(
    entry: KeyEntry,
    weight: u32,
    dialect: Dialect,
    environment: &dyn Environment,
) -> Result<ProviderKey, String> {
    let KeyEntry { name, secret, env, disabled, weight: _ } = entry;
    let secret = match (secret, env) {
        (Some(text), None) => Secret::trimmed(&text).filter(Secret::is_well_formed).ok_or_else(|| {
            format!("the secret of key `{name}` is blank, or has blanks or line ends inside: write one key")
        })?,
        (None, Some(variable)) => {
            read_required(&variable, environment).map_err(|error: KeyVariableError| error.to_string())?
        }
        _ => return Err(format!("key `{name}` needs either `secret` or `env`")),
    };
    Ok(ProviderKey::new(name, secret, disabled, weight, dialect))
}

impl Place<'_> {
    fn weight(&self, written: Option<&Spanned<u32>>) -> Result<u32, SettingsError> {
        match written {
            None => Ok(1),
            Some(weight) if (1..=MOST_WEIGHT).contains(&weight.value) => Ok(weight.value),
            Some(weight) => {
                let message =
                    format!("a weight goes from 1 to {MOST_WEIGHT}: `disabled: true` takes a key out");
                Err(self.wrong(weight, message))
            }
        }
    }
}
