//! Faults in how the router is run, and in what is asked of tenants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::Defect;
use crate::accounts::LedgerPlace;
use crate::front::BorderPolicy;
use crate::metrics::Page;
use crate::policy::Policies;
use crate::tenants::{TenancyPolicy, TenantIndex};
use crate::upkeep::UpkeepPolicy;

/// The defects that are made here.
pub(super) const DEFECTS: &[Defect] = &[
    Defect {
        name: "forgets-at-reloads",
        about: "the rotation began anew and the state of keys was forgotten whenever the settings were read \
                again, so that the first key got a burst and a limited one was asked",
        cites: "QuantumNous/new-api#1726",
        switch_on: |sound| Policies { upkeep: Box::new(ForgetsAtReloads), ..sound },
    },
    Defect {
        name: "counts-limits-alone",
        about: "each instance counted a limit for itself, so that it was as many times too high as there were \
                instances",
        cites: "BerriAI/litellm#27900, BerriAI/litellm#40291, BerriAI/litellm#10555",
        switch_on: |sound| Policies { tenancy: Arc::new(CountsAlone), ..sound },
    },
    Defect {
        name: "is-always-ready",
        about: "readiness said yes as soon as the process was alive, although nothing could be served",
        cites: "BerriAI/litellm#1814, BerriAI/litellm#30925",
        switch_on: |sound| Policies { upkeep: Box::new(AlwaysReady), ..sound },
    },
    Defect {
        name: "checks-everything-at-once",
        about: "health checks asked every deployment in the same moment",
        cites: "BerriAI/litellm#20502, BerriAI/litellm#33559",
        switch_on: |sound| Policies { upkeep: Box::new(ChecksAllAtOnce), ..sound },
    },
    Defect {
        name: "asks-without-a-key",
        about: "with no key configured the provider was asked all the same, with a credential that was none",
        cites: "kcolemangt/llm-router#13",
        switch_on: |sound| Policies { upkeep: Box::new(AsksWithoutKey), ..sound },
    },
    Defect {
        name: "opens-admin-paths-to-tenants",
        about: "what is the operator's alone was open to everybody with a key",
        cites: "verifywise-ai/verifywise#3299",
        switch_on: |sound| Policies { upkeep: Box::new(TenantsAreOperators), ..sound },
    },
    Defect {
        name: "lets-expired-keys-in",
        about: "a caller's key went on working after it had run out",
        cites: "maximhq/bifrost#3765",
        switch_on: |sound| Policies { tenancy: Arc::new(KeysNeverExpire), ..sound },
    },
    Defect {
        name: "keeps-broken-requests-open",
        about: "a request whose stream broke or whose client left counted as open for ever, until none was let in",
        cites: "BerriAI/litellm#20256, BerriAI/litellm#27955",
        switch_on: |sound| Policies { tenancy: Arc::new(BrokenRequestsStayOpen), ..sound },
    },
    Defect {
        name: "counts-refused-requests",
        about: "a request that was refused for too many at once still used up the caller's rate",
        cites: "BerriAI/litellm#39309",
        switch_on: |sound| Policies { tenancy: Arc::new(RefusalsCount), ..sound },
    },
    Defect {
        name: "renews-budgets-late",
        about: "a budget was not fresh again when its time had come",
        cites: "BerriAI/litellm#5651, BerriAI/litellm#7129",
        switch_on: |sound| Policies { tenancy: Arc::new(LateBudgets), ..sound },
    },
    Defect {
        name: "falls-back-for-everybody",
        about: "who may use a model was asked for the one that was named, so that a fallback gave another \
                one away",
        cites: "langwatch/langwatch#6923, maximhq/bifrost#2873",
        switch_on: |sound| Policies { tenancy: Arc::new(FallbacksForEverybody), ..sound },
    },
    Defect {
        name: "lives-by-its-providers",
        about: "the router said that it was dead when its providers were down, and was ended for it",
        cites: "BerriAI/litellm#20502",
        switch_on: |sound| Policies { upkeep: Box::new(LivesByProviders), ..sound },
    },
    Defect {
        name: "tries-keys-at-the-start",
        about: "each start asked the provider whether the keys were good",
        cites: "BerriAI/litellm#20502",
        switch_on: |sound| Policies { upkeep: Box::new(TriesKeysAtOnce), ..sound },
    },
    Defect {
        name: "counts-attempts-as-requests",
        about: "each attempt was counted as a request, so that retries made more requests than clients had \
                sent",
        cites: "BerriAI/litellm#39455",
        switch_on: |sound| Policies { upkeep: Box::new(AttemptsAreRequests), ..sound },
    },
    Defect {
        name: "loses-counts",
        about: "a counter was read, and written a moment later, so that of two requests that ended together one was \
                not counted",
        cites: "BerriAI/litellm#35567",
        switch_on: |sound| Policies { upkeep: Box::new(LostCounts::default()), ..sound },
    },
    Defect {
        name: "keeps-the-ledger-in-memory",
        about: "what requests had cost was kept in memory, so that a restart lost it",
        cites: "BerriAI/litellm#38157, BerriAI/litellm#34805",
        switch_on: |sound| Policies { upkeep: Box::new(LedgerInMemory), ..sound },
    },
    Defect {
        name: "blames-who-served",
        about: "failures were counted at the key that served in the end, and not at those that had failed",
        cites: "BerriAI/litellm#40293",
        switch_on: |sound| Policies { upkeep: Box::new(BlamesWhoServed), ..sound },
    },
    Defect {
        name: "counts-by-any-name",
        about: "counters had a label for every model and user that callers made up",
        cites: "BerriAI/litellm#35653; Prometheus: unbounded sets of values",
        switch_on: SeriesOfNames::switched_on,
    },
    Defect {
        name: "shares-places-among-tenants",
        about: "all tenants had the open requests of one, so that a noisy one left no place for the others",
        cites: "BerriAI/litellm#20256",
        switch_on: |sound| Policies { tenancy: Arc::new(OneHouse), ..sound },
    },
    Defect {
        name: "shows-every-model",
        about: "the list of models showed everybody those of everybody",
        cites: "BerriAI/litellm#5762",
        switch_on: |sound| Policies { tenancy: Arc::new(ShowsAll), ..sound },
    },
    Defect {
        name: "takes-any-model",
        about: "a model that nobody serves was put to some provider all the same",
        cites: "OpenAI: error codes, model_not_found",
        switch_on: |sound| Policies { tenancy: Arc::new(AnyName), ..sound },
    },
    Defect {
        name: "repeats-wrong-keys",
        about: "the refusal of a key repeated the key",
        cites: "BerriAI/litellm#39757, BerriAI/litellm#25203, BerriAI/litellm#18902",
        switch_on: |sound| Policies { tenancy: Arc::new(RepeatsKeys), ..sound },
    },
];

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

