//! The judge: takes facts in the order of time, keeps what is open, and gives verdicts at the end.

use std::collections::HashMap;

use record::{
    AnswerSeen, AttemptRow, Entry, ExchangeId, ExchangeRow, Fact, Joined, Judged, NameId, Sample, Side,
    Unjoined, Unmatched,
};
use scenario::{Claim, Field, RowClaim, Scenario};

use crate::arrivals::Arrivals;
use crate::claim::{ClaimTally, fields_of_claim};
use crate::driver::Driver;
use crate::fields::Needs;
use crate::hints::{Asked, Hints};
use crate::hold::Hold;
use crate::key_order::KeyOrder;
use crate::lag::LagLog;
use crate::measure::{MeasureTally, Number};
use crate::names::Names;
use crate::paired::Pairs;
use crate::question::Question;
use crate::row::{Row, fields_of, subject_of};
use crate::ruling::{Circumstances, Subject, missing_witness};
use crate::scene::Scene;
use crate::timetable::{RowsSeen, Timetable};
use crate::tree::{Extra, HeldAttempt, OpenTree};

/// Judges one trial. Facts are to come in the order of [`crate::Merged`].
#[derive(Debug)]
pub struct Judge<'a> {
    question: Question<'a>,
    surroundings: Surroundings<'a>,
    hints: Hints,
    hold: Hold,
    needs: Needs,
    tallies: Tallies<'a>,
    seen: RowsSeen,
    unjoined: Unjoined,
}

/// What the evidence of a trial comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdicts, in the order of the scenario's expectations.
    pub judged: Vec<Judged>,
    /// The attempts that could be joined to no exchange.
    pub unjoined: Unjoined,
}

/// More of them explain nothing more.
const MOST_UNMATCHED: usize = 1_000;

