//! What the fields of rows depend on beside the rows themselves: names, the course of the traffic, the harness's own lag.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use record::{AnswerSeen, ExchangeRow, Moment, NameId, ToldHeaders, Unmatched};
use scenario::{FieldValue, Scenario, Traffic};

use crate::arrivals::Arrivals;
use crate::driver::Driver;
use crate::hints::Asked;
use crate::key_order::KeyOrder;
use crate::lag::LagLog;
use crate::names::{Names, TrafficKind};
use crate::paired::Pairs;
use crate::timetable::Timetable;
use crate::tree::HeldAttempt;

/// Everything around a row that its fields depend on.
pub(crate) struct Scene<'s> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) names: &'s Names<'s>,
    pub(crate) lag: &'s LagLog,
    pub(crate) driver: &'s Driver,
    /// Which exchanges are to be compared.
    pub(crate) pairs: &'s Pairs,
    pub(crate) timetable: &'s Timetable,
    pub(crate) key_order: &'s KeyOrder,
    pub(crate) arrivals: &'s Arrivals,
    /// The answers that upstreams can give.
    pub(crate) answers: &'s HashMap<NameId, AnswerSeen>,
    /// Requests that no entry of a script took.
    pub(crate) unmatched: &'s [Unmatched],
    /// Where the target tells its clients of an exchange.
    pub(crate) told: &'s ToldHeaders,
    pub(crate) bounds: &'s BTreeMap<String, f64>,
    pub(crate) grace: Duration,
}

/// How the harness's own lag is counted. A fail stands only if it is one in every view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Times as they were seen.
    Seen,
    /// The lag made times longer than they were.
    Shorter,
    /// The lag made times shorter than they were.
    Longer,
}

impl View {
    /// Every view, the one without lag first.
    pub(crate) const ALL: [Self; 3] = [Self::Seen, Self::Shorter, Self::Longer];
}

impl<'s> Scene<'s> {
    pub(crate) fn text(&self, id: NameId) -> FieldValue<'s> {
        self.names.text(id).map_or(FieldValue::Missing, FieldValue::Text)
    }

    pub(crate) fn traffic(&self, id: NameId, kind: TrafficKind) -> FieldValue<'s> {
        self.names.traffic(id, kind).map_or(FieldValue::Missing, FieldValue::Text)
    }

    /// The phase that ran at a moment; of several at once the leading one.
    pub(crate) fn phase_at(&self, moment: Moment) -> FieldValue<'s> {
        let mut phases: Vec<&'s str> = self
            .timetable
            .running(moment)
            .filter_map(|traffic| self.names.traffic(traffic, TrafficKind::Phase))
            .collect();
        // Stable, so that of two that are alike the first one leads.
        phases.sort_by_key(|phase| !self.leads(phase));
        phases.first().map_or(FieldValue::Missing, |phase| FieldValue::Text(phase))
    }

    /// Whether a phase stands beside no other one.
    fn leads(&self, name: &str) -> bool {
        self.scenario.traffic.iter().any(|entry| match entry {
            Traffic::Phase(phase) => phase.name.value == name && phase.beside.is_none(),
            _ => false,
        })
    }

    /// What came before the traffic, such as a warm-up, is at no time of it.
    pub(crate) fn since_start(&self, moment: Moment) -> FieldValue<'static> {
        let start = self.timetable.start().filter(|start| *start <= moment);
        start.map_or(FieldValue::Missing, |start| FieldValue::Duration(moment.since(start)))
    }

    /// The time between two moments, in a view of the lag between them.
    pub(crate) fn timed(&self, from: Moment, to: Moment, view: View) -> FieldValue<'static> {
        let seen = to.since(from);
        FieldValue::Duration(match view {
            View::Seen => seen,
            View::Shorter => seen.saturating_sub(self.lag.within(from, to)),
            View::Longer => seen + self.lag.within(from, to),
        })
    }

    /// How long after an exchange ended a key that had been asked for a wait was free. That the end of either was noted late may
    /// make it look longer or shorter than it was.
    pub(crate) fn free_in(&self, asked: Asked, exchange: &ExchangeRow, view: View) -> Duration {
        let end = exchange.end();
        match view {
            View::Seen => asked.until.since(end),
            View::Shorter => asked.until.since(end).saturating_sub(self.lag.longest_before(asked.given)),
            View::Longer => asked.until.after(self.lag.longest_before(end)).since(end),
        }
    }

    /// How long before an attempt arrived the last wait of its key was over. A reply whose end was noted late asked for less than
    /// it seems.
    pub(crate) fn since_free(&self, waited: Asked, arrived: Moment, view: View) -> FieldValue<'static> {
        let late = match view {
            View::Seen | View::Shorter => Duration::ZERO,
            View::Longer => self.lag.longest_before(waited.given),
        };
        match self.timed(waited.until, arrived, view) {
            FieldValue::Duration(seen) => FieldValue::Duration(seen + late),
            other => other,
        }
    }

    pub(crate) fn is_cooling(&self, held: &HeldAttempt, view: View) -> bool {
        let Some(running) = &held.running else { return false };
        let lag = match view {
            View::Seen => Duration::ZERO,
            View::Shorter | View::Longer => self.lag.longest_before(held.row.arrived),
        };
        // A reply whose end was noted late asked for less than it seems.
        let late = match view {
            View::Seen => Duration::ZERO,
            View::Shorter | View::Longer => self.lag.longest_before(running.giver.end()),
        };
        running.since.after(self.grace + lag) < held.row.arrived
            && held.row.arrived.after(late) < running.until
    }
}
