//! Tenants as they are told apart by their keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::slots::Slots;
use super::{MinuteLimit, TenancyPolicy};
use crate::accounts::{Account, Accounts};
use crate::secret::{KeyDigest, Secret};
use crate::settings::TenantSettings;
use crate::shared::Link;

/// The place of a tenant in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TenantIndex(usize);

impl TenantIndex {
    /// The one that stands first in the settings.
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn get(self) -> usize {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn at(place: usize) -> Self {
        Self(place)
    }
}

/// Someone on whose behalf clients ask.
#[derive(Debug)]
pub(crate) struct Tenant {
    name: String,
    /// Absent: all models.
    models: Option<BTreeSet<String>>,
    /// Whether its keys have run out.
    is_expired: bool,
    /// What may be shown of its keys.
    fingerprints: Vec<String>,
    account: Option<Arc<Account>>,
    rate: Option<Arc<MinuteLimit>>,
    slots: Option<Arc<Slots>>,
}

impl Tenant {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.contains(model))
    }

    /// The account of a tenant that has a budget.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }

    pub(crate) fn rate(&self) -> Option<&MinuteLimit> {
        self.rate.as_deref()
    }

    /// The slots of a tenant that may have only so many requests open.
    pub(crate) fn slots(&self) -> Option<&Arc<Slots>> {
        self.slots.as_ref()
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.is_expired
    }

    /// What may be shown of its keys.
    pub(crate) fn fingerprints(&self) -> &[String] {
        &self.fingerprints
    }

    /// A tenant of new settings. What one of the same name has spent, sent and open counts on.
    fn new(
        settings: TenantSettings,
        before: Option<&Self>,
        accounts: &Accounts,
        policy: &dyn TenancyPolicy,
        link: Option<&Arc<Link>>,
    ) -> Self {
        let window = settings.budget_per.map(|per| policy.budget_window(per));
        let account = settings.budget.map(|budget| accounts.of(&settings.name, budget, window, link));
        let rate = settings.requests_per_minute.map(|limit| {
            let known = before.and_then(|before| before.rate.as_ref()).filter(|rate| rate.is(limit, link));
            known.map_or_else(|| Arc::new(MinuteLimit::new(limit, &settings.name, link)), Arc::clone)
        });
        let slots = settings.at_once.map(|most| match before.and_then(Self::slots) {
            Some(slots) if slots.are_behind(link) => {
                slots.resize(most);
                Arc::clone(slots)
            }
            _ => Arc::new(Slots::new(most, &settings.name, link)),
        });
        Self {
            fingerprints: settings.keys.iter().map(Secret::fingerprint).collect(),
            name: settings.name,
            models: settings.models,
            is_expired: settings.is_expired,
            account,
            rate,
            slots,
        }
    }
}

/// All tenants; none when everybody is served.
#[derive(Default)]
pub(crate) struct Tenants {
    tenants: Vec<Tenant>,
    keys: Vec<(KeyDigest, TenantIndex)>,
}

impl Tenants {
    /// The tenants of new settings, after others.
    pub(crate) fn new(
        settings: Vec<TenantSettings>,
        before: &Self,
        accounts: &Accounts,
        policy: &dyn TenancyPolicy,
        link: Option<&Arc<Link>>,
    ) -> Self {
        let mut all = Self::default();
        for (index, settings) in settings.into_iter().enumerate() {
            let digests = settings.keys.iter().map(|key| KeyDigest::of(key.reveal()));
            all.keys.extend(digests.map(|digest| (digest, TenantIndex(index))));
            let before = before.named(&settings.name).map(|index| before.get(index));
            all.tenants.push(Tenant::new(settings, before, accounts, policy, link));
        }
        all
    }

    /// Whether everybody is served.
    pub(crate) fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    pub(crate) fn get(&self, index: TenantIndex) -> &Tenant {
        &self.tenants[index.0]
    }

    pub(crate) fn all(&self) -> &[Tenant] {
        &self.tenants
    }

    /// The tenant of a key. Every known key is compared, so the time tells nothing.
    pub(crate) fn of_key(&self, presented: &str) -> Option<TenantIndex> {
        let presented = KeyDigest::of(presented);
        self.keys.iter().fold(
            None,
            |found, (known, tenant)| {
                if known.is_same(&presented) { Some(*tenant) } else { found }
            },
        )
    }

    /// The tenant of this name.
    pub(crate) fn named(&self, name: &str) -> Option<TenantIndex> {
        self.tenants.iter().position(|tenant| tenant.name == name).map(TenantIndex)
    }
}

#[cfg(test)]
mod tests {
    use super::super::FairTenancy;
    use super::*;

    #[test]
    fn a_tenant_is_known_by_each_of_its_keys_and_by_nothing_else() {
        let tenant = |name: &str, keys: &[&str]| TenantSettings {
            name: name.to_owned(),
            keys: keys.iter().map(|key| Secret::trimmed(key).unwrap()).collect(),
            budget: None,
            models: None,
            requests_per_minute: None,
            budget_per: None,
            at_once: None,
            is_expired: false,
        };
        let settings = vec![tenant("acme", &["a1", "a2"]), tenant("globex", &["g1"])];
        let tenants = Tenants::new(settings, &Tenants::default(), &Accounts::default(), &FairTenancy, None);
        let name = |key| tenants.of_key(key).map(|index| tenants.get(index).name());
        assert_eq!((name("a1"), name("a2"), name("g1")), (Some("acme"), Some("acme"), Some("globex")));
        assert_eq!((name("a3"), name(""), name("acme")), (None, None, None));
        assert_eq!(tenants.named("globex"), tenants.of_key("g1"));
    }
}
