//! A plan: whom it counts, what it counts, and what it replies beyond its limit.

use record::NameId;
use scenario::{Counted, ErrorName, Limit, Plan};

use crate::keyring::KeySeat;
use crate::plans::{Cost, Place};
use crate::preparation::Preparation;
use crate::reply_rule::ReplyRule;

/// A plan, without what its limit has left.
#[derive(Debug)]
pub(crate) struct PlanRule {
    /// Its name's number.
    pub(crate) name: NameId,
    pub(crate) reply: ReplyRule,
    /// Whether its refusal tells when there is room again, unless the scenario says what it tells.
    pub(crate) tells_room: bool,
    pub(super) place: Place,
    pub(super) counts_refused: bool,
    pub(super) punishes: bool,
    pub(super) counted: Counted,
    reserves: bool,
    at_once: bool,
    /// The keys that it counts; all if empty.
    keys: Vec<String>,
    /// The models that it counts; all if empty.
    models: Vec<String>,
}

impl PlanRule {
    pub(super) fn new(plan: &Plan, place: Place, preparation: &mut Preparation<'_>) -> Result<Self, String> {
        let values = |list: &[scenario::At<String>]| list.iter().map(|entry| entry.value.clone()).collect();
        let limits = matches!(plan.reply.error, Some(ErrorName::RateLimit | ErrorName::DailyLimit));
        Ok(Self {
            name: preparation.names.id(&plan.name.value),
            reply: ReplyRule::new(&plan.reply, &plan.name.value, preparation)?,
            tells_room: limits && plan.reply.retry_after.is_none(),
            place,
            counts_refused: plan.counts_refused,
            punishes: plan.punishes,
            counted: plan.counts,
            reserves: plan.reserves,
            at_once: matches!(plan.limit(), Some(Limit::AtOnce(_))),
            keys: values(&plan.keys),
            models: values(&plan.models),
        })
    }

    /// Whether it counts what comes with a key for a model.
    pub(super) fn counts(&self, seat: &KeySeat, model: &str) -> bool {
        let has = |list: &[String], name: &str| list.is_empty() || list.iter().any(|entry| entry == name);
        has(&self.keys, seat.label.as_deref().unwrap_or_default()) && has(&self.models, model)
    }

    /// Whether what it takes is put right when the request is over.
    pub(super) fn is_settled(&self) -> bool {
        self.at_once || !matches!(self.counted, Counted::Requests | Counted::Weight)
    }

    pub(super) fn is_at_once(&self) -> bool {
        self.at_once
    }

    /// What a request takes from it before it is answered.
    pub(super) fn taken_before(&self, cost: &Cost<'_>) -> u64 {
        match self.counted {
            Counted::Requests => 1,
            Counted::Weight => cost.weight,
            _ if self.reserves => self.used(cost.input, cost.most_output),
            _ => 0,
        }
    }

    /// What a request that was refused takes from it all the same.
    pub(super) fn taken_refused(&self, cost: &Cost<'_>) -> u64 {
        if self.counted == Counted::Weight { cost.weight } else { self.used(cost.input, 0) }
    }

    /// What a request takes from it in all, where that is known only when it is over.
    pub(super) fn used(&self, input: u64, output: u64) -> u64 {
        match self.counted {
            Counted::Requests | Counted::Weight => 1,
            Counted::InputTokens => input,
            Counted::OutputTokens => output,
            Counted::Tokens => input.saturating_add(output),
        }
    }

    /// What it counts, as limit headers say it.
    pub(crate) fn counted(&self) -> dialect::Counted {
        match self.counted {
            Counted::Requests | Counted::Weight => dialect::Counted::Requests,
            Counted::InputTokens => dialect::Counted::InputTokens,
            Counted::OutputTokens => dialect::Counted::OutputTokens,
            Counted::Tokens => dialect::Counted::Tokens,
        }
    }
}
