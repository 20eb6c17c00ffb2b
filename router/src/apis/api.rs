//! One API while the router runs: its keys, how much each was used, and what has been learned about it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::client::ApiClient;
use super::gauge::Gauge;
use super::history::History;
use super::lease::Lease;
use super::{ApiRequest, Came, Lookup, ServicePolicy};
use crate::growth::{LOOKS_AHEAD, LOOKS_BACK, WHOLE};
use crate::pool::{Choosing, CooldownSettings, KeyIndex, Outlook, Strategy, UseLimit};
use crate::provider::{Failure, HintPolicy, Provider};
use crate::settings::ApiSettings;
use crate::upkeep::Health;

/// One API under one reading of the settings.
#[derive(Debug)]
pub(crate) struct Api {
    set: ApiSettings,
    learned: Arc<Learned>,
}

/// What outlives the settings.
#[derive(Debug)]
struct Learned {
    provider: Arc<Provider>,
    client: ApiClient,
    uses: Mutex<Uses>,
    health: Health,
    /// How often its use was seen to begin to grow towards the limit.
    predictions: AtomicU64,
    is_predicted: AtomicBool,
    limited: AtomicU64,
}

#[derive(Debug)]
struct Uses {
    /// By the places of the keys.
    gauges: Vec<Gauge>,
    history: History,
    /// The second that growth was looked at in last.
    looked_at: u64,
    /// The second before which its use is taken for growing.
    grows_until: u64,
}

/// How an API stands, for people.
#[derive(Debug, Clone)]
pub(crate) struct ApiStanding {
    /// Attempts in the last second, minute and hour.
    pub(crate) asked: [u64; 3],
    /// Each limit of all keys together, and how much of it is used.
    pub(crate) limits: Vec<(u64, Duration, u64)>,
    /// The share of the fullest limit, in millionths.
    pub(crate) share: u64,
    /// The most of a limit that any of the last seconds ended with, in millionths.
    pub(crate) peak: u64,
    /// How often it answered that a limit is met.
    pub(crate) limited: u64,
    pub(crate) is_predicted: bool,
    pub(crate) predictions: u64,
}

/// So many seconds are looked at for the peak.
const PEAK_OF: usize = 60;

impl Api {
    pub(crate) fn new(set: &ApiSettings) -> Arc<Self> {
        let uses =
            Uses { gauges: Vec::new(), history: History::new(Instant::now()), looked_at: 0, grows_until: 0 };
        let learned = Learned {
            provider: Arc::new(Provider::new(&set.name, &set.keys)),
            client: ApiClient::new(set.address.clone()),
            uses: Mutex::new(uses),
            health: Health::default(),
            predictions: AtomicU64::new(0),
            is_predicted: AtomicBool::new(false),
            limited: AtomicU64::new(0),
        };
        Arc::new(Self { set: set.clone(), learned: Arc::new(learned) })
    }

