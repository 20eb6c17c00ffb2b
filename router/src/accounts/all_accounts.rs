//! The accounts of all tenants that have or ever had a budget. They outlive the settings, so that a tenant which is taken
//! out and put back has spent what it had spent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Account, KeptBalance, MicroUsd, SharedName};
use crate::shared::Link;

/// Accounts by the names of their tenants.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    by_tenant: Mutex<BTreeMap<String, Arc<Account>>>,
    /// What this router's parts are called where all routers keep accounts together.
    part: String,
}

/// The last of what was spent is told to others in this time, or by this router's next start.
const LAST_TOLD: Duration = Duration::from_millis(500);

impl Accounts {
    /// Accounts that go on with what was kept, by a ledger of this name.
    pub(super) fn following(kept: &[KeptBalance], ledger: String) -> Self {
        let account = |kept: &KeptBalance| (kept.tenant.clone(), Arc::new(Account::following(kept)));
        Self { by_tenant: Mutex::new(kept.iter().map(account).collect()), part: ledger }
    }

    /// The account of a tenant under the budget of new settings, in all or for each time of a length, by itself or with all
    /// routers behind a link.
    pub(crate) fn of(
        &self,
        tenant: &str,
        budget: MicroUsd,
        per: Option<Duration>,
        link: Option<&Arc<Link>>,
    ) -> Arc<Account> {
        let mut accounts = self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner);
        let account = match accounts.get(tenant) {
            Some(account) => {
                account.adjust(budget, per);
                Arc::clone(account)
            }
            None => {
                let account = Arc::new(Account::new(budget, per));
                accounts.insert(tenant.to_owned(), Arc::clone(&account));
                account
            }
        };
        let name = SharedName { account: format!("budget:{tenant}"), part: self.part.clone() };
        account.share_by(link.map(|link| (link, name)));
        account
    }

    /// Waits a while until the others know what was spent here.
    pub(crate) async fn tell_the_last(&self) {
        let accounts: Vec<_> =
            self.by_tenant.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let all = async {
            for account in accounts {
                account.all_told().await;
            }
        };
        // What is not told is in the ledger.
        let _is_late = tokio::time::timeout(LAST_TOLD, all).await;
    }
}
