//! Faults in how the router is run, and in what is asked of tenants.

use std::time::Duration;

use crate::tenants::TenancyPolicy;
use crate::upkeep::UpkeepPolicy;

/// Is ready as soon as it is alive.
pub(super) struct AlwaysReady;

impl UpkeepPolicy for AlwaysReady {
    fn is_ready(&self, _can_serve: bool) -> bool {
        true
    }
}

/// Takes any tenant for the operator.
pub(super) struct TenantsAreOperators;

impl UpkeepPolicy for TenantsAreOperators {
    fn opens_to(&self, is_operator: bool, is_tenant: bool) -> bool {
        is_operator || is_tenant
    }
}

/// Asks who is asking for the model that is named, and not for its fallbacks.
pub(super) struct FallbacksForEverybody;

impl TenancyPolicy for FallbacksForEverybody {
    fn withholds_fallbacks(&self) -> bool {
        false
    }
}

/// Begins with new keys whenever the settings are read.
pub(super) struct ForgetsAtReloads;

impl UpkeepPolicy for ForgetsAtReloads {
    fn keeps_what_is_known(&self) -> bool {
        false
    }
}

/// Asks a provider without a key all the same.
pub(super) struct AsksWithoutKey;

impl UpkeepPolicy for AsksWithoutKey {
    fn stand_in_key(&self) -> Option<&'static str> {
        Some("none")
    }
}

/// Checks all providers in the same moment.
pub(super) struct ChecksAllAtOnce;

impl UpkeepPolicy for ChecksAllAtOnce {
    fn checks_at_once(&self) -> usize {
        usize::MAX
    }
}

/// Lets in whoever was ever let in.
pub(super) struct KeysNeverExpire;

impl TenancyPolicy for KeysNeverExpire {
    fn lets_in(&self, _is_expired: bool) -> bool {
        true
    }
}

/// Keeps the place of a request that broke off.
pub(super) struct BrokenRequestsStayOpen;

impl TenancyPolicy for BrokenRequestsStayOpen {
    fn gives_back_broken(&self) -> bool {
        false
    }
}

/// Counts a request against a rate before it is refused for another reason.
pub(super) struct RefusalsCount;

impl TenancyPolicy for RefusalsCount {
    fn counts_refused(&self) -> bool {
        true
    }
}

/// Makes budgets fresh again long after their time.
pub(super) struct LateBudgets;

impl TenancyPolicy for LateBudgets {
    fn budget_window(&self, set: Duration) -> Duration {
        set.saturating_mul(10)
    }
}
