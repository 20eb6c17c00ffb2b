//! Faults in how APIs of services are used.

use serde_json::{Value, json};

use tokio::time::Instant;

use super::Defect;
use crate::apis::{Effect, ServicePolicy, Trouble, Who};
use crate::exchange::{KeyChoice, OpenKeysInTurn, Pick, Walk};
use crate::growth::Prediction;
use crate::policy::Policies;
use crate::pool::{Choosing, Pool};

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "ignores-service-limits",
        about: "the limits of each API were read and not kept, so that a hundred requests at once went through \
                together",
        cites: "multi-API manager: 10, 50 and 20 requests a second",
        switch_on: |sound| Policies { apis: Box::new(NoServiceLimits), ..sound },
    },
    Defect {
        name: "shifts-too-late",
        about: "an API was used until its limit was reached, although another one had room",
        cites: "multi-API manager: 80 % threshold",
        switch_on: |sound| Policies { apis: Box::new(NoThreshold), ..sound },
    },
    Defect {
        name: "sends-orders-twice",
        about: "an order whose reply was lost was sent to the next API, and was made twice",
        cites: "multi-API manager: orders with fallback",
        switch_on: |sound| Policies { apis: Box::new(LostIsNotMade), ..sound },
    },
    Defect {
        name: "leaves-lost-orders-unknown",
        about: "an order whose reply was lost was told as unknown, although the API says by its id what became of it",
        cites: "ccxt/ccxt#2599, hummingbot/hummingbot#493",
        switch_on: |sound| Policies { apis: Box::new(NeverLooksUp), ..sound },
    },
    Defect {
        name: "uses-disabled-apis",
        about: "an API that was switched off was asked when the others had failed",
        cites: "multi-API manager: the enabled switch",
        switch_on: |sound| Policies { apis: Box::new(DisabledIsReserve), ..sound },
    },
    Defect {
        name: "ignores-health",
        about: "health checks were made, and requests went to an API that they had found in trouble",
        cites: "multi-API manager: health checks drive routing",
        switch_on: |sound| Policies { apis: Box::new(HealthForShow), ..sound },
    },
    Defect {
        name: "always-predicts",
        about: "a limit was predicted for every API and key that was used at all, so that the prediction said \
                nothing and the order of preference was lost",
        cites: "multi-API manager: spike prediction",
        switch_on: |sound| Policies {
            apis: Box::new(GrowthEverywhere),
            choice: Box::new(GrowthEverywhere),
            ..sound
        },
    },
    Defect {
        name: "never-predicts",
        about: "a prediction was asked for and never made, so that traffic moved on only when the threshold was \
                reached",
        cites: "multi-API manager: spike prediction",
        switch_on: |sound| Policies {
            apis: Box::new(GrowthNowhere),
            choice: Box::new(GrowthNowhere),
            ..sound
        },
    },
    Defect {
        name: "constant-analytics",
        about: "the efficiency of the load balancing was always told as perfect, and nothing was suggested",
        cites: "multi-API manager: dashboard analytics",
        switch_on: |sound| Policies { apis: Box::new(AllIsWell), ..sound },
    },
    Defect {
        name: "gives-up-at-the-first-api",
        about: "a request that the first API did not take was refused, although others could have served it",
        cites: "multi-API manager: the fallback chain",
        switch_on: |sound| Policies { apis: Box::new(FirstApiOnly), ..sound },
    },
];

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

/// Asks nobody what became of an order.
pub(super) struct NeverLooksUp;

impl ServicePolicy for NeverLooksUp {
    fn looks_up(&self) -> bool {
        false
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
        is_used(shares)
    }
}

impl KeyChoice for GrowthEverywhere {
    fn prediction(&self) -> Prediction {
        is_used
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
    }
}

fn is_used(shares: &[u64]) -> bool {
    shares.iter().any(|share| *share > 0)
}

/// Sees growth nowhere.
pub(super) struct GrowthNowhere;

impl ServicePolicy for GrowthNowhere {
    fn grows_to_the_limit(&self, _shares: &[u64]) -> bool {
        false
    }
}

impl KeyChoice for GrowthNowhere {
    fn prediction(&self) -> Prediction {
        |_| false
    }

    fn choose(&self, pool: &mut Pool, walk: &Walk, how: Choosing<'_>, now: Instant) -> Option<Pick> {
        OpenKeysInTurn.choose(pool, walk, how, now)
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

/// Takes the first API's trouble for the answer.
pub(super) struct FirstApiOnly;

impl ServicePolicy for FirstApiOnly {
    fn who_next(&self, _effect: Effect, _trouble: Trouble) -> Who {
        Who::Nobody
    }
}