/// Is alive when a provider is.
pub(super) struct LivesByProviders;

impl UpkeepPolicy for LivesByProviders {
    fn lives_by_providers(&self) -> bool {
        true
    }
}

/// Checks once, and at once.
pub(super) struct TriesKeysAtOnce;

impl UpkeepPolicy for TriesKeysAtOnce {
    fn checks_every(&self, set: Option<Duration>) -> Option<Duration> {
        Some(set.unwrap_or(Duration::from_secs(60 * 60)))
    }
}

/// Counts what was sent for what was asked.
pub(super) struct AttemptsAreRequests;

impl UpkeepPolicy for AttemptsAreRequests {
    fn counts(&self, attempts: u32) -> u32 {
        attempts.max(1)
    }
}

/// Writes what it read a moment ago, and one more. Whoever began to count meanwhile is lost.
#[derive(Default)]
pub(super) struct LostCounts {
    counting: AtomicU32,
}

impl UpkeepPolicy for LostCounts {
    fn counts(&self, _attempts: u32) -> u32 {
        let before = self.counting.fetch_add(1, Ordering::AcqRel);
        // Blocks on purpose, as a look-up in a shared store does.
        std::thread::sleep(Duration::from_millis(2));
        self.counting.fetch_sub(1, Ordering::AcqRel);
        u32::from(before == 0)
    }
}

/// Keeps its ledger for as long as it runs.
pub(super) struct LedgerInMemory;

impl UpkeepPolicy for LedgerInMemory {
    fn ledger_place(&self, _set: &LedgerPlace) -> LedgerPlace {
        LedgerPlace::Memory
    }
}

/// Counts all at the end, where the end is.
pub(super) struct BlamesWhoServed;

impl UpkeepPolicy for BlamesWhoServed {
    fn blames_who_failed(&self) -> bool {
        false
    }
}

/// Has a series for every name that callers give themselves.
#[derive(Clone, Default)]
pub(super) struct SeriesOfNames(Arc<Mutex<BTreeMap<String, u64>>>);

impl SeriesOfNames {
    fn switched_on(sound: Policies) -> Policies {
        let names = Self::default();
        Policies { border: Box::new(names.clone()), upkeep: Box::new(names), ..sound }
    }

    fn counted(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BorderPolicy for SeriesOfNames {
    fn arriving(&self, body: &Bytes) -> Bytes {
        let fields: Value = serde_json::from_slice(body).unwrap_or_default();
        for name in [&fields["model"], &fields["user"]].into_iter().filter_map(Value::as_str) {
            *self.counted().entry(name.to_owned()).or_default() += 1;
        }
        body.clone()
    }
}

impl UpkeepPolicy for SeriesOfNames {
    fn more_metrics(&self, page: &mut Page) {
        page.metric("router_names_total", "counter", "Requests by any name that they give.");
        for (name, count) in self.counted().iter() {
            page.sample("router_names_total", &[("name", name)], *count);
        }
    }
}

/// Has one tenant's places for all.
pub(super) struct OneHouse;

impl TenancyPolicy for OneHouse {
    fn whose_places(&self, _caller: TenantIndex) -> TenantIndex {
        TenantIndex::FIRST
    }
}

/// Hides nothing.
pub(super) struct ShowsAll;

impl TenancyPolicy for ShowsAll {
    fn shows_all_models(&self) -> bool {
        true
    }
}

/// Takes any name for that of a model.
pub(super) struct AnyName;

impl TenancyPolicy for AnyName {
    fn takes_any_name(&self) -> bool {
        true
    }
}

/// Tells a stranger what it came with.
pub(super) struct RepeatsKeys;

impl TenancyPolicy for RepeatsKeys {
    fn told_of_stranger(&self, key: &str) -> Option<String> {
        Some(format!(": `{key}`"))
    }
}

/// Counts what comes here, whatever comes elsewhere.
pub(super) struct CountsAlone;

impl TenancyPolicy for CountsAlone {
    fn counts_together(&self) -> bool {
        false
    }
}
