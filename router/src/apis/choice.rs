//! Which API a request is put to next.
//!
//! Those of the first priority go first, but one that has reached its headroom, or whose use grows towards its limit, is left
//! for any that has not. When all have, requests still flow until the limits are reached.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::api::Asking;
use super::lease::Lease;
use super::{Api, ApiRefusal, ApiService, ServicePolicy};
use crate::growth::WHOLE;
use crate::pool::{Choosing, KeyIndex, Outlook, Strategy};

/// How requests are spread over the APIs of one priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApiStrategy {
    /// To the one with most of its limit left.
    #[default]
    MostHeadroom,
    /// By weight, evenly mixed.
    Weighted,
    /// One after the other, whatever their weights.
    RoundRobin,
    /// To the first, in the order of the settings.
    InOrder,
    /// To the one with the fewest requests that have no answer yet.
    LeastBusy,
}

/// Why an API was chosen and not the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was its turn.
    Turn,
    /// The use of another one grows towards its limit.
    Growth,
    /// Another one has reached its headroom.
    Headroom,
    /// Another one has reached its limit.
    Limit,
    /// Another one is in trouble, as a health check found.
    Health,
    /// Another one, or another key, has just failed.
    Failover,
    /// It has just failed itself, and is asked the same again.
    Again,
    /// All were asked, to be compared.
    Comparison,
    /// Its reply was lost, and it is asked what became of the request.
    Lookup,
}

impl Reason {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Growth => "growth",
            Self::Headroom => "headroom",
            Self::Limit => "limit",
            Self::Health => "health",
            Self::Failover => "failover",
            Self::Again => "again",
            Self::Comparison => "comparison",
            Self::Lookup => "lookup",
        }
    }
}

/// What an exchange has done so far.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// The places of APIs that failed since the latest retry.
    pub(super) failed: Vec<usize>,
    /// Keys that were refused.
    pub(super) refused: Vec<(usize, KeyIndex)>,
    /// The one that may have done already what it was asked for.
    pub(super) bound_to: Option<(usize, KeyIndex)>,
    /// The one whose reply was lost.
    pub(super) lost: Option<(usize, KeyIndex)>,
    pub(super) attempts: u32,
}

/// A chosen API.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Its place among the APIs of the service.
    pub(super) place: usize,
    pub(super) lease: Lease,
    pub(super) reason: Reason,
}

/// A round of the choice, from the most wanted to what is possible.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// In millionths of a limit; nothing if limits do not count.
    below: Option<u64>,
    shuns_growth: bool,
    /// Why others were passed over when it comes to this round.
    reason: Reason,
}

impl ApiService {
    /// A lease of the API that fits best now.
    pub(super) fn choose(
        &self,
        allowed: &[usize],
        path: &Path,
        policy: &dyn ServicePolicy,
        probes: Option<u32>,
    ) -> Result<Chosen, ApiRefusal> {
        let now = Instant::now();
        let (candidates, passed_over_ill) = self.candidates(allowed, path, policy);
        for (number, round) in self.rounds(policy).into_iter().enumerate() {
            let has_room = |place: &usize| {
                let api = &self.apis[*place];
                round.below.is_none_or(|below| api.least_share(now) < below)
                    && !(round.shuns_growth && api.is_predicted(policy, now))
            };
            let mut fitting: Vec<usize> = candidates.iter().copied().filter(has_room).collect();
            let all_fit = number == 0 && fitting.len() == candidates.len();
            let others = |place: usize| {
                candidates.iter().copied().filter(|other| *other != place).collect::<Vec<usize>>()
            };
            while let Some(place) = self.next_of(&fitting, now) {
                let refused: Vec<KeyIndex> =
                    path.refused.iter().filter(|(of, _)| *of == place).map(|(_, key)| *key).collect();
                let only = path.bound_to.map(|(_, key)| key);
                let asking = Asking { choosing: Asking::in_turn(probes), refused: &refused, only };
                if let Some(lease) = self.apis[place].lease(round.below, &asking, now) {
                    let reason = match path {
                        Path { bound_to: Some(_), .. } => Reason::Again,
                        Path { attempts: 1.., .. } => Reason::Failover,
                        _ if passed_over_ill => Reason::Health,
                        _ if all_fit => Reason::Turn,
                        _ => self.passed_over(&others(place), round, policy, now),
                    };
                    return Ok(Chosen { place, lease, reason });
                }
                fitting.retain(|other| *other != place);
            }
        }
        Err(self.refusal(&candidates, now))
    }

