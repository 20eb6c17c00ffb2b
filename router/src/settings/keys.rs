//! The keys of providers: listed in the file, or discovered in the environment.

use serde_saphyr::Spanned;

use super::SettingsError;
use super::discovery::{KeyVariableError, continues, discover, read_required};
use super::file::{KeyEntry, ProviderEntry, RouterFile};
use super::resolve::Place;
use super::source_policy::KeySources;
use crate::provider::ProviderKey;
use crate::secret::Secret;

/// A share of one in a thousand is as fine as anybody splits traffic.
const MOST_WEIGHT: u32 = 1_000;

/// The variables from which on a provider's keys are discovered, the first that gives one; none if its keys are listed.
fn discovered_from(entry: &ProviderEntry) -> Vec<&str> {
    match (&entry.keys, &entry.discover) {
        _ if entry.keyless => Vec::new(),
        (None, Some(variable)) => vec![variable],
        (None, None) => entry.dialect.key_variables().to_vec(),
        (Some(keys), Some(variable)) if keys.is_empty() => vec![variable],
        (Some(_), _) => Vec::new(),
    }
}

/// Two providers that discover the same variables would each be given the other's keys.
pub(super) fn check_discovery_is_unambiguous(file: &RouterFile) -> Result<(), SettingsError> {
    let mut discovering: Vec<(&String, &str)> = Vec::new();
    for (name, entry) in &file.providers {
        for variable in discovered_from(entry) {
            let is_shared =
                |other: &str| variable == other || continues(variable, other) || continues(other, variable);
            if let Some((other, _)) = discovering.iter().find(|(of, other)| *of != name && is_shared(other)) {
                let problem = format!(
                    "it would discover the same keys as `{other}`, from `{variable}` on: give one of them `keys`, or \
                 another variable to `discover`"
                );
                return Err(SettingsError::Keys { provider: name.clone(), problem });
            }
            discovering.push((name, variable));
        }
    }
    Ok(())
}

/// The keys of a provider. None at all is no mistake: its models are then refused, and no provider is asked.
pub(super) fn keys_of(
    place: &Place<'_>,
    provider: &str,
    entry: ProviderEntry,
    sources: KeySources<'_>,
) -> Result<Vec<ProviderKey>, SettingsError> {
    let wrong = |problem: String| SettingsError::Keys { provider: provider.to_owned(), problem };
    let platform = entry.dialect;
    if entry.keyless {
        if entry.discover.is_some() || entry.keys.is_some_and(|keys| !keys.is_empty()) {
            return Err(wrong(
                "`keyless: true` leaves no use for keys: take out `keys` and `discover`".to_owned(),
            ));
        }
        return Ok(vec![ProviderKey::keyless()]);
    }
    let own = discovered_from(&entry);
    if entry.keys.is_none() && own.is_empty() {
        // An engine of one's own, which usually has none.
        return Ok(vec![ProviderKey::keyless()]);
    }
    let is_listed = own.is_empty();
    let bases = sources.policy.variables(own, is_listed);
    let mut keys = Vec::new();
    if let Some(first) = bases.first() {
        let mut found = Vec::new();
        for base in &bases {
            if found.is_empty() || sources.policy.goes_on() {
                found.extend(discover(base, sources).map_err(|error| wrong(error.to_string()))?);
            }
        }
        if found.is_empty() {
            let others: String =
                bases[1..].iter().map(|base| format!(", or the same from `{base}` on")).collect();
            tracing::warn!(
                provider,
                "no key: looked for the variables `{first}`, `{first}_1`, `{first}_2` and so on{others}; set one, or list `keys`"
            );
        }
        let key = |(name, secret)| ProviderKey::new(name, secret, false, 1, platform);
        keys.extend(found.into_iter().map(key));
    }
    if is_listed {
        let entries = entry.keys.unwrap_or_default();
        if entries.is_empty() {
            tracing::warn!(
                provider,
                "no key: `keys` is empty; list one, or leave `keys` out to discover them"
            );
        }
        let make =
            |name, secret, disabled, weight| ProviderKey::new(name, secret, disabled, weight, platform);
        keys.extend(listed_keys(place, provider, entries, sources, &make)?);
    }
    Ok(keys)
}

/// Makes a key of its name, its secret, whether it is disabled, and its weight.
pub(super) type MakeKey<'a> = &'a dyn Fn(String, Secret, bool, u32) -> ProviderKey;

/// The keys that are listed, each of them once.
pub(super) fn listed_keys(
    place: &Place<'_>,
    provider: &str,
    entries: Vec<KeyEntry>,
    sources: KeySources<'_>,
    make: MakeKey<'_>,
) -> Result<Vec<ProviderKey>, SettingsError> {
    let wrong = |problem: String| SettingsError::Keys { provider: provider.to_owned(), problem };
    let mut keys: Vec<ProviderKey> = Vec::with_capacity(entries.len());
    for entry in entries {
        let weight = place.weight(entry.weight.as_ref())?;
        let key = explicit_key(entry, weight, sources, make).map_err(&wrong)?;
        if let Some(twin) = keys.iter().find(|earlier| earlier.name() == key.name()) {
            return Err(wrong(format!("two keys have the name `{}`: give one of them another", twin.name())));
        }
        let is_twin = |earlier: &&ProviderKey| sources.policy.counts_once() && earlier.has_same_secret(&key);
        match keys.iter().find(is_twin) {
            // One key has one limit, however often it is listed.
            Some(twin) => {
                tracing::warn!(
                    provider,
                    key = key.name(),
                    "the same key as `{}`: it counts once",
                    twin.name()
                );
            }
            None => keys.push(key),
        }
    }
    Ok(keys)
}

fn explicit_key(
    entry: KeyEntry,
    weight: u32,
    sources: KeySources<'_>,
    make: MakeKey<'_>,
) -> Result<ProviderKey, String> {
    let KeyEntry { name, secret, env, disabled, weight: _ } = entry;
    let secret = match (secret, env) {
        (Some(written), None) => {
            sources.policy.key(written.text()).filter(Secret::is_well_formed).ok_or_else(|| {
                format!(
                    "the secret of key `{name}` is blank, or has blanks or line ends inside: write one key"
                )
            })?
        }
        (None, Some(variable)) => {
            read_required(&variable, sources).map_err(|error: KeyVariableError| error.to_string())?
        }
        _ => return Err(format!("key `{name}` needs either `secret` or `env`")),
    };
    Ok(make(name, secret, disabled, weight))
}

impl Place<'_> {
    pub(super) fn weight(&self, written: Option<&Spanned<u32>>) -> Result<u32, SettingsError> {
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
