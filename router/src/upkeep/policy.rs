//! The decisions of whoever runs the router, as far as they are not in the settings.

use std::time::Duration;

use crate::accounts::LedgerPlace;
use crate::metrics::Page;

/// Decides how the router is run.
pub(crate) trait UpkeepPolicy: Send + Sync {
    /// Whether requests should be sent here, which can be served or not.
    fn is_ready(&self, can_serve: bool) -> bool {
        can_serve
    }

    /// Whether the operator's paths are open to someone who asks with a key.
    fn opens_to(&self, is_operator: bool, _is_tenant: bool) -> bool {
        is_operator
    }

    /// Whether new settings leave what was learned of keys, and where their rotation is.
    fn keeps_what_is_known(&self) -> bool {
        true
    }

    /// What a provider is asked with that has no key. Absent: it is not asked.
    fn stand_in_key(&self) -> Option<&'static str> {
        None
    }

    /// Whether the router says that it is alive only if a provider does.
    fn lives_by_providers(&self) -> bool {
        false
    }

    /// How often providers are asked how they are, of which `set` is what the settings say.
    fn checks_every(&self, set: Option<Duration>) -> Option<Duration> {
        set
    }

    /// How often a request is counted that took so many attempts.
    fn counts(&self, _attempts: u32) -> u32 {
        1
    }

    /// Where the ledger is, of which `set` is what the settings say.
    fn ledger_place(&self, set: &LedgerPlace) -> LedgerPlace {
        set.clone()
    }

    /// Whether an attempt is counted at the key that made it, and not at the one that made the last of its request.
    fn blames_who_failed(&self) -> bool {
        true
    }

    /// What stands on the page of the metrics beside what is counted.
    fn more_metrics(&self, _page: &mut Page) {}

    /// How many providers are asked at once how they are.
    fn checks_at_once(&self) -> usize {
        2
    }
}

/// The sound policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarefulUpkeep;

impl UpkeepPolicy for CarefulUpkeep {}