    /// Those that may be asked, and whether another one was passed over for its health.
    fn candidates(&self, allowed: &[usize], path: &Path, policy: &dyn ServicePolicy) -> (Vec<usize>, bool) {
        if let Some((place, _)) = path.bound_to {
            return (vec![place], false);
        }
        let is_on = |place: &usize| self.apis[*place].is_enabled() || policy.asks_disabled();
        let is_well = |place: &usize| self.apis[*place].is_well() || !policy.heeds_health();
        let on: Vec<usize> = allowed.iter().copied().filter(is_on).collect();
        let well: Vec<usize> = on.iter().copied().filter(is_well).collect();
        // Where all are in trouble any of them is worth a try.
        let passed_over_ill = !well.is_empty() && well.len() < on.len();
        let mut candidates = if well.is_empty() { on } else { well };
        candidates.retain(|place| !path.failed.contains(place));
        (candidates, passed_over_ill)
    }

    fn rounds(&self, policy: &dyn ServicePolicy) -> Vec<Round> {
        if !policy.heeds_limits() {
            return vec![Round { below: None, shuns_growth: false, reason: Reason::Turn }];
        }
        let headroom = Some(policy.headroom(self.set.headroom));
        let mut rounds = Vec::with_capacity(3);
        if self.set.predicts {
            rounds.push(Round { below: headroom, shuns_growth: true, reason: Reason::Growth });
        }
        rounds.push(Round { below: headroom, shuns_growth: false, reason: Reason::Headroom });
        rounds.push(Round { below: Some(WHOLE), shuns_growth: false, reason: Reason::Limit });
        rounds
    }

    /// Why others did not fit into a round in which some did.
    fn passed_over(
        &self,
        others: &[usize],
        round: Round,
        policy: &dyn ServicePolicy,
        now: Instant,
    ) -> Reason {
        let is_above = |share: u64| others.iter().any(|place| self.apis[*place].least_share(now) >= share);
        let grows = || others.iter().any(|place| self.apis[*place].is_predicted(policy, now));
        let headroom = policy.headroom(self.set.headroom);
        match round.reason {
            Reason::Turn => Reason::Turn,
            _ if is_above(WHOLE) => Reason::Limit,
            _ if is_above(headroom) => Reason::Headroom,
            _ if self.set.predicts && grows() => Reason::Growth,
            _ => Reason::Turn,
        }
    }

    /// Whose turn it is of these: of the first priority, by the strategy.
    fn next_of(&self, fitting: &[usize], now: Instant) -> Option<usize> {
        let priority = |place: &usize| self.set.pools[*place].priority;
        let first = fitting.iter().map(priority).min()?;
        let measure = |place: &usize| match self.set.strategy {
            ApiStrategy::MostHeadroom => self.apis[*place].mean_share(now),
            ApiStrategy::LeastBusy => self.apis[*place].open(),
            ApiStrategy::Weighted | ApiStrategy::RoundRobin | ApiStrategy::InOrder => 0,
        };
        let measured: Vec<(u64, usize)> = fitting
            .iter()
            .filter(|place| priority(place) == first)
            .map(|place| (measure(place), *place))
            .collect();
        let least = measured.iter().map(|(measure, _)| *measure).min()?;
        let is_out = |turn: KeyIndex| !measured.contains(&(least, turn.get()));
        let strategy = match self.set.strategy {
            ApiStrategy::RoundRobin => Strategy::RoundRobin,
            ApiStrategy::InOrder => Strategy::InOrder,
            ApiStrategy::Weighted | ApiStrategy::MostHeadroom | ApiStrategy::LeastBusy => Strategy::Weighted,
        };
        let choosing = Choosing { strategy, probes: None, claim: None, session: None };
        self.turns().next_open(now, choosing, is_out).map(KeyIndex::get)
    }

    /// What is told when nobody can be asked, by the most hopeful one.
    fn refusal(&self, candidates: &[usize], now: Instant) -> ApiRefusal {
        let standings = candidates.iter().map(|place| Api::opens_in(&self.apis[*place], now));
        let mut refusal = ApiRefusal::NobodyLeft;
        let mut soonest = None;
        for standing in standings {
            match standing {
                Ok(wait) => {
                    soonest = Some(soonest.map_or(wait, |sooner: Duration| sooner.min(wait)));
                }
                Err(Outlook::Disabled) => refusal = ApiRefusal::KeysDisabled,
                Err(_) => refusal = ApiRefusal::KeysRejected,
            }
        }
        soonest.map_or(refusal, |wait| ApiRefusal::Full { wait })
    }
}
