//! What an upstream replies to a request: the first of script, timeline and plans that has something to say, or the normal
//! answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dialect::openai::RequestLimit;
use record::{Moment, NameId, NameTable};
use scenario::{Condition, ErrorName, Field, FieldValue, Reply, TimelineEntry, Upstream};

use crate::gauge::Gauge;
use crate::keyring::{KeySeat, KeyUse};
use crate::traffic_signal::{PhaseNumber, TrafficSignal};

/// The rules of one upstream, with what its shared limits have left.
#[derive(Debug)]
pub(crate) struct Rules {
    script: Vec<(Option<Condition>, Deviation)>,
    timeline: Vec<(When, Deviation)>,
    plans: Vec<PlanRule>,
    /// The gauges of the shared limits, if there are any.
    shared: Option<Mutex<Vec<Gauge>>>,
    traffic: TrafficSignal,
}

/// A reply other than the normal answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deviation {
    /// What decided it.
    pub(crate) script: NameId,
    /// The error.
    pub(crate) error: ErrorName,
    /// The wait that it asks for.
    pub(crate) wait: Wait,
}

/// The wait that a reply asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It asks for none.
    None,
    /// Always the same.
    Fixed(Duration),
    /// Until the limits have room again.
    Until(Moment),
}

/// What was decided for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// A reply other than the normal answer.
    pub(crate) deviation: Option<Deviation>,
    /// What the limit headers say; none where no plan counts requests.
    pub(crate) limit: Option<RequestLimit>,
}

/// What conditions can ask of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) seat: &'a KeySeat,
    pub(crate) key: KeyUse,
    /// Which request of the upstream it is, from 1.
    pub(crate) nth: u32,
    /// The model and whether a stream is wanted; none for a request that is no chat request.
    pub(crate) chat: Option<(&'a str, bool)>,
}

#[derive(Debug)]
enum When {
    During(PhaseNumber),
    /// From a time after the traffic's start on, for so long or to the end.
    From(Duration, Option<Duration>),
    Never,
}

#[derive(Debug)]
struct PlanRule {
    place: Place,
    refusal: Deviation,
}

/// Where the gauge of a plan is: among those of the key, or among the shared ones.
#[derive(Clone, Copy, Debug)]
enum Place {
    Own(usize),
    Shared(usize),
}

impl Rules {
    pub(crate) fn new(settings: &Upstream, names: &NameTable, traffic: TrafficSignal, now: Moment) -> Self {
        let script = settings.script.iter().map(|entry| {
            (entry.when.clone(), Deviation::scripted(names.id(&entry.name.value), &entry.reply))
        });
        let timeline = settings.timeline.iter().map(|entry| {
            let name = entry.label().map_or(NameId::NONE, |label| names.id(label));
            (When::new(entry, &traffic), Deviation::scripted(name, &entry.reply))
        });
        let (script, timeline) = (script.collect(), timeline.collect());
        let (mut own, mut shared) = (0, 0);
        let plans = settings.plans.iter().map(|plan| {
            let (count, place): (&mut usize, fn(usize) -> Place) =
                if plan.shared { (&mut shared, Place::Shared) } else { (&mut own, Place::Own) };
            *count += 1;
            let refusal = Deviation::scripted(names.id(&plan.name.value), &plan.reply);
            PlanRule { place: place(*count - 1), refusal }
        });
        let plans = plans.collect();
        let shared = (shared > 0).then(|| Mutex::new(gauges(settings, true, now)));
        Self { script, timeline, plans, shared, traffic }
    }

    /// The gauges of the limits that each key has for itself.
    pub(crate) fn own_gauges(settings: &Upstream, now: Moment) -> Vec<Gauge> {
        gauges(settings, false, now)
    }

    /// Decides, and charges the plans for what is answered normally. Only chat requests are charged.
    pub(crate) fn decide(&self, asked: &Asked<'_>, now: Moment) -> Decision {
        let deviation = self.scripted(asked).or_else(|| self.timed(now));
        if asked.chat.is_none() || self.plans.is_empty() {
            return Decision { deviation, limit: None };
        }
        asked.seat.with_gauges(|own| {
            // Keys that share nothing do not wait for each other.
            let mut shared =
                self.shared.as_ref().map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner));
            let shared = shared.as_deref_mut().map_or(&mut [][..], Vec::as_mut_slice);
            let mut gauges = Gauges { own, shared };
            let deviation = deviation.or_else(|| self.admit(&mut gauges, now));
            let limit = self.plans.first().map(|plan| gauges.at(plan.place).limit(now));
            Decision { deviation, limit }
        })
    }

    fn scripted(&self, asked: &Asked<'_>) -> Option<Deviation> {
        let entry = self.script.iter().find(|(when, _)| {
            when.as_ref()
                .is_none_or(|when| when.holds(&mut |field| asked.field(field), &|_| FieldValue::Missing))
        });
        entry.map(|(_, deviation)| *deviation)
    }

    fn timed(&self, now: Moment) -> Option<Deviation> {
        self.timeline.iter().find(|(when, _)| when.holds(&self.traffic, now)).map(|(_, deviation)| *deviation)
    }

    /// Charges all plans if all have room. The first that has none refuses, and the wait is until all have room.
    fn admit(&self, gauges: &mut Gauges<'_>, now: Moment) -> Option<Deviation> {
        let mut refused: Option<(&PlanRule, Duration)> = None;
        for plan in &self.plans {
            if let Some(wait) = gauges.at(plan.place).wait(now) {
                let (first, longest) = refused.unwrap_or((plan, wait));
                refused = Some((first, longest.max(wait)));
            }
        }
        let Some((plan, wait)) = refused else {
            self.plans.iter().for_each(|plan| gauges.at(plan.place).take(now));
            return None;
        };
        let mut refusal = plan.refusal;
        if refusal.wait == Wait::None && refusal.error == ErrorName::RateLimit {
            refusal.wait = Wait::Until(now.after(wait));
        }
        Some(refusal)
    }
}

