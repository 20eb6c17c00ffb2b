//! Faults in how APIs of services are used.

use serde_json::{Value, json};

use crate::apis::{Effect, ServicePolicy, Trouble, Who};

/// Sends whatever comes, whatever an API takes.
pub(super) struct NoServiceLimits;

impl ServicePolicy for NoServiceLimits {
    fn heeds_limits(&self) -> bool {
        false
    }
}

/// Takes an order whose reply was lost for one that was not made.
pub(super) struct LostIsNotMade;

impl ServicePolicy for LostIsNotMade {
    fn who_next(&self, _effect: Effect, _trouble: Trouble) -> Who {
        Who::Anyone
    }
}

/// Checks how APIs are, and does not look at what was found.
pub(super) struct HealthForShow;

impl ServicePolicy for HealthForShow {
    fn heeds_health(&self) -> bool {
        false
    }
}

/// Takes an API that is switched off for one in reserve.
pub(super) struct DisabledIsReserve;

impl ServicePolicy for DisabledIsReserve {
    fn asks_disabled(&self) -> bool {
        true
    }
}

/// Goes on with an API until its limit is reached.
pub(super) struct NoThreshold;

impl ServicePolicy for NoThreshold {
    fn headroom(&self, _set: u64) -> u64 {
        1_000_000
    }
}

/// Takes any use for growth.
pub(super) struct GrowthEverywhere;

impl ServicePolicy for GrowthEverywhere {
    fn grows_to_the_limit(&self, shares: &[u64]) -> bool {
        shares.iter().any(|share| *share > 0)
    }
}

/// Sees growth nowhere.
pub(super) struct GrowthNowhere;

impl ServicePolicy for GrowthNowhere {
    fn grows_to_the_limit(&self, _shares: &[u64]) -> bool {
        false
    }
}

/// Finds all well, whatever was counted.
pub(super) struct AllIsWell;

impl ServicePolicy for AllIsWell {
    fn told_analytics(&self, mut counted: Value) -> Value {
        counted["load_balance_efficiency"] = json!(1.0);
        counted["suggestions"] = json!([]);
        counted
    }
}
