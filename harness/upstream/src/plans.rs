//! The plans of an upstream: who is admitted, what that takes from its limits, and what they say of themselves.

mod counter;
mod rule;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use record::Moment;
use scenario::Signals;

use crate::gauge::{Room, Standing};
use crate::keyring::KeySeat;
use crate::preparation::Preparation;

pub(crate) use counter::Counter;
pub(crate) use rule::PlanRule;

/// The plans of one upstream, with what their shared limits have left. What a key has left for itself is at its seat.
#[derive(Debug)]
pub(crate) struct Plans {
    rules: Vec<PlanRule>,
    /// The counters of the limits that keys share, if there are any.
    shared: Option<Mutex<Vec<Counter>>>,
    /// The plan that the limit headers tell of, where the scenario names one.
    told: Option<usize>,
}

/// What a request costs, as far as that is known before it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost<'a> {
    /// The provider's name of the model; empty for a service.
    pub(crate) model: &'a str,
    /// Tokens of the request.
    pub(crate) input: u64,
    /// The most tokens that the answer can have.
    pub(crate) most_output: u64,
    /// What it weighs, for plans that count weights.
    pub(crate) weight: u64,
}

/// What the plans say of a request.
#[derive(Debug)]
pub(crate) struct Admission<'p> {
    /// The plan that refuses it, and the wait until all plans have room, where that is known.
    pub(crate) refused: Option<(&'p PlanRule, Option<Duration>)>,
    /// What was taken and has to be settled when the request is over.
    pub(crate) taken: Vec<Taken>,
}

/// Something that was taken from a plan until the request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    plan: usize,
    amount: u64,
    at: Moment,
}

/// Where the counter of a plan is: among those of the key, or among the shared ones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Own(usize),
    Shared(usize),
}

/// The counters that a request may touch, all held at once, so that it is admitted by all plans or charged to none.
struct Held<'a> {
    own: &'a mut [Counter],
    shared: Option<MutexGuard<'a, Vec<Counter>>>,
}

impl Held<'_> {
    fn at(&mut self, place: Place) -> &mut Counter {
        match (place, &mut self.shared) {
            (Place::Shared(index), Some(shared)) => &mut shared[index],
            // Places are given out once, by whoever makes the counters: a shared one exists only with shared counters.
            (Place::Own(index) | Place::Shared(index), _) => &mut self.own[index],
        }
    }
}

impl Plans {
    /// The plans of an upstream.
    ///
    /// # Errors
    /// What is wrong with a plan's reply, in words.
    pub(crate) fn new(
        plans: &[scenario::Plan],
        signals: &Signals,
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        let (mut own, mut shared) = (0, 0);
        let mut rules = Vec::with_capacity(plans.len());
        for plan in plans {
            let (count, place): (&mut usize, fn(usize) -> Place) =
                if plan.shared { (&mut shared, Place::Shared) } else { (&mut own, Place::Own) };
            rules.push(PlanRule::new(plan, place(*count), preparation)?);
            *count += 1;
        }
        let told = signals.plan.as_ref();
        let told = told.and_then(|name| plans.iter().position(|plan| plan.name.value == name.value));
        let shared = (shared > 0)
            .then(|| Mutex::new(Self::counters(plans, true, (preparation.now, preparation.epoch))));
        Ok(Self { rules, shared, told })
    }

    /// The counters of the limits that each key has for itself.
    pub(crate) fn own_counters(plans: &[scenario::Plan], now: (Moment, Duration)) -> Vec<Counter> {
        Self::counters(plans, false, now)
    }

    fn counters(plans: &[scenario::Plan], shared: bool, now: (Moment, Duration)) -> Vec<Counter> {
        plans.iter().filter(|plan| plan.shared == shared).map(|plan| Counter::new(plan, now)).collect()
    }

    /// Whether there are no plans at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Admits a request, and charges it to all plans that count it, or refuses it. The first plan that refuses it has the
    /// word, and the wait is until all plans have room.
    pub(crate) fn admit(&self, seat: &KeySeat, cost: &Cost<'_>, now: Moment) -> Admission<'_> {
        self.hold(seat, |held| {
            let mut refused: Option<(&PlanRule, Option<Duration>)> = None;
            for rule in self.counting(seat, cost.model) {
                let room = held.at(rule.place).room(rule, cost, now);
                let wait = match room {
                    Room::Free => continue,
                    Room::After(wait) => Some(wait),
                    Room::Unknown => None,
                };
                refused = Some(refused.map_or((rule, wait), |(first, longest)| (first, longest.max(wait))));
            }
            let mut taken = Vec::new();
            for (plan, rule) in
                self.rules.iter().enumerate().filter(|(_, rule)| rule.counts(seat, cost.model))
            {
                let counter = held.at(rule.place);
                if refused.is_some() {
                    counter.refused(rule, cost, now);
                } else {
                    let amount = counter.take(rule, cost, now);
                    taken.extend(rule.is_settled().then_some(Taken { plan, amount, at: now }));
                }
            }
            Admission { refused, taken }
        })
    }

    /// What the limit headers say to a request, if any plan counts it.
    pub(crate) fn standing(&self, seat: &KeySeat, model: &str, now: Moment) -> Option<(&PlanRule, Standing)> {
        let rule = match self.told {
            Some(told) => self.rules.get(told).filter(|rule| rule.counts(seat, model)),
            None => self.counting(seat, model).find(|rule| !rule.is_at_once()),
        }?;
        Some((rule, self.hold(seat, |held| held.at(rule.place).standing(model, now))))
    }

    /// Settles what was taken for a request that is over and has used so many tokens.
    pub(crate) fn settle(
        &self,
        (seat, model): (&KeySeat, &str),
        taken: &[Taken],
        (input, output): (u64, u64),
        now: Moment,
    ) {
        self.hold(seat, |held| {
            for taken in taken {
                let rule = &self.rules[taken.plan];
                let used = rule.used(input, output);
                held.at(rule.place).settle(model, (taken.amount, taken.at), used, now);
            }
        });
    }

    fn counting<'p, 'a>(
        &'p self,
        seat: &'a KeySeat,
        model: &'a str,
    ) -> impl Iterator<Item = &'p PlanRule> + use<'p, 'a> {
        self.rules.iter().filter(move |rule| rule.counts(seat, model))
    }

    /// Keys that share nothing do not wait for each other.
    fn hold<T>(&self, seat: &KeySeat, work: impl FnOnce(&mut Held<'_>) -> T) -> T {
        seat.with_counters(|own| {
            let shared =
                self.shared.as_ref().map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner));
            work(&mut Held { own, shared })
        })
    }
}