struct Gauges<'a> {
    own: &'a mut [Gauge],
    shared: &'a mut [Gauge],
}

impl Gauges<'_> {
    fn at(&mut self, place: Place) -> &mut Gauge {
        match place {
            Place::Own(index) => &mut self.own[index],
            Place::Shared(index) => &mut self.shared[index],
        }
    }
}

fn gauges(settings: &Upstream, shared: bool, now: Moment) -> Vec<Gauge> {
    let plans = settings.plans.iter().filter(|plan| plan.shared == shared);
    plans
        .map(|plan| {
            let limit = plan.limit().expect("the language lets no plan pass without exactly one limit");
            Gauge::new(&limit, now)
        })
        .collect()
}

impl Deviation {
    fn scripted(script: NameId, reply: &Reply) -> Self {
        Self { script, error: reply.error, wait: reply.retry_after.map_or(Wait::None, Wait::Fixed) }
    }
}

impl Wait {
    /// How long it is from now on.
    pub(crate) fn from(self, now: Moment) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::Fixed(wait) => Some(wait),
            Self::Until(moment) => Some(moment.since(now)),
        }
    }
}

impl When {
    fn new(entry: &TimelineEntry, traffic: &TrafficSignal) -> Self {
        match (&entry.during, entry.at) {
            // A phase that the traffic does not have never runs.
            (Some(phase), _) => traffic.phase(&phase.value).map_or(Self::Never, Self::During),
            (None, Some(at)) => Self::From(at, entry.lasts),
            (None, None) => Self::Never,
        }
    }

    fn holds(&self, traffic: &TrafficSignal, now: Moment) -> bool {
        match self {
            Self::During(phase) => traffic.is_running(*phase),
            Self::From(at, lasts) => traffic.start().is_some_and(|start| {
                let begins = start.after(*at);
                begins <= now && lasts.is_none_or(|lasts| now < begins.after(lasts))
            }),
            Self::Never => false,
        }
    }
}

impl<'a> Asked<'a> {
    /// What a condition sees of a request. The language lets no other fields stand in `when`.
    fn field(&self, field: Field) -> FieldValue<'a> {
        match field {
            Field::Key => self.seat.label.as_deref().map_or(FieldValue::Missing, FieldValue::Text),
            Field::NthUsed => FieldValue::Number(self.key.nth_used.into()),
            Field::Nth => FieldValue::Number(self.nth.into()),
            Field::Model => self.chat.map_or(FieldValue::Missing, |(model, _)| FieldValue::Text(model)),
            Field::Stream => self.chat.map_or(FieldValue::Missing, |(_, stream)| FieldValue::Flag(stream)),
            _ => FieldValue::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_entry_holds_from_its_time_on_for_as_long_as_it_lasts() {
        let traffic = TrafficSignal::new([]);
        let seconds = Duration::from_secs;
        let window = When::From(seconds(2), Some(seconds(3)));
        let holds = |when: &When, second: u64| when.holds(&traffic, Moment(0).after(seconds(second)));
        assert!(!holds(&window, 14), "the traffic has not begun");
        traffic.traffic_began(Moment(0).after(seconds(10)));
        for (second, in_window) in [(11, false), (12, true), (14, true), (15, false)] {
            assert_eq!(holds(&window, second), in_window, "at {second} s");
        }
        for (second, from_then_on) in [(11, false), (12, true), (1_000, true)] {
            assert_eq!(holds(&When::From(seconds(2), None), second), from_then_on, "at {second} s");
        }
    }

    #[test]
    fn a_wait_for_room_gets_shorter() {
        let (soon, later) = (Moment(1_000), Moment(5_000));
        assert_eq!(Wait::Until(later).from(soon), Some(Duration::from_nanos(4_000)));
        assert_eq!(Wait::Until(soon).from(later), Some(Duration::ZERO));
        assert_eq!(Wait::Fixed(Duration::from_secs(1)).from(later), Some(Duration::from_secs(1)));
        assert_eq!(Wait::None.from(later), None);
    }
}
