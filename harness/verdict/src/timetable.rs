//! When the traffic and its parts began and ended, and what cut it short.

use record::{End, Entry, Moment, NameId, TargetEvent};
use scenario::Scenario;

/// The course of the traffic.
#[derive(Debug)]
pub(crate) struct Timetable {
    /// How many steps and phases there should be.
    planned: usize,
    parts: Vec<Part>,
    died: Option<String>,
    end: Option<End>,
}

/// How many rows were seen of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowsSeen {
    pub(crate) exchanges: u64,
    pub(crate) attempts: u64,
}

#[derive(Debug)]
struct Part {
    traffic: NameId,
    began: Moment,
    ended: Option<Moment>,
}

impl Timetable {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let planned = scenario.traffic.iter().filter(|entry| entry.name().is_some()).count();
        Self { planned, parts: Vec::new(), died: None, end: None }
    }

    /// Notes what an entry says of the course of the traffic.
    pub(crate) fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Began { traffic, at } => {
                self.parts.push(Part { traffic: *traffic, began: *at, ended: None });
            }
            Entry::Ended { traffic, at } => {
                let open = |part: &&mut Part| part.traffic == *traffic && part.ended.is_none();
                if let Some(part) = self.parts.iter_mut().find(open) {
                    part.ended = Some(*at);
                }
            }
            Entry::Target { event: TargetEvent::Died(reason), .. } if !self.is_over() => {
                self.died.get_or_insert_with(|| reason.clone());
            }
            Entry::End(end) => self.end = Some(end.clone()),
            _ => {}
        }
    }

    /// When the traffic began.
    pub(crate) fn start(&self) -> Option<Moment> {
        self.parts.iter().map(|part| part.began).min()
    }

    /// When the evidence is over, once it is.
    pub(crate) fn over(&self) -> Option<Moment> {
        self.end.as_ref().map(|end| end.at)
    }

    /// From the first beginning to the last end.
    pub(crate) fn whole(&self) -> Option<(Moment, Moment)> {
        Some((self.start()?, self.parts.iter().map(|part| self.end_of(part)).max()?))
    }

    /// From the beginning to the end of each part that satisfies something.
    pub(crate) fn spans(&self, wanted: impl Fn(NameId) -> bool) -> Vec<(Moment, Moment)> {
        let wanted = self.parts.iter().filter(|part| wanted(part.traffic));
        wanted.map(|part| (part.began, self.end_of(part))).collect()
    }

    /// What ran at a moment.
    pub(crate) fn running(&self, moment: Moment) -> impl Iterator<Item = NameId> {
        let over = move |part: &Part| part.ended.is_some_and(|ended| ended <= moment);
        let running = self.parts.iter().filter(move |part| part.began <= moment && !over(part));
        running.map(|part| part.traffic)
    }

    /// Whether the target died during the traffic.
    pub(crate) fn has_died(&self) -> bool {
        self.died.is_some()
    }

    /// Why nothing can be concluded from what did not happen, where so many rows were seen.
    pub(crate) fn cut_short(&self, seen: RowsSeen) -> Option<String> {
        match (&self.died, &self.end) {
            (Some(reason), _) => Some(format!("the target died during the traffic: {reason}")),
            (None, Some(End { cut_short: Some(reason), .. })) => {
                Some(format!("the traffic did not run to its end: {reason}"))
            }
            (None, None) => Some("the evidence stops before the trial was over".to_owned()),
            (None, Some(end)) if seen.exchanges < end.exchanges || seen.attempts < end.attempts => {
                Some("rows are missing from the evidence: fewer were read than were written".to_owned())
            }
            (None, Some(_)) => None,
        }
    }

    /// A part whose end is not in the evidence lasts as long as the evidence.
    fn end_of(&self, part: &Part) -> Moment {
        part.ended.or(self.end.as_ref().map(|end| end.at)).unwrap_or(part.began)
    }

    fn is_over(&self) -> bool {
        self.parts.iter().filter(|part| part.ended.is_some()).count() >= self.planned
    }
}