/// What the fields of rows depend on.
#[derive(Debug)]
struct Surroundings<'a> {
    names: Names<'a>,
    lag: LagLog,
    driver: Driver,
    pairs: Pairs,
    timetable: Timetable,
    key_order: KeyOrder,
    arrivals: Arrivals,
    answers: HashMap<NameId, AnswerSeen>,
    /// Requests that no entry of a script took.
    unmatched: Vec<Unmatched>,
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
            driver: Driver::default(),
            pairs: Pairs::default(),
            timetable: Timetable::new(scenario),
            key_order: KeyOrder::default(),
            arrivals: Arrivals::new(asks_for_nth(scenario)),
            answers: HashMap::new(),
            unmatched: Vec::new(),
        };
        Self {
            question,
            surroundings,
            hints: Hints::default(),
            hold: Hold::default(),
            needs: Needs::of(scenario),
            tallies,
            seen: RowsSeen::default(),
            unjoined: Unjoined::default(),
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
            Entry::Pair(pair) => self.surroundings.pairs.note(*pair),
            Entry::Figures(figures) => self.surroundings.driver.note(figures),
            Entry::Answer(answer) => drop(self.surroundings.answers.insert(answer.id, answer.clone())),
            Entry::Unmatched(unmatched) if self.surroundings.unmatched.len() < MOST_UNMATCHED => {
                self.surroundings.unmatched.push(unmatched.clone());
            }
            // Most trials ask nothing of what is seen beside rows, and then it is not kept.
            Entry::Sample(sample) if self.needs.messages && is_of_no_exchange(sample) => {
                self.hold.loose_request(sample.clone());
            }
            Entry::Sample(sample) if self.needs.messages => {
                self.extra(sample.exchange, Extra::Sample(sample.clone()));
            }
            Entry::Event(event) if self.needs.events => {
                self.extra(event.exchange, Extra::Event(event.clone()));
            }
            Entry::EventsCut { exchange, .. } if self.needs.events => self.extra(*exchange, Extra::EventsCut),
            Entry::Text(text) if self.needs.texts => self.extra(text.exchange, Extra::Text(text.clone())),
            Entry::Said(said) if self.needs.tools => self.extra(said.exchange, Extra::Said(said.clone())),
            Entry::Carried(carried) if self.needs.messages => {
                self.extra(carried.exchange, Extra::Carried(carried.clone()));
            }
            Entry::Ledger(row) => match row.exchange {
                Some(exchange) => self.extra(exchange, Extra::Ledger(row.clone())),
                None => {
                    let mut alone = OpenTree::default();
                    alone.add(Extra::Ledger(row.clone()));
                    self.close(&alone);
                }
            },
            other => {
                self.surroundings.timetable.note(other);
                self.lone(other);
            }
        }
    }

    /// Takes an exchange that is over.
    pub fn exchange(&mut self, row: &ExchangeRow) {
        self.seen.exchanges += 1;
        let first_free = self.first_free(row);
        if let Some(tree) = self.hold.exchange(*row, first_free) {
            self.close(&tree);
        }
    }

    /// Takes an attempt that is over.
    pub fn attempt(&mut self, row: &AttemptRow) {
        self.seen.attempts += 1;
        self.surroundings.key_order.note(row);
        self.surroundings.arrivals.note(row);
        // All hints that were given before it arrived have been seen, since it ended no earlier than that.
        let running = self.hints.running(row, self.question.base_grace).map(Box::new);
        let past = self.hints.past(row);
        self.hints.note(row, self.refuses_key(row));
        let held = HeldAttempt { row: *row, running, past };
        self.count_unjoined(row);
        let joins = row.joined == Joined::Exchange && row.exchange != ExchangeId::NONE;
        if let Some(tree) = if joins { self.hold.joined(held) } else { self.hold.loose(held) } {
            self.close(&tree);
        }
    }

    /// What everything that was seen comes to.
    #[must_use]
    pub fn finish(mut self) -> Judgement {
        let ledger_too_late = self.hold.overflowed();
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
            asks_for_life: self.asks_for_life(),
            unjoined: self.unjoined.doubtful,
            ledger_too_late,
        };
        let expectations = self.question.scenario.expect.iter().zip(&self.tallies.expectations);
        let judged = expectations.map(|(expectation, subject)| circumstances.judge(expectation, subject));
        Judgement { judged: judged.collect(), unjoined: self.unjoined }
    }

    /// Whether an expectation is about the target's life.
    fn asks_for_life(&self) -> bool {
        let claims = self.tallies.expectations.iter().filter_map(|expectation| match expectation {
            Subject::Rows(tally) => Some(tally.claim),
            Subject::That(_) => None,
        });
        claims.flat_map(fields_of_claim).any(|field| field == Field::Alive)
    }

    /// A judge that has seen nothing yet and looks at one claim alone: for something that is waited for, and no verdict.
    pub(crate) fn waiting(question: Question<'a>, claim: &'a RowClaim) -> Self {
        let mut judge = Self::new(question);
        let witnesses = vec![ClaimTally::new(claim, judge.question.bounds)];
        judge.tallies = Tallies { witnesses, measures: Vec::new(), expectations: Vec::new() };
        judge.surroundings.arrivals = Arrivals::new(true);
        judge
    }

    /// Whether what was seen so far makes the claim hold that is waited for.
    pub(crate) fn holds_so_far(mut self) -> bool {
        while let Some(tree) = self.hold.drain() {
            self.close(&tree);
        }
        missing_witness(&self.tallies.witnesses, &[], &self.surroundings.scene(&self.question)).is_none()
    }

    /// How many rows, hints, groups and values are kept.
    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        let Tallies { witnesses, measures, expectations } = &self.tallies;
        let rows = expectations.iter().filter_map(|expectation| match expectation {
            Subject::Rows(tally) => Some(&**tally),
            Subject::That(_) => None,
        });
        let claims: usize = witnesses.iter().chain(rows).map(ClaimTally::kept).sum();
        let measures: usize = measures.iter().map(MeasureTally::kept).sum();
        self.hold.len() + self.hints.remembered() + claims + measures
    }

    /// Whether an attempt is one of the traffic's by all that is known of it, and does not say of which exchange: a target may
    /// have lost the mark on the way. A scenario whose requests have no marks expects such.
    fn lacks_its_mark(&self, row: &AttemptRow) -> bool {
        let during = self.surroundings.timetable.start().is_some_and(|start| start <= row.arrived);
        let unmarked = || {
            let requests = &self.question.scenario.requests.0;
            requests.iter().any(|(_, request)| request.id == scenario::MarkPosition::None)
        };
        let asks = row.model.is_some() || row.is_of_unknown_origin();
        during && row.joined != Joined::Exchange && asks && !unmarked()
    }

    fn count_unjoined(&mut self, row: &AttemptRow) {
        match row.joined {
            Joined::Exchange => {}
            Joined::Foreign => self.unjoined.foreign += 1,
            Joined::Nothing => self.unjoined.unmarked += 1,
        }
        self.unjoined.doubtful += u64::from(self.lacks_its_mark(row));
    }

    /// Takes something that was seen of an exchange.
    fn extra(&mut self, exchange: ExchangeId, extra: Extra) {
        if exchange == ExchangeId::NONE {
            return;
        }
        if let Some(tree) = self.hold.extra(exchange, extra) {
            self.close(&tree);
        }
    }

    /// Takes something that belongs to no exchange.
    fn lone(&mut self, entry: &Entry) {
        let Some(subject) = subject_of(entry) else { return };
        let scene = self.surroundings.scene(&self.question);
        let row = Row::Lone(entry);
        let Tallies { witnesses, measures, expectations } = &mut self.tallies;
        let rows = expectations.iter_mut().filter_map(|expectation| match expectation {
            Subject::Rows(tally) => Some(&mut **tally),
            Subject::That(_) => None,
        });
        // A death is a row only where it is asked for: figures have none of it.
        let is_death = matches!(entry, Entry::Target { .. });
        let wants = |claim: &RowClaim| {
            claim.subject == subject
                && (!is_death || fields_of_claim(claim).any(|field| field == Field::Alive))
        };
        for tally in witnesses.iter_mut().chain(rows).filter(|tally| wants(tally.claim)) {
            tally.take_lone(row, &scene);
        }
        for measure in measures.iter_mut().filter(|measure| !is_death && measure.subject() == subject) {
            measure.take_row(row, &scene);
        }
    }

    /// What had been asked, when an exchange ended, of the key that is free first of the upstreams that serve its model.
    fn first_free(&self, row: &ExchangeRow) -> Option<Asked> {
        let names = &self.surroundings.names;
        let scenario = self.question.scenario;
        let model = names.text(row.model)?;
        let (_, settings) = scenario.world.router.models.0.iter().find(|(name, _)| name.value == model)?;
        let upstreams = settings.upstreams().filter_map(|upstream| {
            scenario.world.upstreams.0.iter().find(|(name, _)| name.value == upstream.value)
        });
        let keys: Vec<(NameId, NameId)> = upstreams
            .flat_map(|(name, upstream)| upstream.keys.labels().map(move |key| (name.value.as_str(), key)))
            // A key that was never used has no number, and is free.
            .map(|(upstream, key)| {
                (names.number(upstream).unwrap_or(NameId::NONE), names.number(key).unwrap_or(NameId::NONE))
            })
            .collect();
        self.hints.first_free(keys.into_iter(), row.end())
    }

    /// Whether a reply finds something wrong with its key that no wait mends, by its status or the error's name.
    fn refuses_key(&self, row: &AttemptRow) -> bool {
        let beyond_waiting =
            ["insufficient_quota", "zero_quota", "spend_cap", "payment_required", "invalid_key", "forbidden"];
        matches!(row.status, 401..=403)
            || self.surroundings.names.text(row.error).is_some_and(|error| beyond_waiting.contains(&error))
    }

    /// Hands a tree that cannot grow any more to everything that looks at rows.
    fn close(&mut self, tree: &OpenTree) {
        let scene = self.surroundings.scene(&self.question);
        if tree.exchange.is_none() {
            let joined = tree.attempts.iter().filter(|held| held.row.joined == Joined::Exchange);
            let lost = u64::try_from(joined.count()).unwrap_or(u64::MAX);
            self.unjoined.lost += lost;
            self.unjoined.doubtful += lost;
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
            scenario: question.scenario,
            names: &self.names,
            lag: &self.lag,
            driver: &self.driver,
            pairs: &self.pairs,
            timetable: &self.timetable,
            key_order: &self.key_order,
            arrivals: &self.arrivals,
            answers: &self.answers,
            unmatched: &self.unmatched,
            told: question.observable.told(),
            bounds: question.bounds,
            grace: question.base_grace,
        }
    }
}

/// Whether a message is a request that joins nothing, such as a health check.
fn is_of_no_exchange(sample: &Sample) -> bool {
    sample.side == Side::UpstreamGot && sample.exchange == ExchangeId::NONE
}

/// Whether a scenario asks which request of its upstream an attempt was.
fn asks_for_nth(scenario: &Scenario) -> bool {
    let witnesses = scenario.witness.iter().map(|witness| &witness.claim);
    let expected = scenario.expect.iter().filter_map(|expectation| match &expectation.claim {
        Claim::Rows(claim) => Some(claim),
        Claim::That(_) => None,
    });
    let measured =
        scenario.measure.0.iter().flat_map(|(_, measure)| measure.population.iter().flat_map(fields_of));
    witnesses.chain(expected).flat_map(fields_of_claim).chain(measured).any(|field| field == Field::Nth)
}
