//! Tenants, prices and the admin's key, checked against each other and against the models.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_saphyr::Spanned;

use super::SettingsError;
use super::file::{AdminEntry, PriceEntry, SecretText, TenantEntry};
use super::models::ModelSettings;
use super::resolve::Place;
use crate::accounts::{MicroUsd, Price};
use crate::nearest::nearest;
use crate::secret::Secret;

/// One tenant with at least one key.
#[derive(Debug)]
pub(crate) struct TenantSettings {
    pub(crate) name: String,
    pub(crate) keys: Vec<Secret>,
    pub(crate) budget: Option<MicroUsd>,
    /// Absent: all models.
    pub(crate) models: Option<BTreeSet<String>>,
    pub(crate) requests_per_minute: Option<u32>,
    /// The time after which the budget is fresh again.
    pub(crate) budget_per: Option<Duration>,
    pub(crate) at_once: Option<u32>,
    pub(crate) is_expired: bool,
}

/// The moments of so many requests are kept for each tenant.
const MOST_REQUESTS_PER_MINUTE: u32 = 1_000_000;

fn wrong(tenant: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Tenant { tenant: tenant.to_owned(), problem: problem.into() }
}

/// The tenants, or nothing when everybody is served.
pub(super) fn tenants(
    place: &Place<'_>,
    entries: Option<BTreeMap<String, TenantEntry>>,
    models: &BTreeMap<String, ModelSettings>,
    prices: &BTreeMap<String, Price>,
) -> Result<Vec<TenantSettings>, SettingsError> {
    let Some(entries) = entries else { return Ok(Vec::new()) };
    if entries.is_empty() {
        let message =
            "`tenants` is empty, so nobody could ask: list one, or leave `tenants` out to serve everybody";
        return Err(SettingsError::Wrong(message.to_owned()));
    }
    let mut tenants: Vec<TenantSettings> = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let keys = keys_of(&name, entry.keys)?;
        let taken = tenants.iter().find(|other| keys.iter().any(|key| other.keys.contains(key)));
        if let Some(other) = taken {
            return Err(wrong(&name, format!("it has a key of `{}`: a key tells one tenant", other.name)));
        }
        let allowed = entry.models.map(|written| known_models(place, written, models)).transpose()?;
        if let Some(budget) = &entry.budget {
            let may_ask = |public: &String| allowed.as_ref().is_none_or(|allowed| allowed.contains(public));
            let falls_back_to = |public: &String| {
                models.iter().any(|(name, model)| may_ask(name) && model.fallbacks.contains(public))
            };
            let may_be_asked = models.iter().filter(|(public, _)| may_ask(public) || falls_back_to(public));
            let mut asked = may_be_asked
                .flat_map(|(public, model)| model.targets.iter().map(move |target| (public, target)));
            if let Some((public, target)) =
                asked.find(|(_, target)| !prices.contains_key(&target.upstream_name))
            {
                let message = format!(
                    "tenant `{name}` has a budget, but the model `{public}` has no price: add `{}` to `prices`",
                    target.upstream_name
                );
                return Err(place.wrong(budget, message));
            }
        }
        let requests_per_minute = match entry.requests_per_minute {
            Some(written) if written.value == 0 || written.value > MOST_REQUESTS_PER_MINUTE => {
                let message = format!("write a number from 1 to {MOST_REQUESTS_PER_MINUTE}");
                return Err(place.wrong(&written, message));
            }
            written => written.map(|written| written.value),
        };
        if let (None, Some(per)) = (&entry.budget, &entry.budget_per) {
            return Err(
                place.wrong(per, "there is no `budget` that could be fresh again: add one".to_owned())
            );
        }
        let at_once = entry.at_once.as_ref().map(|written| place.at_least_one(written)).transpose()?;
        tenants.push(TenantSettings {
            name,
            keys,
            budget: entry.budget.map(|budget| budget.value.0),
            models: allowed,
            requests_per_minute,
            budget_per: entry.budget_per.map(|per| per.value.0),
            at_once,
            is_expired: entry.expired,
        });
    }
    Ok(tenants)
}

pub(super) fn prices(entries: BTreeMap<String, PriceEntry>) -> BTreeMap<String, Price> {
    let price = |PriceEntry { input, cache_read, cache_write, output, reasoning }: PriceEntry| Price {
        input,
        cache_read: cache_read.unwrap_or(input),
        cache_write: cache_write.unwrap_or(input),
        output,
        reasoning: reasoning.unwrap_or(output),
    };
    entries.into_iter().map(|(model, entry)| (model, price(entry))).collect()
}

/// The admin's key, which no tenant may have.
pub(super) fn admin_key(
    entry: Option<AdminEntry>,
    tenants: &[TenantSettings],
) -> Result<Option<Secret>, SettingsError> {
    let Some(AdminEntry { secret: written }) = entry else { return Ok(None) };
    let Some(secret) = written.key() else {
        let message = "the secret of `admin` is blank, or has blanks or line ends inside: write one key";
        return Err(SettingsError::Wrong(message.to_owned()));
    };
    match tenants.iter().find(|tenant| tenant.keys.contains(&secret)) {
        Some(tenant) => Err(wrong(&tenant.name, "it has the key of `admin`: give it one of its own")),
        None => Ok(Some(secret)),
    }
}

fn keys_of(tenant: &str, texts: Vec<SecretText>) -> Result<Vec<Secret>, SettingsError> {
    let mut keys: Vec<Secret> = Vec::with_capacity(texts.len());
    for written in texts {
        let Some(key) = written.key() else {
            return Err(wrong(tenant, "one of its keys is blank, or has blanks or line ends inside"));
        };
        if keys.contains(&key) {
            return Err(wrong(tenant, "one of its keys stands twice: remove one"));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(wrong(tenant, "it has no key, so it could not ask: list one"));
    }
    Ok(keys)
}

fn known_models(
    place: &Place<'_>,
    written: Vec<Spanned<String>>,
    models: &BTreeMap<String, ModelSettings>,
) -> Result<BTreeSet<String>, SettingsError> {
    if let Some(unknown) = written.iter().find(|name| !models.contains_key(&name.value)) {
        let hint = nearest(&unknown.value, models.keys().map(String::as_str))
            .map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
        return Err(place.wrong(unknown, format!("there is no model `{}`{hint}", unknown.value)));
    }
    Ok(written.into_iter().map(|name| name.value).collect())
}
