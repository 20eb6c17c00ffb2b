//! Which of several providers of one model a request is put to first, and which come after it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::fastest::{Fastest, UnderWay};
use crate::pool::{Session, Strategy};
use crate::settings::{ModelSettings, Target};

/// The turns of the providers of one model. Taking a turn takes no lock.
#[derive(Debug)]
pub(super) struct Spread {
    targets: Vec<Target>,
    strategy: Strategy,
    /// One round of turns among those of the first priority, evenly mixed.
    round: Vec<usize>,
    turn: AtomicU64,
    /// Where the fastest is asked first.
    fastest: Option<Fastest>,
}

impl Spread {
    pub(super) fn new(model: &ModelSettings, strategy: Strategy) -> Self {
        let targets = model.targets.clone();
        let priority = targets.first().map(|target| target.priority);
        let first = targets.iter().take_while(|target| Some(target.priority) == priority);
        let weights: Vec<u32> = match strategy {
            Strategy::Weighted => first.map(|target| target.weight).collect(),
            Strategy::RoundRobin | Strategy::LeastBusy | Strategy::LowestLatency => {
                first.map(|_| 1).collect()
            }
            Strategy::InOrder => vec![1],
        };
        let fastest = (strategy == Strategy::LowestLatency).then(|| Fastest::new(weights.len()));
        Self { targets, strategy, round: round(&weights), turn: AtomicU64::new(0), fastest }
    }

    /// Whether it still is what the settings say.
    pub(super) fn is_of(&self, model: &ModelSettings, strategy: Strategy) -> bool {
        self.targets == model.targets && self.strategy == strategy
    }

    /// The places of the targets in the order in which a request is put to them. A session begins where it always does.
    pub(super) fn order(&self, session: Option<Session>) -> Vec<usize> {
        if self.targets.len() == 1 {
            return vec![0];
        }
        let turn = session.map_or_else(|| self.turn.fetch_add(1, Ordering::Relaxed), |session| session.0);
        let first = match &self.fastest {
            Some(fastest) if session.is_none() => fastest.first(turn, Instant::now()),
            _ => {
                let length = u64::try_from(self.round.len()).unwrap_or(u64::MAX).max(1);
                let place = usize::try_from(turn % length).unwrap_or_default();
                self.round.get(place).copied().unwrap_or_default()
            }
        };
        std::iter::once(first).chain((0..self.targets.len()).filter(|other| *other != first)).collect()
    }
}

impl Spread {
    /// Counts a request that is put to a target now, where it matters how fast that answers.
    pub(super) fn ask(&self, target: &Target) -> Option<UnderWay<'_>> {
        let fastest = self.fastest.as_ref()?;
        fastest.ask(self.targets.iter().position(|known| known == target)?)
    }
}

/// So many turns for each as its weight says, evenly mixed.
fn round(weights: &[u32]) -> Vec<usize> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let weights: Vec<i64> = weights.iter().map(|weight| i64::from(weight / divisor)).collect();
    let total: i64 = weights.iter().sum();
    let mut credit = vec![0; weights.len()];
    let mut round = Vec::new();
    for _ in 0..total {
        for (credit, weight) in credit.iter_mut().zip(&weights) {
            *credit += weight;
        }
        // Of several with the most credit the first.
        let Some(next) = (0..credit.len()).rev().max_by_key(|place| credit[*place]) else { break };
        credit[next] -= total;
        round.push(next);
    }
    round
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_follows_the_weights_and_is_evenly_mixed() {
        let cases: [(&[u32], &[usize]); 5] = [
            (&[1], &[0]),
            (&[7, 7], &[0, 1]),
            (&[3, 1], &[0, 0, 1, 0]),
            (&[1, 3], &[1, 0, 1, 1]),
            (&[500, 250, 250], &[0, 1, 2, 0]),
        ];
        for (weights, expected) in cases {
            let round = round(weights);
            assert_eq!(round.len(), expected.len(), "{weights:?}");
            let count = |turns: &[usize], place| turns.iter().filter(|turn| **turn == place).count();
            for place in 0..weights.len() {
                assert_eq!(count(&round, place), count(expected, place), "{weights:?}: {round:?}");
            }
        }
        assert!(round(&[5, 5, 1]).windows(3).all(|three| three[0] != three[1] || three[1] != three[2]));
    }
}
