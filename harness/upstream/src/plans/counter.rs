//! What has been taken from one limit: by everybody, or by each model for itself.

use std::collections::HashMap;
use std::time::Duration;

use record::Moment;
use scenario::{Bucket, Limit, Plan, Window};

use crate::gauge::{Gauge, Room, Standing};
use crate::plans::{Cost, PlanRule};

/// The gauges of one limit.
#[derive(Debug)]
pub(crate) struct Counter {
    limit: OwnLimit,
    per_model: bool,
    /// For all models together, and for those that are one too many.
    common: Meter,
    by_model: HashMap<String, Meter>,
    /// The wait that its refusals ask for, where the scenario fixes it.
    fixed_wait: Option<Duration>,
    /// The Unix time of the clock's zero, for windows that begin by the clock on the wall.
    epoch: Duration,
}

#[derive(Debug)]
struct Meter {
    gauge: Gauge,
    /// The last wait that was asked for, and until when.
    asked: Option<(Duration, Moment)>,
}

/// A limit that does not borrow from the scenario.
#[derive(Debug)]
enum OwnLimit {
    Log(Window),
    Fixed(Window),
    Bucket(Bucket),
    AtOnce(u32),
}

/// Models beyond this number share one gauge, so that no caller fills the memory with models.
const MOST_MODELS: usize = 1_000;

impl Counter {
    pub(super) fn new(plan: &Plan, (now, epoch): (Moment, Duration)) -> Self {
        let limit = match plan.limit() {
            Some(Limit::Log(window)) => OwnLimit::Log(window.clone()),
            Some(Limit::Fixed(window)) => OwnLimit::Fixed(window.clone()),
            Some(Limit::Bucket(bucket)) => OwnLimit::Bucket(bucket.clone()),
            Some(Limit::AtOnce(max)) => OwnLimit::AtOnce(max),
            // The language lets no plan pass without exactly one limit.
            None => OwnLimit::AtOnce(u32::MAX),
        };
        let common = Meter::new(&limit, now, epoch);
        let fixed_wait = plan.reply.retry_after;
        Self { limit, per_model: plan.per_model, common, by_model: HashMap::new(), fixed_wait, epoch }
    }

    /// Whether there is room for a request. Where the plan punishes, one that comes before its time begins its wait again.
    pub(super) fn room(&mut self, rule: &PlanRule, cost: &Cost<'_>, now: Moment) -> Room {
        let meter = self.meter(cost.model, now);
        match meter.asked {
            Some((wait, until)) if now < until => Room::After(wait),
            _ => meter.gauge.room(rule.taken_before(cost).max(1), now),
        }
    }

    /// Takes what a request takes before it is answered, and tells how much that is.
    pub(super) fn take(&mut self, rule: &PlanRule, cost: &Cost<'_>, now: Moment) -> u64 {
        let amount = rule.taken_before(cost);
        let meter = self.meter(cost.model, now);
        meter.asked = None;
        if amount > 0 {
            meter.gauge.take(amount, now);
        }
        amount
    }

    /// A request was refused, by this plan or by another.
    pub(super) fn refused(&mut self, rule: &PlanRule, cost: &Cost<'_>, now: Moment) {
        if rule.punishes {
            self.ask_to_wait(rule, cost, now);
        }
        if rule.counts_refused {
            let amount = rule.taken_refused(cost);
            self.meter(cost.model, now).gauge.take_refused(amount, now);
        }
    }

    /// The wait begins, or begins again, if it is this plan that refuses.
    fn ask_to_wait(&mut self, rule: &PlanRule, cost: &Cost<'_>, now: Moment) {
        if let Room::After(wait) = self.room(rule, cost, now)
            && (rule.tells_room || self.fixed_wait.is_some())
        {
            let running = self.meter(cost.model, now).asked.filter(|(_, until)| now < *until);
            let wait = running.map_or(self.fixed_wait.unwrap_or(wait), |(wait, _)| wait);
            self.meter(cost.model, now).asked = Some((wait, now.after(wait)));
        }
    }

    pub(super) fn settle(&mut self, model: &str, (taken, at): (u64, Moment), used: u64, now: Moment) {
        self.meter(model, now).gauge.settle(taken, at, used, now);
    }

    pub(super) fn standing(&mut self, model: &str, now: Moment) -> Standing {
        self.meter(model, now).gauge.standing(now)
    }

    fn meter(&mut self, model: &str, now: Moment) -> &mut Meter {
        if !self.per_model {
            return &mut self.common;
        }
        if !self.by_model.contains_key(model) && self.by_model.len() < MOST_MODELS {
            self.by_model.insert(model.to_owned(), Meter::new(&self.limit, now, self.epoch));
        }
        self.by_model.get_mut(model).unwrap_or(&mut self.common)
    }
}

impl Meter {
    fn new(limit: &OwnLimit, now: Moment, epoch: Duration) -> Self {
        Self { gauge: Gauge::new(&limit.borrowed(), now, epoch), asked: None }
    }
}

impl OwnLimit {
    fn borrowed(&self) -> Limit<'_> {
        match self {
            Self::Log(window) => Limit::Log(window),
            Self::Fixed(window) => Limit::Fixed(window),
            Self::Bucket(bucket) => Limit::Bucket(bucket),
            Self::AtOnce(max) => Limit::AtOnce(*max),
        }
    }
}