    /// The same under new settings, if they are of the same API at the same place.
    pub(crate) fn followed_by(&self, set: &ApiSettings) -> Option<Arc<Self>> {
        let is_same = self.name() == set.name && *self.learned.client.address() == set.address;
        is_same.then(|| {
            self.learned.provider.follow(&set.keys);
            Arc::new(Self { set: set.clone(), learned: Arc::clone(&self.learned) })
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.set.name
    }

    /// Where the result of a request is found whose reply was lost, if anywhere.
    pub(super) fn lookup(&self, request: &ApiRequest) -> Option<&Lookup> {
        self.set.lookups.iter().find(|lookup| lookup.is_for(request))
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.set.is_enabled
    }

    pub(crate) fn provider(&self) -> &Arc<Provider> {
        &self.learned.provider
    }

    pub(crate) fn health(&self) -> &Health {
        &self.learned.health
    }

    /// Whether the latest health check, if there was any, found nothing.
    pub(super) fn is_well(&self) -> bool {
        self.learned.health.latest().is_none_or(|report| report.is_up)
    }

    /// How many requests a second it takes by its tightest limit, in millionths; nothing if it has none.
    pub(super) fn capacity(&self) -> Option<u64> {
        let keys = u64::try_from(self.keys_in_use()).unwrap_or(u64::MAX);
        let rates = self.set.limits.iter().filter_map(|limit| {
            let rate = u128::from(limit.requests?) * 1_000_000_000_000_000 / limit.per.as_nanos().max(1);
            Some(u64::try_from(rate).unwrap_or(u64::MAX).saturating_mul(keys))
        });
        rates.min()
    }

    fn keys_in_use(&self) -> usize {
        self.learned.provider.enabled_keys().max(1)
    }

    /// The share that is used of the key of which the least is used, in millionths.
    pub(super) fn least_share(&self, now: Instant) -> u64 {
        self.shares(now).into_iter().min().unwrap_or(WHOLE)
    }

    /// The share that is used of all keys together, in millionths.
    pub(super) fn mean_share(&self, now: Instant) -> u64 {
        let shares = self.shares(now);
        let keys = u64::try_from(shares.len()).unwrap_or(u64::MAX).max(1);
        shares.iter().fold(0_u64, |sum, share| sum.saturating_add(*share)) / keys
    }

    /// How many requests have no answer yet.
    pub(super) fn open(&self) -> u64 {
        self.uses().gauges.iter().map(Gauge::open).sum()
    }

    fn shares(&self, now: Instant) -> Vec<u64> {
        let keys = self.learned.provider.key_places();
        let uses = self.uses();
        keys.into_iter().map(|key| uses.share(key, &self.set.limits, now)).collect()
    }

    /// Whether its use grows towards its limit. Looked at once in each second.
    pub(super) fn is_predicted(&self, policy: &dyn ServicePolicy, now: Instant) -> bool {
        let mut uses = self.uses();
        let second = uses.history.second(now);
        if second == uses.looked_at {
            return self.learned.is_predicted.load(Ordering::Relaxed);
        }
        uses.looked_at = second;
        if policy.grows_to_the_limit(&self.latest_shares(&mut uses, LOOKS_BACK, now)) {
            uses.grows_until = second + LOOKS_AHEAD;
        }
        // Held for as long as was looked ahead: traffic that has moved on is no sign that it would not grow here.
        let grows = second < uses.grows_until;
        drop(uses);
        let before = self.learned.is_predicted.swap(grows, Ordering::Relaxed);
        if grows && !before {
            self.learned.predictions.fetch_add(1, Ordering::Relaxed);
            tracing::info!(api = self.name(), "use grows towards the limit");
        }
        grows
    }

    /// The share of the fullest limit at the end of each of the last seconds.
    fn latest_shares(&self, uses: &mut Uses, seconds: usize, now: Instant) -> Vec<u64> {
        let keys = u64::try_from(self.keys_in_use()).unwrap_or(u64::MAX);
        let mut fullest: Vec<u64> = Vec::new();
        for limit in &self.set.limits {
            let Some(most) = limit.requests else { continue };
            let shares = uses.history.shares(most.saturating_mul(keys), limit.per, seconds, now);
            fullest.resize(shares.len(), 0);
            for (fullest, share) in fullest.iter_mut().zip(shares) {
                *fullest = share.max(*fullest);
            }
        }
        fullest
    }

    /// A lease of a key with a share below `below`, in millionths, that was not refused in this exchange.
    pub(super) fn lease(
        self: &Arc<Self>,
        below: Option<u64>,
        asking: &Asking<'_>,
        now: Instant,
    ) -> Option<Lease> {
        let mut uses = self.uses();
        let mut learned = self.learned.provider.learned();
        let pool = learned.pools.of(self.name());
        let is_out = |key: KeyIndex| {
            asking.refused.contains(&key)
                || asking.only.is_some_and(|only| only != key)
                || below.is_some_and(|below| uses.share(key, &self.set.limits, now) >= below)
        };
        let key = pool.next_open(now, asking.choosing, is_out)?;
        let (is_probe, _) = pool.begin(key, None, now);
        let number = uses.gauge(key).sent(self.longest(), now);
        uses.history.count(now);
        let key = learned.hold(key);
        drop((learned, uses));
        Some(Lease { api: Arc::clone(self), key, is_probe, number: Some(number) })
    }

    /// When a key may be free where none is now; nothing where waiting does not help.
    pub(super) fn opens_in(&self, now: Instant) -> Result<Duration, Outlook> {
        let outlook = self.learned.provider.learned().pools.of(self.name()).outlook(now);
        let Outlook::OpenIn(wait) = outlook else { return Err(outlook) };
        if !wait.is_zero() {
            return Ok(wait);
        }
        let keys = self.learned.provider.key_places();
        let mut uses = self.uses();
        let opens = keys.into_iter().filter_map(|key| uses.gauge(key).opens_in(&self.set.limits, now)).min();
        Ok(opens.unwrap_or_default())
    }

    pub(super) async fn send(&self, lease: &Lease, request: &ApiRequest) -> Came {
        self.learned.client.send(&lease.key, request).await
    }

    /// Asks how it is. That counts against its limits, and is not counted as traffic. Nothing if it is not to be asked, or
    /// has no room.
    pub(crate) async fn check(self: &Arc<Self>, patience: Duration) -> Option<Option<StatusCode>> {
        if !self.is_enabled() {
            return None;
        }
        let asking = Asking { choosing: Asking::in_turn(None), refused: &[], only: None };
        let mut lease = self.lease(Some(WHOLE), &asking, Instant::now())?;
        self.uses().history.uncount();
        let status = self.learned.client.ask(&lease.key, &self.set.health_path, patience).await;
        lease.answered(None);
        Some(status)
    }

    pub(super) fn answered(&self, key: KeyIndex, number: u64, told: Option<(u64, Duration)>, now: Instant) {
        let longest = self.longest();
        let mut uses = self.uses();
        let gauge = uses.gauge(key);
        gauge.answered(number, longest, now);
        if let Some((share, lasts)) = told {
            gauge.tell(share, now + lasts);
        }
    }

    pub(super) fn never_sent(&self, key: KeyIndex, number: u64) {
        let mut uses = self.uses();
        uses.gauge(key).never_sent(number);
        uses.history.uncount();
    }

    pub(super) fn end_probe(&self, key: KeyIndex) {
        self.learned.provider.learned().pools.of(self.name()).end_probe(key);
    }

    /// Takes in that an attempt succeeded.
    pub(super) fn prove(&self, key: KeyIndex) {
        self.learned.provider.prove(key, self.name(), None);
    }

    /// Takes in what a failed attempt says about its key.
    pub(super) fn learn(
        &self,
        key: KeyIndex,
        failure: Failure,
        hints: &dyn HintPolicy,
        set: &CooldownSettings,
    ) {
        if matches!(failure, Failure::Limited { .. }) {
            self.learned.limited.fetch_add(1, Ordering::Relaxed);
        }
        self.learned.provider.learn(key, self.name(), failure, hints, set);
    }

    pub(crate) fn standing(&self, policy: &dyn ServicePolicy, now: Instant) -> ApiStanding {
        let is_predicted = self.is_predicted(policy, now);
        let places = self.learned.provider.key_places();
        let keys = u64::try_from(self.keys_in_use()).unwrap_or(u64::MAX);
        let mut uses = self.uses();
        let peak = self.latest_shares(&mut uses, PEAK_OF, now).into_iter().max().unwrap_or_default();
        let limits: Vec<(u64, Duration, u64)> = self
            .set
            .limits
            .iter()
            .filter_map(|limit| {
                let used = places.iter().map(|key| uses.gauge(*key).used(limit.per, now)).sum();
                Some((limit.requests?.saturating_mul(keys), limit.per, used))
            })
            .collect();
        let shares = places.iter().map(|key| uses.share(*key, &self.set.limits, now));
        ApiStanding {
            share: shares.max().unwrap_or_default(),
            peak,
            asked: [1, 60, 3_600].map(|seconds| uses.history.in_last(seconds, now)),
            limits,
            limited: self.learned.limited.load(Ordering::Relaxed),
            is_predicted,
            predictions: self.predictions(),
        }
    }

    /// How often its use was seen to grow towards its limit.
    pub(crate) fn predictions(&self) -> u64 {
        self.learned.predictions.load(Ordering::Relaxed)
    }

    fn longest(&self) -> Duration {
        self.set.limits.iter().map(|limit| limit.per).max().unwrap_or_default()
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        // Every step under the lock leaves the uses whole.
        self.learned.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one exchange asks an API for.
pub(super) struct Asking<'a> {
    pub(super) choosing: Choosing<'a>,
    /// Keys that were refused in this exchange.
    pub(super) refused: &'a [KeyIndex],
    /// The one key that may be used.
    pub(super) only: Option<KeyIndex>,
}

impl Asking<'_> {
    /// Keys in turn, by their weights.
    pub(super) fn in_turn(probes: Option<u32>) -> Choosing<'static> {
        Choosing { strategy: Strategy::Weighted, probes, claim: None, session: None }
    }
}

impl Uses {
    /// The share of a key's fullest limit, in millionths.
    fn share(&self, key: KeyIndex, limits: &[UseLimit], now: Instant) -> u64 {
        self.gauges.get(key.get()).map_or(0, |gauge| gauge.share(limits, now))
    }

    fn gauge(&mut self, key: KeyIndex) -> &mut Gauge {
        if self.gauges.len() <= key.get() {
            self.gauges.resize_with(key.get() + 1, Gauge::default);
        }
        &mut self.gauges[key.get()]
    }
}
