//! A claim about rows, while the rows come in: `every` and `none` here, `count` in its own file.

use std::collections::BTreeMap;

use record::{Outcome, Shown};
use scenario::{Condition, Field, FieldTest, Operand, Quantifier, RowClaim, Subject, Test};

use crate::count::CountTally;
use crate::finding::{Finding, Seen};
use crate::offence::{Offences, Weight};
use crate::row::{OpenTree, Row, depends_on_lag, fields_of, operands};
use crate::scene::{Scene, View};
use crate::shown::{self, Mark};
use crate::words;

/// What is known of a claim so far.
#[derive(Debug)]
pub(crate) struct ClaimTally<'a> {
    pub(crate) claim: &'a RowClaim,
    tally: Tally<'a>,
}

#[derive(Debug)]
enum Tally<'a> {
    Each(EachTally<'a>),
    Count(CountTally<'a>),
    /// It cannot be judged, for the reason told.
    Refused(String),
}

impl<'a> ClaimTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim, bounds: &BTreeMap<String, f64>) -> Self {
        let tally = match (refusal(claim, bounds), &claim.quantifier) {
            (Some(reason), _) => Tally::Refused(reason),
            (None, Quantifier::Every(condition)) => {
                Tally::Each(EachTally::new(claim, condition, Offence::Otherwise))
            }
            (None, Quantifier::None(condition)) => {
                Tally::Each(EachTally::new(claim, condition, Offence::Satisfied))
            }
            (None, Quantifier::Count(test)) => Tally::Count(CountTally::new(claim, test)),
        };
        Self { claim, tally }
    }

    /// Takes the rows of a tree that is closed.
    pub(crate) fn take(&mut self, tree: &OpenTree, scene: &Scene<'_>) {
        match &mut self.tally {
            Tally::Each(tally) => tally.take(tree, scene),
            Tally::Count(tally) => tally.take(tree, scene),
            Tally::Refused(_) => {}
        }
    }

    /// What the rows say. `measured` holds the numbers that are known now that all rows have been seen.
    pub(crate) fn finding(&self, measured: &BTreeMap<&str, f64>, scene: &Scene<'_>) -> Finding {
        match &self.tally {
            Tally::Each(tally) => tally.finding(),
            Tally::Count(tally) => tally.finding(measured, scene),
            Tally::Refused(reason) => Finding::Unknown(reason.clone()),
        }
    }

    /// Whether an attempt that could not be joined to its exchange may be missing here.
    pub(crate) fn depends_on_join(&self) -> bool {
        let mut fields = fields_of_claim(self.claim);
        match self.claim.subject {
            Subject::Exchanges => fields.any(|field| field == Field::Attempts),
            Subject::Attempts | Subject::Requests => fields.any(|field| {
                matches!(field, Field::Step | Field::Phase | Field::Ordinal | Field::Gap | Field::Exchange)
            }),
        }
    }
}

const NO_NTH: &str =
    "it needs `nth`, and the evidence does not say which request of its upstream an attempt was";

/// Why a claim cannot be judged, if it cannot.
fn refusal(claim: &RowClaim, bounds: &BTreeMap<String, f64>) -> Option<String> {
    if fields_of_claim(claim).any(|field| field == Field::Nth) {
        return Some(NO_NTH.to_owned());
    }
    conditions(claim).find_map(|condition| refusal_of(condition, bounds)).or_else(|| {
        let Quantifier::Count(test) = &claim.quantifier else { return None };
        let early = claim.per.contains(&Field::Exchange);
        refusal_of_test("count", test, bounds, if early { Measured::TooLate } else { Measured::InTime })
    })
}

/// Why a condition on rows cannot be judged, if it cannot.
pub(crate) fn refusal_of(condition: &Condition, bounds: &BTreeMap<String, f64>) -> Option<String> {
    if fields_of(condition).any(|field| field == Field::Nth) {
        return Some(NO_NTH.to_owned());
    }
    let mut tests = condition.tests.iter();
    tests.find_map(|test| refusal_of_test(test.field.word(), &test.test, bounds, Measured::TooLate))
}

/// Whether measured numbers are known when something is compared with them.
#[derive(Clone, Copy)]
enum Measured {
    InTime,
    TooLate,
}

fn refusal_of_test(
    what: &str,
    test: &Test,
    bounds: &BTreeMap<String, f64>,
    measured: Measured,
) -> Option<String> {
    operands(test).find_map(|operand| match (operand, measured) {
        (Operand::Bound(name, _), _) if !bounds.contains_key(name) => {
            Some(format!("the profile declares no bound `{name}`, with which `{what}` is to be compared"))
        }
        (Operand::Measured(name, _), Measured::TooLate) => {
            Some(format!("`{what}` needs a number that is known only at the end: measured `{name}`"))
        }
        _ => None,
    })
}

