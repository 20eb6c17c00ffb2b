//! Tenants as they are told apart by their keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::MinuteLimit;
use crate::accounts::Account;
use crate::secret::KeyDigest;
use crate::settings::TenantSettings;

/// The place of a tenant in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TenantIndex(usize);

/// Someone on whose behalf clients ask.
#[derive(Debug)]
pub(crate) struct Tenant {
    name: String,
    /// Absent: all models.
    models: Option<BTreeSet<String>>,
    account: Option<Arc<Account>>,
    rate: Option<MinuteLimit>,
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
        self.rate.as_ref()
    }
}

/// All tenants; none when everybody is served.
#[derive(Default)]
pub(crate) struct Tenants {
    tenants: Vec<Tenant>,
    keys: Vec<(KeyDigest, TenantIndex)>,
}

impl Tenants {
    pub(crate) fn new(settings: Vec<TenantSettings>) -> Self {
        let mut all = Self::default();
        for (index, settings) in settings.into_iter().enumerate() {
            let digests = settings.keys.iter().map(|key| KeyDigest::of(key.reveal()));
            all.keys.extend(digests.map(|digest| (digest, TenantIndex(index))));
            all.tenants.push(Tenant {
                name: settings.name,
                models: settings.models,
                account: settings.budget.map(|budget| Arc::new(Account::new(budget))),
                rate: settings.requests_per_minute.map(MinuteLimit::new),
            });
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
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_tenant_is_known_by_each_of_its_keys_and_by_nothing_else() {
        let tenant = |name: &str, keys: &[&str]| TenantSettings {
            name: name.to_owned(),
            keys: keys.iter().map(|key| Secret::trimmed(key).unwrap()).collect(),
            budget: None,
            models: None,
            requests_per_minute: None,
        };
        let tenants = Tenants::new(vec![tenant("acme", &["a1", "a2"]), tenant("globex", &["g1"])]);
        let name = |key| tenants.of_key(key).map(|index| tenants.get(index).name());
        assert_eq!((name("a1"), name("a2"), name("g1")), (Some("acme"), Some("acme"), Some("globex")));
        assert_eq!((name("a3"), name(""), name("acme")), (None, None, None));
        assert_eq!(tenants.named("globex"), tenants.of_key("g1"));
    }
}
