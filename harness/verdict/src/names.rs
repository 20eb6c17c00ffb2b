//! The names that rows refer to by number, and which of them are steps and which are phases.

use record::NameId;
use scenario::{Scenario, Traffic};

/// What a trial calls things.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    scenario: &'a Scenario,
    known: Vec<Option<Name>>,
}

#[derive(Debug)]
struct Name {
    text: String,
    traffic: Option<TrafficKind>,
}

/// What kind of traffic a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrafficKind {
    Step,
    Phase,
}

impl<'a> Names<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        Self { scenario, known: Vec::new() }
    }

    /// Learns a name. Numbers are 16 bits wide, so the table cannot outgrow 65,536 entries.
    pub(crate) fn learn(&mut self, id: NameId, text: &str) {
        let index = usize::from(id.0);
        if self.known.len() <= index {
            self.known.resize_with(index + 1, || None);
        }
        self.known[index] = Some(Name { text: text.to_owned(), traffic: self.kind_of(text) });
    }

    /// A name's text; none for no name, and for a number that the evidence never explained.
    pub(crate) fn text(&self, id: NameId) -> Option<&str> {
        self.get(id).map(|name| name.text.as_str())
    }

    /// A name's text if it is that of a step, or of a phase.
    pub(crate) fn traffic(&self, id: NameId, kind: TrafficKind) -> Option<&str> {
        self.get(id).filter(|name| name.traffic == Some(kind)).map(|name| name.text.as_str())
    }

    /// The number of a name, if the evidence has one for it.
    pub(crate) fn number(&self, text: &str) -> Option<NameId> {
        let index = self.known.iter().position(|name| name.as_ref().is_some_and(|name| name.text == text))?;
        u16::try_from(index).ok().map(NameId)
    }

    fn get(&self, id: NameId) -> Option<&Name> {
        self.known.get(usize::from(id.0))?.as_ref()
    }

    fn kind_of(&self, text: &str) -> Option<TrafficKind> {
        self.scenario.traffic.iter().find_map(|entry| match entry {
            Traffic::Step(step) => (step.name.value == text).then_some(TrafficKind::Step),
            Traffic::Phase(phase) => (phase.name.value == text).then_some(TrafficKind::Phase),
            Traffic::Exec(exec) => (exec.name.value == text).then_some(TrafficKind::Step),
            Traffic::Pause(_) | Traffic::Operate(_) | Traffic::WaitUntil(_) => None,
        })
    }
}