fn conditions(claim: &RowClaim) -> impl Iterator<Item = &Condition> {
    let own = match &claim.quantifier {
        Quantifier::Every(condition) | Quantifier::None(condition) => Some(condition),
        Quantifier::Count(_) => None,
    };
    claim.population.iter().chain(own)
}

fn fields_of_claim(claim: &RowClaim) -> impl Iterator<Item = Field> {
    conditions(claim).flat_map(fields_of).chain(claim.per.iter().copied())
}

/// When a row of the population offends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offence {
    /// When it satisfies the condition.
    Satisfied,
    /// When it does not.
    Otherwise,
}

/// A claim in which each row stands for itself.
#[derive(Debug)]
struct EachTally<'a> {
    claim: &'a RowClaim,
    condition: &'a Condition,
    offence: Offence,
    depends_on_lag: bool,
    population: u64,
    offences: Offences,
}

impl<'a> EachTally<'a> {
    fn new(claim: &'a RowClaim, condition: &'a Condition, offence: Offence) -> Self {
        Self {
            claim,
            condition,
            offence,
            depends_on_lag: conditions(claim).any(depends_on_lag),
            population: 0,
            offences: Offences::default(),
        }
    }

    fn take(&mut self, tree: &OpenTree, scene: &Scene<'_>) {
        for row in tree.rows(self.claim.subject) {
            if !row.satisfies(self.claim.population.as_ref(), scene, View::Seen) {
                continue;
            }
            self.population += 1;
            let weight = self.weigh(row, scene);
            let seen = self.offences.is_first(weight, row.order()).then(|| self.describe(row, scene));
            self.offences.add(weight, row.order(), seen);
        }
    }

    fn weigh(&self, row: Row<'_>, scene: &Scene<'_>) -> Weight {
        if !self.offends(row, scene, View::Seen) {
            return Weight::Holds;
        }
        if self.depends_on_lag && !View::ALL.iter().all(|view| self.offends(row, scene, *view)) {
            return Weight::Excused;
        }
        // What broke off may have done so because the trial did, or its target: if they did, it says nothing for certain.
        match row.outcome() {
            Outcome::Abandoned | Outcome::CallerLeft | Outcome::Cut | Outcome::Refused | Outcome::Reset => {
                Weight::OffendsSoFar
            }
            Outcome::Complete | Outcome::Garbled | Outcome::TimedOut => Weight::Offends,
        }
    }

    fn offends(&self, row: Row<'_>, scene: &Scene<'_>, view: View) -> bool {
        row.satisfies(self.claim.population.as_ref(), scene, view)
            && row.satisfies(Some(self.condition), scene, view) == (self.offence == Offence::Satisfied)
    }

    fn describe(&self, row: Row<'_>, scene: &Scene<'_>) -> Seen {
        let observed = format!("{}: {}", words::which(row, scene), self.told(row, scene));
        Seen { observed, shown: Some(self.shown(row, scene)) }
    }

    /// What is wrong with a row: the values that fail, or all that are forbidden together.
    fn told(&self, row: Row<'_>, scene: &Scene<'_>) -> String {
        let wrong =
            |test: &&FieldTest| self.offence == Offence::Satisfied || !row.passes(test, scene, View::Seen);
        words::values(row, self.condition.tests.iter().filter(wrong), scene)
    }

    fn shown(&self, row: Row<'_>, scene: &Scene<'_>) -> Shown {
        let asks_for_waits = fields_of(self.condition).any(|field| field == Field::Cooling);
        let broken = row.attempt().filter(|_| asks_for_waits);
        let tree = row.tree();
        let elsewhere = broken.filter(|held| !held.was_limited_by(tree));
        if let Some(shown) = elsewhere.and_then(|held| shown::broken_wait(held, scene)) {
            return shown;
        }
        let marks = tree.rows(self.claim.subject).filter(|row| self.offends(*row, scene, View::Seen));
        let marks = marks.filter_map(|row| {
            let early = row.attempt().filter(|_| asks_for_waits).and_then(shown::too_early);
            Some(Mark { index: row.index()?, note: early.unwrap_or_else(|| self.told(row, scene)) })
        });
        shown::tree(tree, &marks.collect::<Vec<_>>(), scene)
    }

    fn finding(&self) -> Finding {
        let subject = self.claim.subject;
        if self.population == 0 {
            let population = words::population(subject, words::Plural::No, self.claim.population.as_ref());
            return Finding::Empty(format!("there was no {population}"));
        }
        let population = words::quantity(self.population, subject);
        let told = |count: u64, first: &str| {
            let offend = if count == 1 { "offends" } else { "offend" };
            format!("{count} of {population} {offend}; the first: {first}")
        };
        self.offences.finding(told).unwrap_or_else(|| Finding::Holds(format!("{population}, none offends")))
    }
}
