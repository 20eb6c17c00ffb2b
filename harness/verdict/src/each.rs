//! Claims in which each row stands for itself: `every`, `none` and `matches`.

use record::{Outcome, Shown};
use scenario::{Condition, Field, FieldTest, FieldValue, FileText, RowClaim};
use similar::TextDiff;

use crate::classes::Classes;
use crate::finding::{Finding, Seen};
use crate::offence::{Offences, Weight};
use crate::row::{Row, depends_on_lag, fields_of};
use crate::scene::{Scene, View};
use crate::shown::{self, Mark};
use crate::words;

/// When a row of the population offends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Offence<'a> {
    /// When it satisfies the condition.
    Satisfied(&'a Condition),
    /// When it does not.
    Otherwise(&'a Condition),
    /// When its text is not that of the file.
    Differs(&'a FileText),
}

/// A claim in which each row stands for itself.
#[derive(Debug)]
pub(crate) struct EachTally<'a> {
    claim: &'a RowClaim,
    offence: Offence<'a>,
    depends_on_lag: bool,
    population: u64,
    offences: Offences,
}

impl<'a> EachTally<'a> {
    pub(crate) fn new(claim: &'a RowClaim, offence: Offence<'a>) -> Self {
        Self {
            claim,
            offence,
            depends_on_lag: claim.conditions().any(depends_on_lag),
            population: 0,
            offences: Offences::default(),
        }
    }

    pub(crate) fn take(&mut self, row: Row<'_>, scene: &Scene<'_>) {
        if !row.satisfies(self.claim.population.as_ref(), scene, View::Seen) {
            return;
        }
        self.population += 1;
        let weight = self.weigh(row, scene);
        let seen = self.offences.is_first(weight, row.order()).then(|| self.describe(row, scene));
        self.offences.add(weight, row.order(), seen);
    }

    pub(crate) fn finding(&self) -> Finding {
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
            Outcome::Complete if row.is_lacking() => Weight::OffendsSoFar,
            Outcome::Complete | Outcome::Garbled | Outcome::TimedOut => Weight::Offends,
        }
    }

    fn offends(&self, row: Row<'_>, scene: &Scene<'_>, view: View) -> bool {
        row.satisfies(self.claim.population.as_ref(), scene, view)
            && match self.offence {
                Offence::Satisfied(condition) => row.satisfies(Some(condition), scene, view),
                Offence::Otherwise(condition) => !row.satisfies(Some(condition), scene, view),
                Offence::Differs(file) => {
                    !matches!(row.value(Field::Text, scene, view), FieldValue::Text(text) if text == &*file.text)
                }
            }
    }

    fn describe(&self, row: Row<'_>, scene: &Scene<'_>) -> Seen {
        let told = self.told(row, scene);
        let observed = format!("{}: {told}", words::which(row, scene));
        Seen { shown: Some(self.shown(row, &told, scene)), observed }
    }

    /// What is wrong with a row: the values that fail, or all that are forbidden together.
    fn told(&self, row: Row<'_>, scene: &Scene<'_>) -> String {
        match self.offence {
            _ if row.is_lacking() => "the ledger says nothing of it".to_owned(),
            Offence::Satisfied(condition) => words::values(row, &condition.tests, scene),
            Offence::Otherwise(condition) => {
                let wrong = |test: &&FieldTest| !row.passes(test, scene, View::Seen);
                words::values(row, condition.tests.iter().filter(wrong), scene)
            }
            Offence::Differs(file) => format!("its text is not that of `{}`", file.path.value),
        }
    }

    fn shown(&self, row: Row<'_>, told: &str, scene: &Scene<'_>) -> Shown {
        if let Offence::Differs(file) = self.offence {
            let text = match row.value(Field::Text, scene, View::Seen) {
                FieldValue::Text(text) => text,
                _ => "",
            };
            return Shown::Diff(difference(&file.path.value, &file.text, text));
        }
        let Some(tree) = row.tree().filter(|tree| tree.exchange.is_some() || !tree.attempts.is_empty())
        else {
            return shown::alone(row, told, scene);
        };
        let asks_for_waits = self.claim.conditions().flat_map(fields_of).any(|field| field == Field::Cooling);
        let broken = row.attempt().filter(|_| asks_for_waits);
        let elsewhere = broken.filter(|held| !held.was_limited_by(tree));
        if let Some(shown) = elsewhere.and_then(|held| shown::broken_wait(held, scene)) {
            return shown;
        }
        let marks = tree
            .rows(self.claim.subject, Classes::Together)
            .into_iter()
            .filter(|row| self.offends(*row, scene, View::Seen));
        let marks = marks.filter_map(|row| {
            let early = row.attempt().filter(|_| asks_for_waits).and_then(shown::too_early);
            Some(Mark { index: row.index()?, note: early.unwrap_or_else(|| self.told(row, scene)) })
        });
        shown::tree(tree, &marks.collect::<Vec<_>>(), scene)
    }
}

/// How many lines of a difference are shown.
const SHOWN_LINES: usize = 40;

/// The difference between a file and a text, as lines that begin with a sign.
fn difference(path: &str, wanted: &str, text: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(wanted, text);
    let unified = diff.unified_diff().context_radius(2).header(path, "what came").to_string();
    let mut lines: Vec<String> = unified.lines().map(str::to_owned).collect();
    let left_out = lines.len().saturating_sub(SHOWN_LINES);
    if left_out > 0 {
        lines.truncate(SHOWN_LINES);
        lines.push(format!("... {left_out} more lines"));
    }
    lines
}
