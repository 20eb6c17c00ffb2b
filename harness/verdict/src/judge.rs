//! The judge: takes facts in the order of time, keeps what is open, and gives verdicts at the end.

use record::{AttemptRow, Entry, ExchangeId, ExchangeRow, Fact, Joined, Judged};
use scenario::Claim;

use crate::claim::ClaimTally;
use crate::hints::Hints;
use crate::hold::Hold;
use crate::key_order::KeyOrder;
use crate::lag::LagLog;
use crate::measure::{MeasureTally, Number};
use crate::names::Names;
use crate::question::Question;
use crate::row::{HeldAttempt, OpenTree};
use crate::ruling::{Circumstances, Subject, missing_witness};
use crate::scene::Scene;
use crate::timetable::{RowsSeen, Timetable};

/// Judges one trial. Facts are to come in the order of [`crate::Merged`].
#[derive(Debug)]
pub struct Judge<'a> {
    question: Question<'a>,
    surroundings: Surroundings<'a>,
    hints: Hints,
    hold: Hold,
    tallies: Tallies<'a>,
    seen: RowsSeen,
    /// Attempts that name an exchange and could not be joined to it.
    unjoined: u64,
}

/// What the fields of rows depend on.
#[derive(Debug)]
struct Surroundings<'a> {
    names: Names<'a>,
    lag: LagLog,
    timetable: Timetable,
    key_order: KeyOrder,
}

/// What is known so far of everything that the scenario asks.
#[derive(Debug)]
struct Tallies<'a> {
    witnesses: Vec<ClaimTally<'a>>,
    measures: Vec<MeasureTally<'a>>,
    expectations: Vec<Subject<'a>>,
}

impl<'a> Judge<'a> {
    /// A judge that has seen nothing yet.
    #[must_use]
    pub fn new(question: Question<'a>) -> Self {
        let (scenario, bounds) = (question.scenario, question.bounds);
        let tallies = Tallies {
            witnesses: scenario
                .witness
                .iter()
                .map(|witness| ClaimTally::new(&witness.claim, bounds))
                .collect(),
            measures: scenario
                .measure
                .0
                .iter()
                .map(|(name, measure)| MeasureTally::new(&name.value, measure, bounds))
                .collect(),
            expectations: scenario
                .expect
                .iter()
                .map(|expectation| match &expectation.claim {
                    Claim::Rows(claim) => Subject::Rows(Box::new(ClaimTally::new(claim, bounds))),
                    Claim::That(that) => Subject::That(that),
                })
                .collect(),
        };
        let surroundings = Surroundings {
            names: Names::new(scenario),
            lag: LagLog::default(),
            timetable: Timetable::new(scenario),
            key_order: KeyOrder::default(),
        };
        Self {
            question,
            surroundings,
            hints: Hints::default(),
            hold: Hold::default(),
            tallies,
            seen: RowsSeen::default(),
            unjoined: 0,
        }
    }

    /// Takes whatever was seen next.
    pub fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Entry(entry) => self.entry(entry),
            Fact::Exchange(row) => self.exchange(row),
            Fact::Attempt(row) => self.attempt(row),
        }
    }

    /// Takes a line of the evidence.
    pub fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Name { id, text } => self.surroundings.names.learn(*id, text),
            Entry::Lag(lag) => self.surroundings.lag.note(*lag),
            other => self.surroundings.timetable.note(other),
        }
    }

    /// Takes an exchange that is over.
    pub fn exchange(&mut self, row: &ExchangeRow) {
        self.seen.exchanges += 1;
        if let Some(tree) = self.hold.exchange(*row) {
            self.close(&tree);
        }
    }

    /// Takes an attempt that is over.
    pub fn attempt(&mut self, row: &AttemptRow) {
        self.seen.attempts += 1;
        self.surroundings.key_order.note(row);
        // All hints that were given before it arrived have been seen, since it ended no earlier than that.
        let running = self.hints.running(row, self.question.base_grace).map(Box::new);
        self.hints.note(row);
        let held = HeldAttempt { row: *row, running };
        let joins = row.joined == Joined::Exchange && row.exchange != ExchangeId::NONE;
        if let Some(tree) = if joins { self.hold.joined(held) } else { self.hold.loose(held) } {
            self.close(&tree);
        }
    }

    /// The verdicts, in the order of the scenario's expectations.
    #[must_use]
    pub fn finish(mut self) -> Vec<Judged> {
        while let Some(tree) = self.hold.drain() {
            self.close(&tree);
        }
        let scene = self.surroundings.scene(&self.question);
        let numbers: Vec<Number<'a>> = self
            .tallies
            .measures
            .iter()
            .map(|measure| measure.number(scene.timetable, scene.names))
            .collect();
        let circumstances = Circumstances {
            question: &self.question,
            scene: &scene,
            numbers: &numbers,
            no_witness: missing_witness(&self.tallies.witnesses, &numbers, &scene),
            cut_short: scene.timetable.cut_short(self.seen),
            unjoined: self.unjoined,
        };
        let expectations = self.question.scenario.expect.iter().zip(&self.tallies.expectations);
        expectations.map(|(expectation, subject)| circumstances.judge(expectation, subject)).collect()
    }

    /// How many rows and hints are kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.hold.len() + self.hints.remembered()
    }

    /// Hands a tree that cannot grow any more to everything that looks at rows.
    fn close(&mut self, tree: &OpenTree) {
        let scene = self.surroundings.scene(&self.question);
        if tree.exchange.is_none() {
            let joined = tree.attempts.iter().filter(|held| held.row.joined == Joined::Exchange);
            self.unjoined += u64::try_from(joined.count()).unwrap_or(u64::MAX);
        }
        let Tallies { witnesses, measures, expectations } = &mut self.tallies;
        for witness in witnesses {
            witness.take(tree, &scene);
        }
        for measure in measures {
            measure.take(tree, &scene);
        }
        for expectation in expectations {
            if let Subject::Rows(tally) = expectation {
                tally.take(tree, &scene);
            }
        }
    }
}

impl Surroundings<'_> {
    fn scene<'s>(&'s self, question: &Question<'s>) -> Scene<'s> {
        Scene {
            names: &self.names,
            lag: &self.lag,
            timetable: &self.timetable,
            key_order: &self.key_order,
            bounds: question.bounds,
            grace: question.base_grace,
        }
    }
}
